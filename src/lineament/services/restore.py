"""Accepts a database that was restored from a backup: the way out when the ledger does not reach its checkpoint.

Whoever is at the machine can do this, because nobody can sign in to such a workspace. It is recorded, and in an agency
all searching is stopped until the operator, who signs in, has looked at it and resumes it.
"""

from __future__ import annotations

from lineament.errors import InvalidValue, LedgerBroken, Refused, WitnessUnavailable
from lineament.ledger.anchor import read_anchor
from lineament.ledger.checkpoint import Checkpoint
from lineament.ledger.verify import verify
from lineament.model.accounts import Permission
from lineament.model.agencies import Stop, StopScope
from lineament.model.events.ledger import RestoreAccepted
from lineament.model.events.people import AllStopped
from lineament.model.reasons import ReasonCode
from lineament.model.texts import checked_reason
from lineament.services.needs import needs
from lineament.services.record import Change, Record
from lineament.services.witnessing.in_force import kept_folder
from lineament.services.witnessing.submit import Submission
from lineament.store.db import Tx

STOPPED = "the database was restored from a backup; compare it with what is known elsewhere, then resume"
"""Why all searching is stopped afterwards."""


class Restore:
    """Accepts a restored database."""

    def __init__(self, record: Record) -> None:
        self._record = record

    @needs(Permission.MACHINE)
    def accept(self, reason: str) -> int:
        """Record that a restored database is accepted, and anchor it; return the number of the entry.

        Each witness of the policy is asked first: what it saw last, if anything, has to be the beginning of the
        restored ledger. If it is not, only the body that runs the witness can let the ledger begin again.

        Raises Refused if the ledger continues from its checkpoint, so that there is nothing to accept,
        WitnessUnavailable if a witness does not answer or saw another ledger, and LedgerBroken if the ledger is not
        sound in itself.
        """
        record, because = self._record, checked_reason(reason)
        consenting = self._ask_witnesses()
        with record.begin() as tx:
            before = read_anchor(record.anchor)
            self._refuse_unless_broken(tx)
            verify(tx.ledger, record.ledger.public_key)
            tx.ledger.file_under(record.official.agency_id, None)
            change = Change(tx, record.clock(), record.ledger, record.official)
            accepted = RestoreAccepted(
                entries=tx.ledger.size(), anchored=_first_lines(before), witnesses=consenting, reason=because
            )
            entry = change.record(accepted)
            if not record.official.solo:
                self._stop_searching(change)
            note = tx.ledger.checkpoint() or ""
        kept_folder(record).set_aside(f"witnessed.before-{entry}")
        if before is not None:
            aside = record.anchor.with_name(f"{record.anchor.name}.before-{entry}")
            record.anchor.replace(aside)
        record.ledger.anchor(record.anchor, note)
        return entry

    def _ask_witnesses(self) -> tuple[str, ...]:
        """Return the names of the witnesses, who all saw nothing that the ledger does not begin with."""
        asked = Submission(self._record).fetch() if self._has_policy() else []
        for answer in asked:
            if answer.why:
                raise WitnessUnavailable(name=answer.who, why=answer.why)
        return tuple(answer.who for answer in asked)

    def _has_policy(self) -> bool:
        """Return whether the restored database has a policy of witnesses; it may be older than the first one."""
        with self._record.read() as tx:
            return tx.witness_policies.in_force() is not None

    def _refuse_unless_broken(self, tx: Tx) -> None:
        record = self._record
        try:
            record.ledger.check_anchor(tx.ledger, record.anchor, begun=tx.ledger.begun())
            kept = (Checkpoint.parse(each.note, record.ledger.public_key) for each in kept_folder(record).newest())
            if not all(record.ledger.extends(tx.ledger, checkpoint) for checkpoint in kept):
                return
        except (LedgerBroken, InvalidValue):
            return
        raise Refused(ReasonCode.NOTHING_RESTORED.reason())

    @staticmethod
    def _stop_searching(change: Change) -> None:
        stop = Stop(
            scope=StopScope.EVERYTHING, agency_id=None, reason=STOPPED, by="whoever restored the database", at=change.at
        )
        change.tx.stops.put(stop)
        change.record(AllStopped(reason=stop.reason))


def _first_lines(note: str | None) -> str | None:
    """Return the text of a checkpoint without its signatures, for the record; None if it is gone."""
    return None if note is None else note.partition("\n\n")[0][:300]
