"""Reservations as publishers write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lineament.sources.permission.reservations import LONGEST, in_headers, in_meta

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Robots-Tag", "noindex"),
        ("x-robots-tag", "nofollow, NoAI"),
        ("X-Robots-Tag", "none"),
        ("X-Robots-Tag", "*: noimageai"),
        ("X-Robots-Tag", "googlebot: nofollow, lineament: noindex"),
        ("X-Robots-Tag", "max-image-preview: large, noimageindex"),
        ("X-Robots-Tag", "unavailable_after: 25 Jun 2010 15:00:00 GMT"),
        ("X-Robots-Tag", "unavailable_after: Friday, 25-Jun-10 15:00:00 UTC"),
        ("X-Robots-Tag", "unavailable_after: 2010-06-25"),
        ("X-Robots-Tag", "unavailable_after: never"),
        ("X-Robots-Tag", "x" * (LONGEST + 1)),
        ("tdm-reservation", "1"),
        ("TDM-Reservation", "yes"),
        ("Content-Usage", "search=y, train-ai=n"),
        ("Content-Usage", "bots = N"),
    ],
)
def test_reserved(name: str, value: str) -> None:
    reservation = in_headers([("Content-Type", "image/jpeg"), (name, value)], now=NOW)
    assert reservation is not None
    assert reservation.startswith(f"{name}: {value[:20]}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Robots-Tag", ""),
        ("X-Robots-Tag", "all, nofollow, noarchive, nosnippet"),
        ("X-Robots-Tag", "googlebot: noindex, noai"),
        ("X-Robots-Tag", "unavailable_after: 25 Jun 2030 15:00:00 GMT"),
        ("X-Robots-Tag", "unavailable_after: 2030-06-25"),
        ("X-Robots-Tag", "max-image-preview: none"),
        ("TDM-Reservation", " 0 "),
        ("Content-Usage", "train-ai=y"),
        ("Robots", "noindex"),
    ],
)
def test_not_reserved(name: str, value: str) -> None:
    assert in_headers([(name, value)], now=NOW) is None


def test_several_headers_of_one_name() -> None:
    assert in_headers([("X-Robots-Tag", "all"), ("X-Robots-Tag", "noai")], now=NOW) == "X-Robots-Tag: noai"


@pytest.mark.parametrize(
    ("name", "content", "reserved"),
    [
        ("robots", "noindex,nofollow", True),
        (" ROBOTS ", "NOAI", True),
        ("lineament", "none", True),
        ("tdm-reservation", "1", True),
        ("tdm-reservation", "0", False),
        ("robots", "index, follow", False),
        ("googlebot", "noindex", False),
        ("description", "noindex", False),
    ],
)
def test_meta(name: str, content: str, reserved: bool) -> None:
    assert (in_meta([("viewport", "x"), (name, content)], now=NOW) is not None) == reserved


def test_a_reservation_is_shown_as_one_short_printable_line() -> None:
    reservation = in_headers([("X-Robots-Tag", "noai,\n\x1b[31m" + "x" * 1000)], now=NOW)
    assert reservation is not None
    assert reservation.isprintable()
    assert len(reservation) < 120
