"""The page of sealed columns names every column, and what is sealed under the workspace's key is sealed again."""

from __future__ import annotations

import re
from collections import Counter

from tests.conftest import ROOT

from lineament.store import tables  # noqa: F401 - declares every table
from lineament.store.columns import metadata
from lineament.store.sealed_rows import VAULTED, WRAPPED

PAGE = ROOT / "docs" / "reference" / "sealed.md"
KINDS = {
    "sealed (workspace)",
    "sealed (source)",
    "sealed (case)",
    "sealed (face)",
    "sealed (browser)",
    "sealed (key of a program)",
    "wrapped",
    "keyed digest",
    "digest",
    "plain",
    "plain, open",
}


def listed() -> list[tuple[str, str, str]]:
    """Return each column of the page, as table.column, with how it is stored and why."""
    found = []
    for line in PAGE.read_text("utf-8").splitlines():
        if (row := re.fullmatch(r"\| (\w+) \| ([\w, ]+) \| ([^|]+) \| ([^|]+) \|", line)) and row[1] != "table":
            found += [(f"{row[1]}.{column}", row[3], row[4]) for column in row[2].split(", ")]
    return found


def test_the_page_lists_every_column_once() -> None:
    columns = Counter(f"{table.name}.{column.name}" for table in metadata.tables.values() for column in table.columns)
    assert Counter(name for name, _, _ in listed()) == columns


def test_every_column_says_how_it_is_stored_and_why() -> None:
    assert {kind for _, kind, _ in listed()} <= KINDS
    assert [name for name, _, why in listed() if not why.strip()] == []


def test_a_rotation_seals_again_exactly_what_the_workspaces_key_seals() -> None:
    sealed = {name for name, kind, _ in listed() if kind == "sealed (workspace)"}
    assert {place.name for place in VAULTED} == sealed
    assert {place.name for place in WRAPPED} == {name for name, kind, _ in listed() if kind == "wrapped"}


def test_no_column_of_bytes_is_called_plain_without_being_random_or_public() -> None:
    plain = {name for name, kind, _ in listed() if kind.startswith("plain")}
    binary = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if column.type.python_type is bytes
    }
    ledger = {name for name in binary if name.startswith("ledger_") and name != "ledger_details.sealed"}
    assert binary & plain == ledger | {"captures.phash", "sessions.challenge", *(binary & {"probes.sha256"})}
