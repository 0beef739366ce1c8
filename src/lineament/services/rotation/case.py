"""Rotates the key of a case: its photographs, papers and records are sealed again, all in one transaction.

The files are written beside the old ones before it, so whoever kills it leaves the case under one key, whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from lineament.model.accounts import Permission
from lineament.model.cases import Case
from lineament.model.events.keys import KeyRotationEnded
from lineament.services.cases.access import case_for
from lineament.services.gallery.shred import Shredder
from lineament.services.keyholder import about_case, case_key, require_current_case
from lineament.services.record import Change, Record
from lineament.services.rotation.pictures import seal_again
from lineament.services.rotation.report import RotationReport
from lineament.store.blobs import Blobs
from lineament.store.db import Tx
from lineament.store.keys import KEY_BYTES, DataKey
from lineament.store.ring import KeyRing


class CaseRotation:
    """One rotation of the key of a case."""

    def __init__(self, record: Record, keys: KeyRing, blobs: Blobs, name: str) -> None:
        self._record, self._keys, self._blobs, self._name = record, keys, blobs, name
        self._report = RotationReport(of="case")
        self._secret = os.urandom(KEY_BYTES)
        self._new = DataKey(self._secret)
        self._moved: dict[str, str] = {}  # addresses of files: old to new

    def run(self) -> RotationReport:
        """Rotate. Raises Refused if the key was destroyed, KeyRotated if somebody else rotated it meanwhile."""
        with self._record.read() as tx:
            case = self._case(tx)
            old = case_key(tx, self._keys, case)
            addresses = _addresses(tx, case)
        self._move(old, addresses)
        with self._record.change() as change:
            case = self._case(change.tx)
            change.concerns(case)
            require_current_case(change.tx, self._keys, case, old)
            self._move(old, _addresses(change.tx, case))
            self._reseal(change, case, old)
        Shredder(self._record, self._blobs).finish()
        self._record.store.scrub()
        return self._report

    def _case(self, tx: Tx) -> Case:
        return case_for(tx, self._record, self._name, Permission.MANAGE_CASES)

    def _move(self, old: DataKey, addresses: Iterable[str]) -> None:
        """Seal files that are not moved yet under the new key; a damaged one stays."""
        further = [address for address in addresses if address not in self._moved]
        moved = seal_again(self._blobs, old, self._new, further)
        self._blobs.flush()
        self._moved.update({address: moved.get(address, address) for address in further})
        self._report.damaged += len(further) - len(moved)

    def _reseal(self, change: Change, case: Case, old: DataKey) -> None:
        tx = change.tx
        rows = tx.probes.reseal(case.id, old, self._new, self._moved)
        rows += tx.papers.reseal(case.id, old, self._new, self._moved)
        rows += tx.evidence.reseal(case.id, old, self._new)
        rows += tx.defence_notices.reseal(case.id, old, self._new)
        tx.cases.set_wrapped_key(case.id, self._keys.wrap(self._secret, about_case(case.key)))
        moved = [address for address, new in self._moved.items() if new != address]
        tx.deletions.add(moved)
        self._report.name = case.ref
        self._report.resealed = self._report.total = rows + len(moved)
        change.record(
            KeyRotationEnded(of="case", name=case.ref, resealed=self._report.resealed, damaged=self._report.damaged)
        )


def _addresses(tx: Tx, case: Case) -> list[str]:
    return [*tx.probes.blobs_of(case.id), *tx.papers.blobs_of(case.id)]
