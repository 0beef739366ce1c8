from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import pyotp
import pytest

from lineament.identity.totp import SECONDS, new_secret, qr_svg, step_of, uri

# RFC 6238, appendix B: the key “12345678901234567890”, SHA-1; the last six of its eight digits.
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
RFC = [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")]
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
STEP = int(NOW.timestamp()) // SECONDS
SHARED = (1685666130, "617002")
"""The time in seconds of a step whose code is also that of the step before it."""


def code(secret: str, step: int) -> str:
    return pyotp.TOTP(secret).generate_otp(step)


@pytest.mark.parametrize(("seconds", "typed"), RFC)
def test_the_codes_are_those_of_the_rfc(seconds: int, typed: str) -> None:
    assert step_of(RFC_SECRET, typed, datetime.fromtimestamp(seconds, UTC), after=0) == seconds // SECONDS


@pytest.mark.parametrize("near", [-1, 0, 1])
def test_a_clock_may_be_one_step_wrong(near: int) -> None:
    assert step_of(RFC_SECRET, code(RFC_SECRET, STEP + near), NOW, after=0) == STEP + near


@pytest.mark.parametrize("far", [-2, 2, 1000])
def test_and_no_more_than_one(far: int) -> None:
    assert step_of(RFC_SECRET, code(RFC_SECRET, STEP + far), NOW, after=0) is None


def test_a_code_works_once_and_none_before_it_afterwards() -> None:
    used = step_of(RFC_SECRET, code(RFC_SECRET, STEP), NOW, after=0)
    assert used == STEP
    assert step_of(RFC_SECRET, code(RFC_SECRET, STEP), NOW, after=used) is None
    assert step_of(RFC_SECRET, code(RFC_SECRET, STEP - 1), NOW, after=used) is None
    assert step_of(RFC_SECRET, code(RFC_SECRET, STEP + 1), NOW, after=used) == STEP + 1


def test_a_code_that_two_steps_share_works_once_too() -> None:
    seconds, shared = SHARED
    at = datetime.fromtimestamp(seconds, UTC)
    first = step_of(RFC_SECRET, shared, at, after=0)
    assert first is not None
    assert code(RFC_SECRET, first - 1) == code(RFC_SECRET, first) == shared
    assert all(step_of(RFC_SECRET, shared, at + timedelta(seconds=later), after=first) is None for later in (0, 30, 60))


@pytest.mark.parametrize("typed", [" 287 082 ", "287\u00a0082"])
def test_blanks_in_a_code_do_no_harm(typed: str) -> None:
    assert step_of(RFC_SECRET, typed, datetime.fromtimestamp(59, UTC), after=0) == 1


@pytest.mark.parametrize(
    "typed", ["", "28708", "2870822", "２８７０８２", "28708\udcff", "abcdef", "-28708", "287082" * 50]
)
def test_an_invalid_code_is_none(typed: str) -> None:
    assert step_of(RFC_SECRET, typed, datetime.fromtimestamp(59, UTC), after=0) is None


def test_secrets_have_160_bits_and_differ() -> None:
    first, second = new_secret(), new_secret()
    assert re.fullmatch(r"[A-Z2-7]{32}", first)
    assert first != second


def test_the_address_says_who_and_where() -> None:
    parts = urlsplit(uri(RFC_SECRET, "a+b@agency.example", "Lineament: Lyon"))
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parse_qs(parts.query) == {"secret": [RFC_SECRET], "issuer": ["Lineament: Lyon"]}


def test_the_qr_code_stands_under_a_strict_policy_and_reads() -> None:
    address = uri(RFC_SECRET, "examiner@agency.example", "Lineament")
    svg = qr_svg(address)
    root = ET.fromstring(svg)  # noqa: S314 -- our own
    assert root.get("role") == "img"
    assert all("style" not in element.attrib and element.tag in {"svg", "path", "g"} for element in root.iter())
    assert "script" not in svg
    assert "style" not in svg
    assert _read(root) == address


def _read(root: ET.Element) -> str:
    """Return the text of the QR code, redrawn with eight pixels a module and read by OpenCV."""
    background, modules = (path.get("d") or "" for path in root.iter("path"))
    size = int(re.findall(r"h(\d+)", background)[0])
    pixels = np.full((size, size), 255, np.uint8)
    x, y = 0, -0.5
    for command, right, down in re.findall(r"([Mmh])(-?[\d.]+)(?: (-?[\d.]+))?", modules):
        if command == "h":
            pixels[int(y), x : x + int(right)] = 0
        elif command == "M":
            y = float(down)
        else:
            y += float(down)
        x = int(right) if command == "M" else x + int(right)
    return cv2.QRCodeDetector().detectAndDecode(np.kron(pixels, np.ones((8, 8), np.uint8)))[0]
