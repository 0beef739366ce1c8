"""Fuzz one parser for a number of seconds, guided by coverage: ``python -m tests.fuzz NAME SECONDS``.

Findings are written to tests/fuzz/cases/NAME, where ``tests/fuzz/test_cases.py`` replays them.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["lineament", "protego", "zipfile", "tarfile"]):
    from tests.fuzz.mutate import mutated
    from tests.fuzz.targets import CASES, TARGETS, seeds


def main() -> None:
    """Exit with libFuzzer's code: 0 if nothing was found."""
    name, seconds = sys.argv[1], int(sys.argv[2])
    found = CASES / name
    found.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds(name)):
            Path(corpus, f"seed-{number}").write_bytes(seed)
        flags = [f"-max_total_time={seconds}", f"-artifact_prefix={found}/", "-max_len=16384", "-timeout=20"]
        flags += ["-rss_limit_mb=2048", "-close_fd_mask=0", "-print_final_stats=1", "-len_control=0"]
        atheris.Setup([sys.argv[0], *flags, corpus], TARGETS[name], custom_mutator=mutated)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
