"""The weekly report of misuse over real photographs: what is planted is found, read on the record, and answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import cv2
import pytest
import sqlalchemy as sa
from tests.conftest import PORTRAITS
from tests.support.squad import OTHER_PHOTOGRAPH, PHOTOGRAPH, Squad
from tests.support.two_agencies import Pages
from tests.support.world import MEBI, SOURCE

from lineament.errors import NotAllowed, NotFound, Refused
from lineament.model.accounts import HOME_AGENCY
from lineament.model.actions import Action
from lineament.model.cases import Case
from lineament.model.misuse.facts import SEARCHES
from lineament.model.misuse.findings import FindingKind
from lineament.model.misuse.reports import FindingState, GuardedKind, KeptFinding
from lineament.model.search import ProbeFace, SearchRequest
from lineament.model.together import Together
from lineament.model.watches import WatchTerms
from lineament.services.misuse.gather import gather
from lineament.services.misuse.reports import ShownReport
from lineament.sources.folder.connector import FolderConnector
from lineament.store.search_tables import searches

MONDAY = date(2026, 5, 4)
COLLEAGUE = (PORTRAITS / "obama.jpg").read_bytes()
SAME_MAN = (PORTRAITS / "macron-2025.jpg").read_bytes()


def report_of_the_week(team: Squad) -> ShownReport:
    """Let the week end, have the worker make the report, and return it as the auditor reads it."""
    team.clock.advance(days=7)
    assert team.machine.misuse.queue_if_due()
    assert not team.machine.misuse.queue_if_due(), "it is queued once"
    assert team.workspace.worker.drain() == 1
    return team.fresh_desk(team.auditor).misuse.read()


def of_kind(shown: ShownReport, kind: FindingKind) -> list[KeptFinding]:
    return [kept for kept in shown.findings if kept.finding.kind is kind]


def search_in_three_cases(team: Squad) -> list[Case]:
    """Search the same man in three cases, none of which names another."""
    cases = [team.open_case(ref=f"K-{number}") for number in (1, 2, 3)]
    for case, photograph in zip(cases, (PHOTOGRAPH, SAME_MAN, PHOTOGRAPH), strict=True):
        team.search(case, team.take_probe(case, photograph))
    return cases


def test_the_same_face_in_unrelated_cases_is_found_and_nothing_of_it_is_stored(team: Squad) -> None:
    cases = search_in_three_cases(team)
    other = team.open_case(ref="K-4")
    team.search(other, team.take_probe(other, OTHER_PHOTOGRAPH))
    shown = report_of_the_week(team)
    (kept,) = of_kind(shown, FindingKind.SAME_FACE)
    assert kept.finding.who == (team.examiner.id,)
    assert {shown.cases[number].ref for number in kept.finding.cases} == {case.ref for case in cases}
    assert shown.names[team.examiner.id] == "Eva Examiner"
    assert shown.report is not None
    assert shown.report.week == MONDAY
    line = next(line for line in shown.report.looked_at if line.kind is FindingKind.SAME_FACE)
    assert (line.looked_at, "1e-06" in line.note) == (2, True)


def test_cases_that_name_each_other_are_ordinary(team: Squad) -> None:
    for number in (1, 2, 3):
        case = team.open_case(ref=f"K-{number}")
        team.search(case, team.take_probe(case), reason=f"as in K-{number - 1}" if number > 1 else "seen there")
    assert of_kind(report_of_the_week(team), FindingKind.SAME_FACE) == []


def test_a_guarded_face_is_found_in_another_photograph_and_its_search_is_answered(team: Squad) -> None:
    guarded = team.fresh_desk(team.supervisor).guarded
    face = guarded.add(PHOTOGRAPH, "Carl Colleague", "he agreed in writing", GuardedKind.COLLEAGUE)
    assert b"Carl Colleague" not in team.stored_bytes()
    case = team.open_case()
    result = team.search(case, team.take_probe(case, SAME_MAN))
    assert result.search_id, "it is a finding, not a refusal"
    team.search(case, team.take_probe(case, COLLEAGUE))
    (kept,) = of_kind(report_of_the_week(team), FindingKind.GUARDED)
    assert kept.finding.who == (team.examiner.id,)
    assert kept.finding.searches == (result.search_id,)
    guarded = team.fresh_desk(team.supervisor).guarded
    guarded.remove(face.id, "he left")
    assert guarded.list() == []
    assert team.actions()[-1] == Action.FACE_UNGUARDED
    with pytest.raises(NotFound):
        guarded.remove(face.id, "he left")


def test_a_guarded_face_is_found_among_several_people_and_as_a_second_photograph_of_somebody_else(team: Squad) -> None:
    guarded = team.fresh_desk(team.supervisor).guarded
    guarded.add(PHOTOGRAPH, "Carl Colleague", "he agreed in writing", GuardedKind.COLLEAGUE)
    case = team.open_case()
    stranger, hidden = team.take_probe(case, COLLEAGUE), team.take_probe(case, SAME_MAN)
    shown = (ProbeFace(probe_id=hidden.id, face=1),)
    several = SearchRequest(case=case.key, reason="both were there", people=shown, together=Together.ANY)
    fused = SearchRequest(case=case.key, reason="two pictures of him", others=shown)
    desk = team.fresh_desk(team.examiner)
    made = {desk.search.run(stranger.id, request).search_id for request in (several, fused)}
    (kept,) = of_kind(report_of_the_week(team), FindingKind.GUARDED)
    assert set(kept.finding.searches) == made
    assert kept.finding.numbers["searches"] == 2


def test_a_face_on_watch_is_one_that_is_searched(team: Squad) -> None:
    guarded = team.fresh_desk(team.supervisor).guarded
    guarded.add(PHOTOGRAPH, "Carl Colleague", "he agreed in writing", GuardedKind.COLLEAGUE)
    cases = [team.open_case(ref=f"K-{number}") for number in (1, 2, 3)]
    for case in cases:
        probe = team.take_probe(case, SAME_MAN)
        terms = WatchTerms(reason="missing since Monday", ends_on=team.today + timedelta(days=30))
        team.fresh_desk(team.examiner).watches.begin(probe.id, terms)
    shown = report_of_the_week(team)
    (kept,), (same,) = (of_kind(shown, kind) for kind in (FindingKind.GUARDED, FindingKind.SAME_FACE))
    assert (kept.finding.what, kept.finding.searches) == ("3 watches of a face on the agency's list", ())
    assert same.finding.who == (team.examiner.id,)
    assert "3 watches" in same.finding.what


def test_what_a_watch_finds_is_laid_to_whoever_began_it_and_counted_once(team: Squad, tmp_path: Path) -> None:
    case = team.open_case()
    terms = WatchTerms(reason="missing since Monday", ends_on=team.today + timedelta(days=30))
    team.fresh_desk(team.examiner).watches.begin(team.take_probe(case).id, terms)
    found = take_in_again(team, tmp_path)
    team.clock.advance(days=7)
    with team.workspace.store.read() as tx:
        facts = gather(tx, team.workspace.keys, team.workspace.pack.rates, HOME_AGENCY, MONDAY, team.machine.official)
    (watch, fired) = sorted(facts.searches, key=lambda search: search.fired)
    assert (watch.watch, watch.who, fired.id, fired.who) == (True, team.examiner.id, found, team.examiner.id)
    assert fired.candidates > 0
    assert [(act.who, act.action) for act in facts.acts if act.action in SEARCHES | {Action.WATCH_FIRED}] == [
        (team.examiner.id, Action.WATCH_BEGUN)
    ]


def take_in_again(team: Squad, folder: Path) -> str:
    """Take another picture of the man in; return the search that the watch made of it."""
    picture = cv2.imread(str(PORTRAITS / "macron-2025.jpg"), cv2.IMREAD_COLOR)
    assert picture is not None
    height = round(picture.shape[0] * 300 / picture.shape[1])
    cv2.imwrite(str(folder / "seen.jpg"), cv2.resize(picture, (300, height), interpolation=cv2.INTER_AREA))
    connector = FolderConnector([folder / "seen.jpg"], page_base=None, max_bytes=MEBI)
    assert team.fresh_desk(team.operator).ingest.run(SOURCE, connector, workers=1).faces == 1
    team.workspace.worker.drain()
    with team.workspace.store.read() as tx:
        return str(tx.connection.scalar(sa.select(searches.c.id).where(searches.c.watch_id.is_not(None))))


def test_a_refused_purpose_is_on_the_record_and_a_second_attempt_is_found(team: Squad) -> None:
    case = team.open_case()
    probe = team.take_probe(case)
    for _ in range(2):
        with pytest.raises(Refused):
            team.search(case, probe, reason="to see who took part in the demonstration")
    assert team.actions()[-2:] == [Action.PURPOSE_REFUSED] * 2
    assert "demonstration" in team.last_details()
    (kept,) = of_kind(report_of_the_week(team), FindingKind.REFUSED)
    assert kept.finding.numbers["refused"] == 2
    timeline = team.fresh_desk(team.supervisor).casework.timeline(case.key)
    assert [entry.action for entry in timeline].count(Action.PURPOSE_REFUSED) == 2


def test_a_case_that_is_refused_for_its_purpose_is_on_the_record(team: Squad) -> None:
    from tests.support.squad import TERMS

    with pytest.raises(Refused):
        team.fresh_desk(team.examiner).casework.open(replace(TERMS, purpose="find who joined the demonstration"))
    assert team.actions()[-1] == Action.PURPOSE_REFUSED


def test_reading_and_answering_are_on_the_record(team: Squad) -> None:
    search_in_three_cases(team)
    (kept,) = of_kind(report_of_the_week(team), FindingKind.SAME_FACE)
    assert team.actions()[-1] == Action.MISUSE_READ
    supervisor = team.fresh_desk(team.supervisor).misuse
    assert supervisor.waiting() == 1
    answered = supervisor.answer(kept.id, FindingState.EXPLAINED, "three robberies by one man")
    assert (answered.state, team.actions()[-1]) == (FindingState.EXPLAINED, Action.MISUSE_ANSWERED)
    assert supervisor.waiting() == 0
    again = team.fresh_desk(team.auditor).misuse
    again.answer(kept.id, FindingState.PASSED_ON, "to the prosecutor")
    (shown,) = of_kind(again.read(), FindingKind.SAME_FACE)
    assert shown.answer is not None
    assert (shown.state, shown.answer.by) == (FindingState.PASSED_ON, "Adam Auditor")


def test_whoever_is_to_read_a_report_is_told_of_it_until_it_is_read(team: Squad) -> None:
    assert team.fresh_desk(team.auditor).misuse.unread() is None
    report_of_the_week(team)  # the auditor reads it
    assert team.fresh_desk(team.auditor).misuse.unread() is None
    supervisor = team.fresh_desk(team.supervisor).misuse
    assert supervisor.unread() == MONDAY
    supervisor.read()
    assert supervisor.unread() is None
    team.clock.advance(days=7)
    team.machine.misuse.make()
    assert team.fresh_desk(team.supervisor).misuse.unread() == MONDAY + timedelta(days=7)


@pytest.mark.enable_socket
def test_the_first_page_tells_of_a_report_and_of_findings(pages: Pages) -> None:
    auditor = pages.world.people["A auditor"]
    told = pages.ask(auditor, "GET", "/").text
    assert "is there for you to read; 1 finding waits for an answer" in told
    assert "for you to read" not in pages.ask(pages.world.people["A examiner"], "GET", "/").text
    pages.ask(auditor, "GET", "/misuse")
    told = pages.ask(auditor, "GET", "/").text
    assert ("for you to read" in told, "1 finding waits for an answer" in told) == (False, True)
    pages.world.restore()


def test_the_same_is_not_told_again_unless_it_has_grown(team: Squad) -> None:
    cases = search_in_three_cases(team)
    (kept,) = of_kind(report_of_the_week(team), FindingKind.SAME_FACE)
    team.fresh_desk(team.auditor).misuse.answer(kept.id, FindingState.EXPLAINED, "one man")
    team.search(cases[0], team.take_probe(cases[0]))
    following = report_of_the_week(team)
    assert of_kind(following, FindingKind.SAME_FACE) == []
    assert following.report is not None
    assert following.report.repeated == 1
    for _ in range(3):
        team.search(cases[1], team.take_probe(cases[1], SAME_MAN))
    assert len(of_kind(report_of_the_week(team), FindingKind.SAME_FACE)) == 1


def test_a_supervisor_does_not_see_what_is_about_that_supervisor(team: Squad) -> None:
    search_in_three_cases(team)
    (kept,) = of_kind(report_of_the_week(team), FindingKind.SAME_FACE)
    about = replace(kept.finding, who=(team.supervisor.id, team.examiner.id))
    with team.setting_up() as tx:
        tx.misuse.put(replace(kept, finding=about))
    supervisor = team.fresh_desk(team.supervisor).misuse
    assert supervisor.waiting() == 0
    assert of_kind(supervisor.read(), FindingKind.SAME_FACE) == []
    with pytest.raises(NotFound):
        supervisor.answer(kept.id, FindingState.EXPLAINED, "nothing to it")
    assert team.fresh_desk(team.auditor).misuse.waiting() == 1


def test_nobody_answers_what_is_about_oneself(team: Squad) -> None:
    search_in_three_cases(team)
    (kept,) = of_kind(report_of_the_week(team), FindingKind.SAME_FACE)
    with team.setting_up() as tx:
        tx.misuse.put(replace(kept, finding=replace(kept.finding, who=(team.auditor.id,))))
    auditor = team.fresh_desk(team.auditor).misuse
    assert auditor.read().own == {kept.id}
    with pytest.raises(NotAllowed):
        auditor.answer(kept.id, FindingState.EXPLAINED, "nothing to it")


@pytest.mark.parametrize("who", ["examiner", "reviewer", "administrator", "operator"])
def test_nobody_else_reads_reports_or_the_list(team: Squad, who: str) -> None:
    desk = team.fresh_desk(getattr(team, who))
    with pytest.raises(NotAllowed):
        desk.misuse.read()
    with pytest.raises(NotAllowed):
        desk.guarded.list()


def test_an_agency_sees_only_its_own(team: Squad) -> None:
    search_in_three_cases(team)
    (kept,) = of_kind(report_of_the_week(team), FindingKind.SAME_FACE)
    foreign = team.fresh_desk(team.foreign_supervisor).misuse
    assert foreign.waiting() == 0
    assert foreign.read().findings == ()
    with pytest.raises(NotFound):
        foreign.answer(kept.id, FindingState.EXPLAINED, "nothing to it")


def test_reports_are_made_for_weeks_that_are_over_and_each_once(team: Squad) -> None:
    machine = team.machine.misuse
    assert machine.due() == []
    team.clock.advance(days=7)
    first = machine.due()
    assert {week for _, week in first} == {MONDAY}
    assert machine.make() == {"reports": len(first)}
    assert machine.make() == {"reports": 0}
    team.clock.advance(days=7 * 9)
    assert len({week for _, week in machine.due()}) == 4, "older weeks are not made up"


def test_reports_go_when_their_details_would(team: Squad) -> None:
    search_in_three_cases(team)
    report_of_the_week(team)
    team.clock.advance(days=800)
    team.machine.retain.sweep()
    with team.workspace.store.read() as tx:
        assert tx.misuse.reports(team.examiner.agency_id) == []
    team.machine.audit.verify()


def test_what_was_recorded_verifies_and_survives_new_keys(team: Squad) -> None:
    supervisor = team.fresh_desk(team.supervisor)
    supervisor.guarded.add(PHOTOGRAPH, "Carl Colleague", "he agreed in writing", GuardedKind.COLLEAGUE)
    search_in_three_cases(team)
    before = report_of_the_week(team)
    team.machine.key_rotation.workspace()
    after = team.fresh_desk(team.auditor)
    assert after.misuse.read().findings == before.findings
    assert [face.name for face in after.guarded.list()] == ["Carl Colleague"]
    team.machine.audit.verify()


def test_a_changed_finding_is_refused(team: Squad) -> None:
    from lineament.errors import AccessAltered

    search_in_three_cases(team)
    report_of_the_week(team)
    with team.workspace.store.begin() as tx:
        tx.connection.exec_driver_sql("UPDATE misuse_findings SET state = 'explained'")
    with pytest.raises(AccessAltered):
        team.fresh_desk(team.auditor).misuse.read()


def test_a_day_of_the_report_is_a_week_ago(team: Squad) -> None:
    shown = report_of_the_week(team)
    assert shown.report is not None
    assert shown.report.week + timedelta(days=7) <= team.today
