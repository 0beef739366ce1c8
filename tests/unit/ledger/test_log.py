"""Recording: what is committed to, what is signed, and what is refused."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from tests.support.ledgers import NOW, fill

from lineament.errors import InvalidValue, LedgerBroken
from lineament.ledger.checkpoint import Checkpoint
from lineament.ledger.entries import canonical, commitment_to, leaf_bytes, timestamp
from lineament.ledger.log import Ledger
from lineament.ledger.merkle import leaf_hash, root_of, verify_consistency, verify_inclusion
from lineament.model.actions import Action
from lineament.testing import MemoryLeafStore


def test_entries_are_numbered_from_zero(ledger: Ledger) -> None:
    rows = MemoryLeafStore()
    places = [ledger.record(rows, Action.SEARCH, {}, actor="a", at=NOW) for _ in range(3)]
    assert places == [0, 1, 2]
    assert rows.size() == 3


def test_the_bytes_of_an_entry(ledger: Ledger) -> None:
    """The format of docs/reference/ledger-format.md, built by hand."""
    rows = MemoryLeafStore()
    ledger.record(rows, Action.CASE_OPENED, {"case": "K-1 “é”", "n": [1, 2.5, None, True]}, actor="ada", at=NOW)
    entry = rows.rows[0]
    assert entry.details == '{"actor":"ada","case":"K-1 \\u201c\\u00e9\\u201d","n":[1,2.5,null,true]}'
    assert entry.salt is not None
    assert len(entry.salt) == 32
    salted = b"lineament.ledger.details.v1\x00" + entry.salt + entry.details.encode()
    assert entry.commitment == hashlib.sha256(salted).digest()
    leaf = (
        b'{"action":"case_opened","at":"2026-01-31T23:59:59.000007Z",'
        b'"commitment":"' + entry.commitment.hex().encode() + b'","seq":0}'
    )
    assert entry.leaf == hashlib.sha256(b"\x00" + leaf).digest()
    assert leaf_bytes(0, NOW, "case_opened", entry.commitment) == leaf


def test_the_checkpoint_is_of_the_whole_tree(ledger: Ledger) -> None:
    rows = MemoryLeafStore()
    for size in range(1, 40):
        fill(ledger, rows, 1)
        head = Checkpoint.parse(rows.note or "", ledger.public_key)
        assert (head.size, head.root) == (size, root_of(rows.rows[at].leaf for at in range(size)))


def test_equal_details_have_different_commitments(ledger: Ledger) -> None:
    rows = MemoryLeafStore()
    for _ in range(2):
        ledger.record(rows, Action.SEARCH, {"case": "K-1"}, actor="a", at=NOW)
    assert rows.rows[0].details == rows.rows[1].details
    assert rows.rows[0].commitment != rows.rows[1].commitment


def test_nothing_of_the_details_is_in_what_stays(ledger: Ledger) -> None:
    """R43: without salt and details, an entry reveals only action and time."""
    rows = MemoryLeafStore()
    ledger.record(rows, Action.SEARCH, {"case": "SECRET"}, actor="SOMEBODY", at=NOW)
    rows.forget_details(0)
    left = repr(rows)
    assert "SECRET" not in left
    assert "SOMEBODY" not in left


@pytest.mark.parametrize("zone", [None, timezone(timedelta(hours=1))])
def test_the_time_is_utc(ledger: Ledger, zone: timezone | None) -> None:
    with pytest.raises(ValueError, match="UTC"):
        ledger.record(MemoryLeafStore(), Action.SEARCH, {}, actor="a", at=NOW.replace(tzinfo=zone))


def test_times_have_microseconds_always() -> None:
    assert timestamp(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000000Z"
    assert timestamp(datetime(987, 1, 1, 1, 2, 3, 4, tzinfo=UTC)) == "0987-01-01T01:02:03.000004Z"


def test_canonical_json_is_one_text_for_one_value() -> None:
    assert canonical({"b": 1, "a": {"d": None, "c": "ü\udc80"}}) == '{"a":{"c":"\\u00fc\\udc80","d":null},"b":1}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"score": float("nan")})


def test_the_actor_is_not_a_detail(ledger: Ledger) -> None:
    with pytest.raises(InvalidValue, match="actor"):
        ledger.record(MemoryLeafStore(), Action.SEARCH, {"actor": "somebody else"}, actor="a", at=NOW)


def test_a_record_that_fails_leaves_nothing(ledger: Ledger, rows: MemoryLeafStore) -> None:
    before = repr(rows)
    with pytest.raises(ValueError, match="JSON"):
        ledger.record(rows, Action.SEARCH, {"x": float("inf")}, actor="a", at=NOW)
    assert repr(rows) == before


@pytest.mark.parametrize("action", list(Action))
def test_every_action_can_stand_in_a_leaf(action: Action) -> None:
    """R39: one entry for each kind; the verifier takes lower-case letters and underscores alone."""
    assert action.value.replace("_", "").isalpha()
    assert action.value == action.value.lower()
    assert len(action.value) <= 64


def test_two_processes_take_turns(rows: MemoryLeafStore) -> None:
    for _ in range(5):
        fill(Ledger(origin="lineament/test", signing_seed=bytes(range(32))), rows, 1)
    assert rows.size() == 25


# ---------------------------------------------------------------- nothing is signed on top of a tampered tree


def test_nothing_is_recorded_in_a_ledger_cut_short(ledger: Ledger, rows: MemoryLeafStore) -> None:
    del rows.rows[19]
    with pytest.raises(LedgerBroken, match="19 entries, but 20 were signed"):
        fill(ledger, rows, 1)


def test_nothing_is_recorded_without_the_checkpoint(ledger: Ledger, rows: MemoryLeafStore) -> None:
    rows.note = None
    with pytest.raises(LedgerBroken, match="checkpoint is gone"):
        fill(ledger, rows, 1)


def test_nothing_is_recorded_in_a_ledger_of_another_key(rows: MemoryLeafStore) -> None:
    with pytest.raises(LedgerBroken, match="cannot be trusted"):
        fill(Ledger(origin="lineament/test", signing_seed=bytes(32)), rows, 1)


def test_nothing_is_recorded_on_an_altered_edge(ledger: Ledger, rows: MemoryLeafStore) -> None:
    rows.tree[4, 0] = bytes(32)
    with pytest.raises(LedgerBroken, match="not the one that was signed"):
        fill(ledger, rows, 1)
    del rows.tree[4, 0]
    with pytest.raises(LedgerBroken, match="gone"):
        fill(ledger, rows, 1)


# ---------------------------------------------------------------- proofs


def test_entries_are_proven_from_the_stored_nodes(ledger: Ledger, rows: MemoryLeafStore) -> None:
    leaves = [rows.rows[at].leaf for at in range(20)]
    for size in range(1, 21):
        root = root_of(leaves[:size])
        for seq in range(size):
            assert verify_inclusion(seq, size, leaves[seq], ledger.prove(rows, seq, size), root)
        path = ledger.prove_consistency(rows, size, 20)
        assert verify_consistency(size, 20, path, (root, root_of(leaves)))


@pytest.mark.parametrize("size", [0, 21, -1])
def test_there_are_no_proofs_for_sizes_that_never_were(ledger: Ledger, rows: MemoryLeafStore, size: int) -> None:
    with pytest.raises(InvalidValue, match="20 entries"):
        ledger.prove(rows, 0, size)
    with pytest.raises(InvalidValue, match="20 entries"):
        ledger.prove_consistency(rows, 1, size)


# ---------------------------------------------------------------- erasure


def test_an_erasure_is_announced(ledger: Ledger, rows: MemoryLeafStore) -> None:
    seq = ledger.erase_details(rows, [7, 3, 4, 5, 3], reason="court order", actor="supervisor", at=NOW)
    details = json.loads(rows.rows[seq].details or "")
    assert details == {"actor": "supervisor", "entries": [[3, 5], [7, 7]], "reason": "court order"}
    assert [at for at in range(20) if rows.rows[at].details is None] == [3, 4, 5, 7]


def test_an_erasure_names_entries_that_are_there(ledger: Ledger, rows: MemoryLeafStore) -> None:
    with pytest.raises(InvalidValue, match="20 entries"):
        ledger.erase_details(rows, [3, 20], reason="court order", actor="a", at=NOW)
    assert rows.size() == 20
    assert rows.rows[3].details is not None


def test_a_leaf_hash_is_that_of_its_bytes(rows: MemoryLeafStore) -> None:
    entry = rows.rows[4]
    assert entry.leaf == leaf_hash(leaf_bytes(4, entry.at, entry.action, entry.commitment))
    assert entry.commitment == commitment_to(entry.salt or b"", entry.details or "")
