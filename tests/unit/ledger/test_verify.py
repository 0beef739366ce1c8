"""Whatever is done to a ledger, verification names the first entry that is wrong (R41)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.ledgers import NOW, fill

from lineament.errors import LedgerBroken
from lineament.ledger.entries import commitment_to, leaf_bytes
from lineament.ledger.log import Ledger
from lineament.ledger.merkle import Frontier, leaf_hash
from lineament.ledger.verify import verify
from lineament.model.actions import Action
from lineament.testing import MemoryEntry, MemoryLeafStore


def broken_at(ledger: Ledger, rows: MemoryLeafStore, anchored: str | None = None) -> object:
    """Return the entry that verification names."""
    with pytest.raises(LedgerBroken) as caught:
        verify(rows, ledger.public_key, anchored)
    assert "\n" not in str(caught.value)
    return caught.value.details["entry"]


def test_a_sound_ledger(ledger: Ledger, rows: MemoryLeafStore) -> None:
    found = verify(rows, ledger.public_key, rows.note)
    assert (found.entries, found.opened, found.erased, found.anchored) == (20, 20, 0, 20)
    assert found.origin == "lineament/test"
    assert found.root == ledger.head(rows).root


def test_a_ledger_without_entries(ledger: Ledger) -> None:
    found = verify(MemoryLeafStore(), ledger.public_key)
    assert (found.entries, found.opened) == (0, 0)


def test_ledgers_of_many_sizes_around_a_block(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineament.ledger.verify.BLOCK", 8)
    rows = MemoryLeafStore()
    notes = []
    for size in range(1, 35):
        fill(ledger, rows, 1)
        notes.append(rows.note)
        for anchored in (notes[0], notes[size // 2], rows.note):
            assert verify(rows, ledger.public_key, anchored).entries == size


# ---------------------------------------------------------------- one bit of one column


def flip(raw: bytes) -> bytes:
    return bytes([raw[0] ^ 1]) + raw[1:]


COLUMNS: dict[str, Callable[[MemoryEntry], MemoryEntry]] = {
    "seq": lambda entry: replace(entry, seq=entry.seq ^ 1),
    "at": lambda entry: replace(entry, at=entry.at + timedelta(microseconds=1)),
    "zone": lambda entry: replace(entry, at=entry.at.replace(tzinfo=None)),
    "action": lambda entry: replace(entry, action="searci"),
    "quoted action": lambda entry: replace(entry, action='search","at":"x'),
    "commitment": lambda entry: replace(entry, commitment=flip(entry.commitment)),
    "short commitment": lambda entry: replace(entry, commitment=entry.commitment[:-1]),
    "leaf": lambda entry: replace(entry, leaf=flip(entry.leaf)),
    "salt": lambda entry: replace(entry, salt=flip(entry.salt or b"")),
    "longer salt": lambda entry: replace(entry, salt=(entry.salt or b"") + (entry.details or "")[:1].encode()),
    "no salt": lambda entry: replace(entry, salt=None),
    "no details": lambda entry: replace(entry, details=None),
    "details": lambda entry: replace(entry, details=(entry.details or "").replace("K-", "L-")),
    "details in another form": lambda entry: replace(entry, details=(entry.details or "").replace(",", ", ")),
    "details beyond text": lambda entry: replace(entry, details="\udc80"),
    "type of commitment": lambda entry: replace(entry, commitment="x" * 32),  # type: ignore[arg-type] # as in SQLite
    "type of time": lambda entry: replace(entry, at="yesterday"),  # type: ignore[arg-type] # as in SQLite
    "type of salt": lambda entry: replace(entry, salt=5),  # type: ignore[arg-type] # as in SQLite
}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("seq", [0, 5, 19])
def test_a_bit_of_any_column(ledger: Ledger, rows: MemoryLeafStore, column: str, seq: int) -> None:
    rows.rows[seq] = COLUMNS[column](rows.rows[seq])
    assert broken_at(ledger, rows) == seq


@pytest.mark.parametrize("seq", range(20))
def test_details_put_in_place_of_others_with_their_commitment(ledger: Ledger, rows: MemoryLeafStore, seq: int) -> None:
    """If details are rewritten with a new commitment, the leaf does not fit."""
    details = '{"actor":"nobody"}'
    rows.rows[seq] = replace(
        rows.rows[seq], details=details, commitment=commitment_to(rows.rows[seq].salt or b"", details)
    )
    assert broken_at(ledger, rows) == seq


def test_an_entry_rewritten_with_its_leaf(ledger: Ledger, rows: MemoryLeafStore) -> None:
    """If the leaf is recomputed too, the stored tree does not fit."""
    entry = rows.rows[6]
    leaf = leaf_hash(leaf_bytes(6, entry.at, "compared", entry.commitment))
    rows.rows[6] = replace(entry, action="compared", leaf=leaf)
    assert broken_at(ledger, rows) == 6


def test_an_entry_rewritten_with_the_whole_tree(ledger: Ledger, rows: MemoryLeafStore) -> None:
    """If the tree is recomputed too, the signature does not fit; a root does not show which entry it was."""
    entry = rows.rows[6]
    rows.rows[6] = replace(
        entry, action="compared", leaf=leaf_hash(leaf_bytes(6, entry.at, "compared", entry.commitment))
    )
    frontier = Frontier()
    for at in range(20):
        rows.tree.update({(level, place): node for level, place, node in frontier.append(rows.rows[at].leaf)})
    assert broken_at(ledger, rows) == "any from 0 to 19"


@pytest.mark.parametrize(("level", "position", "entry"), [(0, 0, 0), (0, 19, 19), (1, 3, 6), (2, 4, 16), (4, 0, 0)])
def test_a_bit_of_any_node(ledger: Ledger, rows: MemoryLeafStore, level: int, position: int, entry: int) -> None:
    rows.tree[level, position] = flip(rows.tree[level, position])
    assert broken_at(ledger, rows) == entry
    del rows.tree[level, position]
    assert broken_at(ledger, rows) == entry


@pytest.mark.parametrize("node", [(0, 20), (1, 10), (5, 0), (3, 2)])
def test_a_node_that_no_entry_made(ledger: Ledger, rows: MemoryLeafStore, node: tuple[int, int]) -> None:
    rows.tree[node] = bytes(32)
    assert broken_at(ledger, rows) == 20


# ---------------------------------------------------------------- whole entries


@pytest.mark.parametrize("seq", [0, 7, 18])
def test_a_deleted_entry(ledger: Ledger, rows: MemoryLeafStore, seq: int) -> None:
    del rows.rows[seq]
    assert broken_at(ledger, rows) == seq


def test_a_deleted_block(ledger: Ledger, rows: MemoryLeafStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineament.ledger.verify.BLOCK", 4)
    for seq in range(4, 12):
        del rows.rows[seq]
    assert broken_at(ledger, rows) == 4


@pytest.mark.parametrize(("first", "second"), [(3, 4), (0, 19), (8, 12)])
def test_two_entries_in_each_others_place(ledger: Ledger, rows: MemoryLeafStore, first: int, second: int) -> None:
    rows.rows[first], rows.rows[second] = (
        replace(rows.rows[second], seq=first),
        replace(rows.rows[first], seq=second),
    )
    assert broken_at(ledger, rows) == first


def test_salts_in_each_others_place(ledger: Ledger, rows: MemoryLeafStore) -> None:
    salts = rows.rows[4].salt, rows.rows[9].salt
    rows.rows[9], rows.rows[4] = replace(rows.rows[9], salt=salts[0]), replace(rows.rows[4], salt=salts[1])
    assert broken_at(ledger, rows) == 4


def test_salt_and_details_in_each_others_place(ledger: Ledger, rows: MemoryLeafStore) -> None:
    first, second = rows.rows[4], rows.rows[9]
    rows.rows[4] = replace(first, salt=second.salt, details=second.details)
    rows.rows[9] = replace(second, salt=first.salt, details=first.details)
    assert broken_at(ledger, rows) == 4


def test_an_entry_that_nobody_signed(ledger: Ledger, rows: MemoryLeafStore) -> None:
    note = rows.note
    fill(ledger, rows, 1)
    rows.note = note
    assert broken_at(ledger, rows) == 20


# ---------------------------------------------------------------- the tail, and other histories


def cut(rows: MemoryLeafStore, size: int, note: str | None) -> None:
    """Remove the last entries, as an insider with the database could."""
    for seq in range(size, rows.size()):
        del rows.rows[seq]
    for level, position in list(rows.tree):
        if (position + 1) << level > size:
            del rows.tree[level, position]
    rows.note = note


def test_a_tail_cut_off(ledger: Ledger, rows: MemoryLeafStore) -> None:
    cut(rows, 17, rows.note)
    assert broken_at(ledger, rows) == 17


def test_a_tail_cut_off_with_an_old_checkpoint_is_found_by_the_anchor(ledger: Ledger) -> None:
    rows = MemoryLeafStore()
    fill(ledger, rows, 17)
    old = rows.note
    fill(ledger, rows, 3)
    newest = rows.note
    cut(rows, 17, old)
    assert verify(rows, ledger.public_key).entries == 17  # on its own it is a sound ledger
    assert broken_at(ledger, rows, newest) == 17


def test_a_ledger_emptied(ledger: Ledger, rows: MemoryLeafStore) -> None:
    newest = rows.note
    assert broken_at(ledger, MemoryLeafStore(), newest) == 0


def test_a_history_signed_by_another_key(ledger: Ledger) -> None:
    rows = MemoryLeafStore()
    fill(Ledger(origin="lineament/test", signing_seed=bytes(32)), rows, 20)
    assert broken_at(ledger, rows) == 0


def test_a_history_of_another_origin(ledger: Ledger) -> None:
    rows = MemoryLeafStore()
    fill(Ledger(origin="lineament/other", signing_seed=bytes(range(32))), rows, 20)
    assert broken_at(ledger, rows) == 0


@pytest.mark.parametrize("size", [20, 23])
def test_a_history_rewritten_with_the_key_itself(ledger: Ledger, rows: MemoryLeafStore, size: int) -> None:
    """Even the holder of the key cannot rewrite history: the checkpoint kept outside is of another tree."""
    fork = MemoryLeafStore()
    fill(ledger, fork, size, reason="another reason")
    assert verify(fork, ledger.public_key).entries == size
    assert broken_at(ledger, fork, rows.note) == "any from 0 to 19"


def test_a_ledger_that_grew_continues_from_its_anchor(ledger: Ledger, rows: MemoryLeafStore) -> None:
    old = rows.note
    fill(ledger, rows, 13)
    found = verify(rows, ledger.public_key, old)
    assert (found.entries, found.anchored) == (33, 20)


@pytest.mark.parametrize("anchored", ["", "nonsense", "a\n1\nb\n\n— a b\n"])
def test_an_invalid_anchor(ledger: Ledger, rows: MemoryLeafStore, anchored: str) -> None:
    with pytest.raises(LedgerBroken, match="the anchored checkpoint cannot be trusted"):
        verify(rows, ledger.public_key, anchored)


def test_a_checkpoint_gone_or_altered(ledger: Ledger, rows: MemoryLeafStore) -> None:
    rows.note = (rows.note or "").replace("\n20\n", "\n21\n")
    assert broken_at(ledger, rows) == 0
    rows.note = None
    assert broken_at(ledger, rows) == 0


# ---------------------------------------------------------------- erasure


def test_details_erased_leave_every_proof_valid(ledger: Ledger, rows: MemoryLeafStore) -> None:
    """R43: erase, then verify."""
    before = rows.note
    ledger.erase_details(rows, [2, 3, 11], reason="article 17", actor="a", at=NOW)
    found = verify(rows, ledger.public_key, before)
    assert (found.entries, found.opened, found.erased) == (21, 18, 3)


def test_the_first_erasure_that_nothing_announces_is_named(ledger: Ledger, rows: MemoryLeafStore) -> None:
    ledger.erase_details(rows, [2, 3, 11], reason="article 17", actor="a", at=NOW)
    for seq in (12, 4):
        rows.forget_details(seq)
        assert broken_at(ledger, rows) == seq


def test_an_announcement_that_is_erased_explains_nothing(ledger: Ledger, rows: MemoryLeafStore) -> None:
    seq = ledger.erase_details(rows, [2], reason="article 17", actor="a", at=NOW)
    rows.forget_details(seq)
    assert broken_at(ledger, rows) == 2


@pytest.mark.parametrize("entries", [5, [5], [[1]], [["a", "b"]], [[1, 2, 3]], None, [[9, 3]], {}])
def test_an_announcement_of_nonsense_explains_nothing(ledger: Ledger, rows: MemoryLeafStore, entries: object) -> None:
    details = {"entries": entries}
    ledger.record(rows, Action.DETAILS_ERASED, details, actor="a", at=NOW)  # type: ignore[arg-type] # nonsense
    rows.forget_details(5)
    assert broken_at(ledger, rows) == 5


def test_erased_details_cannot_be_given_back_altered(ledger: Ledger, rows: MemoryLeafStore) -> None:
    entry = rows.rows[5]
    rows.forget_details(5)
    rows.rows[5] = replace(rows.rows[5], salt=entry.salt, details='{"actor":"nobody"}')
    assert broken_at(ledger, rows) == 5
