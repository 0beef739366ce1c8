"""Commands as processes of their own, on a workspace, and many pictures for them to ingest."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from tests.conftest import PORTRAITS, SOURCE
from tests.support.database import raw_database


def vary_portraits(folder: Path, count: int, width: int = 320) -> Path:
    """Write ``count`` different pictures with one face each: the portraits, cropped and lit a little differently."""
    folder.mkdir()
    chance = random.Random(7)
    portraits = [cv2.imread(str(path)) for path in sorted(PORTRAITS.glob("*.jpg"))]
    for number in range(count):
        picture = portraits[number % len(portraits)]
        assert picture is not None
        margin = chance.randint(0, 12)
        cropped = picture[margin : picture.shape[0] - margin, margin:]
        height = round(cropped.shape[0] * width / cropped.shape[1])
        lit = np.clip(cv2.resize(cropped, (width, height)).astype(np.int16) + number % 17, 0, 255).astype(np.uint8)
        (folder / f"{number // 50}").mkdir(exist_ok=True)
        quality = [cv2.IMWRITE_JPEG_QUALITY, 80 + number // 17 % 15]  # so that no two files have the same bytes
        cv2.imwrite(str(folder / f"{number // 50}" / f"{number:04}.jpg"), lit, quality)
    return folder


def portrait_of(candidate: Mapping[str, object]) -> int:
    """Return the number of the portrait that a candidate from ``vary_portraits`` shows.

    Which of its almost equal pictures comes first depends on the model, and on the arithmetic of the processor.
    """
    return int(Path(str(candidate["uri"])).stem) % len(list(PORTRAITS.glob("*.jpg")))


def command(home: Path, *arguments: object) -> list[str]:
    """Return the command line of ``lineament …`` on a workspace."""
    return [sys.executable, "-m", "lineament", "--home", str(home), *(str(argument) for argument in arguments)]


def run(home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(command(home, *arguments), capture_output=True, text=True, timeout=300, check=False)


def run_well(home: Path, *arguments: object) -> str:
    """Run a command that must succeed; return its output."""
    done = run(home, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def create(home: Path) -> Path:
    """Create a workspace with the source press."""
    run_well(home, "init")
    run_well(home, "source", "add", "press", *SOURCE)
    return home


def counts(home: Path) -> tuple[int, int, int]:
    """Return the numbers of captures, faces and ledger entries."""
    with raw_database(home, read_only=True) as database:
        query = "SELECT (SELECT count(*) FROM captures), (SELECT count(*) FROM faces), "
        query += "(SELECT count(*) FROM ledger_entries)"
        row: tuple[int, int, int] = database.execute(query).fetchone()
        return row
