"""Erased data is gone from the files of the database, not only from its answers (R32)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.store_rows import NOW, KeyedSource, RawSql, Rows

from lineament.model.accounts import HOME_AGENCY
from lineament.model.cases import Case, CaseState
from lineament.model.faces import CaptureId, NewCapture
from lineament.store.cases import KEYS_DESTROYED
from lineament.store.db import Store, Tx
from lineament.store.faces import NewFace
from lineament.testing import VAULT


def stored_bytes(database: Path) -> bytes:
    """Return every byte of the database and the files beside it."""
    return b"".join(path.read_bytes() for path in sorted(database.parent.glob(f"{database.name}*")))


def traces(new: NewCapture, sealed: bytes, crop: str) -> list[bytes]:
    """Return what would reveal an erased capture in a file."""
    texts = [new.provenance.uri, new.provenance.page_uri, new.provenance.page_title]
    digests = [new.sha256, new.original, new.thumbnail, crop]
    found = [text.encode() for text in texts if text]
    found += [bytes.fromhex(digest) for digest in digests if digest]
    return [*found, new.phash, sealed[:16], sealed[200:216], sealed[-16:]]


@pytest.fixture
def store(sqlite_path: Path) -> Store:
    return Store.open(f"sqlite:///{sqlite_path}", VAULT)


@pytest.fixture
def url(sqlite_path: Path) -> str:
    return f"sqlite:///{sqlite_path}"


def enrol(tx: Tx, rows: Rows, keyed: KeyedSource, many: int) -> dict[CaptureId, tuple[NewCapture, str]]:
    """Enrol captures whose rows have very different lengths, so that pages split in many ways."""
    added = {}
    for _ in range(many):
        new = rows.capture(keyed.source)
        unlike = rows.sha256()
        title = rows.sha256() * int(rows.chance.integers(1, 40)) + "é"
        new = replace(
            new,
            phash=bytes.fromhex(rows.sha256()),
            provenance=replace(
                new.provenance, page_title=title, uri=f"https://a/{unlike}", page_uri=f"https://b/{unlike}"
            ),
        )
        face = NewFace(face=rows.face(), crop=rows.sha256())
        capture_id = tx.captures.add(new)
        tx.faces.add(capture_id, keyed.source.id, [face], keyed.key, 0)
        added[capture_id] = (new, face.crop)
    return added


def test_erased_captures_leave_no_byte(store: Store, sqlite_path: Path, rows: Rows, raw: RawSql) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
    added: dict[CaptureId, tuple[NewCapture, str]] = {}
    for _ in range(6):
        with store.begin() as tx:
            added |= enrol(tx, rows, keyed, 40)
    sealed = {
        CaptureId(capture_id): bytes(sealed_bytes)
        for capture_id, sealed_bytes in raw("SELECT face_id, sealed FROM templates")
    }
    marks = {capture_id: traces(new, sealed[capture_id], crop) for capture_id, (new, crop) in added.items()}
    store.scrub()
    before = stored_bytes(sqlite_path)
    assert all(mark in before for some in marks.values() for mark in some)

    erased = [CaptureId(int(capture_id)) for capture_id in rows.chance.permutation(list(added))[:120]]
    for start in range(0, len(erased), 30):
        with store.begin() as tx:
            for capture_id in erased[start : start + 30]:
                tx.captures.erase(capture_id, keyed.key)
            enrol(tx, rows, keyed, 5)
    assert store.scrub()
    after = stored_bytes(sqlite_path)
    left = [mark for capture_id in erased for mark in marks[capture_id] if mark in after]
    assert left == []
    kept = set(added) - set(erased)
    assert all(mark in after for capture_id in kept for mark in marks[capture_id])
    raw.close()
    store.close()


def test_an_erased_face_leaves_no_byte_of_itself(store: Store, sqlite_path: Path, rows: Rows, raw: RawSql) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        _, ids = rows.enrolled(tx, keyed, faces=40)
    crops = dict(raw("SELECT id, crop FROM faces"))
    sealed = dict(raw("SELECT face_id, sealed FROM templates"))
    with store.begin() as tx:
        tx.faces.erase(keyed.source.id, ids[::2], keyed.key)
    assert store.scrub()
    after = stored_bytes(sqlite_path)
    for number, face_id in enumerate(ids):
        remains = {bytes(crops[face_id]) in after, bytes(sealed[face_id])[20:40] in after}
        assert remains == {number % 2 == 1}
    raw.close()
    store.close()


def test_an_erased_candidate_leaves_no_byte(store: Store, sqlite_path: Path, rows: Rows) -> None:
    with store.begin() as tx:
        case, key = rows.case(tx)
        probe = rows.probe(case)
        tx.probes.add(probe, case.id, rows.sha256(), key)
        shown = tuple(rows.candidate(rank, 4_000_000 + rank) for rank in range(1, 21))
        tx.searches.add(
            rows.result(probe, rows.entry(tx, case=case), shown), case.id, agency_id=HOME_AGENCY, examiner="an examiner"
        )
        tx.searches.forget_faces([4_000_003])
    assert store.scrub()
    after = stored_bytes(sqlite_path)
    for candidate in shown:
        expected = candidate.rank != 3
        assert (candidate.uri.encode() in after) is expected
        assert (candidate.sha256.encode() in after) is expected
    store.close()


def test_a_withdrawn_source_leaves_no_byte_but_its_terms(store: Store, sqlite_path: Path, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        wrapped = tx.sources.wrapped_key(keyed.source.id)
        added = enrol(tx, rows, keyed, 50)
    assert wrapped is not None
    assert wrapped in stored_bytes(sqlite_path)
    with store.begin() as tx:
        tx.sources.destroy(keyed.source.id)
    assert store.scrub()
    after = stored_bytes(sqlite_path)
    assert wrapped not in after
    assert keyed.source.terms.controller.encode() in after
    assert not [new.sha256 for new, crop in added.values() if bytes.fromhex(new.sha256) in after]
    store.close()


def test_erased_details_of_an_entry_leave_no_byte(store: Store, sqlite_path: Path, rows: Rows, raw: RawSql) -> None:
    with store.begin() as tx:
        for number in range(9):
            rows.entry(tx, details=f'{{"who":"person number {number}"}}')
    sealed = [bytes(details) for (details,) in raw("SELECT sealed FROM ledger_details ORDER BY seq")]
    with store.begin() as tx:
        tx.ledger.forget_details(4)
    assert store.scrub()
    after = stored_bytes(sqlite_path)
    assert [details in after for details in sealed] == [True] * 4 + [False] + [True] * 4
    assert b"person number" not in after
    raw.close()
    store.close()


def destroyed(tx: Tx, case: Case) -> None:
    """Destroy a case as the services do."""
    entries = [row.seq for row in tx.ledger.of_case(case.id, None, None)]
    tx.searches.delete_of(case.id)
    tx.probes.delete(tx.probes.of_case_ids(case.id))
    tx.papers.delete_of(case.id)
    for seq in entries:
        tx.ledger.forget_details(seq)
    tx.members.end_guests(case.id, case.agency_id)
    tx.cases.destroy(case.id, CaseState.REFUSED, NOW)


def test_a_destroyed_case_leaves_no_byte_but_its_tombstone(store: Store, sqlite_path: Path, rows: Rows) -> None:
    marks, wrapped = {}, {}
    with store.begin() as tx:
        for name in ("gone", "kept"):
            case, key = rows.case(
                tx, f"ref-{name}", offence=f"offence-{name}", purpose=f"purpose-{name}", basis=f"basis-{name}"
            )
            tx.ledger.file_under(HOME_AGENCY, case.id)
            tx.cases.set_urgent(case.id, f"urgent-{name}", NOW)
            tx.cases.set_hold(case.id, f"hold-{name}")
            probe, blob = rows.probe(case), rows.sha256()
            tx.probes.add(probe, case.id, blob, key)
            shown = replace(rows.candidate(1, 1), uri=f"https://example.org/{name}")
            result = replace(rows.result(probe, rows.entry(tx, case=case), (shown,)), reason=f"reason-{name}")
            tx.searches.add(result, case.id, agency_id=HOME_AGENCY, examiner="an examiner")
            wrapped[name] = tx.cases.wrapped_key(case.id)
            texts = [f"{field}-{name}" for field in ("offence", "purpose", "basis", "urgent", "hold", "reason")]
            marks[name] = [text.encode() for text in [*texts, shown.uri, probe.id, result.search_id]]
            marks[name] += [wrapped[name], bytes.fromhex(blob), bytes.fromhex(probe.sha256)]
    assert store.scrub()
    before = stored_bytes(sqlite_path)
    assert all(mark in before for some in marks.values() for mark in some)
    with store.begin() as tx:
        destroyed(tx, tx.cases.by_id(1))
    assert store.scrub()
    after = stored_bytes(sqlite_path)
    assert [mark for mark in marks["gone"] if mark in after] == []
    assert [mark for mark in marks["kept"] if mark not in after] == []
    assert b"ref-gone" in after
    store.close()


def test_the_key_of_a_destroyed_case_leaves_the_tables_of_postgresql(postgresql_url: str, rows: Rows) -> None:
    store, raw = Store.open(postgresql_url, VAULT), RawSql(postgresql_url)
    tables = Path(str(raw("SHOW data_directory")[0][0])) / "base"
    with store.begin() as tx:
        case, _ = rows.case(tx, offence="offence-of-the-destroyed")
        kept, _ = rows.case(tx, "kept")
        marks = [tx.cases.wrapped_key(case.id), b"offence-of-the-destroyed"]
    raw("CHECKPOINT")
    assert all(anywhere(mark, tables) for mark in marks)
    with store.begin() as tx:
        destroyed(tx, case)
    raw("BEGIN")
    raw("SELECT id FROM cases")  # a reader delays it, but not for ever
    store.close()
    store = Store.open(postgresql_url, VAULT, patience=0.2)
    assert store.scrub() is False
    raw("COMMIT")
    assert store.scrub() is True
    raw("CHECKPOINT")
    assert not any(anywhere(mark, tables) for mark in marks)
    with store.read() as tx:
        assert tx.cases.by_id(kept.id) == kept
        assert tx.meta.get(KEYS_DESTROYED) is None
    raw.close()
    store.close()


def test_a_reader_holds_scrubbing_back_but_not_for_ever(sqlite_path: Path, rows: Rows) -> None:
    store = Store.open(f"sqlite:///{sqlite_path}", VAULT, patience=0.1)
    with store.begin() as tx:
        keyed = rows.source(tx)
        capture_id, _ = rows.enrolled(tx, keyed)
        uri = tx.captures.get(capture_id).provenance.uri.encode()
    with store.read() as reader:
        with store.begin() as tx:
            tx.captures.erase(capture_id, keyed.key)
        assert store.scrub() is False
        assert reader.captures.get(capture_id).provenance.uri.encode() == uri
    assert uri in stored_bytes(sqlite_path)
    assert store.scrub() is True
    assert uri not in stored_bytes(sqlite_path)
    store.close()


def test_the_key_of_a_withdrawn_source_leaves_the_tables_of_postgresql(postgresql_url: str, rows: Rows) -> None:
    """PostgreSQL's log keeps sealed bytes for a while (ADR 0002); without the key nothing opens them."""
    store, raw = Store.open(postgresql_url, VAULT), RawSql(postgresql_url)
    tables = Path(str(raw("SHOW data_directory")[0][0])) / "base"
    with store.begin() as tx:
        keyed = rows.source(tx)
        rows.enrolled(tx, keyed)
        wrapped = tx.sources.wrapped_key(keyed.source.id)
    assert wrapped is not None
    raw("CHECKPOINT")
    assert anywhere(wrapped, tables)
    with store.begin() as tx:
        tx.sources.destroy(keyed.source.id)
    assert store.scrub() is True
    raw("CHECKPOINT")
    assert not anywhere(wrapped, tables)
    raw.close()
    store.close()


def anywhere(mark: bytes, folder: Path) -> bool:
    return any(mark in path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def read_while_erased(postgresql_url: str, rows: Rows) -> Iterator[tuple[Store, RawSql]]:
    """Yield a store from which a picture was erased, and a reader whose transaction still sees it.

    A reader that holds no lock on the rows, such as a backup that has only begun, keeps VACUUM from removing them.
    """
    store, raw = Store.open(postgresql_url, VAULT), RawSql(postgresql_url)
    with store.begin() as tx:
        keyed = rows.source(tx)
        capture_id, _ = rows.enrolled(tx, keyed)
    raw("BEGIN ISOLATION LEVEL REPEATABLE READ")
    raw("SELECT 1")
    raw("SELECT count(*) FROM counters")
    with store.begin() as tx:
        tx.captures.erase(capture_id, keyed.key)
        tx.deletions.note_erased()
    yield store, raw
    raw.close()
    store.close()


def test_whoever_still_sees_erased_rows_of_postgresql_holds_scrubbing_back(
    read_while_erased: tuple[Store, RawSql],
) -> None:
    store, raw = read_while_erased
    assert store.scrub() is False
    assert store.is_scrubbed() is False
    raw("COMMIT")
    assert store.scrub() is True
    assert store.is_scrubbed() is True


def test_scrubbing_postgresql_waits_for_whoever_soon_ends(
    read_while_erased: tuple[Store, RawSql], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, raw = read_while_erased
    with monkeypatch.context() as patch:
        patch.setattr(time, "sleep", lambda _: raw("COMMIT"))
        assert store.scrub() is True


def test_what_was_erased_is_marked_until_it_is_scrubbed(store: Store, rows: Rows) -> None:
    assert store.scrub()
    with store.begin() as tx:
        keyed = rows.source(tx)
        capture_id, _ = rows.enrolled(tx, keyed)
    assert store.is_scrubbed()
    with store.begin() as tx:
        tx.captures.erase(capture_id, keyed.key)
        tx.deletions.note_erased()
    assert not store.is_scrubbed()
    assert store.scrub()
    assert store.is_scrubbed()
