"""``make bench``: runs every benchmark, one at a time, each in its own process."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
NOT_BENCHES = {"__init__", "__main__", "machine", "photographs", "faces", "false_match_table", "screenshots"}
NOT_BENCHES |= {"templates", "lfw", "caseload", "archives", "peer_faces", "serving", "costs", "scatter", "pruned"}
NOT_BENCHES |= {"contenders", "libraries", "databases"}


def main() -> int:
    """Run all benchmarks; return 1 if one failed."""
    failed = []
    for script in sorted(path for path in HERE.glob("*.py") if path.stem not in NOT_BENCHES):
        print(f"\n=== bench/{script.name}", flush=True)
        began = time.monotonic()
        done = subprocess.run([sys.executable, "-m", f"bench.{script.stem}"], cwd=HERE.parent, check=False)
        print(f"--- {time.monotonic() - began:.0f} s", flush=True)
        if done.returncode:
            failed.append(script.name)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
