"""A few kills of each kind of command; ``python -m tests.kills`` makes 200 of them, at moments that it draws."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from tests.kills import Workshop, one_kill, workshop

KINDS = ("ingest", "search", "erase", "withdraw", "crawl", "sweep", "rotate", "rotate-source")
SEED = 11


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with workshop(tmp_path_factory.mktemp("kills")) as place:
        yield place


def test_every_kind_of_command_is_killed(place: Workshop) -> None:
    assert sorted(place.works) == sorted(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_a_kill_at_any_moment_loses_nothing_acknowledged(name: str, place: Workshop) -> None:
    """Whether the command has begun, is half done or has ended when it is killed, everything holds."""
    one_kill(place, name, random.Random(f"{SEED} {name}").uniform(0.5, 4.0))
