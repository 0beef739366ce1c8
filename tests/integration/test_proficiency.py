"""Known pairs among the real ones measure reviewers, who cannot tell them apart (R23)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.support.refusals import refused
from tests.support.reviewing import decide_all, draft
from tests.support.squad import Squad

from lineament.errors import InvalidValue, NotAllowed, NotFound, RowsAltered
from lineament.model.accounts import Account
from lineament.model.actions import Action
from lineament.model.cases import Case, CaseRole
from lineament.model.proficiency import Proficiency
from lineament.model.reasons import ReasonCode
from lineament.model.review import ReviewOutcome
from lineament.model.search import SearchResult
from lineament.store.review_tables import known_pairs

LEAD, EXCLUDED = ReviewOutcome.LEAD, ReviewOutcome.EXCLUDED


def know(team: Squad, found: SearchResult, *, same: int = 1) -> None:
    """Let the supervisor say that the first ``same`` candidates, as they see them, are the person of the probe."""
    desk = team.fresh_desk(team.supervisor)
    names = [entry.name for entry in desk.reviews.of_search(found.search_id).entries]
    desk.measuring.know(found.search_id, {name: place < same for place, name in enumerate(names)})
    team.clock.advance(minutes=1)


def rates(team: Squad) -> dict[str, Proficiency]:
    return {each.reviewer: each for each in team.fresh_desk(team.supervisor).measuring.reviewers()}


def test_what_reviewers_decide_about_known_pairs_is_counted(team: Squad, found: SearchResult) -> None:
    know(team, found)
    decide_all(team.fresh_desk(team.examiner), found.search_id, LEAD)
    decide_all(team.fresh_desk(team.reviewer), found.search_id, EXCLUDED)
    counted = rates(team)
    eva, rita = counted["Eva Examiner"], counted["Rita Reviewer"]
    assert (eva.mated.pairs, eva.mated.right, eva.others.pairs, eva.others.wrong) == (1, 1, 3, 3)
    assert (rita.mated.wrong, rita.others.right) == (1, 3)
    (listed,) = team.fresh_desk(team.supervisor).measuring.lists()
    assert (listed.search_id, len(listed.pairs), listed.decided) == (found.search_id, 4, 8)


def test_a_change_of_mind_does_not_count(team: Squad, found: SearchResult) -> None:
    know(team, found, same=4)
    examiner = team.fresh_desk(team.examiner)
    decide_all(examiner, found.search_id, EXCLUDED)
    name = examiner.reviews.of_search(found.search_id).entries[0].name
    examiner.reviews.decide(found.search_id, name, draft(LEAD, because="I looked again"))
    assert rates(team)["Eva Examiner"].mated.wrong == 4


def test_what_was_decided_before_the_truth_was_on_record_does_not_count(team: Squad, found: SearchResult) -> None:
    """That it is recorded tells nobody that somebody decided: it is answered the same."""
    decide_all(team.fresh_desk(team.examiner), found.search_id, LEAD)
    team.clock.advance(minutes=1)
    know(team, found)
    assert rates(team) == {}
    decide_all(team.fresh_desk(team.reviewer), found.search_id, LEAD)
    assert set(rates(team)) == {"Rita Reviewer"}


def test_nobody_who_may_know_the_truth_reviews_the_list(team: Squad, found: SearchResult) -> None:
    supervisor = team.fresh_desk(team.supervisor)
    team.fresh_desk(team.examiner).reviews.ask(found.search_id, team.supervisor.id)
    assert [each.search_id for each in supervisor.reviews.waiting()] == [found.search_id]
    know(team, found)
    supervisor = team.fresh_desk(team.supervisor)
    assert supervisor.reviews.waiting() == []
    review = supervisor.reviews.of_search(found.search_id)
    assert not review.may_decide
    assert "the truth about this list is on record" in review.why_not
    with refused(ReasonCode.KNOWS_PAIRS):
        supervisor.reviews.decide(found.search_id, review.entries[0].name, draft(LEAD))


def test_it_is_recorded_once(team: Squad, found: SearchResult) -> None:
    measuring = team.fresh_desk(team.supervisor).measuring
    for truth in ({}, {"0123456789abcdef": True}):
        with pytest.raises((InvalidValue, NotFound)):
            measuring.know(found.search_id, truth)
    assert measuring.of_search(found.search_id) == {}
    know(team, found)
    with refused(ReasonCode.PAIRS_KNOWN):
        know(team, found)


def test_what_guests_decide_is_not_told_to_another_agency(team: Squad, case: Case, found: SearchResult) -> None:
    team.invite_guest(case, team.today + timedelta(days=9), CaseRole.REVIEWER)
    know(team, found)
    decide_all(team.fresh_desk(team.guest), found.search_id, LEAD)
    assert rates(team) == {}
    decide_all(team.fresh_desk(team.examiner), found.search_id, LEAD)
    assert set(rates(team)) == {"Eva Examiner"}


def test_two_pictures_of_one_candidate_have_one_truth(team: Squad, found: SearchResult) -> None:
    desk = team.fresh_desk(team.supervisor)
    names = max((entry.names for entry in desk.reviews.of_search(found.search_id).entries), key=len)
    with pytest.raises(InvalidValue, match="both the same person and another"):
        desk.measuring.know(found.search_id, {names[0]: True, names[1]: False})


@pytest.mark.parametrize("role", ["examiner", "reviewer", "auditor", "colleague", "foreign_supervisor"])
def test_only_supervisors_of_the_agency_measure(team: Squad, found: SearchResult, role: str) -> None:
    know(team, found)
    person: Account = getattr(team, role)
    measuring = team.fresh_desk(person).measuring
    for read in (lambda: measuring.of_search(found.search_id), lambda: measuring.know(found.search_id, {"1": True})):
        with pytest.raises((NotAllowed, NotFound)):
            read()
    if role == "foreign_supervisor":
        assert measuring.reviewers() == []
        assert measuring.lists() == []
    else:
        with pytest.raises(NotAllowed):
            measuring.reviewers()


def test_no_lead_report_comes_of_a_list_whose_truth_was_known(team: Squad, found: SearchResult) -> None:
    know(team, found, same=4)
    for person in (team.examiner, team.reviewer):
        decide_all(team.fresh_desk(person), found.search_id, LEAD)
    with refused(ReasonCode.NO_LEAD_OF_KNOWN):
        team.fresh_desk(team.examiner).lead_reports.write(found.search_id, "1")


def test_the_timeline_tells_only_those_who_measure_and_those_who_audit(
    team: Squad, case: Case, found: SearchResult
) -> None:
    know(team, found)
    told = {
        person.name
        for person in (team.examiner, team.reviewer, team.supervisor, team.auditor)
        if Action.PAIRS_KNOWN in {entry.action for entry in team.fresh_desk(person).casework.timeline(case.key)}
    }
    assert told == {team.supervisor.name, team.auditor.name}


def test_a_truth_that_was_changed_is_found_and_not_believed(team: Squad, found: SearchResult) -> None:
    know(team, found)
    with team.workspace.store.begin() as tx:
        changed = sa.update(known_pairs).where(known_pairs.c.entry == 1).values(at=team.clock() + timedelta(days=1))
        tx.connection.execute(changed, execution_options={"watched": False})
    with pytest.raises(RowsAltered, match="known_pairs/"):
        team.machine.audit.verify()


def test_a_case_that_is_destroyed_takes_its_known_pairs_with_it(team: Squad, case: Case, found: SearchResult) -> None:
    know(team, found)
    team.fresh_desk(team.examiner).casework.close(case.key)
    team.clock.advance(days=400)
    team.machine.retain.sweep()
    with team.workspace.store.read() as tx:
        assert tx.connection.scalar(sa.select(sa.func.count()).select_from(known_pairs)) == 0
    assert team.fresh_desk(team.supervisor).measuring.lists() == []
    team.machine.audit.verify()


def test_the_record_does_not_tell_the_truth_itself(team: Squad, case: Case, found: SearchResult) -> None:
    know(team, found)
    entries = team.fresh_desk(team.auditor).casework.timeline(case.key)
    (entry,) = [entry for entry in entries if entry.action == Action.PAIRS_KNOWN]
    told = {name: value for name, value in entry.details.items() if name != "rows"}
    assert told == {"case": case.ref, "search": found.search_id, "pairs": 4}
