"""The part of a desk that watches over the work: reports of misuse, guarded faces, and accounts given to others."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineament.services.accountability.documents import Documents
    from lineament.services.accountability.publication import Publications
    from lineament.services.misuse.guarded import GuardedFaces
    from lineament.services.misuse.reports import MisuseReports
    from lineament.services.record import Record
    from lineament.workspace import Workspace


class Oversight:
    """The services of oversight, in one official's name."""

    workspace: Workspace
    record: Record

    @cached_property
    def misuse(self) -> MisuseReports:
        """Makes, reads and answers the weekly reports of misuse."""
        from lineament.services.misuse.reports import MisuseReports

        return MisuseReports(self.record, self.workspace.keys, lambda: self.workspace.pack.rates)

    @cached_property
    def documents(self) -> Documents:
        """Makes the record of processing, the impact assessment and the report of a year."""
        from lineament.services.accountability.documents import Documents

        return Documents(self.record, lambda: self.workspace.pack.rates)

    @cached_property
    def publications(self) -> Publications:
        """Decides which figures are published, and makes them."""
        from lineament.services.accountability.publication import Publications

        return Publications(self.record.everywhere)

    @cached_property
    def guarded(self) -> GuardedFaces:
        """Keeps the list of faces that are searched only with a supervisor."""
        from lineament.services.misuse.guarded import GuardedFaces

        return GuardedFaces(self.record, self.workspace.keys, lambda: self.workspace.analyser)
