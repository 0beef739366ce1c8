"""Where the line of a candidate list stands, and what a card says of where its picture was found."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from lineament.store.searches import ErasedCandidate
from lineament.web.lists import Card, file_name, line_before


@pytest.mark.parametrize(
    ("expected", "before"),
    [
        ([], None),
        ([0.01, 0.2], None),
        ([0.01, 1.0, 4.0], 2),
        ([1.2, 1.3], 1),
        ([0.01, 1.1, 0.9, 2.0], 4),  # a poor picture above a better one
        ([0.01, 0.999999], None),
    ],
)
def test_where_strangers_are_expected(expected: list[float], before: int | None) -> None:
    listed = [ErasedCandidate(rank=rank, score=0.5, expected_false=each) for rank, each in enumerate(expected, 1)]
    assert line_before(listed) == before


def card(uri: str, page_uri: str | None = None, page_title: str | None = None) -> Card:
    found: Any = SimpleNamespace(uri=uri, page_uri=page_uri, page_title=page_title)
    return Card(place=1, name="1", candidate=cast("Any", found))


@pytest.mark.parametrize(
    ("shown", "where"),
    [
        (card("https://a.example/1.jpg", "https://b.example/page", "A page"), "A page"),
        (card("https://a.example/1.jpg", "https://b.example/page"), "b.example"),
        (card("https://a.example/1.jpg"), "a.example"),
        (card("file:///evidence/phone 3/IMG%200041.jpg"), "IMG 0041.jpg"),
        (Card(place=1, name="1", candidate=ErasedCandidate(rank=1, score=0.5, expected_false=2)), ""),
    ],
)
def test_where_a_picture_was_found_in_a_few_words(shown: Card, where: str) -> None:
    assert shown.where == where


def test_the_name_of_a_file() -> None:
    assert file_name("/a/b.jpg") == "b.jpg"
    assert file_name("b.jpg") == "b.jpg"
    assert file_name("///") == "///"
    assert file_name("a/%0a%FF%E2%80%AEgpj.exe") == "\ufffd\ufffd\ufffdgpj.exe"
