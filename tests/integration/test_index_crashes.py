"""Kill -9 while an index is written: afterwards it is right, or known to be damaged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from tests.support.templates import Templates, as_ids, scan, vectors

from lineament.errors import Damaged

KILLS = 8
BATCH = 250

WRITER = """
    import sys
    from pathlib import Path
    root, folder, removing = sys.argv[1:]
    sys.path.insert(0, root)
    from tests.support.templates import Templates, as_ids, scan, vectors
    templates = Templates()
    templates.add(as_ids(range(20_000)), vectors(20_000))
    index = scan(Path(folder), templates, load=(Path(folder) / "head").exists())
    at = int(index.ids.max(initial=-1)) + 1
    print("ready", flush=True)
    while at + 250 < 20_000:
        index.add(*templates.faces(as_ids(range(at, at + 250))))
        at += 250
        if removing == "removing":
            index.remove(as_ids(range(at - 400, at - 390)))
        index.sync()
        print(at, flush=True)
"""


@pytest.mark.parametrize("work", ["adding", "removing"])
def test_a_kill_at_any_moment(tmp_path: Path, work: str) -> None:
    templates = Templates()
    templates.add(as_ids(range(20_000)), vectors(20_000))
    random = np.random.default_rng(os.getpid())
    folder = tmp_path / "index"
    sound = 0
    for _ in range(KILLS):
        acknowledged = _kill_writer(
            folder, work, syncs=int(random.integers(0, 4)), after=float(random.uniform(0, 0.03))
        )
        try:
            index = scan(folder, templates, load=True, rescored=1)
        except (FileNotFoundError, Damaged):
            assert acknowledged == 0 or work == "adding"
            assert work == "adding" or not (folder / "head").exists()  # a removal keeps the old files
            for path in folder.iterdir():
                path.unlink()  # to be built anew
            continue
        sound += 1
        ids = index.ids
        assert int(ids.max(initial=-1)) + 1 >= acknowledged
        assert len(np.unique(ids)) == len(ids)
        some = ids[random.choice(len(ids), min(300, len(ids)), replace=False)]
        found = index.search(templates(some)[1], 1)  # each face is among the six codes nearest to itself
        assert [hits[0].face_id for hits in found] == some.tolist()
    assert sound > 0, "every kill came while the index is known to be damaged"


def _kill_writer(folder: Path, work: str, syncs: int, after: float) -> int:
    """Kill a process ``after`` seconds from its last of ``syncs``; return the number of faces that it acknowledged."""
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", textwrap.dedent(WRITER), root, str(folder), work]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        lines = [writer.stdout.readline() for _ in range(syncs)]
        time.sleep(after)
        writer.send_signal(signal.SIGKILL)
        lines += list(writer.stdout)
    lines = [line for line in lines if line.endswith("\n")]  # the last may be cut off
    return int(lines[-1]) if lines else 0
