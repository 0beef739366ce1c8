"""The files of a folder that is sent."""

from __future__ import annotations

import sys
from pathlib import Path

from lineament.client.uploads import _files_in


def test_a_folder_may_be_deeper_than_python_calls_functions(tmp_path: Path) -> None:
    folders = [tmp_path / "top"]
    folders[0].mkdir()
    while len(folders) <= sys.getrecursionlimit():
        folders.append(folders[-1] / "d")
        folders[-1].mkdir()
    deepest = folders[-1] / "face.jpg"
    deepest.write_bytes(b"x")
    found, skipped = _files_in(folders[0])
    deepest.unlink()
    for folder in reversed(folders):  # in shutil.rmtree each folder is a call as well
        folder.rmdir()
    assert ([file.path for file in found], skipped) == (["d/" * (len(folders) - 1) + "face.jpg"], 0)
