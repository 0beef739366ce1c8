"""Entries of the ledger as pages show them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from lineament.model.events.watches import WatchHeld
from lineament.services.audit import LedgerEntry
from lineament.web.entries import by_day, ledger_line
from lineament.web.sentences import Names
from lineament.web.sentences.base import sentence_of

AT = datetime(2026, 5, 4, 12, tzinfo=UTC)


def shown(details: dict[str, object] | None) -> list[tuple[str, str]]:
    """Return the names and values that the page shows of an entry."""
    stored = None if details is None else json.dumps(details)
    entry = LedgerEntry(seq=3, at=AT, action="run_ended", commitment=bytes(32), details=stored)
    return [(name, value) for name, value, _ in ledger_line(entry, Names()).fields]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"enrolled": 5, "no_face": 1}, "5 enrolled, 1 no face"),
        ([4, 5], "4, 5"),
        ([[1, 7, 0.61234]], "rank 1 face 7 score 0.612"),
        (0.27411111, "0.2741"),
        (True, "true"),
        ("a" * 64, "aaaaaaaaaaaa…"),
        ({"deep": {"er": 1}}, '{"deep": {"er": 1}}'),
    ],
)
def test_values_are_shown_in_words(value: object, text: str) -> None:
    assert shown({"candidates": value}) == [("candidates", text)]


def test_empty_details_are_left_out() -> None:
    assert shown({"a": "", "b": [], "c": None, "d": {}, "e": 0, "f": False}) == [("e", "0"), ("f", "false")]


def test_entries_are_grouped_by_the_day_of_this_machine() -> None:
    entries = [
        LedgerEntry(seq=seq, at=AT - timedelta(days=days), action="signed_out", commitment=bytes(32), details="{}")
        for seq, days in ((3, 0), (2, 0), (1, 2))
    ]
    days = by_day([ledger_line(entry, Names()) for entry in entries])
    assert [(day, [line.seq for line in lines]) for day, lines in days] == [("2026-05-04", [3, 2]), ("2026-05-02", [1])]


@pytest.mark.parametrize(
    ("code", "words"), [("watch-key", "the key of its program was revoked"), ("all-stopped", "all stopped")]
)
def test_the_record_says_why_a_watch_is_held(code: str, words: str) -> None:
    sentence = sentence_of(WatchHeld(case="K-1", watch="w", against=(code,)), Names())
    assert sentence.endswith(f": {words}")


def test_an_erased_entry_has_no_details() -> None:
    assert shown(None) == []
