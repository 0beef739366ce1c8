"""What an agency did in a time, counted from the entries of the ledger, and how that becomes figures for everybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from lineament.model.cases import Seeks
from lineament.model.figures import QuarterCounts
from lineament.model.offences import EVERY_CLASS
from lineament.model.search import ProbeKind

ELSEWHERE = "in cases of other agencies"
"""Searches of whose case only another agency knows the terms."""
UNKNOWN = "unknown, because the details were erased"
CANDIDATES, NO_CANDIDATE = "candidates were listed", "no candidate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The counts of an agency in a time. Each table that is “by” something divides the same searches."""

    by_purpose: Mapping[str, int] = field(default_factory=dict)
    by_offence: Mapping[str, int] = field(default_factory=dict)
    by_outcome: Mapping[str, int] = field(default_factory=dict)
    by_photograph: Mapping[str, int] = field(default_factory=dict)
    by_model: Mapping[str, int] = field(default_factory=dict)
    listed: Mapping[str, int] = field(default_factory=dict)  # by offence: searches that listed candidates
    sources: Mapping[str, int] = field(default_factory=dict)  # by source: searches that looked into it, among others
    by_guests: int = 0  # searches by people of other agencies in cases of this one, which the tables leave out
    others: Mapping[str, int] = field(default_factory=dict)  # what else was done, by name

    @property
    def searches(self) -> int:
        """Searches by the people of the agency."""
        return sum(self.by_outcome.values())

    def quarter(self) -> QuarterCounts:
        """Return what the figures of a quarter are made from, with every cell that there may be."""
        tables = {
            "Searches by who was sought": _every(self.by_purpose, (*(seeks.value for seeks in Seeks), ELSEWHERE)),
            "Searches by offence": _every(self.by_offence, (*EVERY_CLASS, ELSEWHERE)),
            "Searches by photograph": _every(self.by_photograph, tuple(kind.value for kind in ProbeKind)),
        }
        return QuarterCounts(tables=tables, single={name: self.others.get(name, 0) for name in PUBLISHED})


AUTHORISED = "authorisations granted"
REFUSED = "authorisations refused"
URGENT = "cases searched urgently, before an authorisation"
PURPOSES = "searches and cases refused for their purpose"
ERASED = "faces and pictures erased"
MISUSE = "findings of misuse"
PUBLISHED = (AUTHORISED, REFUSED, URGENT, PURPOSES, ERASED, MISUSE)
"""Counts that are published besides the tables; none is a part of another."""


def _every(counted: Mapping[str, int], cells: tuple[str, ...]) -> Mapping[str, int]:
    """Return a table with every cell; what has no cell, such as what was erased, is in the last."""
    table = Counter({cell: counted.get(cell, 0) for cell in cells})
    table[cells[-1]] += sum(count for cell, count in counted.items() if cell not in cells)
    return dict(table)
