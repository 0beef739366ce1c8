"""Cases, on either database: who sees which, what the database refuses, and what a destroyed one leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.support.store_rows import NOW, RawSql, Refuses, Rows

from lineament.errors import AccessAltered, AlreadyThere, InvalidValue, NotFound, Refused
from lineament.model.accounts import HOME_AGENCY, Sight
from lineament.model.cases import Authorisation, AuthorisationOutcome, CaseRole, CaseState, Seeks
from lineament.store.db import Store, Tx
from lineament.testing import VAULT

TODAY = NOW.date()
DAY = timedelta(days=1)


def sight(agency_id: str = HOME_AGENCY, account_id: str | None = None, *, whole: bool = False) -> Sight:
    return Sight(agency_id=agency_id, account_id=account_id, whole_agency=whole, today=TODAY)


SOLO = sight(whole=True)
"""The official at the machine of a solo workspace."""


def decided(**fields: Any) -> Authorisation:
    return replace(
        Authorisation(
            authority="Tribunal judiciaire, Mme Örtiz",
            decided_at=NOW - DAY,
            outcome=AuthorisationOutcome.GRANTED,
            document_sha256="ab" * 32,
            scope="one person, three photographs",
            expires_on=TODAY + 30 * DAY,
            recorded_by="A Supervisor",
            recorded_at=NOW,
        ),
        **fields,
    )


# ---------------------------------------------------------------- opening and changing


def test_a_case_comes_back_as_it_was_opened(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        terms = {"jurisdiction": "DE", "seeks": Seeks.INITIAL, "exempt_because": "seen on the camera of the shop"}
        case, _ = rows.case(tx, **terms)
        assert case.terms.authorised_by == "the prosecutor"
        assert {name: getattr(case.terms, name) for name in terms} == terms
        assert (case.state, case.opened_at, case.closed_at, case.searches) == (CaseState.OPEN, NOW, None, 0)
        assert (case.agency_id, case.authorisation, case.urgent_since, case.hold_because) == (HOME_AGENCY,) + (
            None,
        ) * 3
    with store.read() as tx:
        assert tx.cases.by_id(case.id) == tx.cases.by_key(case.key) == tx.cases.find("2026/17", SOLO) == case


def test_a_reference_is_used_once_in_an_agency(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        mine, _ = rows.case(tx)
        elsewhere = rows.agency(tx, "Elsewhere")
        theirs, _ = rows.case(tx, agency_id=elsewhere)
        assert mine.ref == theirs.ref
        assert tx.cases.find("2026/17", SOLO) == mine
        assert tx.cases.find("2026/17", sight(elsewhere, whole=True)) == theirs
    with pytest.raises(AlreadyThere, match="2026/17"), store.begin() as tx:
        rows.case(tx)


def test_a_case_is_closed(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        case, _ = rows.case(tx)
        tx.cases.set_state(case.id, CaseState.CLOSED, NOW + DAY)
        closed = tx.cases.by_id(case.id)
    assert (closed.state, closed.closed_at) == (CaseState.CLOSED, NOW + DAY)


def test_urgency_hold_and_authorisation_come_back(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        case, _ = rows.case(tx)
        tx.cases.set_urgent(case.id, "a child is missing", NOW)
        tx.cases.set_hold(case.id, "the court's order")
        changed = tx.cases.by_id(case.id)
        assert (changed.urgent_since, changed.urgent_because) == (NOW, "a child is missing")
        assert changed.hold_because == "the court's order"
        for authorisation in (decided(), decided(expires_on=None, document_sha256=None)):
            tx.cases.set_authorisation(case.id, authorisation)
            assert tx.cases.by_id(case.id).authorisation == authorisation
        tx.cases.set_hold(case.id, None)
        assert tx.cases.by_id(case.id).hold_because is None


def test_an_authorisation_is_sealed_in_its_place(store: Store, rows: Rows, raw: RawSql) -> None:
    with store.begin() as tx:
        case, _ = rows.case(tx)
        other, _ = rows.case(tx, "other")
        for each in (case, other):
            tx.cases.set_authorisation(each.id, decided())
    rows_there = raw("SELECT authorisation FROM cases")
    assert len(rows_there) == 2
    for (sealed,) in rows_there:
        assert b"Tribunal" not in bytes(sealed)
    raw(f"UPDATE cases SET authorisation = (SELECT c.authorisation FROM cases c WHERE c.id = {other.id})")
    with store.read() as tx:
        assert tx.cases.by_id(other.id).authorisation == decided()
        with pytest.raises(AccessAltered):
            tx.cases.by_id(case.id)


def test_unknown_cases(store: Store) -> None:
    with store.read() as tx:
        for ask in (lambda: tx.cases.by_key("nothing"), lambda: tx.cases.by_id(7), lambda: tx.cases.wrapped_key(7)):
            with pytest.raises(NotFound):
                ask()


# ---------------------------------------------------------------- who sees which


def visible(tx: Tx, look: Sight) -> list[str]:
    """Return the references that a page shows, after checking that counting and opening agree with it."""
    page = tx.cases.page(look, limit=50)
    assert tx.cases.count(look) == len(page)
    for case in tx.cases.page(SOLO, limit=50) + tx.cases.page(sight(_agency(tx), whole=True), limit=50):
        if case in page:
            assert tx.cases.find(case.key, look) == case
        else:
            with pytest.raises(NotFound):
                tx.cases.find(case.key, look)
    return [case.ref for case in page]


def _agency(tx: Tx) -> str:
    return next(agency.id for agency in tx.agencies.all() if not agency.home)


def test_officials_see_their_own_cases(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        guests = rows.agency(tx, "Elsewhere")
        mine, foreign = rows.account(tx), rows.account(tx, guests)
        cases = {ref: rows.case(tx, ref)[0] for ref in ("own", "shared", "over", "today", "not a member")}
        cases["theirs"] = rows.case(tx, "theirs", guests)[0]
        for account in (mine, foreign):
            tx.members.put(cases["shared"].id, account, CaseRole.OBSERVER, NOW, None)
            tx.members.put(cases["over"].id, account, CaseRole.EXAMINER, NOW, TODAY - DAY)
            tx.members.put(cases["today"].id, account, CaseRole.EXAMINER, NOW, TODAY)
        tx.members.put(cases["own"].id, mine, CaseRole.EXAMINER, NOW, None)
    with store.read() as tx:
        assert visible(tx, SOLO) == ["not a member", "today", "over", "shared", "own"]
        assert visible(tx, sight(account_id=mine)) == ["today", "shared", "own"]
        assert visible(tx, sight(account_id=mine, whole=True)) == ["not a member", "today", "over", "shared", "own"]
        assert visible(tx, sight(guests, foreign)) == ["today", "shared"]
        assert visible(tx, sight(guests, foreign, whole=True)) == ["theirs", "today", "shared"]
        assert visible(tx, sight()) == []
        assert tx.cases.find("own", sight(account_id=mine)).ref == "own"
        keys = [case.key for case in cases.values()]
        for look in (SOLO, sight(account_id=mine), sight(guests, foreign), sight(guests, foreign, whole=True), sight()):
            assert [case.ref for case in tx.cases.several(keys, look)] == visible(tx, look)
        assert tx.cases.several([cases["own"].key, "f" * 16], SOLO) == [cases["own"]]


def test_a_reference_is_one_of_ones_own_agency(store: Store, rows: Rows) -> None:
    """Another agency's case is opened by its key, because references are not unique across agencies."""
    with store.begin() as tx:
        guests = rows.agency(tx, "Elsewhere")
        foreign = rows.account(tx, guests)
        shared, _ = rows.case(tx, "shared")
        tx.members.put(shared.id, foreign, CaseRole.EXAMINER, NOW, None)
        look = sight(guests, foreign)
        assert tx.cases.find(shared.key, look) == shared
        with pytest.raises(NotFound):
            tx.cases.find("shared", look)
        decoy, _ = rows.case(tx, shared.key, guests)
        tx.members.put(decoy.id, foreign, CaseRole.EXAMINER, NOW, None)
        assert tx.cases.find(shared.key, look) == shared


def test_an_invisible_case_is_reported_like_a_missing_one(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        guests = rows.agency(tx, "Elsewhere")
        account, foreign = rows.account(tx), rows.account(tx, guests)
        case, _ = rows.case(tx, "secret")
    answers = []
    with store.read() as tx:
        for look in (sight(account_id=account), sight(guests, foreign), sight(guests, whole=True), sight()):
            for name in (case.key, case.ref, "f" * 16, "nothing"):
                with pytest.raises(NotFound) as caught:
                    tx.cases.find(name, look)
                answers.append((str(caught.value).replace(name, "…"), {**caught.value.details, "name": "…"}))
    assert len(answers) == 16
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("name", ["", "' OR 1 = 1 --", "%", "_", "𝔘𝔫𝔦", "x" * 5000])
def test_odd_names_are_not_there(store: Store, rows: Rows, name: str) -> None:
    with store.begin() as tx:
        rows.case(tx)
        with pytest.raises(NotFound):
            tx.cases.find(name, SOLO)


def test_a_name_that_no_database_can_hold_is_refused(store: Store) -> None:
    with pytest.raises(InvalidValue), store.read() as tx:
        tx.cases.find("a\0b", SOLO)


# ---------------------------------------------------------------- pages


def test_pages_follow_each_other_newest_first(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        account = rows.account(tx)
        cases = [rows.case(tx, f"case {number}")[0] for number in range(7)]
        for case in cases[::2]:
            tx.members.put(case.id, account, CaseRole.EXAMINER, NOW, None)
            tx.cases.set_state(case.id, CaseState.CLOSED, NOW)
        for look, expected in ((SOLO, [6, 5, 4, 3, 2, 1, 0]), (sight(account_id=account), [6, 4, 2, 0])):
            found: list[int] = []
            after = None
            while page := tx.cases.page(look, after=after, limit=2):
                assert len(page) <= 2
                found += [int(case.ref.split()[1]) for case in page]
                after = page[-1].id
            assert found == expected


def test_a_page_of_some_states(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        account = rows.account(tx)
        for number, state in enumerate((CaseState.OPEN, CaseState.CLOSED, CaseState.REFUSED, CaseState.DESTROYED)):
            case, _ = rows.case(tx, state.value)
            tx.members.put(case.id, account, CaseRole.EXAMINER, NOW, None)
            if number == 1:
                tx.cases.set_state(case.id, state, NOW)
            elif number > 1:
                tx.cases.destroy(case.id, state, NOW)
        for look in (SOLO, sight(account_id=account), sight(account_id=account, whole=True)):
            for states in ([CaseState.OPEN], [CaseState.CLOSED, CaseState.REFUSED], []):
                page = tx.cases.page(look, states=states, limit=9)
                expected = states or list(CaseState)
                assert [case.state for case in page] == expected[::-1]
                assert tx.cases.count(look, states) == len(expected)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("robbery", ["b", "a"]),
        ("ROBBERY", ["b", "a"]),
        ("robbery jewel", ["b"]),
        ("jewel robbery", ["b"]),
        ("bank", ["a"]),
        ("find", ["c_%", "b", "a"]),
        ("find nothing", []),
        ("c_%", ["c_%"]),
        ("%", ["c_%"]),
        ("nothing", []),
        ("ÉLYSÉE", ["d"]),
        ("élysée", ["d"]),
        ("STRASSE", ["d"]),
        ("consent", []),
    ],
)
def test_a_page_of_cases_in_which_words_are(store: Store, rows: Rows, words: str, found: list[str]) -> None:
    with store.begin() as tx:
        rows.case(tx, "a", offence="bank robbery")
        rows.case(tx, "b", offence="robbery", purpose="find the jeweller")
        rows.case(tx, "c_%", offence="theft")
        rows.case(tx, "d", offence="Théft at the Élysée", purpose="who walked along the Straße")
        rows.case(tx, "robbery elsewhere", rows.agency(tx, "Elsewhere"))
        assert [case.ref for case in tx.cases.page(SOLO, words=words, limit=9)] == found


def test_searches_are_counted_beside_each_case(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        searched, key = rows.case(tx, "searched")
        rows.case(tx, "not searched")
        probe = rows.probe(searched)
        tx.probes.add(probe, searched.id, rows.sha256(), key)
        for _ in range(2):
            result = rows.result(probe, rows.entry(tx, case=searched))
            tx.searches.add(result, searched.id, agency_id=HOME_AGENCY, examiner="an examiner")
        assert [case.searches for case in tx.cases.page(SOLO, limit=9)] == [0, 2]


def test_authorisations_that_end_soon_come_first(store: Store, rows: Rows) -> None:
    ends: dict[str, int | None] = {
        "in time": 60,
        "next week": 7,
        "urgent until tomorrow": 1,
        "tomorrow": 1,
        "urgent too, until tomorrow": 1,
    }
    ends |= {"over": -3, "without an end": None}
    with store.begin() as tx:
        account = rows.account(tx)
        for ref, days in ends.items():
            case, _ = rows.case(tx, ref)
            if "urgent" in ref:
                tx.cases.set_urgent(case.id, "it could not wait", NOW)
            until = None if days is None else TODAY + days * DAY
            tx.cases.set_authorisation(case.id, decided(expires_on=until))
            tx.members.put(case.id, account, CaseRole.EXAMINER, NOW, None)
        for ref, hours in (("urgent", 1), ("more urgent", 0)):
            case, _ = rows.case(tx, ref)
            tx.cases.set_urgent(case.id, "it cannot wait", NOW + timedelta(hours=hours))
        covered, _ = rows.case(tx, "urgent once")
        tx.cases.set_urgent(covered.id, "it could not wait", NOW)
        tx.cases.set_authorisation(covered.id, decided())
        closed, _ = rows.case(tx, "closed")
        tx.cases.set_authorisation(closed.id, decided(expires_on=TODAY))
        tx.cases.set_state(closed.id, CaseState.CLOSED, NOW)
        rows.case(tx, "waiting")
        week = TODAY + 7 * DAY
        expected = ["more urgent", "urgent", "over", *list(ends)[2:5], "next week"]
        assert [case.ref for case in tx.cases.expiring(SOLO, week)] == expected
        assert [case.ref for case in tx.cases.expiring(SOLO, week, limit=3)] == expected[:3]
        assert [case.ref for case in tx.cases.expiring(sight(account_id=account), week)] == expected[2:]
        assert tx.cases.expiring(sight(rows.agency(tx, "Elsewhere"), whole=True), week) == []


def test_closed_cases_are_due_after_their_time(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        elsewhere = rows.agency(tx, "Elsewhere")
        for ref, days in (("second", 2), ("first", 1), ("later", 9), ("held", 1), ("gone", 1)):
            case, _ = rows.case(tx, ref)
            tx.cases.set_state(case.id, CaseState.CLOSED, NOW + days * DAY)
            if ref == "held":
                tx.cases.set_hold(case.id, "the court's order")
            if ref == "gone":
                tx.cases.destroy(case.id, CaseState.DESTROYED, NOW + 2 * DAY)
        rows.case(tx, "open")
        theirs, _ = rows.case(tx, "theirs", elsewhere)
        tx.cases.set_state(theirs.id, CaseState.CLOSED, NOW)
        assert [case.ref for case in tx.cases.due(HOME_AGENCY, NOW + 9 * DAY)] == ["first", "second"]
        assert tx.cases.due(HOME_AGENCY, NOW + DAY) == []
        assert [case.ref for case in tx.cases.due(elsewhere, NOW + DAY)] == ["theirs"]


def test_no_page_reads_every_case(sqlite_path: Path, rows: Rows) -> None:
    """An index answers for every official: SQLite's query plans scan no table of cases."""
    store = Store.open(f"sqlite:///{sqlite_path}", VAULT)
    plans: list[str] = []

    def explain(*event: Any) -> None:
        _, cursor, statement, parameters, _, _ = event
        if "cases" in statement:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[-1] for row in cursor.fetchall())

    with store.begin() as tx:
        account = rows.account(tx)
        tx.members.put(rows.case(tx)[0].id, account, CaseRole.EXAMINER, NOW, None)
        sa.event.listen(tx.connection, "before_cursor_execute", explain)
        for look in (SOLO, sight(account_id=account), sight(account_id=account, whole=True)):
            for states in ((), (CaseState.OPEN,)):
                tx.cases.page(look, states=states, after=9, limit=5)
                tx.cases.count(look, states)
            tx.cases.expiring(look, TODAY)
            tx.cases.find("2026/17", look)
        tx.ledger.of_agency(HOME_AGENCY, 9, 5)
    store.close()
    assert any("ix_cases_of_agency" in plan for plan in plans)
    scans = [plan for plan in plans if plan.startswith("SCAN") and not plan.startswith("SCAN anon")]
    assert [plan for plan in scans if "CONSTANT ROW" not in plan] == []


# ---------------------------------------------------------------- tombstones


def test_a_destroyed_case_leaves_a_tombstone(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        case, _ = rows.case(tx, seeks=Seeks.INITIAL, exempt_because="the facts", jurisdiction="DE")
        tx.cases.set_urgent(case.id, "it cannot wait", NOW)
        refused = decided(outcome=AuthorisationOutcome.REFUSED, expires_on=None)
        tx.cases.set_authorisation(case.id, refused)
        tx.cases.set_hold(case.id, "the court's order")
        tx.cases.destroy(case.id, CaseState.REFUSED, NOW + DAY)
        stone = tx.cases.by_id(case.id)
        with pytest.raises(Refused, match=r"2026/17 was destroyed"):
            tx.cases.wrapped_key(case.id)
    assert (stone.ref, stone.key, stone.state) == ("2026/17", case.key, CaseState.REFUSED)
    assert (stone.opened_at, stone.closed_at, stone.authorisation) == (NOW, NOW + DAY, refused)
    terms = stone.terms
    assert {terms.offence, terms.purpose, terms.basis, terms.exempt_because, stone.urgent_because} == {"deleted"}
    assert (terms.authorised_by, stone.hold_because) == (None, None)


def test_a_tombstone_is_found_by_its_reference_alone(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        case, _ = rows.case(tx, "Ref 7", offence="robbery")
        tx.cases.destroy(case.id, CaseState.DESTROYED, NOW)
        assert [listed.id for listed in tx.cases.page(SOLO, words="ref 7", limit=9)] == [case.id]
        assert tx.cases.page(SOLO, words="robbery", limit=9) == []


def test_a_case_that_was_closed_before_keeps_the_day(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        case, _ = rows.case(tx)
        tx.cases.set_state(case.id, CaseState.CLOSED, NOW)
        tx.cases.destroy(case.id, CaseState.DESTROYED, NOW + DAY)
        stone = tx.cases.by_id(case.id)
    assert (stone.closed_at, stone.terms.exempt_because, stone.urgent_because) == (NOW, None, None)


def test_a_case_on_legal_hold_is_not_destroyed(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        case, _ = rows.case(tx)
        tx.cases.set_hold(case.id, "the court's order")
    with pytest.raises(Refused, match="held_is_kept"), store.begin() as tx:
        tx.cases.destroy(case.id, CaseState.DESTROYED, NOW)


# ---------------------------------------------------------------- the database itself refuses (R7, R8, R35)


@pytest.mark.parametrize("column", ["key", "ref", "offence", "purpose", "basis"])
def test_no_case_without_its_grounds(store: Store, rows: Rows, refused: Refuses, column: str) -> None:
    with store.begin() as tx:
        rows.case(tx)
    refused(f"UPDATE cases SET {column} = NULL", "null")
    refused(f"UPDATE cases SET {column} = ' \t'", f"{column}_said")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("state = 'closed'", "closed_when"),
        ("closed_at = opened_at", "closed_when"),
        ("state = 'archived', closed_at = opened_at", "state_known"),
        ("state = 'destroyed', closed_at = opened_at", "keyless_is_gone"),
        ("wrapped_key = NULL", "keyless_is_gone"),
        ("hold_because = 'x', state = 'destroyed', closed_at = opened_at, wrapped_key = NULL", "held_is_kept"),
        ("seeks = 'anybody'", "seeks_known"),
        ("seeks = 'initial identification', exempt_because = ' '", "exempt_because_said"),
        ("seeks = 'initial identification', exempt_because = NULL", "exemption_said"),
        ("urgent_since = opened_at", "urgency_said"),
        ("urgent_because = 'x'", "urgency_said"),
        ("agency_id = NULL", "null"),
        ("agency_id = 'nobody'", "foreign key"),
    ],
)
def test_no_case_in_a_state_that_cannot_be(store: Store, rows: Rows, refused: Refuses, change: str, why: str) -> None:
    with store.begin() as tx:
        rows.case(tx)
    refused(f"UPDATE cases SET {change}", why)


def test_two_cases_of_an_agency_never_share_a_reference(store: Store, rows: Rows, refused: Refuses) -> None:
    with store.begin() as tx:
        rows.case(tx, "one")
        rows.case(tx, "two")
    refused("UPDATE cases SET ref = 'one'", "unique")
    refused("UPDATE cases SET key = 'one'", "unique")


def test_dates_are_compared_as_days(store: Store, rows: Rows) -> None:
    """A membership is in force for the whole of its last day."""
    with store.begin() as tx:
        account = rows.account(tx)
        case, _ = rows.case(tx)
        tx.members.put(case.id, account, CaseRole.EXAMINER, NOW, date(2026, 3, 4))
        for day, expected in ((date(2026, 3, 4), 1), (date(2026, 3, 5), 0)):
            look = replace(sight(account_id=account), today=day)
            assert tx.cases.count(look) == len(tx.cases.page(look, limit=5)) == expected
