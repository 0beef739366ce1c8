"""Leads: they leave only with evidence that is independent of the search, and their report says everything (R21)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from pypdf import PdfReader
from tests.support.reviewing import decide_all, draft, lead_of
from tests.support.squad import TERMS, Squad, squad

from lineament.errors import InvalidValue, NotAllowed, NotFound, Refused, StepUpNeeded
from lineament.model.actions import Action
from lineament.model.cases import AuthorisationOutcome, Case, Seeks
from lineament.model.defence import DefenceNoticeDraft, NoticeWay
from lineament.model.evidence import EvidenceDraft, EvidenceKind, LeadState
from lineament.model.jurisdictions import Topic, packs
from lineament.model.reasons import ReasonCode
from lineament.model.review import Feature, ReviewOutcome
from lineament.model.search import SearchResult
from lineament.services.cases.standings import Ruling
from lineament.services.leads.defence import DefenceTold
from lineament.services.leads.report import WrittenLead, lead_html
from lineament.views.lead_pdf import lead_pdf
from lineament.workspace import Desk

BILL = EvidenceDraft(
    kind=EvidenceKind.DOCUMENT,
    text="A hotel bill in the name of 张伟, of the night before",
    reference="K-1/17",
    independent=True,
)


@pytest.fixture
def team(portraits: Path, tmp_path: Path) -> Iterator[Squad]:
    with squad(portraits, tmp_path / "ws") as found:
        yield found


@pytest.fixture
def case(team: Squad) -> Case:
    return team.open_case()


@pytest.fixture
def found(team: Squad, case: Case) -> SearchResult:
    return team.search(case, team.take_probe(case))


@pytest.fixture
def decided(team: Squad, found: SearchResult) -> SearchResult:
    """Return a search whose best candidate two people decided to be a lead."""
    with team.machine.record.read() as tx:
        best = tx.searches.get(found.search_id).candidates[0].sha256
    for account in (team.examiner, team.supervisor):
        decide_all(team.fresh_desk(account), found.search_id, lead=best)
    return found


def examining(team: Squad) -> Desk:
    return team.fresh_desk(team.examiner)


def recorded(team: Squad, action: Action) -> int:
    with team.workspace.store.read() as tx:
        return [entry.action for entry in tx.ledger.entries(0, tx.ledger.size())].count(action)


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [reason.code for reason in refused.value.reasons]


# ---------------------------------------------------------------- evidence


def test_a_candidate_is_no_lead_until_two_people_decided_so(team: Squad, case: Case, found: SearchResult) -> None:
    desk = examining(team)
    assert desk.leads.of_case(case.key).leads == ()
    first = desk.reviews.of_search(found.search_id).entries[0].name
    desk.reviews.decide(found.search_id, first, draft(ReviewOutcome.LEAD))
    assert desk.leads.of_case(case.key).leads == ()
    for act in (
        lambda: desk.leads.get(found.search_id, first),
        lambda: desk.leads.record(found.search_id, first, BILL),
        lambda: desk.lead_reports.write(found.search_id, first),
    ):
        with pytest.raises(Refused) as refused:
            act()
        assert codes(refused) == [ReasonCode.NO_LEAD]


def test_a_lead_waits_for_evidence_and_may_then_be_reported_on(team: Squad, case: Case, decided: SearchResult) -> None:
    desk = examining(team)
    (lead,) = desk.leads.of_case(case.key).leads
    assert (lead.state, lead.evidence) == (LeadState.AWAITING, ())
    with pytest.raises(Refused) as refused:
        desk.lead_reports.write(decided.search_id, lead.name)
    assert codes(refused) == [ReasonCode.NO_EVIDENCE]
    assert recorded(team, Action.LEAD_REPORT_WRITTEN) == 0
    piece = desk.leads.record(decided.search_id, lead.name, BILL)
    (lead,) = desk.leads.of_case(case.key).leads
    assert (lead.state, lead.evidence) == (LeadState.READY, (piece,))
    desk.lead_reports.write(decided.search_id, lead.name)
    assert recorded(team, Action.LEAD_REPORT_WRITTEN) == 1
    (lead,) = desk.leads.of_case(case.key).leads
    assert (lead.state, lead.reports[0].by, lead.reports[0].evidence) == (
        LeadState.REPORTED,
        team.examiner.name,
        (piece.id,),
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"independent": False}, "independent"),
        ({"text": " \u200b "}, "text"),
        ({"reference": ""}, "reference"),
        ({"text": "x" * 4001}, "text"),
        ({"replaces": "0" * 16}, "because"),
        ({"replaces": "0" * 16, "because": "it is of another day"}, "replaces"),
    ],
)
def test_evidence_says_what_it_is_and_that_it_is_independent(
    team: Squad, decided: SearchResult, changes: dict[str, object], field: str
) -> None:
    desk = examining(team)
    name, before = lead_of(desk, decided.search_id), recorded(team, Action.EVIDENCE_RECORDED)
    with pytest.raises(InvalidValue) as wrong:
        desk.leads.record(decided.search_id, name, replace(BILL, **changes))  # type: ignore[arg-type]
    assert wrong.value.details["field"] == field
    assert recorded(team, Action.EVIDENCE_RECORDED) == before


def test_evidence_is_only_replaced_with_a_reason_and_both_stay(team: Squad, case: Case, decided: SearchResult) -> None:
    desk = examining(team)
    name = lead_of(desk, decided.search_id)
    first = desk.leads.record(decided.search_id, name, BILL)
    later = replace(BILL, text="The till receipt", replaces=first.id, because="the bill was of another guest")
    second = team.fresh_desk(team.supervisor).leads.record(decided.search_id, name, later)
    (lead,) = desk.leads.of_case(case.key).leads
    assert (lead.recorded, lead.evidence) == ((first, second), (second,))
    with pytest.raises(InvalidValue):  # it was replaced before
        desk.leads.record(decided.search_id, name, later)


def test_only_examiners_and_supervisors_of_the_case_record_it(team: Squad, case: Case, decided: SearchResult) -> None:
    name = lead_of(examining(team), decided.search_id)
    for account, error in (
        (team.colleague, NotFound),
        (team.auditor, NotAllowed),
        (team.reviewer, NotAllowed),
        (team.guest, NotFound),
        (team.foreign_supervisor, NotFound),
    ):
        with pytest.raises(error):
            team.fresh_desk(account).leads.record(decided.search_id, name, BILL)
    assert team.fresh_desk(team.auditor).leads.of_case(case.key).may_record is False


def test_it_is_destroyed_with_the_case_and_moves_with_its_key(team: Squad, case: Case, decided: SearchResult) -> None:
    supervising = team.fresh_desk(team.supervisor)
    name = lead_of(supervising, decided.search_id)
    supervising.leads.record(decided.search_id, name, BILL)
    supervising.key_rotation.case(case.key)
    (lead,) = team.fresh_desk(team.supervisor).leads.of_case(case.key).leads
    assert lead.evidence[0].text == BILL.text
    ruling = Ruling(
        authority="Court", decided_at=team.clock.at, outcome=AuthorisationOutcome.REFUSED, scope="no ground"
    )
    team.fresh_desk(team.supervisor).casework.authorise(case.key, ruling)
    assert team.fresh_desk(team.supervisor).leads.of_case(case.key).leads == ()
    with team.workspace.store.read() as tx:
        assert tx.connection.exec_driver_sql("SELECT count(*) FROM evidence").scalar() == 0
    team.fresh_desk(team.auditor).audit.verify()


# ---------------------------------------------------------------- notice to the defence


def told(team: Squad, **changes: object) -> DefenceNoticeDraft:
    draft = DefenceNoticeDraft(
        given_to="Counsel 张伟", given_on=team.today, way=NoticeWay.PACK, text="The pack of the case was handed over"
    )
    return replace(draft, **changes)  # type: ignore[arg-type]


def test_notice_is_due_by_law_until_it_is_recorded(team: Squad) -> None:
    desk = examining(team)
    case = desk.casework.open(replace(TERMS, seeks=Seeks.MISSING, jurisdiction="US-MD"))
    assert desk.defence.of_case(case.key) == DefenceTold(asked=(), recorded=())  # nobody was searched for yet
    team.search(case, team.take_probe(case))
    due = desk.defence.of_case(case.key)
    assert (due.is_due, due.asked[0].section, due.asked[0].time_limit) == (True, "2-504", "Due in discovery")
    notice = desk.defence.record(case.key, told(team))
    assert (notice.recorded_by, notice.given_on) == (team.examiner.name, team.today)
    assert desk.defence.of_case(case.key) == DefenceTold(asked=due.asked, recorded=(notice,))
    assert not desk.defence.of_case(case.key).is_due
    assert recorded(team, Action.DEFENCE_NOTIFIED) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"given_to": " \u200b "}, "given_to"),
        ({"given_to": "x" * 301}, "given_to"),
        ({"text": ""}, "text"),
        ({"given_on": None}, "given_on"),
        ({"given_on": date(2999, 1, 1)}, "given_on"),
        ({"replaces": "0" * 16}, "because"),
        ({"replaces": "0" * 16, "because": "it was of another day"}, "replaces"),
    ],
)
def test_a_notice_says_to_whom_when_and_what(team: Squad, case: Case, changes: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidValue) as wrong:
        examining(team).defence.record(case.key, told(team, **changes))
    assert wrong.value.details["field"] == field
    assert recorded(team, Action.DEFENCE_NOTIFIED) == 0


def test_a_notice_is_only_replaced_with_a_reason_and_both_stay(team: Squad, case: Case) -> None:
    desk = examining(team)
    first = desk.defence.record(case.key, told(team))
    again = told(team, given_to="Counsel B.", replaces=first.id, because="it went to another counsel")
    second = team.fresh_desk(team.supervisor).defence.record(case.key, again)
    assert (desk.defence.of_case(case.key).recorded, desk.defence.of_case(case.key).given) == (
        (first, second),
        (second,),
    )
    with pytest.raises(InvalidValue):  # it was replaced before
        desk.defence.record(case.key, again)


def test_only_examiners_and_supervisors_of_the_case_record_a_notice(team: Squad, case: Case) -> None:
    for account, error in ((team.colleague, NotFound), (team.auditor, NotAllowed), (team.guest, NotFound)):
        with pytest.raises(error):
            team.fresh_desk(account).defence.record(case.key, told(team))
    assert team.fresh_desk(team.auditor).defence.of_case(case.key).recorded == ()


def test_a_notice_moves_with_the_key_and_is_destroyed_with_the_case(team: Squad, case: Case) -> None:
    supervising = team.fresh_desk(team.supervisor)
    notice = supervising.defence.record(case.key, told(team))
    supervising.key_rotation.case(case.key)
    assert team.fresh_desk(team.supervisor).defence.of_case(case.key).recorded == (notice,)
    ruling = Ruling(
        authority="Court", decided_at=team.clock.at, outcome=AuthorisationOutcome.REFUSED, scope="no ground"
    )
    team.fresh_desk(team.supervisor).casework.authorise(case.key, ruling)
    assert team.fresh_desk(team.supervisor).defence.of_case(case.key).recorded == ()
    with team.workspace.store.read() as tx:
        assert tx.connection.exec_driver_sql("SELECT count(*) FROM defence_notices").scalar() == 0
    team.fresh_desk(team.auditor).audit.verify()


def test_the_lead_and_its_report_say_what_the_defence_was_told(team: Squad, case: Case, decided: SearchResult) -> None:
    desk = examining(team)
    name = lead_of(desk, decided.search_id)
    desk.leads.record(decided.search_id, name, BILL)
    first = desk.defence.record(case.key, told(team))
    again = told(team, given_to="Counsel B.", replaces=first.id, because="it went to another counsel")
    desk.defence.record(case.key, again)
    assert desk.leads.get(decided.search_id, name).defence == desk.defence.of_case(case.key)
    report = desk.lead_reports.write(decided.search_id, name)
    for text in (text_of(lead_pdf(report)), squeezed(lead_html(report))):
        for words in (
            "Due to the defence",
            f"Told on {team.today}",
            "To Counsel B., with a disclosure pack: The pack of the case was handed over",
            "Replaced since: To Counsel 张伟",
            "in place of an earlier record: it went to another counsel",
        ):
            assert squeezed(words) in text


# ---------------------------------------------------------------- the report


@pytest.fixture
def report(team: Squad, decided: SearchResult) -> WrittenLead:
    desk = examining(team)
    name = lead_of(desk, decided.search_id)
    first = desk.leads.record(decided.search_id, name, BILL)
    later = replace(BILL, text="The till receipt", replaces=first.id, because="the bill was of another guest")
    desk.leads.record(decided.search_id, name, later)
    return desk.lead_reports.write(decided.search_id, name)


def text_of(pdf: bytes) -> str:
    pages = PdfReader(io.BytesIO(pdf)).pages
    return squeezed("".join(page.extract_text() for page in pages)).replace("\u200b", "")


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_page_and_pdf_say_the_same_and_everything(report: WrittenLead) -> None:
    page = re.sub(r"<style>.*?</style>|<[^>]*>", " ", lead_html(report), flags=re.DOTALL)
    page = squeezed(page.replace("&lt;", "<").replace("&gt;", ">").replace("&#39;", "'").replace("&amp;", "&"))
    pdf = text_of(lead_pdf(report))
    said = [report.title, *report.cautions, report.law, *report.captions]
    for section in report.sections():
        said += [section.heading, *section.texts, *section.quiet, *(value for _, value in section.rows)]
        said += [cell for row in (section.table.rows if section.table else ()) for cell in row]
    assert len(said) > 100
    for words in map(squeezed, said):
        assert words in page
        assert words in pdf


def test_it_states_what_a_court_asks(report: WrittenLead, team: Squad) -> None:
    text = text_of(lead_pdf(report))
    for words in (
        "It is not the sole basis for an arrest",
        "Show this picture to no witness",
        "To be checked by counsel",
        "Each decided without knowing what the other had decided",
        team.examiner.name,
        team.supervisor.name,
        "The tip of the nose, seen from below.",
        "张伟",
        "Replaced since",
        "the bill was of another guest",
        "A line-up with this picture is not independent",
        "strangers are expected to score as high among the",
        "No error is measured for children",
        "SHA-256",
        "decided: lead",
        "recorded evidence: document",
        "wrote this report",
        report.search.result.model,
    ):
        assert squeezed(words) in text
    for feature in Feature:
        assert squeezed(feature.value).casefold() in text.casefold()


def test_a_decision_that_was_changed_stays_in_it_in_full(team: Squad, decided: SearchResult) -> None:
    desk = examining(team)
    name = lead_of(desk, decided.search_id)
    for outcome in (ReviewOutcome.EXCLUDED, ReviewOutcome.LEAD):
        desk.reviews.decide(decided.search_id, name, draft(outcome, because="looked again at the ears"))
    desk.leads.record(decided.search_id, name, BILL)
    text = text_of(lead_pdf(desk.lead_reports.write(decided.search_id, name)))
    assert squeezed("Earlier decisions, which were replaced") in text
    assert squeezed("excluded. Because: looked again at the ears. Grounds: The tip of the nose") in text
    assert squeezed("They did not always agree") in text
    assert squeezed("It was made when both could read each other's") in text


def test_the_pictures_are_of_one_size_with_level_eyes(report: WrittenLead) -> None:
    reader = PdfReader(io.BytesIO(lead_pdf(report)))
    (first, second) = [image.image for page in reader.pages for image in page.images]
    assert first is not None
    assert second is not None
    assert first.size == second.size == (512, 512)


def test_the_same_report_gives_the_same_bytes(report: WrittenLead) -> None:
    assert lead_pdf(report) == lead_pdf(report)
    assert lead_html(report) == lead_html(report)
    assert lead_pdf(replace(report, written_at=report.written_at + timedelta(minutes=1))) != lead_pdf(report)


def test_a_law_words_the_warnings_and_what_is_due(report: WrittenLead) -> None:
    law = packs()["US-MD"]
    asked = DefenceTold(asked=law.about(Topic.NOTICE), recorded=())
    case = replace(report.lead.case, law=law)
    maryland = replace(report, lead=replace(report.lead, case=case, defence=asked))
    for text in (text_of(lead_pdf(maryland)), squeezed(lead_html(maryland))):
        assert squeezed("In Maryland what a face search puts out") in text
        assert squeezed("Due to the defence") in text
        assert squeezed("The State discloses in discovery") in text
        assert squeezed("Due in discovery.") in text
        assert squeezed("No notice to the defence is recorded yet.") in text


def test_it_needs_the_second_factor_of_late(team: Squad, decided: SearchResult) -> None:
    desk = examining(team)
    name = lead_of(desk, decided.search_id)
    desk.leads.record(decided.search_id, name, BILL)
    never = Desk(desk.workspace, replace(desk.record, official=replace(desk.official, proved_at=None)))
    with pytest.raises(StepUpNeeded):
        never.lead_reports.write(decided.search_id, name)


def test_an_erased_picture_is_said_to_be_erased(report: WrittenLead) -> None:
    without = replace(report, found=None)
    assert "erased" in text_of(lead_pdf(without))
    assert "erased" in lead_html(without)
