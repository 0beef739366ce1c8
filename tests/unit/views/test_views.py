"""What terminal, pages and API share: values as JSON and in words."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from lineament.model.faces import SourceId
from lineament.model.runs import Run, RunId
from lineament.model.sources import Source, SourceState, SourceTerms
from lineament.views.runs import run_counts, run_json
from lineament.views.sources import source_json, source_state

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
TERMS = SourceTerms(name="press", controller="C", basis="B", jurisdiction="FR", expires_on=date(2026, 3, 10))


def test_a_run_has_the_number_within_its_source_and_a_line_for_each_thing_it_was_given() -> None:
    run = Run(id=RunId(70), source_id=SourceId(1), number=3, connector="folder", what="a\nb", begun_at=AT, seen_at=AT)
    shown = run_json(run)
    assert (shown["run"], shown["what"]) == (3, ["a", "b"])
    assert (shown["begun_at"], shown["ended_at"]) == ("2026-03-01T12:00:00+00:00", None)


def test_the_counts_of_a_run_are_in_one_order_and_unknown_ones_are_left_out() -> None:
    counts = {"refused": 2, "of_a_later_version": 5, "enrolled": 1200}
    run = Run(
        id=RunId(1),
        source_id=SourceId(1),
        number=1,
        connector="folder",
        what="a",
        begun_at=AT,
        seen_at=AT,
        counts=counts,
    )
    assert run_counts(run) == "1,200 enrolled, 2 refused"


def source(state: SourceState = SourceState.LIVE) -> Source:
    """Return a source that may be searched until 10 March."""
    return Source(id=SourceId(1), terms=TERMS, state=state, registered_at=AT, captures=0, faces=0, last_face_id=0)


@pytest.mark.parametrize(
    ("state", "day", "expected"),
    [
        (SourceState.LIVE, 10, "live"),
        (SourceState.LIVE, 11, "expired"),
        (SourceState.SUSPENDED, 11, "suspended"),
    ],
)
def test_a_live_source_is_expired_after_its_last_day(state: SourceState, day: int, expected: str) -> None:
    assert source_state(source(state), date(2026, 3, day)) == expected


def test_the_drafter_of_a_source_is_shown_only_with_its_standing() -> None:
    shown = source_json(source(), date(2026, 3, 8), None)
    assert (shown["expires"], shown["days_left"]) == ("2026-03-10", 2)
    assert "drafted_by" not in shown
