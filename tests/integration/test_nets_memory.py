"""Nets that are closed give their memory back: a worker opens and closes them with every batch of jobs."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from tests.conftest import ROOT

MOST = 60
"""MiB that may be kept from the second job on; nets that wait for the garbage collector are 100 to 200 a job."""
SCRIPT = """
    import sys
    from pathlib import Path
    from bench.examiners import photographs
    from bench.whole import made_up
    from lineament.model.jobs import JobState
    from lineament.services.jobs.kinds import INGEST, ingest_arguments
    from lineament.settings import Settings
    from lineament.workspace import Workspace
    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20
    folder = Path(sys.argv[1])
    settings = Settings(home=folder / "ws")
    with Workspace.create(settings) as made:
        made.desk_at_the_machine().sources.add(made_up("growing"))
    sizes = []
    for number in range(4):
        with Workspace.open(settings) as opened:
            what = [str(photographs(folder / str(number), 8))]
            asked = ingest_arguments("growing", what, None, None, skip_hidden=False)
            opened.desk_at_the_machine().jobs.add(INGEST, asked, source="growing")
            done = opened.worker.run_one()
            assert done.state is JobState.DONE, done
        sizes.append(resident())
    print(sizes[-1] - sizes[1])
"""


def test_a_worker_does_not_grow_with_every_job(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < MOST, done.stdout
