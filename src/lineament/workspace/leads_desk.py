"""The part of a desk that is about leads."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineament.services.leads.defence import DefenceNotices
    from lineament.services.leads.leads import Leads
    from lineament.services.leads.report import LeadReports
    from lineament.workspace.desk import Desk


class LeadsDesk:
    """Leads and their reports, in the name of one official."""

    @cached_property
    def leads(self: Desk) -> Leads:  # type: ignore[misc]  # only a desk is one
        """Lists leads, and records the evidence that is independent of their search."""
        from lineament.services.leads.leads import Leads

        return Leads(self.record, self.workspace.keys)

    @cached_property
    def defence(self: Desk) -> DefenceNotices:  # type: ignore[misc]
        """Records that the defence was told of the searches of a case."""
        from lineament.services.leads.defence import DefenceNotices

        return DefenceNotices(self.record, self.workspace.keys)

    @cached_property
    def lead_reports(self: Desk) -> LeadReports:  # type: ignore[misc]
        """Writes the reports of leads."""
        from lineament.services.leads.report import LeadReports

        return LeadReports(
            self.record, self.workspace.keys, self.pictures, lambda: self.probes, lambda: self.rates_of_age
        )

    @property
    def rates_of_age(self: Desk) -> tuple[tuple[str, str], ...]:  # type: ignore[misc]
        """Error rates by age at the threshold in use, each with its group; empty if none are measured."""
        from lineament.errors import ThresholdUntrusted
        from lineament.model.ages import rates_of_age

        try:
            return rates_of_age(self.proposals.in_force().evidence)
        except ThresholdUntrusted:
            return ()
