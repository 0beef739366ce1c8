"""Pack a small workspace made by the Lineament that is on the path, for the tests of later versions.

    PYTHONPATH=SRC python tests/data/make_workspace.py tests/data/workspace-VERSION.tar.xz

``SRC`` is the ``src`` of the release whose workspace is wanted. Every step is a command, as a person would give it.
Beside the archive stands ``workspace-VERSION.json``: when it was packed, what is in the ledger and in each answer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from PIL import Image

PROBE = "macron-2014.jpg"
SIDE = 320
"""Pixels of the longer side of a photograph; the portraits are larger, and the archive should stay small."""
SOURCE = ("--controller", "Wikimedia Commons contributors", "--basis", "free licences", "--jurisdiction", "US")
CASES = {
    "K-1": ("--offence", "abduction", "--purpose", "find a missing child", "--basis", "CPP 74-1", "--seeks", "missing"),
    "K-2": ("--offence", "fraud", "--purpose", "find the buyer", "--basis", "CPP 77", "--authorised-by", "A judge"),
}


def run(home: Path, *arguments: object) -> Any:
    """Run one command on the workspace in ``home``; return the object that it printed, if it printed one."""
    command = [sys.executable, "-m", "lineament", "--home", str(home), *map(str, arguments)]
    environment = os.environ | {"LINEAMENT_EXAMINER": "examiner-a"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=True)
    return json.loads(done.stdout) if "--json" in arguments else None


def small(photographs: Path) -> None:
    """Write the six portraits into ``photographs``, smaller."""
    photographs.mkdir()
    with resources.as_file(resources.files("lineament") / "demo") as portraits:
        for path in sorted(portraits.glob("*.jpg")):
            picture = Image.open(path).convert("RGB")
            picture.thumbnail((SIDE, SIDE))
            picture.save(photographs / path.name, quality=80)


def make(home: Path, photographs: Path) -> dict[str, Any]:
    """Make the workspace; return what a later version has to find in it."""
    small(photographs)
    (photographs / PROBE).rename(photographs.parent / PROBE)
    run(home, "init")
    for name in ("press", "old"):
        run(home, "source", "add", name, *SOURCE)
    run(home, "ingest", "press", *sorted(photographs.glob("*.jpg")))
    run(home, "ingest", "old", photographs / "sunak.jpg")
    run(home, "source", "withdraw", "old", "--reason", "the contract ended", "--yes")
    for ref, terms in CASES.items():
        run(home, "case", "open", ref, *terms)
    answers = {}
    for ref, more in (("K-1", ()), ("K-2", ("--investigate",))):
        answers[ref] = run(
            home, "search", photographs.parent / PROBE, "--case", ref, "--reason", "a test", *more, "--json"
        )
    return {
        "packed_at": datetime.now(UTC).isoformat(),
        "ledger": run(home, "verify", "--json"),
        "answers": answers,
    }


def main() -> None:
    """Make it, and pack it."""
    archive = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "workspace"
        found = make(home, Path(folder) / "photographs")
        with tarfile.open(archive, "w:xz") as packed:
            packed.add(home, "workspace")
            packed.add(Path(folder) / PROBE, PROBE)
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    archive.with_name(archive.name.replace(".tar.xz", ".json")).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
