"""Whose process holds a job: dead for certain, or not for us to say."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lineament.services.jobs import owner

PROGRAM = "from lineament.services.jobs.owner import this_process; print(this_process(), flush=True); input()"


@pytest.fixture
def other() -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_process_is_dead_once_it_was_killed(other: subprocess.Popen[str]) -> None:
    assert other.stdout is not None
    name = other.stdout.readline().strip()
    assert name.split()[1] == str(other.pid)
    assert owner.dead([name]) == []
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)  # killed, and its parent has not noticed yet
    assert owner.dead([name]) == [name]
    other.communicate()
    assert owner.dead([name]) == [name]


def test_this_process_is_alive() -> None:
    assert owner.dead([owner.this_process()]) == []


def test_another_process_under_the_same_number_is_not_the_same() -> None:
    place, process, began = owner.this_process().rsplit(" ", 2)
    assert owner.dead([f"{place} {process} {int(began) - 1}"]) == [f"{place} {process} {int(began) - 1}"]


@pytest.mark.parametrize(
    "place", ["00000000-0000-0000-0000-000000000000/pid:[4026531836]", "unknown", "a machine of that name"]
)
def test_nothing_is_known_of_whoever_runs_elsewhere(place: str) -> None:
    assert owner.dead([f"{place} 999999999 1"]) == []


def test_a_process_that_nobody_knows_of_is_dead() -> None:
    place, _, _ = owner.this_process().rsplit(" ", 2)
    gone = f"{place} {2**22 + 1} 1"  # beyond pid_max
    assert owner.dead([gone]) == [gone]
