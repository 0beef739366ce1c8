"""Rotates the keys of the workspace, of a source, and of a case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineament.model.accounts import Permission
from lineament.services.jobs.kinds import Report
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.services.rotation.case import CaseRotation
from lineament.services.rotation.report import OnProgress, RotationReport
from lineament.services.rotation.source import SourceFiles, SourceRotation
from lineament.services.rotation.workspace import WorkspaceRotation
from lineament.store.ring import KeyRing


def _quiet(_: RotationReport) -> None: ...


class KeyRotation:
    """Rotates keys. What was interrupted is resumed by the next rotation of the same key."""

    def __init__(self, record: Record, keys: KeyRing, files: SourceFiles) -> None:
        self._record, self._keys, self._files = record, keys, files

    @needs(Permission.MACHINE)
    def workspace(self, on_progress: OnProgress = _quiet) -> RotationReport:
        """Rotate the workspace's key and the key-encryption key; searches and ingests go on meanwhile.

        Raises KeyHolderUnavailable if the holder cannot be asked.
        """
        return WorkspaceRotation(self._record, self._keys, on_progress).run()

    @needs(Permission.MACHINE)
    def source(self, name: str, on_progress: OnProgress = _quiet) -> RotationReport:
        """Rotate the key of a source and build its index again; searches go on meanwhile.

        Raises Refused if the source is withdrawn, Damaged if its faces are not those that it vouches for, WorkspaceBusy
        if a crawl into it is under way.
        """
        return SourceRotation(self._record, self._keys, self._files, on_progress).run(name)

    @needs(Permission.MACHINE)
    def job(self, arguments: Mapping[str, Any], report: Report) -> Mapping[str, Any]:
        """Rotate the key that the arguments of a job name: that of a source, or that of the workspace."""

        def on_progress(now: RotationReport) -> None:
            report(now.progress())

        name = arguments.get("source")
        return (self.workspace(on_progress) if name is None else self.source(name, on_progress)).result()

    @needs(Permission.MANAGE_CASES, in_case=True)
    def case(self, name: str) -> RotationReport:
        """Rotate the key of a case, in one transaction. Raises Refused if the case is destroyed."""
        return CaseRotation(self._record, self._keys, self._files.blobs, name).run()
