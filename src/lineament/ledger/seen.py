"""What others saw of a ledger: checkpoints with the cosignatures of witnesses and with time-stamps, verified."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lineament.errors import InvalidValue, LedgerBroken
from lineament.ledger.checkpoint import Checkpoint, PublicKey, note_lines
from lineament.ledger.cosignature import WitnessKey, cosignatures

WITNESS = "witness"
STAMP = "time-stamp"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCheckpoint:
    """A checkpoint with what others said about it; nothing of it is verified."""

    note: str  # with the cosignatures
    stamps: tuple[bytes, ...] = ()  # responses of authorities, RFC 3161


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """Whose statements count."""

    witnesses: tuple[WitnessKey, ...] = ()
    authorities: tuple[tuple[str, str], ...] = ()  # name, and the certificates that its tokens lead to, PEM


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Somebody saw a checkpoint at a time."""

    who: str
    how: str  # WITNESS or STAMP
    at: datetime  # UTC, by their clock
    checkpoint: Checkpoint

    def __str__(self) -> str:
        shown = f"{self.checkpoint.size} entries with the root {self.checkpoint.root.hex()}"
        return f"{self.who} saw {shown} at {self.at:%Y-%m-%d %H:%M:%S} UTC"


def seen_in(kept: KeptCheckpoint, key: PublicKey, trusted: Trusted) -> list[Seen]:
    """Return what those who are trusted say about a checkpoint.

    Raises InvalidValue if it is not signed by ``key``, or if a statement of one of them is wrong.
    """
    checkpoint, text = Checkpoint.parse(kept.note, key), note_lines(kept.note)[0]
    found = [
        Seen(who=each.witness.name, how=WITNESS, at=each.at, checkpoint=checkpoint)
        for each in cosignatures(kept.note, trusted.witnesses)
    ]
    for stamp in kept.stamps:
        authority = _authority(stamp, text, trusted.authorities)
        if authority is not None:
            found.append(Seen(who=authority[0], how=STAMP, at=authority[1], checkpoint=checkpoint))
    return found


def newest_of_each(seen: Iterable[Seen]) -> list[Seen]:
    """Return of each witness and authority what it saw last, in the order of their names."""
    newest: dict[tuple[str, str], Seen] = {}
    for each in seen:
        last = newest.get((each.how, each.who))
        if last is None or (each.at, each.checkpoint.size) > (last.at, last.checkpoint.size):
            newest[each.how, each.who] = each
    return [newest[who] for who in sorted(newest)]


def enough_since(seen: Iterable[Seen], how: str, needed: int) -> datetime | None:
    """Return since when ``needed`` of them have seen nothing newer; None if fewer ever saw anything."""
    times = sorted((each.at for each in newest_of_each(seen) if each.how == how), reverse=True)
    return times[needed - 1] if 0 < needed <= len(times) else None


def _authority(stamp: bytes, text: str, authorities: Sequence[tuple[str, str]]) -> tuple[str, datetime] | None:
    """Return the name of the authority whose certificates vouch for a time-stamp, and its time.

    None if nobody is trusted. Raises InvalidValue if none of those that are trusted vouches for it.
    """
    from lineament.ledger.stamps import stamped_at

    refused: InvalidValue | None = None
    for name, roots in authorities:
        try:
            return name, stamped_at(stamp, text, roots)
        except InvalidValue as error:
            refused = error
    if refused is not None:
        raise refused
    return None


# ---------------------------------------------------------------- for the verifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whose statements count, and how many of them are asked for."""

    trusted: Trusted = field(default_factory=Trusted)
    witnesses: int = 0
    stamps: int = 0


def seen_in_export(kept: Iterable[KeptCheckpoint], key: PublicKey, asked: Asked) -> list[Seen]:
    """Return what an export says that others saw. Raises LedgerBroken if it is wrong."""
    try:
        return [seen for each in kept for seen in seen_in(each, key, asked.trusted)]
    except InvalidValue as error:
        raise LedgerBroken(why=f"what others saw cannot be trusted: {error}", entry=0) from error


def compare_seen(marks: Mapping[int, bytes | None], size: int, seen: Iterable[Seen]) -> None:
    """Compare the recomputed roots with what others saw. Raises LedgerBroken, which names who saw what and when."""
    for each in sorted(seen, key=lambda one: one.checkpoint.size):
        if each.checkpoint.size > size:
            raise LedgerBroken(why=f"{each}, and there are {size} entries now", entry=size)
        if marks[each.checkpoint.size] != each.checkpoint.root:
            why = f"{each}, and the first {each.checkpoint.size} entries are others now"
            raise LedgerBroken(why=why, entry=f"any from 0 to {each.checkpoint.size - 1}")


def require_enough(seen: Sequence[Seen], asked: Asked) -> None:
    """Raise LedgerBroken unless as many as are asked for made a statement."""
    for how, needed in ((WITNESS, asked.witnesses), (STAMP, asked.stamps)):
        there = len({each.who for each in seen if each.how == how})
        if there < needed:
            why = f"{needed} statements of the kind {how} are asked for, and there are {there} that are trusted"
            raise LedgerBroken(why=why, entry=0)


def words_of(seen: Iterable[Seen]) -> tuple[str, ...]:
    """Return what each saw last, in words."""
    return tuple(map(str, newest_of_each(seen)))
