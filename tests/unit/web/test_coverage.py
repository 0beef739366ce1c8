"""How much a source took in by day."""

from __future__ import annotations

from datetime import date, timedelta

from lineament.web.coverage import HEIGHT, bars, in_words

FIRST = date(2026, 10, 1)


def days(*counts: int) -> dict[date, int]:
    return {FIRST + timedelta(days=number): many for number, many in enumerate(counts)}


def test_the_highest_bar_has_the_whole_height_and_the_least_can_be_seen() -> None:
    drawn = bars(days(0, 1, 10_000, 5_000))
    assert [bar.height for bar in drawn] == [0.0, 1.0, HEIGHT, HEIGHT / 2]
    assert [bar.x for bar in drawn] == [0, 10, 20, 30]


def test_the_words_say_what_the_bars_show() -> None:
    assert in_words(days(0, 1, 1200, 0)) == (
        "1,201 pictures on 2 days of the last 4; most on 2026-10-03 (1,200), last on 2026-10-03."
    )
    assert in_words(days(0, 0)) == "Nothing was taken in during the last 2 days."
    assert [bar.height for bar in bars(days(0, 0))] == [0.0, 0.0]
