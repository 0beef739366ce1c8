from __future__ import annotations

import re

import pytest

from lineament.identity.recovery import CODES, digest, new_codes, normal, without

KEY = b"k" * 32


def test_ten_codes_of_eighty_bits_in_groups() -> None:
    codes = new_codes()
    assert len(set(codes)) == CODES == 10
    assert all(re.fullmatch(r"(?:[0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}", code) for code in codes)
    assert not set("".join(codes)) & set("ILOU")


@pytest.mark.parametrize(
    "typed",
    ["0123-456V-9ABC-DEFG", "0123456v9abcdefg", " o1z3 45".replace("z", "2") + "6u-9abc-defg ", "OL23.456V.9ABC.DEFG"],
)
def test_a_code_is_normalised(typed: str) -> None:
    assert normal(typed) == "0123456V9ABCDEFG"
    assert digest(typed, KEY) == digest("0123-456V-9ABC-DEFG", KEY)


def test_a_digest_depends_on_code_and_key() -> None:
    assert len(digest("0123", KEY)) == 32
    assert digest("0123", KEY) != digest("0124", KEY)
    assert digest("0123", KEY) != digest("0123", b"l" * 32)


def test_each_code_works_once() -> None:
    codes = new_codes()
    kept = [digest(code, KEY) for code in codes]
    left = without(codes[3].lower().replace("-", " "), KEY, kept)
    assert left == kept[:3] + kept[4:]
    assert without(codes[3], KEY, left) is None
    for code in codes[:3] + codes[4:]:
        left = without(code, KEY, left or [])
    assert left == []


@pytest.mark.parametrize("typed", ["", "-", "0000-0000-0000-0000", "\udcff", "x" * 10_000])
def test_an_invalid_code_uses_none_up(typed: str) -> None:
    assert without(typed, KEY, [digest(code, KEY) for code in new_codes()]) is None
    assert without(typed, KEY, []) is None
