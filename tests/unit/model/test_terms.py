from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from lineament.errors import InvalidValue, WrongState
from lineament.model import cases, sources
from lineament.model.cases import CaseEvent, CaseState, CaseTerms
from lineament.model.faces import Box, SourceId
from lineament.model.lifecycle import advance
from lineament.model.reasons import ReasonCode
from lineament.model.sources import Source, SourceEvent, SourceState, SourceTerms

TERMS = {"name": "press", "controller": "Agency", "basis": "LED 8", "jurisdiction": "FR"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Press"},
        {"name": "../press"},
        {"name": ""},
        {"controller": "  "},
        {"basis": ""},
        {"jurisdiction": "France"},
        {"retention_days": 0},
        {"page_base": "javascript:alert(1)"},
        {"contact": "call us"},
        {"contact": "ada@press.example\nX-Header: 1"},
        {"hosts": ("a.example",) * 10_001},
    ],
)
def test_terms_that_say_too_little_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidValue):
        SourceTerms(**(TERMS | wrong))  # type: ignore[arg-type]


def source(state: SourceState = SourceState.LIVE, expires: date | None = None) -> Source:
    return Source(
        id=SourceId(1),
        terms=SourceTerms(**TERMS, expires_on=expires),  # type: ignore[arg-type]
        state=state,
        registered_at=datetime(2026, 1, 1, tzinfo=UTC),
        captures=0,
        faces=0,
        last_face_id=0,
    )


def test_a_source_may_be_used_on_its_last_day_and_not_on_the_next() -> None:
    ends = source(expires=date(2026, 3, 1))
    assert ends.why_closed(date(2026, 3, 1)) is None
    why = ends.why_closed(date(2026, 3, 2))
    assert why == ReasonCode.SOURCE_EXPIRED.reason(name="press", last="2026-03-01")
    assert ends.days_left(date(2026, 2, 27)) == 2


@pytest.mark.parametrize("state", [SourceState.SUSPENDED, SourceState.WITHDRAWN])
def test_a_source_that_is_not_live_may_not_be_used(state: SourceState) -> None:
    why = source(state).why_closed(date(2026, 1, 1))
    assert why == ReasonCode.SOURCE_NOT_LIVE.reason(name="press", state=state)


def test_a_draft_waits_for_a_second_person() -> None:
    why = source(SourceState.DRAFTED).why_closed(date(2026, 1, 1))
    assert why == ReasonCode.SOURCE_DRAFTED.reason(name="press")
    assert advance(sources.NEXT, SourceState.DRAFTED, SourceEvent.APPROVED, what="source", name="press") == "live"
    with pytest.raises(WrongState):
        advance(sources.NEXT, SourceState.DRAFTED, SourceEvent.RESUMED, what="source", name="press")


def test_a_source_is_open_to_those_it_is_shared_with() -> None:
    share = sources.Share(agency_id="a", until=date(2026, 3, 1))
    assert source().open_to("b", date(2026, 1, 1))
    some = replace(source(), shares=(share, sources.Share(agency_id="c")))
    assert some.open_to("a", date(2026, 3, 1))
    assert not some.open_to("a", date(2026, 3, 2))
    assert some.open_to("c", date(2036, 3, 2))
    assert not some.open_to("b", date(2026, 1, 1))
    assert not replace(some, shares=()).open_to("a", date(2026, 1, 1))


def test_a_withdrawn_source_stays_withdrawn() -> None:
    for event in SourceEvent:
        with pytest.raises(WrongState):
            advance(sources.NEXT, SourceState.WITHDRAWN, event, what="source", name="press")


def test_every_state_has_its_row_in_the_table() -> None:
    assert set(sources.NEXT) == set(SourceState)
    assert set(cases.NEXT) == set(CaseState)


def test_a_closed_case_cannot_be_closed_again() -> None:
    closed = advance(cases.NEXT, CaseState.OPEN, CaseEvent.CLOSED, what="case", name="K-1")
    with pytest.raises(WrongState, match="closed"):
        advance(cases.NEXT, closed, CaseEvent.CLOSED, what="case", name="K-1")


@pytest.mark.parametrize("field", ["ref", "offence", "purpose", "basis"])
def test_a_case_says_all_that_the_law_asks(field: str) -> None:
    terms = {"ref": "K-1", "offence": "o", "purpose": "p", "basis": "b"}
    CaseTerms(**terms)  # type: ignore[arg-type]
    with pytest.raises(InvalidValue):
        CaseTerms(**(terms | {field: " "}))  # type: ignore[arg-type]


def test_overlap_is_intersection_over_union() -> None:
    box = Box(x=0, y=0, width=2, height=2)
    assert box.overlap(Box(x=1, y=0, width=2, height=2)) == pytest.approx(1 / 3)
    assert box.overlap(Box(x=5, y=5, width=1, height=1)) == 0
