"""Recognises weak passwords: common words, repetitions and walks along the keyboard."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.resources import files

WALKS = (
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "1a2b3c4d5e6f7g8h9i0j",
    "a1b2c3d4e5f6g7h8i9j0",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1234qwerasdfzxcv",
    "qweasdzxc123456789",
    "!@#$%^&*()_+",
)
"""Walks along a keyboard, an alphabet or the digits, forwards or backwards."""

_LOOK_ALIKES = str.maketrans("@4301$57!", "aaeoissti")


@cache
def _stems() -> frozenset[str]:
    """Return common words in lower case, without digits."""
    text = files("lineament.identity").joinpath("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(text.split())


def bare(text: str) -> str:
    """Return only the letters and digits of a text, case-folded."""
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())


def common(password: str) -> bool:
    """Return whether a password is one or two common words with trimmings, a short repetition, or a keyboard walk."""
    folded = unicodedata.normalize("NFKC", password).casefold()
    plain = bare(password) or folded
    words = {plain, re.sub(r"\d+", "", plain), bare(folded.translate(_LOOK_ALIKES)), bare(_trimmed(folded))} - {""}
    return _repeats(folded) or any(_stemmed(_once(word)) or _walks(word) for word in words)


def _stemmed(word: str) -> bool:
    return word in _stems() or any(word[:cut] in _stems() and word[cut:] in _stems() for cut in range(1, len(word)))


def _trimmed(folded: str) -> str:
    """Return a text without digits and signs at both ends, and with look-alikes replaced by letters."""
    return re.sub(r"^[\W\d_]+|[\W\d_]+$", "", folded).translate(_LOOK_ALIKES)


def _once(text: str) -> str:
    """Return the piece that the text repeats, or the text."""
    found = re.fullmatch(r"(.+?)\1+", text)
    return found[1] if found else text


def _repeats(text: str) -> bool:
    return len(_once(text)) <= 4 or len(set(text)) < 4


def _walks(text: str) -> bool:
    """Return whether a text consists of parts of WALKS, each of at least four keys."""
    position = 0
    while position < len(text):
        length = _walk_length(text, position)
        if length < 4:
            return False
        position += length
    return True


def _walk_length(text: str, position: int) -> int:
    """Return how many characters from ``position`` on lie along one walk."""
    longest = 0
    for walk in (*WALKS, *(walk[::-1] for walk in WALKS)):
        length = longest
        while position + length < len(text) and text[position : position + length + 1] in walk:
            length += 1
        longest = max(longest, length)
    return longest
