"""Rotates the keys of the workspace, of a source, and of a case."""

from __future__ import annotations

from lineament.model.accounts import Permission
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.services.rotation.case import CaseRotation
from lineament.services.rotation.report import OnProgress, RotationReport
from lineament.services.rotation.workspace import WorkspaceRotation
from lineament.store.blobs import Blobs
from lineament.store.ring import KeyRing


def _quiet(_: RotationReport) -> None: ...


class KeyRotation:
    """Rotates keys. What was interrupted is resumed by the next rotation of the same key."""

    def __init__(self, record: Record, keys: KeyRing, blobs: Blobs) -> None:
        self._record, self._keys, self._blobs = record, keys, blobs

    @needs(Permission.MACHINE)
    def workspace(self, on_progress: OnProgress = _quiet) -> RotationReport:
        """Rotate the workspace's key and the key-encryption key; searches and ingests go on meanwhile.

        Raises KeyHolderUnavailable if the holder cannot be asked.
        """
        return WorkspaceRotation(self._record, self._keys, on_progress).run()

    @needs(Permission.MANAGE_CASES, in_case=True)
    def case(self, name: str) -> RotationReport:
        """Rotate the key of a case, in one transaction. Raises Refused if the case is destroyed."""
        return CaseRotation(self._record, self._keys, self._blobs, name).run()
