"""Anyone with the public key can check a receipt, and nothing in it can be changed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lineament.errors import InvalidValue
from lineament.ledger import receipts
from lineament.ledger.checkpoint import SigningKey
from lineament.ledger.log import Ledger
from lineament.model.events.base import JSON
from lineament.testing import MemoryLeafStore


def statement(ledger: Ledger, rows: MemoryLeafStore, seq: int = 7) -> dict[str, JSON]:
    (entry,) = rows.entries(seq, seq + 1)
    path = ledger.prove(rows, seq, rows.size())
    return {
        "what": "source withdrawn",
        "source": "press",
        "reason": "the “controller” asked\n",
        "destroyed": {"captures": 3, "faces": 5},
        "ledger": receipts.proof(entry, path, rows.note or ""),
    }


def test_a_receipt_says_what_was_signed(ledger: Ledger, rows: MemoryLeafStore) -> None:
    stated = statement(ledger, rows)
    written = receipts.sign_receipt(ledger, stated)
    assert written.isascii()
    assert receipts.verify_receipt(written, ledger.public_key) == stated
    assert receipts.verify_receipt(json.dumps(json.loads(written)), ledger.public_key) == stated, (
        "its blanks do not count"
    )


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("statement", "source"), "other"),
        (("statement", "destroyed", "faces"), 6),
        (("statement", "ledger", "entry"), 8),
        (("statement", "more"), 1),
        (("format",), "lineament-receipt/2"),
        (("signature",), "\N{EM DASH} lineament/test AAAA"),
        (("signature",), 5),
    ],
)
def test_a_receipt_that_was_changed_is_refused(
    ledger: Ledger, rows: MemoryLeafStore, where: tuple[str, ...], value: object
) -> None:
    whole: Any = json.loads(receipts.sign_receipt(ledger, statement(ledger, rows)))
    place = whole
    for name in where[:-1]:
        place = place[name]
    place[where[-1]] = value
    with pytest.raises(InvalidValue):
        receipts.verify_receipt(json.dumps(whole), ledger.public_key)


def test_a_receipt_of_another_key_is_refused(ledger: Ledger, rows: MemoryLeafStore) -> None:
    written = receipts.sign_receipt(ledger, statement(ledger, rows))
    with pytest.raises(InvalidValue, match="not signed"):
        receipts.verify_receipt(written, SigningKey(name="lineament/test", seed=bytes(32)).public)


@pytest.mark.parametrize(
    ("name", "value"),
    [("entry", 6), ("entry", "7"), ("path", []), ("path", 3), ("commitment", "00" * 32), ("at", "yesterday")],
)
def test_a_signed_receipt_whose_entry_the_ledger_does_not_hold_is_refused(
    ledger: Ledger, rows: MemoryLeafStore, name: str, value: JSON
) -> None:
    stated: Any = statement(ledger, rows)
    stated["ledger"][name] = value
    with pytest.raises(InvalidValue):
        receipts.verify_receipt(receipts.sign_receipt(ledger, stated), ledger.public_key)


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[]", "null", "{}", '{"format":1,"statement":[],"signature":""}', "[" * 60_000]
)
def test_an_invalid_receipt_is_refused(ledger: Ledger, text: str) -> None:
    with pytest.raises(InvalidValue):
        receipts.verify_receipt(text, ledger.public_key)


def test_a_checkpoint_is_no_receipt_and_a_receipt_no_checkpoint(ledger: Ledger, rows: MemoryLeafStore) -> None:
    note = ledger.attest(f"{receipts.FORMAT}\n1\n2\n")
    assert note.startswith(f"{receipts.FORMAT}\n")
    assert ledger.origin != receipts.FORMAT
