"""Nets that are closed give their memory back: a worker opens and closes them with every job."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from tests.conftest import ROOT

MOST = 40
"""MiB that may be kept from the second time on; without a bound on heaps it is 70."""
SCRIPT = """
    import gc, sys
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path
    from tests.conftest import PORTRAITS
    from lineament.settings import Settings
    from lineament.workspace import Workspace
    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20
    pictures = [path.read_bytes() for path in sorted(PORTRAITS.glob("*.jpg"))]
    home = Path(sys.argv[1])
    Workspace.create(Settings(home=home)).close()
    sizes = []
    for _ in range(5):
        with Workspace.open(Settings(home=home)) as opened, ThreadPoolExecutor(4) as pool:
            list(pool.map(opened.analyser.analyse, pictures))
        del opened
        gc.collect()
        sizes.append(resident())
    print(sizes[-1] - sizes[1])
"""


def test_a_worker_does_not_grow_with_every_job(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(tmp_path / "ws")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert float(done.stdout) < MOST, done.stdout
