"""The similarity that clients of others expect: the higher the score, the higher it is, and back again."""

from __future__ import annotations

import pytest
from bench import similarity as printed
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import ROOT

from lineament.model.similarity import score_of, similarity

scores = st.floats(-1, 1, width=32)


@given(scores, scores)
def test_a_higher_score_has_a_higher_similarity(first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert 0 <= similarity(low) <= similarity(high) <= 100
    assert similarity(low) < similarity(high) or high - low < 1e-9


@given(scores)
def test_a_similarity_leads_back_to_its_score(score: float) -> None:
    assert score_of(similarity(score)) == pytest.approx(score, abs=1e-6)


def test_the_ends_and_the_three_that_clients_use() -> None:
    assert [similarity(score) for score in (-1, 0.35, 0.45, 0.6, 1, 1.5, -2)] == [0, 80, 90, 99, 100, 100, 0]
    assert [score_of(wanted) for wanted in (0, 80, 90, 99, 100)] == [-1, 0.35, 0.45, 0.6, 1]


def test_the_page_has_the_table_of_the_shipped_model() -> None:
    page = (ROOT / "docs" / "reference" / "rekognition.md").read_text("utf-8")
    assert printed.table(printed.shipped_rates()) in page
