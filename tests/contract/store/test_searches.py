"""Probes, searches and candidates, on either database."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from tests.support.store_rows import NOW, RawSql, Refuses, Rows

from lineament.errors import Damaged, NotFound, ProbeErased, Refused
from lineament.model.accounts import HOME_AGENCY
from lineament.model.agencies import month_of
from lineament.model.cases import Case, CaseState
from lineament.model.faces import CaptureId, FaceId, Template
from lineament.model.search import CopyOrigin, Mode, Outcome, Probe, ProbeFace, ProbeKind, SearchResult
from lineament.model.together import EnrolledSince, Together
from lineament.store.db import Store


def same_probe(first: Probe, second: Probe) -> bool:
    """Return whether two probes are equal, including their vectors."""
    vectors = [[face.template.vector for face in probe.faces] for probe in (first, second)]
    models = [[face.template.model for face in probe.faces] for probe in (first, second)]
    nothing = Template("", np.empty(0, dtype=np.float32))
    bare = [
        replace(probe, faces=tuple(replace(face, template=nothing) for face in probe.faces))
        for probe in (first, second)
    ]
    return bare[0] == bare[1] and models[0] == models[1] and np.array_equal(vectors[0], vectors[1])


# ---------------------------------------------------------------- probes


def test_a_probe_comes_back_as_it_was_added(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        case, key = rows.case(tx)
        probe, blob = rows.probe(case), rows.sha256()
        tx.probes.add(probe, case.id, blob, key)
    with store.read() as tx:
        assert same_probe(tx.probes.get(probe.id, key), probe)
        assert tx.probes.case_key(probe.id) == case.key
        assert tx.probes.blob(probe.id) == blob
        assert tx.probes.addresses() == [blob]


def test_probes_of_a_case_come_newest_first_and_same_ones_oldest_first(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        case, key = rows.case(tx)
        other, other_key = rows.case(tx, "other")
        probes = [replace(rows.probe(case), made_at=NOW + timedelta(seconds=number)) for number in range(3)]
        probes[2] = replace(probes[2], sha256=probes[0].sha256, faces=())
        for probe in probes:
            tx.probes.add(probe, case.id, rows.sha256(), key)
        tx.probes.add(rows.probe(other), other.id, rows.sha256(), other_key)
        assert [probe.id for probe in tx.probes.of_case(case.id, key)] == [probe.id for probe in reversed(probes)]
        model = probes[0].faces[0].template.model
        same = tx.probes.same(case.id, probes[0].sha256, model, key)
        assert [probe.id for probe in same] == [probes[0].id, probes[2].id]
        later = tx.probes.same(case.id, probes[0].sha256, "another/model", key)
        assert [probe.id for probe in later] == [probes[2].id]
        assert tx.probes.same(case.id, rows.sha256(), model, key) == []


def test_a_probes_faces_are_sealed_under_the_key_of_its_case(store: Store, rows: Rows, raw: RawSql) -> None:
    with store.begin() as tx:
        case, key = rows.case(tx)
        other, other_key = rows.case(tx, "other")
        first, second = rows.probe(case), rows.probe(case)
        for probe in (first, second):
            tx.probes.add(probe, case.id, rows.sha256(), key)
    with store.read() as tx, pytest.raises(Damaged):
        tx.probes.get(first.id, other_key)
    rows_there = raw("SELECT faces FROM probes")
    assert len(rows_there) == 2
    for (sealed,) in rows_there:
        assert b"landmarks" not in bytes(sealed)
    raw(f"UPDATE probes SET faces = (SELECT p.faces FROM probes p WHERE p.id = '{second.id}')")
    with store.read() as tx, pytest.raises(Damaged, match=first.id):
        tx.probes.get(first.id, key)
    raw(f"UPDATE probes SET case_id = {other.id}")
    with store.read() as tx, pytest.raises(Damaged, match=second.id):
        tx.probes.get(second.id, key)


def test_the_same_photograph_of_another_kind_is_another_probe(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        case, key = rows.case(tx)
        cctv = rows.probe(case)
        phone = replace(rows.probe(case), sha256=cctv.sha256, kind=ProbeKind.SEIZED_DEVICE)
        for probe in (cctv, phone):
            tx.probes.add(probe, case.id, rows.sha256(), key)
        model = cctv.faces[0].template.model
        assert len(tx.probes.same(case.id, cctv.sha256, model, key)) == 2
        (only,) = tx.probes.same(case.id, cctv.sha256, model, key, ProbeKind.SEIZED_DEVICE)
    assert only.id == phone.id


def test_probes_of_a_case_are_counted_and_deleted_without_its_key(store: Store, rows: Rows, raw: RawSql) -> None:
    with store.begin() as tx:
        case, key = rows.case(tx)
        other, other_key = rows.case(tx, "other")
        blob = rows.sha256()
        mine = [rows.probe(case) for _ in range(3)]
        for probe in mine:
            tx.probes.add(probe, case.id, blob, key)
        left = rows.probe(other)
        tx.probes.add(left, other.id, rows.sha256(), other_key)
        account = rows.account(tx)
        tx.members.approve(mine[0].id, account, NOW)
        tx.members.approve(left.id, account, NOW)
        assert tx.probes.blobs_of(case.id) == [blob]
        assert sorted(tx.probes.of_case_ids(case.id)) == sorted(probe.id for probe in mine)
        tx.probes.delete(tx.probes.of_case_ids(case.id))
    assert raw("SELECT id FROM probes") == [(left.id,)]
    assert raw("SELECT probe_id FROM approvals") == [(left.id,)]


def test_probes_that_nobody_searched_are_found_when_they_are_old(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        elsewhere = rows.agency(tx, "Elsewhere")
        case, key = rows.case(tx)
        held, held_key = rows.case(tx, "held")
        foreign, foreign_key = rows.case(tx, "foreign", elsewhere)
        first, other, old, new = (rows.probe(case) for _ in range(4))
        new = replace(new, made_at=NOW + timedelta(days=1))
        for probe in (first, other, old, new):
            tx.probes.add(probe, case.id, rows.sha256(), key)
        tx.probes.add(rows.probe(held), held.id, rows.sha256(), held_key)
        tx.cases.set_hold(held.id, "the court's order")
        theirs = rows.probe(foreign)
        tx.probes.add(theirs, foreign.id, rows.sha256(), foreign_key)
        result = replace(rows.result(first, rows.entry(tx, case=case)), others=(ProbeFace(probe_id=other.id, face=1),))
        tx.searches.add(result, case.id, agency_id=HOME_AGENCY, examiner="an examiner")
        assert tx.probes.unsearched(HOME_AGENCY, NOW + timedelta(days=1)) == [old.id]
        assert tx.probes.unsearched(elsewhere, NOW + timedelta(days=1)) == [theirs.id]
        assert tx.probes.unsearched(HOME_AGENCY, NOW) == []
    for searched in (first, other):
        with pytest.raises(Refused, match=r"(?i)foreign key"), store.begin() as tx:
            tx.probes.delete([searched.id])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("kind = 'sketch'", "kind_known"),
        ("kind = NULL", "null"),
        ("digests = NULL", "null"),
    ],
)
def test_no_probe_of_a_kind_that_is_not_searched(
    store: Store, rows: Rows, refused: Refuses, change: str, why: str
) -> None:
    with store.begin() as tx:
        case, key = rows.case(tx)
        tx.probes.add(rows.probe(case), case.id, rows.sha256(), key)
    refused(f"UPDATE probes SET {change}", why)


def test_unknown_probes(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        _, key = rows.case(tx)
        with pytest.raises(NotFound, match="nothing"):
            tx.probes.get("nothing", key)
        with pytest.raises(NotFound, match="nothing"):
            tx.probes.blob("nothing")
        with pytest.raises(NotFound, match="no thing"):
            tx.probes.case_key("no thing")


# ---------------------------------------------------------------- searches


Searched = tuple[Case, SearchResult]


@pytest.fixture
def searched(store: Store, rows: Rows) -> Searched:
    """A case with a probe and a search of three candidates, the second with two near-duplicates."""
    with store.begin() as tx:
        case, key = rows.case(tx)
        probe = rows.probe(case)
        tx.probes.add(probe, case.id, rows.sha256(), key)
        shown = [rows.candidate(rank, rank * 10) for rank in (1, 2, 3)]
        shown[1] = replace(shown[1], near_duplicates=(FaceId(77), FaceId(55)))
        shown[2] = replace(shown[2], source="registry", near_duplicates=(FaceId(66),), extrapolated=(0.1, 0.3))
        shown[:2] = [replace(alike, group=1, unlisted=4) for alike in shown[:2]]
        result = rows.result(probe, rows.entry(tx, case=case), tuple(shown))
        tx.searches.add(result, case.id, agency_id=HOME_AGENCY, examiner="Inspector Clouseau")
    return case, result


def test_a_search_comes_back_as_it_was_shown(store: Store, searched: Searched) -> None:
    case, result = searched
    with store.read() as tx:
        assert tx.searches.get(result.search_id) == result
        stored = tx.searches.stored(result.search_id)
        assert (stored.result, stored.examiner, stored.erased) == (result, "Inspector Clouseau", ())
        assert stored.outcome is Outcome.CANDIDATES
        assert tx.searches.of_case(case.id) == [result]
        assert tx.cases.by_id(case.id).searches == 1
        assert list(tx.searches.ledger_entries()) == [(result.search_id, 0)]


def test_a_search_without_candidates_is_an_answer_too(store: Store, rows: Rows, searched: Searched) -> None:
    case, first = searched
    with store.begin() as tx:
        empty = replace(
            first,
            search_id="empty",
            candidates=(),
            mode=Mode.MANUAL,
            since=None,
            until=None,
            sources=(),
            ledger_entry=rows.entry(tx, case=case),
        )
        tx.searches.add(empty, case.id, agency_id=HOME_AGENCY, examiner="an examiner")
        assert tx.searches.get("empty") == empty
        assert tx.searches.stored("empty").outcome is Outcome.NO_CANDIDATE
        assert tx.searches.of_case(case.id) == [empty, first]


def test_an_erased_face_leaves_rank_and_score(store: Store, searched: Searched, raw: RawSql) -> None:
    _, result = searched
    first, second, third = result.candidates
    with store.begin() as tx:
        tx.searches.forget_faces([second.face_id, 12345])
    with store.read() as tx:
        stored = tx.searches.stored(result.search_id)
        assert tx.searches.get(result.search_id).candidates == (first, third)
    (left,) = stored.erased
    assert (left.rank, left.score, left.expected_false) == (2, second.score, second.expected_false)
    assert raw("SELECT * FROM candidates WHERE rank = 2") == [
        (result.search_id, 2, second.score, second.expected_false, None, None, None)
    ]
    assert raw("SELECT face_id FROM near_duplicates") == [(66,)]


def test_an_erased_near_duplicate_leaves_the_candidate(store: Store, searched: Searched) -> None:
    _, result = searched
    with store.begin() as tx:
        tx.searches.forget_faces(np.array([77]))
        found = tx.searches.get(result.search_id)
    assert found.candidates[1] == replace(result.candidates[1], near_duplicates=(FaceId(55),))


def test_a_withdrawn_source_is_erased_from_every_list(store: Store, searched: Searched, raw: RawSql) -> None:
    _, result = searched
    with store.begin() as tx:
        tx.searches.forget_source("press")
        stored = tx.searches.stored(result.search_id)
    assert stored.result.candidates == (result.candidates[2],)
    assert [candidate.rank for candidate in stored.erased] == [1, 2]
    dump = repr(raw("SELECT * FROM candidates WHERE rank < 3"))
    assert "example.org" not in dump
    assert "press" not in dump


def test_when_all_are_erased_there_still_were_candidates(store: Store, searched: Searched) -> None:
    _, result = searched
    with store.begin() as tx:
        tx.searches.forget_faces(range(100_000))
        stored = tx.searches.stored(result.search_id)
    assert stored.result.candidates == ()
    assert stored.outcome is Outcome.CANDIDATES


def test_probes_of_the_same_person_are_kept_with_the_search(store: Store, rows: Rows, searched: Searched) -> None:
    case, first = searched
    with store.begin() as tx:
        probe = rows.probe(case)
        tx.probes.add(
            probe, case.id, rows.sha256(), rows.keys.unwrap(tx.cases.wrapped_key(case.id), f"case/{case.key}")
        )
        others = (ProbeFace(probe_id=probe.id, face=2), ProbeFace(probe_id=first.probe_id, face=2))
        fused = replace(first, search_id="fused", ledger_entry=rows.entry(tx, case=case), others=others)
        tx.searches.add(fused, case.id, agency_id=HOME_AGENCY, examiner="an examiner")
    with store.read() as tx:
        assert tx.searches.get("fused") == fused
        assert tx.searches.of_case(case.id) == [fused, first]
        assert tx.searches.probes_of(case.id) == {first.probe_id, probe.id}
        assert tx.searches.probes_of(99) == set()
        for before, limit, expected in ((None, 1, [fused]), (fused.ledger_entry, 9, [first]), (0, None, [])):
            found = tx.searches.stored_of_case(case.id, before, limit)
            assert [stored.result for stored in found] == expected
        assert tx.searches.newest_of([case.id, 99]) == {case.id: tx.searches.stored("fused")}
        assert tx.searches.newest_of([]) == {}


def test_searches_without_a_candidate_are_left_out_when_asked(store: Store, rows: Rows, searched: Searched) -> None:
    case, first = searched
    with store.begin() as tx:
        empty = replace(first, search_id="empty", ledger_entry=rows.entry(tx, case=case), candidates=())
        tx.searches.add(empty, case.id, agency_id=HOME_AGENCY, examiner="an examiner")
        found = tx.searches.stored_of_case(case.id, None, 1, with_candidates=True)
        assert [stored.result for stored in found] == [first]
        tx.searches.forget_faces(range(100_000))
        assert len(tx.searches.stored_of_case(case.id, with_candidates=True)) == 1, "erased, but they were there"


def test_the_name_of_an_examiner_is_sealed(store: Store, rows: Rows, searched: Searched, raw: RawSql) -> None:
    case, first = searched
    rows_there = raw("SELECT examiner FROM searches")
    assert len(rows_there) == 1
    for (sealed,) in rows_there:
        assert b"Clouseau" not in bytes(sealed)
    with store.begin() as tx:
        again = replace(first, search_id="again", ledger_entry=rows.entry(tx, case=case))
        tx.searches.add(again, case.id, agency_id=HOME_AGENCY, examiner="Inspector Clouseau")
    assert len({bytes(sealed) for (sealed,) in raw("SELECT examiner FROM searches")}) == 2
    raw("UPDATE searches SET examiner = (SELECT s.examiner FROM searches s WHERE s.id = 'again')")
    with store.read() as tx, pytest.raises(Damaged, match=first.search_id):
        tx.searches.get(first.search_id)


@pytest.mark.parametrize("examiner", ["", " \t"])
def test_a_search_needs_an_examiner(store: Store, rows: Rows, searched: Searched, examiner: str) -> None:
    case, first = searched
    with store.begin() as tx:
        again = replace(first, search_id="again", ledger_entry=rows.entry(tx, case=case))
    with pytest.raises(Refused, match="examiner_said"), store.begin() as tx:
        tx.searches.add(again, case.id, agency_id=HOME_AGENCY, examiner=examiner)


def test_searches_are_counted_by_the_agency_that_made_them(store: Store, rows: Rows, searched: Searched) -> None:
    case, first = searched
    with store.begin() as tx:
        guest = rows.agency(tx, "Elsewhere")
        for number, at in enumerate(("2026-03-31T23:59:59.999999+00:00", "2026-04-01T00:00:00+00:00")):
            result = replace(
                first,
                search_id=f"n{number}",
                ledger_entry=rows.entry(tx, case=case, agency_id=guest),
                made_at=datetime.fromisoformat(at),
            )
            tx.searches.add(result, case.id, agency_id=guest, examiner="a guest")
        march, april = (date(2026, 3, 1), date(2026, 4, 1)), (date(2026, 4, 1), date(2026, 5, 1))
        assert [tx.searches.count_of(guest, *month) for month in (march, april)] == [1, 1]
        assert [tx.searches.count_of(HOME_AGENCY, *month) for month in (march, april)] == [1, 0]


def test_the_searches_of_a_case_are_deleted_whole(store: Store, rows: Rows, searched: Searched, raw: RawSql) -> None:
    case, first = searched
    with store.begin() as tx:
        other, key = rows.case(tx, "other")
        probe = rows.probe(other)
        tx.probes.add(probe, other.id, rows.sha256(), key)
        left = replace(
            rows.result(probe, rows.entry(tx, case=other), first.candidates),
            others=(ProbeFace(probe_id=probe.id, face=2),),
        )
        tx.searches.add(left, other.id, agency_id=HOME_AGENCY, examiner="an examiner")
        fused = replace(
            first,
            search_id="fused",
            ledger_entry=rows.entry(tx, case=case),
            others=(ProbeFace(probe_id=first.probe_id, face=2),),
        )
        tx.searches.add(fused, case.id, agency_id=HOME_AGENCY, examiner="an examiner")
        assert tx.searches.delete_of(case.id) == [first.ledger_entry, fused.ledger_entry]
        assert tx.searches.delete_of(case.id) == []
        tx.probes.delete(tx.probes.of_case_ids(case.id))
    with store.read() as tx:
        assert tx.searches.of_case(case.id) == []
        assert tx.searches.counts(*month_of(first.made_at.date())) == {HOME_AGENCY: 3}, "they were made all the same"
        assert tx.searches.of_case(other.id) == [left]
    for table in ("candidates", "near_duplicates", "search_probes"):
        assert {search_id for (search_id,) in raw(f"SELECT search_id FROM {table}")} == {left.search_id}


def test_unknown_searches(store: Store) -> None:
    with store.read() as tx:
        with pytest.raises(NotFound, match="nothing"):
            tx.searches.get("nothing")
        assert tx.searches.of_case(7) == []


# ---------------------------------------------------------------- R7, R40: the database itself refuses


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("reason = NULL", "null"),
        ("reason = ''", "reason_said"),
        ("reason = ' \t\n'", "reason_said"),
        ("examiner = NULL", "null"),
        ("examiner = '1234567890123456789012345678'", "examiner_said"),
        ("agency_id = NULL", "null"),
        ("agency_id = 'nobody'", "an entry of its own"),
        ("case_id = NULL", "null"),
        ("case_id = 99", "an entry of its own"),
        ("probe_id = NULL", "null"),
        ("probe_id = 'none'", "foreign key"),
        ("ledger_entry = NULL", "null"),
        ("ledger_entry = 99", "foreign key"),
        ("model = ''", "model_said"),
        ("mode = 'guess'", "mode_known"),
        ("face = 0", "face_at_least_1"),
    ],
)
def test_no_search_without_its_reasons(searched: Searched, refused: Refuses, change: str, why: str) -> None:
    refused(f"UPDATE searches SET {change}", why)


COLUMNS = (
    "id, case_id, agency_id, reason, examiner, made_at, model, gallery_faces, sources, mode, threshold, most, "
    "probe_id, probe_sha256, face, face_box, quality, seconds, ledger_entry"
)


@pytest.mark.parametrize("missing", ["case_id", "agency_id", "reason", "examiner", "probe_id", "ledger_entry"])
def test_no_search_is_inserted_by_hand_without_its_reasons(
    store: Store, rows: Rows, searched: Searched, raw: RawSql, refused: Refuses, missing: str
) -> None:
    with store.begin() as tx:
        entry = rows.entry(tx, case=searched[0])
    values = COLUMNS.replace("ledger_entry", str(entry)).replace("id,", "'new',", 1)
    raw(f"INSERT INTO searches ({COLUMNS}) SELECT {values} FROM searches")  # a complete row is accepted
    raw("DELETE FROM searches WHERE id = 'new'")
    columns = COLUMNS.replace(f", {missing}", "")
    values = columns.replace("ledger_entry", str(entry)).replace("id,", "'new',", 1)
    refused(f"INSERT INTO searches ({columns}) SELECT {values} FROM searches", "null")


@pytest.mark.parametrize("state", ["closed", "refused", "destroyed"])
def test_no_search_in_a_case_that_is_not_open(
    store: Store, rows: Rows, searched: Searched, raw: RawSql, refused: Refuses, state: CaseState
) -> None:
    case, first = searched
    with store.begin() as tx:
        entry = rows.entry(tx, case=case)
        if state == CaseState.CLOSED:
            tx.cases.set_state(case.id, CaseState.CLOSED, NOW)
        else:
            tx.cases.destroy(case.id, CaseState(state), NOW)
    again = replace(first, search_id="again", ledger_entry=entry)
    with pytest.raises(Refused, match="a search needs an open case"), store.begin() as tx:
        tx.searches.add(again, case.id, agency_id=HOME_AGENCY, examiner="an examiner")
    values = COLUMNS.replace("ledger_entry", str(entry)).replace("id,", "'new',", 1)
    refused(f"INSERT INTO searches ({COLUMNS}) SELECT {values} FROM searches", "a search needs an open case")
    assert raw("SELECT count(*) FROM searches") == [(1,)]


def test_a_search_uses_a_probe_of_its_own_case(store: Store, rows: Rows, searched: Searched) -> None:
    _, result = searched
    with store.begin() as tx:
        other, _ = rows.case(tx, "other")
        again = replace(result, search_id="again", ledger_entry=rows.entry(tx, case=other))
    with pytest.raises(Refused, match=r"(?i)foreign key"), store.begin() as tx:
        tx.searches.add(again, other.id, agency_id=HOME_AGENCY, examiner="an examiner")


def test_one_ledger_entry_is_one_search(store: Store, searched: Searched) -> None:
    case, result = searched
    with pytest.raises(Refused, match=r"(?i)unique"), store.begin() as tx:
        tx.searches.add(replace(result, search_id="again"), case.id, agency_id=HOME_AGENCY, examiner="an examiner")


def test_people_and_what_a_search_is_new_since_come_back(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        case, key = rows.case(tx)
        probe = rows.probe(case)
        tx.probes.add(probe, case.id, "22" * 32, key)
        first = rows.result(probe, rows.entry(tx, case=case))
        tx.searches.add(first, case.id, agency_id=HOME_AGENCY, examiner="Inspector Clouseau")
        result = replace(
            rows.result(probe, rows.entry(tx, case=case), (replace(rows.candidate(1, 10), person=2),)),
            others=(ProbeFace(probe_id=probe.id, face=1),),
            people=(replace(first.asked(None), number=2, missed=0.25),),
            together=Together.ANY,
            newest_face=FaceId(40),
            after=EnrolledSince(search_id=first.search_id, at=first.made_at, face=FaceId(30), whole_faces=9),
        )
        tx.searches.add(result, case.id, agency_id=HOME_AGENCY, examiner="Inspector Clouseau")
    with store.read() as tx:
        assert tx.searches.get(result.search_id) == result


def test_a_copy_is_erased_with_the_lists_made_of_it(store: Store, rows: Rows) -> None:
    origin = CopyOrigin(search_id="a", face_id=FaceId(1), capture_id=CaptureId(2), source="press")
    with store.begin() as tx:
        case, key = rows.case(tx)
        copy = replace(rows.probe(case), kind=ProbeKind.GALLERY, origin=origin)
        unsearched = replace(copy, id="unsearched")
        tx.probes.add(copy, case.id, "22" * 32, key)
        tx.probes.add(unsearched, case.id, "23" * 32, key)
        result = rows.result(copy, rows.entry(tx, case=case), (rows.candidate(1, 10),))
        tx.searches.add(result, case.id, agency_id=HOME_AGENCY, examiner="Inspector Clouseau")
        ids = tx.probes.copied_from([CaptureId(2)])
        assert sorted(ids) == sorted([copy.id, "unsearched"])
        assert tx.probes.copied_from(source="press") == ids
        assert tx.searches.forget_lists(ids) == [result.search_id]
        assert tx.probes.erase(ids, NOW) == ["22" * 32, "23" * 32]
        assert tx.probes.copied_from([CaptureId(2)]) == []
    with store.read() as tx:
        gone = tx.probes.get(copy.id, key)
        assert (gone.faces, gone.erased_at) == ((), NOW)
        assert gone.origin == CopyOrigin(search_id="a", face_id=None, capture_id=None, source=None)
        assert tx.probes.of_case_ids(case.id) == [copy.id]
        stored = tx.searches.stored(result.search_id)
        assert (stored.result.candidates, len(stored.erased), stored.result.probe_erased) == ((), 1, True)
        with pytest.raises(ProbeErased):
            tx.probes.blob(copy.id)
