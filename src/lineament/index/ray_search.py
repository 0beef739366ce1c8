"""One search of all shards: asks a copy of each, another one if that is slow or lost, and stops at the deadline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lineament.index.shard_views import View, lacking
from lineament.index.shard_wire import Question, answer_from_bytes
from lineament.index.sharded import NOTHING, ShardAnswer, ShardQuery
from lineament.model.faces import FaceIds, Vectors

HEDGE = 0.25
"""Share of the deadline after which a second copy of a slow shard is asked."""


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that is under way: a search of a copy, or the question what changed there."""

    shard: int
    view: View
    lacks: FaceIds = field(default_factory=lambda: NOTHING)  # faces asked for that the copy does not hold
    changes: bool = False


class ShardSearch:
    """The probes, what each shard is asked, and the answers so far."""

    def __init__(
        self, part: str, turned: Vectors, most: int, asked: Sequence[ShardQuery], views: Sequence[Sequence[View]]
    ) -> None:
        self._part, self._turned, self._most, self._asked = part, turned, most, asked
        self._left = [sorted(some, key=lambda view: len(view.held)) for some in views]  # the fullest last
        self._left = [[view for view in some if view.state is not None] for some in self._left]
        self._answers: list[ShardAnswer | None] = [None] * len(asked)
        self._calls: dict[Any, _Call] = {}
        self.learned: list[View] = []  # of copies that were not as expected

    def run(self, deadline: float) -> Sequence[ShardAnswer | None]:
        """Return the answer of every shard that answers within so many seconds."""
        import ray

        until = time.monotonic() + deadline
        hedge = until - (1 - HEDGE) * deadline
        for shard in range(len(self._asked)):
            self._ask_another(shard)
        while self._calls and (now := time.monotonic()) < until:
            timeout, most = (hedge - now, len(self._calls)) if now < hedge else (until - now, 1)
            ready, _ = ray.wait(list(self._calls), num_returns=most, timeout=timeout)
            for call in ready:
                if call in self._calls:
                    self._receive(self._calls.pop(call), call)
            if now < hedge <= time.monotonic():
                for shard in {call.shard for call in self._calls.values()}:
                    self._ask_another(shard)
        return self._answers

    def _ask_another(self, shard: int) -> None:
        if self._left[shard]:
            self._ask(shard, self._left[shard].pop())

    def _ask(self, shard: int, view: View) -> None:
        asked = self._asked[shard]
        question = Question(
            part=self._part,
            generation=view.generation,
            version=view.version,
            turned=self._turned,
            most=self._most,
            among=asked.among,
        )
        call = view.actor.answer.remote(question.to_bytes())
        self._calls[call] = _Call(shard, view, lacking(view, asked))

    def _receive(self, call: _Call, answer: Any) -> None:
        import ray

        try:
            result = ray.get(answer)
        except ray.exceptions.RayError:
            result = None
            call = replace(call, changes=True)
        if result is None and call.changes:  # it is lost, or was restarted and has nothing open
            self.learned.append(replace(call.view, state=None))
            if all(other.shard != call.shard for other in self._calls.values()):
                self._ask_another(call.shard)
        elif result is None:  # others changed it meanwhile
            again = call.view.actor.changes.remote(self._part, call.view.generation, call.view.version)
            self._calls[again] = _Call(call.shard, call.view, changes=True)
        elif call.changes:
            view = call.view.changed(result, self._asked[call.shard].ids)
            self.learned.append(view)
            self._ask(call.shard, view)
        else:
            self._answers[call.shard] = ShardAnswer(answer_from_bytes(result), call.lacks)
            self._calls = {other: its for other, its in self._calls.items() if its.shard != call.shard}
