"""A weekly report with findings of several kinds, as a page shows it, and published figures."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from tests.support.misuse_plants import plant
from tests.support.misuse_year import Year

from lineament.model.figures import OTHERS, Figures
from lineament.model.misuse.find import find_misuse
from lineament.model.misuse.findings import FindingKind, Found
from lineament.model.misuse.reports import FindingAnswer, FindingState, KeptFinding, MisuseReport
from lineament.store.db import Tx
from lineament.store.publications import EVERYTHING, Publication

QUARTERS = (date(2025, 10, 1), date(2026, 1, 1))


def add_report(tx: Tx, agency_id: str, who: Sequence[str], case: int, at: datetime) -> None:
    """Add the reports of two weeks of a made-up year, about these accounts and this case; one finding is answered."""
    year = Year(0)
    for name in ("ex-partner", "evansville", "night", "looker"):
        plant(year, name, 30)
    year.sort()
    monday = at.date() - timedelta(days=at.weekday())
    for weeks_ago, week in ((2, 31), (1, 33)):
        _add(tx, agency_id, who, case, at, monday - timedelta(weeks=weeks_ago), find_misuse(year.facts(week)))


def _add(
    tx: Tx, agency_id: str, who: Sequence[str], case: int, at: datetime, week: date, found: Sequence[Found]
) -> None:
    lines = tuple(each.looked_at for each in found)
    report = MisuseReport(
        id=secrets.token_hex(8), agency_id=agency_id, week=week, made_at=at, looked_at=lines, repeated=1
    )
    kept = []
    for number, finding in enumerate(finding for each in found for finding in each.findings):
        about = replace(finding, who=(who[number % len(who)],), cases=(case,), searches=())
        answer = FindingAnswer(by="Sven Spruce", account_id=None, at=at, reason="a big case, with five colleagues")
        explained = finding.kind is FindingKind.VOLUME
        kept.append(
            KeptFinding(
                id=secrets.token_hex(8),
                report_id=report.id,
                state=FindingState.EXPLAINED if explained else FindingState.OPEN,
                finding=about,
                answer=answer if explained else None,
            )
        )
    tx.misuse.add(report, kept)


def publish(tx: Tx, agency_id: str, at: datetime) -> None:
    """Publish the figures of two quarters, of an agency and of the workspace."""
    for scope, agency in ((EVERYTHING, None), (agency_id, agency_id)):
        tx.publications.begin(Publication(agency_id=agency, by="Olga Operator", reason="the council asked", at=at))
        for quarter in QUARTERS:
            tx.publications.put(scope, _figures(quarter, alone=agency is not None), at)


def _figures(quarter: date, *, alone: bool) -> Figures:
    few = {"victim": 0, "deceased person": 10} if alone else {OTHERS: 30}
    sought = {"suspect": 1230, "initial identification": 310, "missing person": 90} | few
    kinds = {"cctv": 980, "social media": 320, "identity document": 110, "seized device": 190, "other photograph": 40}
    single = {"authorisations granted": 240, "authorisations refused": 10, "faces and pictures erased": 60}
    tables = {"Searches by who was sought": sought, "Searches by photograph": kinds}
    return Figures(quarter=quarter, tables=tables, single=single, withheld=("Searches by offence",))
