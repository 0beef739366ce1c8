"""Evidence that is independent of a search, on either database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.store_rows import NOW, RawSql, Refuses, Rows

from lineament.errors import Damaged
from lineament.model.accounts import HOME_AGENCY
from lineament.model.evidence import Evidence, EvidenceKind, standing
from lineament.store.db import Store, Tx
from lineament.store.keys import DataKey


def piece(rows: Rows, search_id: str, *, minutes: int = 0, replaces: str | None = None) -> Evidence:
    number = next(rows.numbers)
    return Evidence(
        id=f"piece{number}",
        search_id=search_id,
        entry=2,
        kind=EvidenceKind.DOCUMENT,
        text=f"secret receipt № {number} 📷 \udc80",
        reference="K-1/17",
        recorded_by="Inspector Clouseau",
        account_id=None,
        agency_id=HOME_AGENCY,
        at=NOW + timedelta(minutes=minutes),
        replaces=replaces,
        because="" if replaces is None else "of another day",
    )


def searched(tx: Tx, rows: Rows, ref: str = "2026/17") -> tuple[int, DataKey, str]:
    """Add a case with a search; return its number, its key and the search."""
    case, key = rows.case(tx, ref)
    probe = rows.probe(case)
    tx.probes.add(probe, case.id, rows.sha256(), key)
    result = rows.result(probe, rows.entry(tx, case=case))
    tx.searches.add(result, case.id, agency_id=HOME_AGENCY, examiner="an examiner")
    return case.id, key, result.search_id


def test_evidence_comes_back_oldest_first_also_what_was_replaced(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        case_id, key, search_id = searched(tx, rows)
        first = piece(rows, search_id)
        other = piece(rows, search_id, minutes=1)
        later = piece(rows, search_id, minutes=2, replaces=first.id)
        for each in (first, other, later):
            tx.evidence.add(case_id, each, key)
    with store.read() as tx:
        found = tx.evidence.of_case(case_id, key)
    assert found == [first, other, later]
    assert standing(found) == (other, later)


def test_it_is_sealed_under_the_key_of_its_case_and_moves_to_a_new_one(store: Store, rows: Rows, raw: RawSql) -> None:
    with store.begin() as tx:
        case_id, key, search_id = searched(tx, rows)
        _, new, _ = searched(tx, rows, "other")
        first = piece(rows, search_id)
        tx.evidence.add(case_id, first, key)
    ((sealed,),) = raw("SELECT sealed FROM evidence")
    assert b"secret" not in bytes(sealed)
    with store.begin() as tx:
        with pytest.raises(Damaged):
            tx.evidence.of_case(case_id, new)
        assert tx.evidence.reseal(case_id, key, new) == 1
        assert tx.evidence.of_case(case_id, new) == [first]
        with pytest.raises(Damaged):
            tx.evidence.of_case(case_id, key)


def test_it_ends_with_the_case(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        case_id, key, search_id = searched(tx, rows)
        other_id, other_key, other_search = searched(tx, rows, "other")
        first = piece(rows, search_id)
        second = piece(rows, search_id, replaces=first.id)
        third = piece(rows, search_id, replaces=second.id)
        for each in (first, second, third):
            tx.evidence.add(case_id, each, key)
        kept = piece(rows, other_search)
        tx.evidence.add(other_id, kept, other_key)
        tx.evidence.delete_of(case_id)
        assert tx.evidence.of_case(case_id, key) == []
        assert tx.evidence.of_case(other_id, other_key) == [kept]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("entry = 0", "entry_at_least_1"),
        ("id = ' '", "id_said"),
        ("search_id = 'nothing'", "foreign key"),
        ("agency_id = 'nobody'", "foreign key"),
        ("replaces = 'nothing'", "foreign key"),
    ],
)
def test_the_database_refuses_evidence_that_cannot_be(
    store: Store, rows: Rows, refused: Refuses, change: str, why: str
) -> None:
    with store.begin() as tx:
        case_id, key, search_id = searched(tx, rows)
        tx.evidence.add(case_id, piece(rows, search_id), key)
    refused(f"UPDATE evidence SET {change}", why)
