"""A process that runs jobs gives way to those that answer searches."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lineament.priority import NICENESS

GIVE_WAY = """
import os
from pathlib import Path
from lineament.priority import give_way
give_way()
group = Path("/proc/self/autogroup")
told = group.read_text().split() if group.exists() else []  # nothing, where the kernel does not group this session
print(os.getpriority(os.PRIO_PROCESS, 0), told[-1] if told else "none")
"""


@pytest.mark.parametrize("own_session", [True, False])
def test_a_worker_gives_way_with_its_session_if_that_is_its_own(*, own_session: bool) -> None:
    line = [sys.executable, "-c", GIVE_WAY]
    done = subprocess.run(line, start_new_session=own_session, capture_output=True, text=True, check=True)
    niceness, of_session = done.stdout.split()
    assert int(niceness) >= NICENESS
    assert of_session in {"none", str(NICENESS)} if own_session else of_session != str(NICENESS)
