"""Refused files grouped by reason."""

from __future__ import annotations

from lineament.views.refusals import grouped


def test_files_are_grouped_by_reason_the_most_frequent_first() -> None:
    groups = grouped([("a", "torn"), ("b", "empty"), ("c", "empty")])
    assert [(group.why, [name for name, _ in group.files]) for group in groups] == [
        ("Empty", ["b", "c"]),
        ("Torn", ["a"]),
    ]


def test_reasons_that_differ_in_numbers_are_one() -> None:
    small = [("a", "it has 3 × 1,024 pixels"), ("b", "it has 12.5 × 7 pixels")]
    (group,) = grouped(small)
    assert group.why == "It has … × … pixels"
    assert list(group.files) == small


def test_a_reason_with_numbers_that_all_share_is_said_in_full() -> None:
    (group,) = grouped([("a", "over 100 MB"), ("b", "over 100 MB")])
    assert group.why == "Over 100 MB"


def test_nothing_refused_is_no_group() -> None:
    assert grouped([]) == []
