from __future__ import annotations

import pytest

from lineament.model.parts import incomplete_words, part_words


@pytest.mark.parametrize(
    ("part", "parts", "seconds", "words"),
    [
        (None, None, None, ""),
        (1, 1, None, ""),
        (2, 3, None, "page 2 of 3"),
        (7, 1200, 0.5, "frame 7 of 1,200"),
    ],
)
def test_which_picture_of_a_file(part: int | None, parts: int | None, seconds: float | None, words: str) -> None:
    assert part_words(part, parts, seconds) == words


@pytest.mark.parametrize(
    ("incomplete", "missing", "words"),
    [
        (False, None, ""),
        (True, None, "the file is damaged; what could be read of the picture is shown"),
        (True, 0.0, "the file is incomplete, but only its end is missing: the picture is whole"),
        (True, 0.006, "the file is incomplete: about 1 % of the picture is missing"),
        (True, 0.4, "the file is incomplete: about 40 % of the picture is missing"),
    ],
)
def test_what_is_missing(incomplete: bool, missing: float | None, words: str) -> None:
    assert incomplete_words(incomplete, missing) == words
