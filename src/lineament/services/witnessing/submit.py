"""Submits the newest checkpoint to witnesses and time-stamp authorities; it never holds the write transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from lineament.errors import InvalidValue, WitnessUnavailable
from lineament.ledger import remote
from lineament.ledger.checkpoint import Checkpoint, note_lines
from lineament.ledger.cosignature import WitnessKey, add_signatures, cosignatures, lines_by
from lineament.ledger.seen import STAMP, WITNESS, KeptCheckpoint, Seen, Trusted, newest_of_each, seen_in
from lineament.model.witnessing import StampAuthority, WitnessAddress, WitnessPolicy
from lineament.services.record import Record
from lineament.services.witnessing.in_force import contradiction, kept_folder, kept_seen, policy_in_force

PERIODS = 4
"""What was signed is signed anew after this part of the time in which it gets stale, also if there is no new entry."""
SELDOM = timedelta(hours=6)
"""An authority is asked no more often than that, unless what it stamped gets stale sooner."""
MOST_TRIES = 3
"""How often one witness is asked in turn, if it has cosigned another size than was assumed."""
AHEAD = timedelta(minutes=10)
"""How far the clock of a witness may be ahead of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """What became of a question to one witness or authority."""

    who: str
    size: int | None  # of the checkpoint that it signed; None: it signed none
    why: str = ""  # why it signed none


class Submission:
    """Asks everybody whom the policy in force names."""

    def __init__(self, record: Record) -> None:
        """Read the policy. Raises WitnessesUntrusted."""
        self._record = record
        self._kept = kept_folder(record)
        with record.read() as tx:
            self._policy: WitnessPolicy = policy_in_force(tx, record)
            anybody = self._policy.witnesses or self._policy.authorities
            self._note = tx.ledger.checkpoint() if anybody else None  # None: there is nothing to submit

    @property
    def due(self) -> bool:
        """Whether there is a checkpoint that not everybody signed, or what somebody signed gets old."""
        if self._note is None:
            return False
        size = Checkpoint.parse(self._note, self._record.ledger.public_key).size
        seen = newest_of_each(kept_seen(self._record, self._policy))
        now = {each.who for each in seen if each.how == WITNESS and each.checkpoint.size >= size and self._new(each)}
        return bool({each.name for each in self._policy.witnesses} - now or self._authorities_due(seen))

    def run(self) -> list[Submitted]:
        """Submit the newest checkpoint; what is signed is verified and kept.

        Returns an empty list if nobody is to be asked, or if another process is asking.
        """
        note = self._note
        if note is None:
            return []
        with self._kept.alone() as alone:
            if not alone:
                return []
            seen = newest_of_each(kept_seen(self._record, self._policy))
            cosigned = [_answered(each.name, partial(self._cosign, each, seen)) for each in self._policy.witnesses]
            due = self._authorities_due(seen)
            return cosigned + [_answered(each.name, partial(self._stamp, each, note)) for each in due]

    def fetch(self) -> list[Submitted]:
        """Ask each witness for what it cosigned last, and keep that, whatever it is: it is evidence for ``verify``."""
        return [_answered(each.name, partial(self._fetch, each)) for each in self._policy.witnesses]

    def _cosign(self, witness: WitnessAddress, seen: Iterable[Seen]) -> int:
        """Have a witness cosign the newest checkpoint; return its size. Raises WitnessUnavailable."""
        old = max((each.checkpoint.size for each in seen if (each.how, each.who) == (WITNESS, witness.name)), default=0)
        for _ in range(MOST_TRIES):
            note, size, proof = self._proven(witness, old)
            try:
                answer = remote.add_checkpoint(witness.name, witness.url, note, old, proof)
            except WitnessUnavailable as error:
                if error.details.get("status") == 422:
                    self._fetch(witness)
                raise
            if isinstance(answer, str):
                self._keep(witness, note, answer)
                return size
            old = answer.size
        raise WitnessUnavailable(name=witness.name, why="others are submitting the same ledger")

    def _proven(self, witness: WitnessAddress, old: int) -> tuple[str, int, list[bytes]]:
        """Return the newest checkpoint, its size, and the proof that it continues from ``old`` entries."""
        ledger = self._record.ledger
        with self._record.read() as tx:
            head, note = ledger.head(tx.ledger), tx.ledger.checkpoint()
            if note is not None and 0 < old <= head.size:
                return note, head.size, ledger.prove_consistency(tx.ledger, old, head.size)
        if note is None or old:
            self._fetch(witness)
            raise WitnessUnavailable(name=witness.name, why=f"it saw {old} entries, and this ledger has {head.size}")
        return note, head.size, []

    def _keep(self, witness: WitnessAddress, note: str, answer: str) -> None:
        """Verify a cosignature and keep it. Raises WitnessUnavailable if it is wrong."""
        cosigned = add_signatures(note, lines_by(witness.name, answer))
        try:
            found = cosignatures(cosigned, [WitnessKey.parse(witness.key)])
        except InvalidValue as error:
            raise WitnessUnavailable(name=witness.name, why=str(error)) from error
        if not found:
            raise WitnessUnavailable(name=witness.name, why="its answer has no signature by its key")
        if found[-1].at - self._record.clock() > AHEAD:
            raise WitnessUnavailable(name=witness.name, why="its clock is ahead of the clock of this machine")
        self._kept.keep(cosigned)

    def _fetch(self, witness: WitnessAddress) -> int | None:
        """Keep what a witness cosigned last; return its size, None if there is nothing.

        Raises WitnessUnavailable, also if this ledger does not begin with what it saw.
        """
        key = self._record.ledger.public_key
        note = remote.newest_at(witness.name, witness.url, key.name)
        if note is None:
            return None
        trusted = Trusted(witnesses=(WitnessKey.parse(witness.key),))
        try:
            seen = seen_in(KeptCheckpoint(note=note), key, trusted)
        except InvalidValue as error:
            raise WitnessUnavailable(name=witness.name, why=str(error)) from error
        if not seen:
            raise WitnessUnavailable(name=witness.name, why="what it shows is not signed by its key")
        self._kept.keep(f"{note_lines(note)[0]}\n{lines_by(key.name, note)}{lines_by(witness.name, note)}")
        with self._record.read() as tx:
            if contradiction(tx, self._record, seen) is not None:
                raise WitnessUnavailable(name=witness.name, why=f"{seen[-1]}, and this ledger does not begin with them")
        return seen[-1].checkpoint.size

    def _stamp(self, authority: StampAuthority, note: str) -> int:
        text = note_lines(note)[0]
        response = remote.stamp(authority.name, authority.url, text, authority.roots)
        self._kept.keep(note)
        self._kept.keep_stamp(note, authority.name, response)
        return Checkpoint.from_text(text).size

    def _authorities_due(self, seen: Iterable[Seen]) -> list[StampAuthority]:
        fresh = {each.who for each in seen if each.how == STAMP and self._new(each)}
        return [authority for authority in self._policy.authorities if authority.name not in fresh]

    def _new(self, seen: Seen) -> bool:
        """Return whether what was seen is new enough that nobody is asked again, unless there are new entries."""
        period = self._policy.stale_after / PERIODS
        return self._record.clock() - seen.at < (min(period, SELDOM) if seen.how == STAMP else period)


def _answered(who: str, ask: Callable[[], int | None]) -> Submitted:
    try:
        return Submitted(who=who, size=ask())
    except WitnessUnavailable as error:
        return Submitted(who=who, size=None, why=str(error.details["why"]))
