"""The part of a desk that is about leads."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

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
    def lead_reports(self: Desk) -> LeadReports:  # type: ignore[misc]
        """Writes the reports of leads."""
        from lineament.errors import ThresholdUntrusted
        from lineament.services.leads.report import LeadReports

        def measured() -> Mapping[str, Any] | None:
            try:
                return self.proposals.in_force().evidence
            except ThresholdUntrusted:
                return None

        return LeadReports(self.record, self.workspace.keys, self.pictures, lambda: self.probes, measured)
