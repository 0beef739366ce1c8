"""Sources, and what is exported and loaded of them, as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from tests.support.samples import AT, ISO, TODAY, agency, source

from lineament.model.known import NotListed
from lineament.model.sources import Source, SourceState
from lineament.services.gallery.abuse import LoadReport
from lineament.services.gallery.register import SourceStanding
from lineament.services.gallery.takeout import TakenOut
from lineament.views.sources import (
    known_abuse_json,
    receipt_json,
    source_json,
    source_state,
    sources_json,
    taken_out_json,
)

SOURCE_JSON = {
    "name": "press",
    "state": "live",
    "captures": 0,
    "faces": 0,
    "controller": "C",
    "basis": "B",
    "jurisdiction": "FR",
    "permission_sha256": None,
    "permission_kept": None,
    "licence": None,
    "hosts": [],
    "contact": None,
    "expires": None,
    "days_left": None,
    "retention_days": None,
    "page_base": None,
    "registered_at": ISO,
    "approved_at": None,
}


def standing(*shares: tuple[str, date | None]) -> SourceStanding:
    """Return the standing of a source that Ada drafted, shared with agencies of these names."""
    listed = tuple((agency(terms=replace(agency().terms, name=name)), until) for name, until in shares)
    return SourceStanding(drafted_by="Ada", approved_by="", shares=listed or None, may_approve=False, gone=None)


def test_a_source_is_json_with_its_terms() -> None:
    assert source_json(source(), TODAY, None) == SOURCE_JSON
    terms = replace(source().terms, expires_on=date(2026, 3, 10), hosts=("a.example",))
    shown = source_json(source(terms=terms, approved_at=AT), TODAY, None)
    assert (shown["expires"], shown["days_left"], shown["hosts"]) == ("2026-03-10", 9, ["a.example"])
    assert shown["approved_at"] == ISO
    assert "drafted_by" not in shown  # only with the standing


@pytest.mark.parametrize(
    ("state", "day", "expected"),
    [
        (SourceState.LIVE, 10, "live"),
        (SourceState.LIVE, 11, "expired"),
        (SourceState.SUSPENDED, 11, "suspended"),
    ],
)
def test_a_live_source_is_expired_after_its_last_day(state: SourceState, day: int, expected: str) -> None:
    terms = replace(source().terms, expires_on=date(2026, 3, 10))
    assert source_state(source(terms=terms, state=state), date(2026, 3, day)) == expected


def test_the_permission_of_a_withdrawn_source_is_not_kept() -> None:
    live = source(permission_name="grant.pdf")
    assert source_json(live, TODAY, None)["permission_kept"] == "grant.pdf"
    withdrawn: Source = replace(live, state=SourceState.WITHDRAWN)
    assert source_json(withdrawn, TODAY, None)["permission_kept"] is None


def test_those_who_manage_sources_see_whom_a_source_is_shared_with() -> None:
    shared = source_json(source(), TODAY, standing(("Freedonia", None), ("Sylvania", date(2026, 5, 1))))
    assert shared["shared_with"] == ["Freedonia", "Sylvania until 2026-05-01"]
    assert (shared["drafted_by"], shared["approved_by"]) == ("Ada", "")
    assert source_json(source(), TODAY, standing())["shared_with"] is None


def test_sources_are_listed_each_with_the_standing_that_may_be_seen() -> None:
    other = source(terms=replace(source().terms, name="archive"))
    listed = sources_json([source(), other], TODAY, {"press": standing(), "archive": None})
    seen = {"drafted_by": "Ada", "approved_by": "", "shared_with": None}
    assert listed == {"sources": [{**SOURCE_JSON, **seen}, {**SOURCE_JSON, "name": "archive"}]}


def test_loads_and_exports_are_counted() -> None:
    loaded = LoadReport(digests=5, new=4, hashes=3, left_out=Counter({NotListed.NO_DIGEST: 1}), barred=2)
    counts = {"digests": 5, "new": 4, "hashes": 3, "new_hashes": 0, "left_out": {"no_digest": 1}, "barred": 2}
    assert known_abuse_json(loaded) == {"list": "digests", **counts}
    exported = TakenOut(exchanges=3, bytes=1000, sha256="a" * 64, ledger_entry=8)
    assert taken_out_json(exported) == {"exchanges": 3, "bytes": 1000, "sha256": "a" * 64, "ledger_entry": 8}


def test_a_receipt_is_shown_as_it_was_signed() -> None:
    claims = {"source": "press", "ledger": {"entry": 3}}
    assert receipt_json(claims) == claims
