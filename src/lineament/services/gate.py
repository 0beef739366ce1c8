"""The gate: the one place that says whether a search may run, with every reason against it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from lineament.errors import Refused
from lineament.model.cases import Case, CaseState
from lineament.model.sources import Source
from lineament.store.db import Tx


def chosen(tx: Tx, names: Sequence[str], today: date) -> list[Source]:
    """The sources to search: those named, or else every one that may be searched today; NotFound for an unknown."""
    if names:
        return [tx.sources.get(name) for name in dict.fromkeys(names)]
    return [source for source in tx.sources.all() if source.why_closed(today) is None]


def reasons_against(case: Case, sources: Sequence[Source], reason: str, today: date) -> list[str]:
    """Every reason why this search may not run today (R7); none means that it may."""
    against = []
    if case.state is not CaseState.OPEN:
        against.append(f"the case {case.ref} is {case.state.value}")
    if not reason.strip():
        against.append("no reason is given for the search")
    if not sources:
        against.append("no source may be searched today; register one, or see: lineament source list")
    against.extend(why for source in sources if (why := source.why_closed(today)) is not None)
    return against


def admit(case: Case, sources: Sequence[Source], reason: str, today: date) -> None:
    """Refused, with all reasons, where the search may not run."""
    if against := reasons_against(case, sources, reason, today):
        raise Refused(reasons="; ".join(against))
