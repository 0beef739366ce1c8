"""Two people decide about each candidate, blind to the model and to each other (R17 to R19)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.support.refusals import refused
from tests.support.reviewing import decide_all, draft
from tests.support.squad import OTHER_PHOTOGRAPH, Squad

from lineament.errors import InvalidValue, NotAllowed, NotFound, RowsAltered, Undecided
from lineament.model.accounts import Account
from lineament.model.cases import Case, CaseRole
from lineament.model.reasons import ReasonCode
from lineament.model.review import Assessment, Draft, Feature, ReviewOutcome
from lineament.model.search import SearchResult
from lineament.services.review.reviews import EntryStanding, ListReview
from lineament.store.review_tables import candidate_notes, decisions
from lineament.views.searches import search_json

LEAD, EXCLUDED, INCONCLUSIVE = ReviewOutcome.LEAD, ReviewOutcome.EXCLUDED, ReviewOutcome.INCONCLUSIVE


def review_of(team: Squad, person: Account, found: SearchResult) -> ListReview:
    return team.fresh_desk(person).reviews.of_search(found.search_id)


def standing(team: Squad, person: Account, found: SearchResult, entry: int) -> EntryStanding:
    """Return how an entry, given by its number, stands for somebody."""
    review = review_of(team, person, found)
    seen = {hidden.number: hidden.name for hidden in review.stored.result.hidden}
    seen |= {shown.number: str(shown.candidate.rank) for shown in review.stored.result.entries}
    return review.of(seen[entry])


def decide(team: Squad, person: Account, found: SearchResult, entry: int, made: Draft) -> None:
    name = standing(team, person, found, entry).name
    team.fresh_desk(person).reviews.decide(found.search_id, name, made)


def test_a_list_is_hidden_and_everybody_has_an_order_of_their_own(team: Squad, case: Case, found: SearchResult) -> None:
    told = []
    readers = (team.examiner, team.reviewer, team.supervisor)
    other = team.search(case, team.take_probe(case, OTHER_PHOTOGRAPH))
    for listed in (found, other):  # of one list of four, three people have one order 1 time in 576
        orders = []
        for person in readers:
            seen = team.fresh_desk(person).search.stored(listed.search_id).result
            assert seen.candidates == ()
            assert seen.listed == len(listed.entries) == 4
            assert all(face.found_at is None for entry in seen.hidden for face in entry.faces)
            orders.append([entry.number for entry in seen.hidden])
            again = team.fresh_desk(person).search.stored(listed.search_id).result
            assert again.hidden == seen.hidden, "the order stays"
        assert all(sorted(order) == [1, 2, 3, 4] for order in orders)
        told.append(len({tuple(order) for order in orders}))
    assert max(told) > 1
    names = [
        {hidden.name for hidden in team.fresh_desk(person).search.get(found.search_id).hidden} for person in readers
    ]
    assert names[0] == names[1] == names[2], "one can send another a link"


def test_the_lists_of_a_case_come_newest_first_and_a_few_at_a_time(
    team: Squad, case: Case, found: SearchResult
) -> None:
    again = team.search(case, team.take_probe(case, OTHER_PHOTOGRAPH))
    reviews = team.fresh_desk(team.examiner).reviews
    reviews.note(found.search_id, reviews.of_search(found.search_id).entries[0].name, "the ear")
    every = reviews.of_case(case.key)
    assert [each.stored.result.search_id for each in every] == [again.search_id, found.search_id]
    assert [each.stored for each in every] == [
        reviews.of_search(search).stored for search in (again.search_id, found.search_id)
    ]
    assert every[1].entries == reviews.of_search(found.search_id).entries
    assert not any(entry.notes for entry in every[0].entries)
    assert reviews.of_case(case.key, None, 1) == every[:1]
    assert reviews.of_case(case.key, team.recorded(again).ledger_entry, 1) == every[1:]


def test_an_auditor_who_never_decides_sees_it_whole(team: Squad, found: SearchResult) -> None:
    assert team.fresh_desk(team.auditor).search.stored(found.search_id).result.candidates == found.candidates


def test_what_is_hidden_is_not_in_its_json_and_pictures_are_of_one_size(team: Squad, found: SearchResult) -> None:
    desk = team.fresh_desk(team.examiner)
    seen = desk.search.stored(found.search_id).result
    told = search_json(seen, desk.search.entry(found.search_id))
    assert told["candidates"] == []
    assert len(told["hidden"]) == 4
    names = [face.name for entry in seen.hidden for face in entry.faces]
    assert len({len(desk.pictures.crop(found.search_id, name)) for name in names}) == 1
    for look in (desk.pictures.thumbnail, desk.pictures.original, desk.pictures.page):
        with pytest.raises(Undecided):
            look(found.search_id, names[0])
    for rank in ("1", "01", "0", "99"):
        with pytest.raises(NotFound):
            desk.pictures.crop(found.search_id, rank)
    assert desk.pictures.beside_probe(found.search_id, names[0]).found is None
    with pytest.raises(Undecided):
        desk.report.write(found.search_id)
    with pytest.raises(Undecided):
        desk.copies.take(found.search_id, names[0])


def test_a_decision_shows_where_and_the_last_one_ranks_and_scores(team: Squad, found: SearchResult) -> None:
    desk = team.fresh_desk(team.examiner)
    first, *others = [entry.name for entry in desk.reviews.of_search(found.search_id).entries]
    desk.reviews.decide(found.search_id, first, draft(EXCLUDED))
    seen = desk.search.stored(found.search_id).result
    assert seen.candidates == ()
    shown = {entry.name: entry.faces[0].found_at for entry in seen.hidden}
    assert shown.pop(first) is not None
    assert set(shown.values()) == {None}
    assert desk.pictures.original(found.search_id, first)
    for name in others:
        desk.reviews.decide(found.search_id, name, draft(EXCLUDED))
    assert desk.search.stored(found.search_id).result.candidates == found.candidates
    assert desk.report.html(found.search_id)


def test_two_who_agree(team: Squad, found: SearchResult) -> None:
    decide(team, team.examiner, found, 1, draft(LEAD))
    assert standing(team, team.examiner, found, 1).outcome is None
    assert standing(team, team.reviewer, found, 1).own is None
    decide(team, team.reviewer, found, 1, draft(LEAD))
    for person in (team.examiner, team.reviewer, team.supervisor):
        seen = standing(team, person, found, 1)
        assert seen.outcome is LEAD
        assert seen.review is not None
        assert [decision.reviewer for decision in seen.review.decisions] == ["Eva Examiner", "Rita Reviewer"]
        assert not any(decision.informed for decision in seen.review.decisions)
    with refused(ReasonCode.REVIEWED):
        decide(team, team.supervisor, found, 1, draft(EXCLUDED))
    team.machine.audit.verify()


def test_two_who_disagree_are_inconclusive_and_both_stay(team: Squad, found: SearchResult) -> None:
    decide(team, team.reviewer, found, 2, draft(LEAD))
    decide(team, team.supervisor, found, 2, draft(EXCLUDED))
    seen = standing(team, team.examiner, found, 2)
    assert seen.outcome is INCONCLUSIVE
    assert seen.review is not None
    assert seen.review.disagreed
    assert [decision.outcome for decision in seen.review.decisions] == [LEAD, EXCLUDED]


def test_a_decision_is_changed_only_by_a_new_one_with_a_reason(team: Squad, found: SearchResult) -> None:
    decide(team, team.examiner, found, 1, draft(EXCLUDED))
    with pytest.raises(InvalidValue, match="write why it changes"):
        decide(team, team.examiner, found, 1, draft(LEAD))
    decide(team, team.examiner, found, 1, draft(LEAD, because="the scar is make-up"))
    decide(team, team.reviewer, found, 1, draft(LEAD))
    decide(team, team.examiner, found, 1, draft(EXCLUDED, because="a twin is known"))
    seen = standing(team, team.supervisor, found, 1)
    assert seen.review is not None
    assert [(each.outcome, each.number, each.informed) for each in seen.review.decisions] == [
        (EXCLUDED, 1, False),
        (LEAD, 2, False),
        (LEAD, 1, False),
        (EXCLUDED, 3, True),
    ]
    assert seen.outcome is INCONCLUSIVE


@pytest.mark.parametrize("missing", [Feature.SKIN, Feature.EARS, Feature.OTHER])
def test_an_incomplete_checklist_is_refused(team: Squad, found: SearchResult, missing: Feature) -> None:
    whole = draft(LEAD)
    checklist = {feature: found for feature, found in whole.checklist.items() if feature is not missing}
    with pytest.raises(InvalidValue, match=missing.value):
        decide(team, team.examiner, found, 1, replace(whole, checklist=checklist))


@pytest.mark.parametrize(
    ("outcome", "every", "grounds"),
    [
        (LEAD, Assessment.SIMILAR, " "),
        (LEAD, Assessment.DIFFERENT, "I think so"),
        (EXCLUDED, Assessment.SIMILAR, "I think so"),
        (INCONCLUSIVE, Assessment.UNCLEAR, "\u200b"),
        (ReviewOutcome.NOT_COMPARABLE, Assessment.UNCLEAR, ""),
    ],
)
def test_an_outcome_needs_grounds(
    team: Squad, found: SearchResult, outcome: ReviewOutcome, every: Assessment, grounds: str
) -> None:
    unfounded = Draft(outcome=outcome, checklist=dict.fromkeys(Feature, every), grounds=grounds)
    with pytest.raises(InvalidValue):
        decide(team, team.examiner, found, 1, unfounded)


def test_who_may_not_decide(team: Squad, case: Case, found: SearchResult) -> None:
    name = review_of(team, team.examiner, found).entries[0].name
    team.invite_guest(case, team.today + timedelta(days=9), CaseRole.OBSERVER)
    for person in (team.auditor, team.guest):
        with pytest.raises(NotAllowed):
            team.fresh_desk(person).reviews.decide(found.search_id, name, draft(LEAD))
    for person in (team.colleague, team.foreign_supervisor):
        with pytest.raises(NotFound):
            team.fresh_desk(person).reviews.decide(found.search_id, name, draft(LEAD))
    team.train(team.reviewer, days=-1)
    with refused(ReasonCode.UNTRAINED):
        team.fresh_desk(team.reviewer).reviews.decide(found.search_id, name, draft(LEAD))
    team.fresh_desk(team.examiner).casework.close(case.key)
    with refused(ReasonCode.CASE_NOT_OPEN):
        team.fresh_desk(team.examiner).reviews.decide(found.search_id, name, draft(LEAD))


def test_notes_are_read_by_others_once_the_review_is_complete(team: Squad, found: SearchResult) -> None:
    name = standing(team, team.examiner, found, 1).name
    team.fresh_desk(team.examiner).reviews.note(found.search_id, name, "the left ear is covered")
    assert [note.text for note in standing(team, team.examiner, found, 1).notes] == ["the left ear is covered"]
    assert standing(team, team.reviewer, found, 1).notes == ()
    decide(team, team.examiner, found, 1, draft(LEAD))
    decide(team, team.reviewer, found, 1, draft(LEAD))
    assert [note.author for note in standing(team, team.supervisor, found, 1).notes] == ["Eva Examiner"]


def test_what_waits_for_whom(team: Squad, case: Case, found: SearchResult) -> None:
    def waiting(person: Account) -> list[tuple[str, int, str]]:
        reviews = team.fresh_desk(person).reviews.waiting()
        return [(each.search_id, each.left, each.asked_by) for each in reviews]

    assert waiting(team.examiner) == [(found.search_id, 4, "")]
    assert waiting(team.reviewer) == [(found.search_id, 4, "")]
    assert waiting(team.supervisor) == []
    examiner = team.fresh_desk(team.examiner)
    assert {each.name for each in examiner.reviews.colleagues(found.search_id)} == {"Rita Reviewer", "Sven Supervisor"}
    examiner.reviews.ask(found.search_id, team.supervisor.id)
    assert waiting(team.supervisor) == [(found.search_id, 4, "Eva Examiner")]
    with pytest.raises(NotAllowed):
        examiner.reviews.ask(found.search_id, team.auditor.id)
    decide_all(team.fresh_desk(team.examiner), found.search_id)
    assert waiting(team.examiner) == []
    assert waiting(team.supervisor) == [(found.search_id, 4, "Eva Examiner")], "it does not tell that one decided"
    decide_all(team.fresh_desk(team.reviewer), found.search_id)
    assert waiting(team.supervisor) == waiting(team.reviewer) == []
    team.fresh_desk(team.examiner).casework.close(case.key)
    assert waiting(team.examiner) == []


def test_what_was_excluded_comes_back_folded_and_needs_no_new_decision(
    team: Squad, case: Case, found: SearchResult
) -> None:
    decide(team, team.examiner, found, 3, draft(EXCLUDED))
    later = team.search(case, team.take_probe(case))
    assert all(entry.excluded is None for entry in review_of(team, team.reviewer, later).entries), "one is not enough"
    decide(team, team.reviewer, found, 3, draft(EXCLUDED))
    later = team.search(case, team.take_probe(case))
    seen = standing(team, team.examiner, later, 3)
    assert seen.excluded is not None
    assert seen.excluded.search_id == found.search_id
    assert seen.excluded.same_photograph
    assert not seen.is_left
    assert len(review_of(team, team.examiner, later).entries) == 4, "never dropped"
    other = team.search(case, team.take_probe(case, OTHER_PHOTOGRAPH))
    before = [entry.excluded for entry in review_of(team, team.examiner, other).entries if entry.excluded]
    assert [excluded.same_photograph for excluded in before] in ([], [False])
    decide_all(team.fresh_desk(team.examiner), later.search_id)
    assert team.fresh_desk(team.examiner).search.stored(later.search_id).result.candidates


def test_only_lists_about_which_somebody_decided_are_looked_up_again(
    team: Squad, case: Case, found: SearchResult
) -> None:
    """A program may make thousands of searches in a case, and each later one would read all their lists."""
    later = team.search(case, team.take_probe(case))
    with team.workspace.store.read() as tx:
        faces = [int(entry.face_id) for entry in tx.searches.get(found.search_id).candidates if entry.face_id]
        before = tx.reviews.seen_before(case.id, later.search_id, faces)
    assert faces != []
    assert before == []
    decide_all(team.fresh_desk(team.reviewer), found.search_id)
    with team.workspace.store.read() as tx:
        again = tx.reviews.seen_before(case.id, later.search_id, faces)
    assert [search_id for search_id, *_ in again] == [found.search_id] * len(faces)


def test_a_row_that_was_changed_is_found_and_not_believed(team: Squad, found: SearchResult) -> None:
    decide(team, team.examiner, found, 1, draft(LEAD))
    decide(team, team.reviewer, found, 1, draft(LEAD))
    with team.workspace.store.begin() as tx:
        changed = sa.update(decisions).where(decisions.c.seat == 2).values(at=team.clock() + timedelta(days=1))
        tx.connection.execute(changed, execution_options={"watched": False})
    with pytest.raises(RowsAltered, match="decisions/"):
        team.machine.audit.verify()


def test_nobody_takes_both_seats_and_there_is_no_third(team: Squad, found: SearchResult) -> None:
    """The database refuses it too (R19)."""
    decide(team, team.examiner, found, 1, draft(LEAD))
    for values in ({"seat": 2}, {"seat": 3, "account_id": None}):
        with team.workspace.store.read() as tx:
            row = dict(tx.connection.execute(sa.select(decisions)).mappings().one())
        with refused(ReasonCode.ROW_REFUSED), team.workspace.store.begin() as tx:
            tx.connection.execute(sa.insert(decisions), row | {"id": "another"} | values)


def test_a_case_that_is_destroyed_takes_its_reviews_with_it(team: Squad, case: Case, found: SearchResult) -> None:
    decide(team, team.examiner, found, 1, draft(LEAD))
    name = standing(team, team.examiner, found, 1).name
    team.fresh_desk(team.examiner).reviews.note(found.search_id, name, "the left ear is covered")
    team.fresh_desk(team.examiner).reviews.ask(found.search_id, team.supervisor.id)
    team.fresh_desk(team.examiner).casework.close(case.key)
    team.clock.advance(days=400)
    team.machine.retain.sweep()
    with team.workspace.store.read() as tx:
        for table in (decisions, candidate_notes):
            assert tx.connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0
    team.machine.audit.verify()
