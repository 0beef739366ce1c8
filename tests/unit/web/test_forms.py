"""The fields of a form: days and moments are read as the pages ask for them, and not otherwise."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from lineament.errors import InvalidValue
from lineament.web.forms import SentForm


def sent(text: str) -> SentForm:
    return SentForm(texts={"at": (text,)})


@pytest.mark.parametrize("text", ["2026-11-25", "20261125"])
def test_a_day_is_read(text: str) -> None:
    assert sent(text).day("at") == date(2026, 11, 25)


@pytest.mark.parametrize("text", ["2026-W48-3", "2026W483", "2026-11-2", "2026-11-31", "25.11.2026", "٢٠٢٦-١١-٢٥"])
def test_what_is_not_written_as_a_day_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="write it as 2026-11-21"):
        sent(text).day("at")


@pytest.mark.parametrize("text", ["2026-11-25 14:05", "2026-11-25T14:05"])
def test_a_moment_is_read_in_the_zone_of_the_pages(text: str) -> None:
    moment = sent(text).moment("at")
    assert moment == datetime(2026, 11, 25, 14, 5).astimezone()
    assert moment.tzinfo is not None


@pytest.mark.parametrize(
    "text", ["", "2026-11-25", "2026-11-25 24:61", "2026-11-25T14:05+05:00", "2026-11-25 14", "14:05"]
)
def test_a_moment_without_its_time_or_with_more_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="write it as 2026-11-21 14:05"):
        sent(text).moment("at")
