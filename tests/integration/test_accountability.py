"""Accounts of the processing equal the ledger, and nothing is published before somebody decides so (R37, R46)."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.support.squad import OTHER_PHOTOGRAPH, Squad
from tests.support.two_agencies import Pages
from tests.support.world import SOURCE

from lineament.errors import NotAllowed, NotFound, Refused
from lineament.model.accountability import ERASED, PURPOSES
from lineament.model.actions import Action
from lineament.model.cases import Seeks
from lineament.model.faces import FaceId
from lineament.services.accountability.counting import OTHERS
from lineament.views.accountability import (
    annual_json,
    annual_sections,
    document_page,
    figures_json,
    impact_sections,
    processing_sections,
)


def work(team: Squad) -> None:
    """Open cases, search them, be refused, and erase a face."""
    missing, suspect = team.open_case(), team.open_case(Seeks.SUSPECT, ref="K-2")
    probe = team.take_probe(missing)
    for _ in range(3):
        team.search(missing, probe)
    with pytest.raises(Refused):
        team.search(missing, probe, reason="who took part in the demonstration")
    team.fresh_desk(team.supervisor).casework.authorise(suspect.key, team.ruling())
    team.search(suspect, team.take_probe(suspect, OTHER_PHOTOGRAPH))
    team.invite_guest(missing, date(2026, 6, 1))
    team.search(missing, probe, by=team.guest)
    team.fresh_desk(team.operator).erase.face(FaceId(1), "she asked")


def exported(team: Squad, tmp_path: Path) -> list[dict[str, Any]]:
    """Return the entries that the auditor exports, with their details."""
    file = tmp_path / "ledger.jsonl"
    team.fresh_desk(team.auditor).audit.export(file)
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return [line for line in lines if "details" in line]


def details_of(entry: dict[str, Any]) -> dict[str, Any]:
    said = entry["details"]
    found = json.loads(said) if isinstance(said, str) else said
    assert isinstance(found, dict)
    return found


def test_the_counts_of_a_year_equal_the_entries_of_the_ledger(team: Squad, tmp_path: Path) -> None:
    work(team)
    report = team.fresh_desk(team.auditor).documents.annual()
    entries = exported(team, tmp_path)
    actions = Counter(entry["action"] for entry in entries)
    searches = [details_of(entry) for entry in entries if entry["action"] == Action.SEARCH]
    own = [search for search in searches if search["account"] != team.guest.id]
    assert (report.counts.searches, report.counts.by_guests) == (len(own), len(searches) - len(own)) == (4, 1)
    assert dict(report.counts.by_purpose) == {"missing person": 3, "suspect": 1}
    assert dict(report.counts.by_offence) == {"robbery and theft": 4}
    assert dict(report.counts.listed) == {"robbery and theft": sum(1 for search in own if search["candidates"])}
    assert dict(report.counts.by_model) == {searches[0]["model"]: 4}
    assert dict(report.counts.sources) == {SOURCE: 4}
    assert sum(report.counts.by_photograph.values()) == sum(report.counts.by_outcome.values()) == 4
    listed = sum(1 for search in own if search["candidates"])
    assert report.counts.by_outcome.get("candidates were listed", 0) == listed
    before_reading = {"readings of the ledger", "exports of the ledger"}
    for name, kinds in OTHERS.items():
        wanted = sum(actions[kind.value] for kind in kinds)
        assert name in before_reading or report.counts.others[name] == wanted, name
    assert report.counts.others[PURPOSES] == 1
    assert report.counts.others[ERASED] == 1


@pytest.mark.parametrize(
    ("code", "last_day", "to_write"),
    [
        ("US-MD", "1 February 2027", "systems of others"),
        ("US-MT", "30 June 2027", "arrests and convictions"),
        ("US-UT", "15 October 2027", "Requests from outside"),
        ("FR", None, ""),
    ],
)
def test_the_report_of_a_year_says_what_the_law_asks_of_it(
    team: Squad, code: str, last_day: str | None, to_write: str
) -> None:
    work(team)
    report = team.fresh_desk(team.auditor).documents.annual()
    terms = replace(report.agency.terms, jurisdiction=code)
    report = replace(report, agency=replace(report.agency, terms=terms))
    said = {section.title.partition(":")[0]: section for section in annual_sections(report)}
    law = said["What the law asks for"]
    assert dict(law.rows).get("Last day") == last_day
    assert to_write in law.to_write
    assert law.items[-1] == "To be checked by counsel."
    assert dict(said["By offence"].rows) == {"robbery and theft": "4, 4 with candidates"}
    assert dict(said["Sources searched; a search may look into several"].rows) == {SOURCE: "4"}
    assert annual_json(report)["law"][0]["to_be_written"] == (law.to_write or None)


def test_where_no_law_asks_for_a_report_none_is_quoted(team: Squad) -> None:
    report = team.fresh_desk(team.auditor).documents.annual()
    report = replace(report, agency=replace(report.agency, terms=replace(report.agency.terms, jurisdiction="EC")))
    assert not any(section.title.startswith("What the law") for section in annual_sections(report))
    assert annual_json(report)["law"] == []


def test_a_year_without_work_is_empty_and_one_to_come_is_refused(team: Squad) -> None:
    from lineament.errors import InvalidValue

    work(team)
    documents = team.fresh_desk(team.auditor).documents
    assert documents.annual(2025).counts.searches == 0
    assert documents.annual(2025).whole
    assert not documents.annual().whole
    with pytest.raises(InvalidValue):
        documents.annual(2027)


def test_documents_say_what_is_known_and_what_is_to_be_written(team: Squad) -> None:
    work(team)
    documents = team.fresh_desk(team.administrator).documents
    found = documents.processing()
    record, impact = processing_sections(found), impact_sections(documents.impact())
    said = {section.title: section for section in record}
    assert "heads-of-government" in said["Sources"].items[0] or said["Sources"].items[0].startswith("portraits")
    assert dict(said["Retention"].rows)["Details of the ledger"] == "730 days"
    assert dict(said["Recipients"].rows) == {"Other agencies in its cases": "1 agency"}
    assert any(section.to_write for section in record)
    assert sum(1 for section in impact if section.to_write) >= 6
    page = document_page("Impact assessment", found.agency.name, found.made_at, impact)
    assert "To be written by the controller" in page
    assert team.actions()[-2:] == [Action.ACCOUNT_GIVEN] * 2


@pytest.mark.parametrize("who", ["examiner", "reviewer", "operator"])
def test_nobody_else_reads_accounts(team: Squad, who: str) -> None:
    with pytest.raises(NotAllowed):
        team.fresh_desk(getattr(team, who)).documents.annual()


def test_the_report_of_an_agency_holds_nothing_of_another(team: Squad) -> None:
    work(team)
    foreign = team.fresh_desk(team.foreign_supervisor).documents
    report = foreign.annual()
    assert report.counts.searches == 1, "its own examiner searched as a guest"
    assert dict(report.counts.by_purpose) == {"in cases of other agencies": 1}
    text = json.dumps(annual_json(report)) + str(annual_sections(report))
    assert "missing person" not in text
    assert "robbery" not in text


# ---------------------------------------------------------------- what is published


def test_nothing_is_published_before_somebody_decides(team: Squad) -> None:
    work(team)
    team.clock.advance(days=100)
    machine = team.machine.publications
    assert machine.due() == []
    assert not machine.queue_if_due()
    for agency_id in (None, team.examiner.agency_id, team.guest.agency_id, "nobody"):
        with pytest.raises(NotFound):
            machine.read(agency_id)


def test_an_agency_publishes_its_quarters_once_and_ends_it(team: Squad) -> None:
    work(team)
    administrator = team.fresh_desk(team.administrator).publications
    administrator.begin_agency("the council asked")
    assert team.actions()[-1] == Action.PUBLICATION_BEGUN
    with pytest.raises(Refused):
        administrator.begin_agency("again")
    team.clock.advance(days=100)
    assert team.machine.publications.queue_if_due()
    team.workspace.worker.drain()
    public = team.machine.publications.read(team.examiner.agency_id)
    assert [figures.quarter for figures in public.quarters] == [date(2026, 4, 1), date(2026, 1, 1)]
    assert public.quarters[0].single[PURPOSES] == 0, "one is among fewer than ten"
    shown = figures_json(public)
    work_again(team)
    team.machine.publications.make()
    assert figures_json(team.machine.publications.read(team.examiner.agency_id)) == shown, "told once"
    assert team.actions().count(Action.FIGURES_PUBLISHED) == 2
    team.machine.audit.verify()
    team.fresh_desk(team.administrator).publications.end_agency("no more")
    with pytest.raises(NotFound):
        team.machine.publications.read(team.examiner.agency_id)


def work_again(team: Squad) -> None:
    """Erase another face."""
    team.fresh_desk(team.operator).erase.face(FaceId(2), "he asked")


def test_the_workspace_tells_nothing_that_one_agency_alone_did(team: Squad) -> None:
    work(team)
    team.fresh_desk(team.operator).publications.begin_workspace("the ministry asked")
    team.clock.advance(days=100)
    team.machine.publications.make()
    public = team.machine.publications.read()
    assert public.agency is None
    text = json.dumps(figures_json(public))
    assert "Freedonia" not in text
    newest = public.quarters[0]
    assert all(count == 0 for table in newest.tables.values() for count in table.values())


def test_whoever_decided_for_the_workspace_is_named_to_operators_alone(team: Squad) -> None:
    team.fresh_desk(team.operator).publications.begin_workspace("the ministry asked")
    seen = team.fresh_desk(team.foreign_supervisor).publications.standing().workspace
    assert seen is not None
    assert (seen.by, seen.reason) == ("the operator", "")
    own = team.fresh_desk(team.operator).publications.standing().workspace
    assert own is not None
    assert own.by == "Olga Operator"


@pytest.mark.parametrize(
    ("who", "act"),
    [
        ("supervisor", "begin_agency"),
        ("administrator", "begin_workspace"),
        ("operator", "begin_agency"),
        ("auditor", "end_agency"),
        ("examiner", "begin_workspace"),
    ],
)
def test_only_who_may_decide_decides(team: Squad, who: str, act: str) -> None:
    with pytest.raises(NotAllowed):
        getattr(team.fresh_desk(getattr(team, who)).publications, act)("because")


def test_changed_figures_are_refused(team: Squad) -> None:
    from lineament.errors import AccessAltered

    team.fresh_desk(team.operator).publications.begin_workspace("the ministry asked")
    team.clock.advance(days=100)
    team.machine.publications.make()
    with team.workspace.store.begin() as tx:
        tx.connection.exec_driver_sql("UPDATE published_figures SET shown = replace(shown, '[', '[ ')")
    with pytest.raises(AccessAltered):
        team.machine.publications.read()


@pytest.mark.enable_socket
def test_a_page_that_is_not_published_is_answered_as_one_that_is_not_there(pages: Pages) -> None:
    world = pages.world
    answers = [
        pages.ask(None, "GET", f"/transparency/{agency_id}")
        for agency_id in (world.agencies["A"], world.agencies["B"], "0123456789abcdef")
    ]
    assert {answer.status_code for answer in answers} == {404}
    bodies = [answer.text.replace(str(answer.request.url.path), "…") for answer in answers]
    assert len(set(bodies)) == 1
    assert pages.ask(None, "GET", "/transparency").status_code == 404
    world.desk_of("A administrator").publications.begin_agency("the council asked")
    shown = pages.ask(None, "GET", f"/transparency/{world.agencies['A']}")
    assert shown.status_code == 200
    assert "Police of A" in shown.text
    assert "set-cookie" not in shown.headers
    assert pages.ask(None, "GET", f"/transparency/{world.agencies['A']}?form=json").json()["agency"] == "Police of A"
    assert pages.ask(None, "GET", "/transparency").status_code == 404
    world.restore()
