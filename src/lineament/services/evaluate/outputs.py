"""Writes the files of an evaluation, all of them or none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lineament.errors import InvalidValue
from lineament.store.durable import private_file

NAMES = ("evaluation.json", "evaluation.html", "evaluation.pdf")


def checked_folder(folder: Path, *, force: bool) -> Path:
    """Return the folder for the files; call it before the work.

    Raises InvalidValue if they cannot be written, or if they exist and ``force`` is not set.
    """
    place = folder if folder.exists() else folder.parent
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        raise InvalidValue(what="--to", value=folder, why="nothing can be written there; name another folder")
    if not force and any((folder / name).exists() for name in NAMES):
        raise InvalidValue(what="--to", value=folder, why="it holds an evaluation; add --force to replace it")
    return folder


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files into ``folder``, which is made if needed; older ones of these names are replaced.

    They are complete before the first gets its name, so that a full disk leaves what was there. Raises OSError.
    """
    folder.mkdir(exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".evaluation.", dir=folder))
    try:
        for name, content in files.items():
            with private_file(unfinished / name) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for name in files:
            os.replace(unfinished / name, folder / name)  # noqa: PTH105 - replaces what is there
    finally:
        shutil.rmtree(unfinished)
