"""Probes that wait are compared together, and none waits for others to come."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from tests.support.templates import as_ids

from lineament.index.among import EVERY_FACE, Among
from lineament.index.joining import MOST, Joined
from lineament.model.faces import FaceIds, Vectors
from lineament.model.scores import Scores


class Slow:
    """Answers with the number that a probe is; the first call waits until it may go on."""

    def __init__(self) -> None:
        self.began, self.may_go_on = threading.Event(), threading.Event()
        self.calls: list[int] = []

    def __call__(self, probes: Vectors, wanted: Sequence[tuple[int, Among]]) -> list[tuple[FaceIds, Scores]]:
        self.calls.append(len(probes))
        assert len(probes) == len(wanted)
        if len(self.calls) == 1:
            self.began.set()
            assert self.may_go_on.wait(30)
        if (probes < 0).any():
            raise ValueError("a probe that cannot be compared")
        return [
            (as_ids([int(probe[0])] * most), np.ones(most, dtype=np.float32))
            for probe, (most, _) in zip(probes, wanted, strict=True)
        ]


def asked(joined: Joined, number: float, answers: dict[float, object]) -> threading.Thread:
    def ask() -> None:
        try:
            ids, _ = joined.nearest(np.array([[number]], dtype=np.float32), 1 + int(abs(number)) % 3, EVERY_FACE)
            answers[number] = ids.tolist()
        except ValueError as error:
            answers[number] = str(error)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def waiting(joined: Joined, count: int) -> None:
    """Wait until so many probes wait."""
    while len(joined.waiting) < count:
        threading.Event().wait(0.001)


@pytest.mark.parametrize("count", [1, 5, MOST + 10])
def test_those_that_come_meanwhile_are_compared_together(count: int) -> None:
    slow = Slow()
    joined = Joined(slow)
    answers: dict[float, object] = {}
    threads = [asked(joined, 0, answers)]
    assert slow.began.wait(30)
    threads += [asked(joined, number, answers) for number in range(1, count + 1)]
    waiting(joined, count)
    slow.may_go_on.set()
    for thread in threads:
        thread.join(30)
    assert answers == {number: [number] * (1 + number % 3) for number in range(count + 1)}
    assert slow.calls == [1, *([count] if count <= MOST else [MOST, count - MOST])]


def test_an_error_reaches_everyone_who_waited_and_the_next_are_compared() -> None:
    slow = Slow()
    joined = Joined(slow)
    answers: dict[float, object] = {}
    threads = [asked(joined, 0, answers)]
    assert slow.began.wait(30)
    threads += [asked(joined, number, answers) for number in (-1, 2)]
    waiting(joined, 2)
    slow.may_go_on.set()
    for thread in threads:
        thread.join(30)
    assert answers == {0: [0], -1: "a probe that cannot be compared", 2: "a probe that cannot be compared"}
    asked(joined, 3, answers).join(30)
    assert answers[3] == [3]
