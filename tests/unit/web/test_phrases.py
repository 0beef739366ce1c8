"""The same value reads the same everywhere, and no score reads as a percentage."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from lineament.model.cases import Case, CaseState, CaseTerms
from lineament.model.faces import Box, SourceId
from lineament.model.search import Edit, EditKind, expected_words
from lineament.model.sources import Source, SourceState, SourceTerms
from lineament.web import phrases

TODAY = date(2026, 11, 21)
SOURCE = Source(
    id=SourceId(1),
    terms=SourceTerms(name="press", controller="Press", basis="LED 8", jurisdiction="FR"),
    state=SourceState.LIVE,
    registered_at=datetime(2026, 1, 1, tzinfo=UTC),
    captures=0,
    faces=0,
    last_face_id=0,
)


@pytest.mark.parametrize(("at", "shown"), [(0, "0:00:00.000"), (3725.25, "1:02:05.250"), (59.9996, "0:01:00.000")])
def test_a_time_code(at: float, shown: str) -> None:
    assert phrases.time_code(at) == shown


def until(day: date | None, state: SourceState = SourceState.LIVE) -> Source:
    return replace(SOURCE, state=state, terms=replace(SOURCE.terms, expires_on=day))


@pytest.mark.parametrize(
    ("expected", "words"),
    [(3412.4, "3,412"), (12.3, "12"), (4.56, "4.6"), (0.1, "0.10"), (0.0123, "0.012"), (0.00034, "0.00034")],
)
def test_strangers_have_two_figures(expected: float, words: str) -> None:
    assert expected_words(expected) == words


def test_the_far_tail_is_not_known_better_than_it_is() -> None:
    assert expected_words(3e-9) == "<\N{NO-BREAK SPACE}0.0001"
    assert expected_words(0.0) == "<\N{NO-BREAK SPACE}0.0001"


def test_a_score_is_a_plain_number() -> None:
    assert phrases.score(0.6519) == "0.652"
    assert phrases.score(-0.02) == "−0.020"


@pytest.mark.parametrize(
    ("source", "left", "standing", "urgency"),
    [
        (until(None), "no end", "live", "calm"),
        (until(date(2026, 12, 31)), "40 days", "live", "calm"),
        (until(date(2026, 11, 22)), "1 day", "ends soon", "warn"),
        (until(TODAY), "last day", "ends soon", "warn"),
        (until(date(2026, 11, 20)), "expired", "expired", "stop"),
        (until(None, SourceState.SUSPENDED), "no end", "suspended", "stop"),
        (until(None, SourceState.DRAFTED), "no end", "drafted", "warn"),
        (until(date(2026, 11, 20), SourceState.WITHDRAWN), "expired", "withdrawn", "stop"),
    ],
)
def test_how_a_source_stands(source: Source, left: str, standing: str, urgency: str) -> None:
    assert phrases.days_left(source, TODAY) == left
    assert phrases.standing(source, TODAY) == standing
    assert phrases.urgency(source, TODAY) == urgency


@pytest.mark.parametrize(
    ("duration", "words"), [(0.0004, "0.01 s"), (0.0412, "0.04 s"), (8.4, "8.40 s"), (75, "75 s"), (600, "10 min")]
)
def test_how_long(duration: float, words: str) -> None:
    assert phrases.seconds(duration) == words


@pytest.mark.parametrize(
    ("size", "words"), [(999, "999 bytes"), (184_000, "184 kB"), (1_500_000, "1.5 MB"), (2**28, "268 MB")]
)
def test_how_large(size: int, words: str) -> None:
    assert phrases.size(size) == words


def test_a_moment_says_its_zone_on_hover() -> None:
    html = phrases.moment(datetime(2026, 11, 21, 14, 5, 33, tzinfo=UTC))
    assert 'datetime="2026-11-21T14:05:33+00:00"' in html
    assert "UTC" in html.split('title="')[1]


def test_steps_of_a_photograph() -> None:
    assert phrases.edit_step(Edit(kind=EditKind.ROTATE, degrees=90)) == "turned 90° clockwise"
    cut = Edit(kind=EditKind.CROP, box=Box(x=1, y=2, width=300, height=400))
    assert phrases.edit_step(cut) == "cropped to 300 × 400 px"
    assert phrases.edit_step(Edit(kind=EditKind.EXPOSURE, stops=0.5)) == "lighter by half a stop"
    assert phrases.edit_step(Edit(kind=EditKind.EXPOSURE, stops=-1.5)) == "darker by 1.5 stops"


@pytest.mark.parametrize(
    ("offence", "blurred"),
    [("Sexual abuse of a child", True), ("Besitz von CSAM", True), ("Theft from a museum", False)],
)
def test_pictures_of_abuse_are_blurred(offence: str, blurred: bool) -> None:
    terms = CaseTerms(ref="K-1", offence=offence, purpose="to find who it shows", basis="CPP 77")
    now = datetime.now(UTC)
    case = Case(id=1, key="0", terms=terms, state=CaseState.OPEN, opened_at=now, closed_at=None, searches=0)
    assert phrases.distressing(case) is blurred
