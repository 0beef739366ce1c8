"""What a search and a shard send each other comes through as it was."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.templates import vectors

from lineament.index.among import EVERY_FACE, Among
from lineament.index.shard_wire import Question, answer_from_bytes, answer_to_bytes


@pytest.mark.parametrize("among", [EVERY_FACE, Among(first_day=-3, last_day=20_000, after=2**40)])
def test_a_question_comes_through_as_it_was(among: Among) -> None:
    asked = Question(part="ab" * 32, generation="cd", version=7, turned=vectors(3), most=300, among=among)
    read = Question.from_bytes(asked.to_bytes())
    assert (read.part, read.generation, read.version, read.most, read.among) == ("ab" * 32, "cd", 7, 300, among)
    assert read.turned.dtype == np.float32
    assert np.array_equal(read.turned, asked.turned)


@pytest.mark.parametrize("counts", [[3, 0, 2], [0], [5]])
def test_an_answer_comes_through_as_it_was(counts: list[int]) -> None:
    random = np.random.default_rng(1)
    found = [
        (random.integers(-(2**62), 2**62, count), random.standard_normal(count).astype(np.float32)) for count in counts
    ]
    read = answer_from_bytes(answer_to_bytes(found))
    assert len(read) == len(found)
    for (ids, scores), (wanted, of_wanted) in zip(read, found, strict=True):
        assert np.array_equal(ids, wanted)
        assert np.array_equal(scores, of_wanted)
        assert [ids.dtype.name, scores.dtype.name] == ["int64", "float32"]


@pytest.mark.parametrize("content", [b"", b"[3]\nabc", b"{}\n", b"nonsense"])
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Question.from_bytes(content)
    with pytest.raises((ValueError, KeyError, TypeError)):
        answer_from_bytes(content)
