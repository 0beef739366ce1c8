"""Which policy is in force, what witnesses and authorities saw, and whether that is new enough for a search (R42)."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from lineament.errors import Damaged, InvalidValue, WitnessesUntrusted
from lineament.ledger.checkpoint import Checkpoint, PublicKey
from lineament.ledger.cosignature import WitnessKey
from lineament.ledger.kept import KeptFolder
from lineament.ledger.seen import (
    STAMP,
    WITNESS,
    KeptCheckpoint,
    Seen,
    Trusted,
    enough_since,
    newest_of_each,
    seen_in,
)
from lineament.model.reasons import Reason, ReasonCode
from lineament.model.witnessing import WitnessChange, WitnessPolicy
from lineament.services.record import Record
from lineament.store.db import Tx


def kept_folder(record: Record) -> KeptFolder:
    """Return the folder of what others saw, beside the checkpoint."""
    return KeptFolder(record.anchor.with_name("witnessed"))


def change_in_force(tx: Tx, record: Record) -> WitnessChange | None:
    """Return the policy that took effect last; None if there never was one.

    Raises WitnessesUntrusted if it was altered, exchanged or deleted.
    """
    recorded = tx.ledger.newest_witnesses()
    try:
        change = tx.witness_policies.in_force()
    except (Damaged, ValueError, KeyError, TypeError) as error:
        raise WitnessesUntrusted(why="what is stored of the policy was altered") from error
    if (None if change is None else change.entry) != recorded:
        raise WitnessesUntrusted(why=f"the policy that the ledger records last, in entry {recorded}, is not in force")
    if change is None and any(kept_folder(record).newest(1)):
        raise WitnessesUntrusted(why="the ledger was witnessed before, and records no policy any more")
    return change


def policy_in_force(tx: Tx, record: Record) -> WitnessPolicy:
    """Return the policy in force; one that asks for nothing if there never was one. Raises WitnessesUntrusted."""
    return policy_of(change_in_force(tx, record))


def policy_of(change: WitnessChange | None) -> WitnessPolicy:
    """Return the policy of a change; one that asks for nothing if there was no change."""
    return WitnessPolicy() if change is None else change.policy


def trusted_by(policy: WitnessPolicy) -> Trusted:
    """Return the keys and certificates of a policy."""
    return Trusted(
        witnesses=tuple(WitnessKey.parse(each.key) for each in policy.witnesses),
        authorities=tuple((each.name, each.roots) for each in policy.authorities),
    )


def kept_seen(record: Record, policy: WitnessPolicy) -> list[Seen]:
    """Return everything that is kept of what others saw. Raises Damaged if a file was altered."""
    folder, key, trusted = kept_folder(record), record.ledger.public_key, trusted_by(policy)
    try:
        return [seen for kept in folder.newest() for seen in _verified(kept, key, trusted)]
    except InvalidValue as error:
        remedy = "move the file away, and run: lineament ledger submit"
        raise Damaged(what=f"What is kept in {folder.path}", why=str(error), remedy=remedy) from error


def contradiction(tx: Tx, record: Record, seen: Iterable[Seen]) -> Seen | None:
    """Return the first that saw a ledger that this one does not begin with, None if all fit; O(log n) reads each."""
    head: Checkpoint | None = None
    fits: set[Checkpoint] = set()
    for each in seen:
        if each.checkpoint not in fits:
            head = head or record.ledger.head(tx.ledger)
            if not record.ledger.extends(tx.ledger, each.checkpoint, head):
                return each
            fits.add(each.checkpoint)
    return None


def witnessed_since(policy: WitnessPolicy, seen: Iterable[Seen]) -> datetime | None:
    """Return the time at which as many as the policy needs had seen the ledger last; None if they never did."""
    all_of = list(seen)
    times = [
        enough_since(all_of, how, needed)
        for how, needed in ((WITNESS, policy.witnesses_needed), (STAMP, policy.stamps_needed))
        if needed
    ]
    found = [at for at in times if at is not None]
    return min(found) if found and len(found) == len(times) else None


def reason_not_witnessed(tx: Tx, record: Record) -> Reason | None:
    """Return why the ledger is not witnessed as the policy in force asks; None if it is, or nothing is asked.

    Raises WitnessesUntrusted.
    """
    return reason_against(tx, record, policy_in_force(tx, record))


def reason_against(tx: Tx, record: Record, policy: WitnessPolicy) -> Reason | None:
    """Return why the ledger is not witnessed as a policy asks; None if it is, or nothing is asked."""
    if not policy.asks:
        return None
    folder = kept_folder(record)
    seen = _newest_seen(folder.path, folder.changed, str(record.ledger.public_key), policy)
    against = contradiction(tx, record, seen)
    if against is not None:
        with record.read() as now:  # the files may be newer than the snapshot of ``tx``
            against = contradiction(now, record, seen)
    if against is not None:
        size, at = against.checkpoint.size, against.at
        return ReasonCode.ANCHOR_DISPUTED.reason(who=against.who, size=size, at=at)
    since = witnessed_since(policy, seen)
    if since is not None and record.clock() - since <= policy.stale_after:
        return None
    when = "never witnessed" if since is None else f"last witnessed at {since:%Y-%m-%d %H:%M} UTC"
    return ReasonCode.ANCHOR_STALE.reason(when=when, hours=policy.stale_after_hours)


@lru_cache(maxsize=8)
def _newest_seen(path: Path, _changed: int, key: str, policy: WitnessPolicy) -> tuple[Seen, ...]:
    """Return what each witness and authority saw last, until a file changes; files that were altered show nothing.

    Nobody is asked to sign a smaller checkpoint than before, so the first that is found of each is the last it saw.
    """
    log, trusted = PublicKey.parse(key), trusted_by(policy)
    missing = {(WITNESS, each.name) for each in policy.witnesses} | {(STAMP, each.name) for each in policy.authorities}
    found: list[Seen] = []
    for kept in KeptFolder(path).newest():
        with suppress(InvalidValue):
            found += _verified(kept, log, trusted)
        if missing <= {(each.how, each.who) for each in found}:
            break
    return tuple(newest_of_each(found))


@lru_cache(maxsize=1000)
def _verified(kept: KeptCheckpoint, key: PublicKey, trusted: Trusted) -> tuple[Seen, ...]:
    """Return what a kept checkpoint shows; signatures that are sound are checked once. Raises InvalidValue."""
    return tuple(seen_in(kept, key, trusted))
