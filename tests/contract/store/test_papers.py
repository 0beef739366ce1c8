"""The papers in the room of a case, on either database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.store_rows import NOW, RawSql, Refuses, Rows

from lineament.errors import Damaged, NotFound
from lineament.model.accounts import HOME_AGENCY
from lineament.model.cases import Paper, PaperKind
from lineament.store.db import Store


def paper(rows: Rows, kind: PaperKind, *, agency_id: str = HOME_AGENCY, minutes: int = 0) -> Paper:
    number = next(rows.numbers)
    file = kind not in {PaperKind.MESSAGE, PaperKind.NOTE}
    return Paper(
        id=f"paper{number}",
        kind=kind,
        author="Inspector Clouseau",
        agency_id=agency_id,
        agency_name="Sûreté",
        at=NOW + timedelta(minutes=minutes),
        text=f"secret words, № {number} 📷 \0 \udc80",
        size=1000 if file else 0,
        sha256=rows.sha256() if file else None,
    )


def test_papers_come_back_oldest_first(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        case, key = rows.case(tx)
        other, other_key = rows.case(tx, "other")
        papers = [paper(rows, kind, minutes=minutes) for minutes, kind in enumerate(PaperKind)]
        for each in reversed(papers):
            tx.papers.add(case.id, each, key, rows.sha256() if each.sha256 else None)
        tx.papers.add(other.id, paper(rows, PaperKind.MESSAGE), other_key)
    with store.read() as tx:
        assert tx.papers.of_case(case.id, key, notes_of=HOME_AGENCY) == papers
        assert tx.papers.of_case(case.id, key, notes_of=HOME_AGENCY, limit=2) == papers[-2:]
        some = tx.papers.of_case(case.id, key, notes_of=HOME_AGENCY, kinds=[PaperKind.FILE])
        assert [each.kind for each in some] == [PaperKind.FILE]
        assert sorted(tx.papers.of_case_ids(case.id)) == sorted(each.id for each in papers)


def test_a_note_is_for_ones_own_agency(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        guests = rows.agency(tx, "Elsewhere")
        case, key = rows.case(tx)
        message, theirs = paper(rows, PaperKind.MESSAGE), paper(rows, PaperKind.NOTE, agency_id=guests, minutes=1)
        ours = paper(rows, PaperKind.NOTE, minutes=2)
        for each in (message, theirs, ours):
            tx.papers.add(case.id, each, key)
        assert tx.papers.of_case(case.id, key, notes_of=HOME_AGENCY) == [message, ours]
        assert tx.papers.of_case(case.id, key, notes_of=guests) == [message, theirs]


def test_a_file_is_found_in_its_case_alone(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        case, key = rows.case(tx)
        other, other_key = rows.case(tx, "other")
        file, message, blob = paper(rows, PaperKind.FILE), paper(rows, PaperKind.MESSAGE), rows.sha256()
        tx.papers.add(case.id, file, key, blob)
        tx.papers.add(case.id, message, key)
        assert tx.papers.get(case.id, file.id, key) == (file, blob)
        for wrong in ("nothing", "no thing", file.id):
            with pytest.raises(NotFound, match=wrong):
                tx.papers.get(other.id, wrong, other_key)
        with pytest.raises(NotFound, match=message.id):
            tx.papers.get(case.id, message.id, key)


def test_papers_are_sealed_under_the_key_of_their_case(store: Store, rows: Rows, raw: RawSql) -> None:
    with store.begin() as tx:
        case, key = rows.case(tx)
        _, other_key = rows.case(tx, "other")
        first, second = paper(rows, PaperKind.FILE), paper(rows, PaperKind.FILE)
        for each in (first, second):
            tx.papers.add(case.id, each, key, rows.sha256())
    rows_there = raw("SELECT sealed FROM case_papers")
    assert len(rows_there) == 2
    for (sealed,) in rows_there:
        assert b"secret" not in bytes(sealed)
        assert b"Clouseau" not in bytes(sealed)
    with store.read() as tx, pytest.raises(Damaged):
        tx.papers.get(case.id, first.id, other_key)
    raw(f"UPDATE case_papers SET sealed = (SELECT p.sealed FROM case_papers p WHERE p.id = '{second.id}')")
    with store.read() as tx, pytest.raises(Damaged, match=first.id):
        tx.papers.get(case.id, first.id, key)


def test_papers_end_with_the_case(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        case, key = rows.case(tx)
        other, other_key = rows.case(tx, "other")
        mine, theirs = rows.sha256(), rows.sha256()
        for _ in range(2):
            tx.papers.add(case.id, paper(rows, PaperKind.FILE), key, mine)
        tx.papers.add(case.id, paper(rows, PaperKind.MESSAGE), key)
        tx.papers.add(other.id, paper(rows, PaperKind.DECISION), other_key, theirs)
        assert tx.papers.blobs_of(case.id) == [mine]
        assert tx.papers.addresses() == sorted([mine, theirs])
        tx.deletions.add([mine, theirs])
        assert tx.deletions.all() == []
        tx.papers.delete_of(case.id)
        assert tx.deletions.all() == [mine]
        assert tx.papers.of_case(case.id, key, notes_of=HOME_AGENCY) == []
        assert len(tx.papers.of_case(other.id, other_key, notes_of=HOME_AGENCY)) == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("kind = 'letter'", "kind_known"),
        ("kind = 'message'", "file_has_blob"),
        ("blob = NULL", "file_has_blob"),
        ("case_id = 99", "foreign key"),
        ("agency_id = 'nobody'", "foreign key"),
    ],
)
def test_the_database_refuses_a_paper_that_cannot_be(
    store: Store, rows: Rows, refused: Refuses, change: str, why: str
) -> None:
    with store.begin() as tx:
        case, key = rows.case(tx)
        tx.papers.add(case.id, paper(rows, PaperKind.FILE), key, rows.sha256())
    refused(f"UPDATE case_papers SET {change}", why)
