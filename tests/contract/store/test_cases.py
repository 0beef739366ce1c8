"""Cases, probes, searches and candidates, on either database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from tests.contract.store.made import NOW, RawSql, Refuses, Rows

from lineament.errors import AlreadyThere, Damaged, NotFound, Refused
from lineament.model.cases import Case, CaseState
from lineament.model.faces import FaceId, Template
from lineament.model.search import Mode, Outcome, Probe, SearchResult
from lineament.store.db import Store


def same_probe(one: Probe, other: Probe) -> bool:
    """Equality that compares vectors too."""
    vectors = [[face.template.vector for face in probe.faces] for probe in (one, other)]
    models = [[face.template.model for face in probe.faces] for probe in (one, other)]
    nothing = Template("", np.empty(0, dtype=np.float32))
    bare = [
        replace(probe, faces=tuple(replace(face, template=nothing) for face in probe.faces)) for probe in (one, other)
    ]
    return bare[0] == bare[1] and models[0] == models[1] and np.array_equal(vectors[0], vectors[1])


# ---------------------------------------------------------------- cases


def test_a_case_comes_back_as_it_was_opened(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        case, _ = rows.case(tx)
        assert case.terms.authorised_by == "the prosecutor"
        assert (case.state, case.opened_at, case.closed_at, case.searches) == (CaseState.OPEN, NOW, None, 0)
    with store.read() as tx:
        assert tx.cases.get("2026/17") == case


def test_cases_are_listed_newest_first(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        for ref in ("b", "c", "a"):
            rows.case(tx, ref)
        assert [case.ref for case in tx.cases.all()] == ["a", "c", "b"]


def test_a_reference_is_used_once(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        rows.case(tx)
    with pytest.raises(AlreadyThere, match="2026/17"), store.begin() as tx:
        rows.case(tx)


def test_a_case_is_closed(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        case, _ = rows.case(tx)
        tx.cases.set_state(case.id, CaseState.CLOSED, NOW + timedelta(days=1))
        closed = tx.cases.get(case.ref)
    assert (closed.state, closed.closed_at) == (CaseState.CLOSED, NOW + timedelta(days=1))


def test_unknown_cases(store: Store) -> None:
    with store.read() as tx:
        with pytest.raises(NotFound, match="nothing"):
            tx.cases.get("nothing")
        with pytest.raises(NotFound):
            tx.cases.wrapped_key(7)


# ---------------------------------------------------------------- probes


def test_a_probe_comes_back_as_it_was_added(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        case, key = rows.case(tx)
        probe, blob = rows.probe(case), rows.sha256()
        tx.probes.add(probe, case.id, blob, key)
    with store.read() as tx:
        assert same_probe(tx.probes.get(probe.id, key), probe)
        assert same_probe(tx.probes.get(probe.id, lambda found: {case: key}[found]), probe)
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
        one, two = rows.probe(case), rows.probe(case)
        for probe in (one, two):
            tx.probes.add(probe, case.id, rows.sha256(), key)
    with store.read() as tx, pytest.raises(Damaged):
        tx.probes.get(one.id, other_key)
    for (sealed,) in raw("SELECT faces FROM probes"):
        assert b"landmarks" not in bytes(sealed)
    raw(f"UPDATE probes SET faces = (SELECT p.faces FROM probes p WHERE p.id = '{two.id}')")
    with store.read() as tx, pytest.raises(Damaged, match=one.id):
        tx.probes.get(one.id, key)
    raw(f"UPDATE probes SET case_id = {other.id}")
    with store.read() as tx, pytest.raises(Damaged, match=two.id):
        tx.probes.get(two.id, key)


def test_unknown_probes(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        _, key = rows.case(tx)
        with pytest.raises(NotFound, match="nothing"):
            tx.probes.get("nothing", key)
        with pytest.raises(NotFound, match="nothing"):
            tx.probes.blob("nothing")


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
        shown[2] = replace(shown[2], source="registry", near_duplicates=(FaceId(66),))
        result = rows.result(probe, rows.entry(tx), tuple(shown))
        tx.searches.add(result, case.id, "Inspector Clouseau")
    return case, result


def test_a_search_comes_back_as_it_was_shown(store: Store, searched: Searched) -> None:
    case, result = searched
    with store.read() as tx:
        assert tx.searches.get(result.search_id) == result
        stored = tx.searches.stored(result.search_id)
        assert (stored.result, stored.examiner, stored.erased) == (result, "Inspector Clouseau", ())
        assert stored.outcome is Outcome.CANDIDATES
        assert tx.searches.of_case(case.id) == [result]
        assert tx.cases.get(case.ref).searches == 1
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
            ledger_entry=rows.entry(tx),
        )
        tx.searches.add(empty, case.id, "an examiner")
        assert tx.searches.get("empty") == empty
        assert tx.searches.stored("empty").outcome is Outcome.NO_CANDIDATE
        assert tx.searches.of_case(case.id) == [empty, first]


def test_an_erased_face_leaves_rank_and_score(store: Store, searched: Searched, raw: RawSql) -> None:
    _, result = searched
    one, two, three = result.candidates
    with store.begin() as tx:
        tx.searches.forget_faces([two.face_id, 12345])
    with store.read() as tx:
        stored = tx.searches.stored(result.search_id)
        assert tx.searches.get(result.search_id).candidates == (one, three)
    (left,) = stored.erased
    assert (left.rank, left.score, left.expected_false) == (2, two.score, two.expected_false)
    assert raw("SELECT * FROM candidates WHERE rank = 2") == [
        (result.search_id, 2, two.score, two.expected_false, None, None, None)
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
    assert [one.rank for one in stored.erased] == [1, 2]
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
        ("examiner = ' '", "examiner_said"),
        ("case_id = NULL", "null"),
        ("case_id = 99", "foreign key"),
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


COLUMNS = """id, case_id, reason, examiner, made_at, model, gallery_faces, sources, mode, threshold, most, probe_id,
probe_sha256, face, face_box, quality, seconds, ledger_entry"""


@pytest.mark.parametrize("missing", ["case_id", "reason", "examiner", "probe_id", "ledger_entry"])
def test_no_search_is_inserted_by_hand_without_its_reasons(
    store: Store, rows: Rows, searched: Searched, raw: RawSql, refused: Refuses, missing: str
) -> None:
    with store.begin() as tx:
        entry = rows.entry(tx)
    values = COLUMNS.replace("ledger_entry", str(entry)).replace("id,", "'new',", 1)
    raw(f"INSERT INTO searches ({COLUMNS}) SELECT {values} FROM searches")  # a whole one is taken
    raw("DELETE FROM searches WHERE id = 'new'")
    columns = COLUMNS.replace(f", {missing}", "")
    values = columns.replace("ledger_entry", str(entry)).replace("id,", "'new',", 1)
    refused(f"INSERT INTO searches ({columns}) SELECT {values} FROM searches", "null")


@pytest.mark.parametrize("column", ["ref", "offence", "purpose", "basis"])
def test_no_case_without_its_grounds(store: Store, rows: Rows, refused: Refuses, column: str) -> None:
    with store.begin() as tx:
        rows.case(tx)
    refused(f"UPDATE cases SET {column} = NULL", "null")
    refused(f"UPDATE cases SET {column} = ' \t'", f"{column}_said")
    refused("UPDATE cases SET state = 'closed'", "closed_when")


def test_a_search_uses_a_probe_of_its_own_case(store: Store, rows: Rows, searched: Searched) -> None:
    _, result = searched
    with store.begin() as tx:
        other, _ = rows.case(tx, "other")
        again = replace(result, search_id="again", ledger_entry=rows.entry(tx))
    with pytest.raises(Refused, match=r"(?i)foreign key"), store.begin() as tx:
        tx.searches.add(again, other.id, "an examiner")


def test_one_ledger_entry_is_one_search(store: Store, searched: Searched) -> None:
    case, result = searched
    with pytest.raises(Refused, match=r"(?i)unique"), store.begin() as tx:
        tx.searches.add(replace(result, search_id="again"), case.id, "an examiner")


# ---------------------------------------------------------------- suppressions


def test_suppressions_stay(store: Store, rows: Rows) -> None:
    digests = [bytes.fromhex(rows.sha256()) for _ in range(1200)]
    with store.begin() as tx:
        tx.suppressions.add(digests[:600], NOW)
        tx.suppressions.add([digests[599], digests[600], digests[600]], NOW)
        tx.suppressions.add([], NOW)
    with store.read() as tx:
        assert tx.suppressions.any_of(digests) == set(digests[:601])
        assert tx.suppressions.any_of([]) == set()
