"""A batch of photographs in the terminal: one list each, resumed where it stopped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import PORTRAITS, Ran, two_people

from lineament.errors import InvalidValue, NoSuchFile, SeveralFaces

Run = Callable[..., Ran]
LINE = ("--case", "K-1", "--reason", "because")


def answers(ran: Ran) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ran.out.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "batch"
    (found / "more").mkdir(parents=True)
    shutil.copy(PORTRAITS / "macron-2014.jpg", found / "a.jpg")
    shutil.copy(PORTRAITS / "obama.jpg", found / "more" / "b.jpg")
    (found / ".hidden").write_bytes(b"?")
    return found


def test_a_folder_is_searched_and_what_was_done_is_left_out(ready: Run, folder: Path) -> None:
    done = ready("search", "--batch", folder, *LINE, "--json")
    assert done.code == 0, done.err
    first = answers(done)
    assert [Path(one["file"]).name for one in first] == ["a.jpg", "b.jpg"]
    assert len({one["search_id"] for one in first}) == 2
    assert "1 hidden file left out" in done.err
    assert "2 photographs searched, 0 failed" in done.err
    shutil.copy(PORTRAITS / "sunak.jpg", folder / "c.jpg")
    again = ready("search", "--batch", folder, *LINE, "--json")
    assert "1 photograph searched, 0 failed, 2 left out because they were searched before" in again.err
    assert [one.get("searched_before") for one in answers(again)] == [
        first[0]["search_id"],
        None,
        first[1]["search_id"],
    ]
    other = ready("search", "--batch", folder, "--case", "K-1", "--reason", "something else")
    assert "3 photographs searched" in other.out
    everything = ready("search", "--batch", folder, *LINE, "--again")
    assert "3 photographs searched" in everything.out
    jobs = ready("job", "list", "--json").json["jobs"]
    assert [job["state"] for job in jobs if job["kind"] == "batch"] == ["done"] * 4
    assert ready("verify").code == 0


def test_a_table_says_what_differs_and_one_that_fails_stops_no_other(ready: Run, folder: Path) -> None:
    two_people(folder / "group.jpg", "macron-2014.jpg", "sunak.jpg")
    table = folder / "all.csv"
    table.write_text(
        "file,face,kind,reason\n"
        "a.jpg,,cctv,at the counter\n"
        "missing.jpg,,,\n"
        "group.jpg,,,\n"
        "group.jpg,2,,who is the second?\n",
        encoding="utf-8",
    )
    done = ready("search", "--batch", table, *LINE, "--json")
    assert done.code == NoSuchFile.exit_code
    found = answers(done)
    assert [one.get("error", {}).get("code") for one in found] == [None, NoSuchFile.code, SeveralFaces.code, None]
    assert found[0]["probe"]["kind"] == "cctv"
    assert found[3]["probe"]["face"] == 2
    for words in ("line 3, missing.jpg", "line 4, group.jpg", "2 photographs searched, 2 failed"):
        assert words in done.err
    reasons = [search["reason"] for search in ready("case", "show", "K-1", "--json").json["list"]]
    assert sorted(reasons) == ["at the counter", "who is the second?"]


def test_wrong_lines_are_told_one_by_one_before_anything_is_searched(ready: Run, folder: Path) -> None:
    table = folder / "all.csv"
    table.write_text("file,face\na.jpg,x\n,1\na.jpg,\n", encoding="utf-8")
    done = ready("search", "--batch", table, *LINE)
    assert done.code == InvalidValue.exit_code
    assert "all.csv, line 2: the face “x”" in done.err
    assert "all.csv, line 3: it names no file" in done.err
    assert ready("case", "show", "K-1", "--json").json["searches"] == 0
    table.write_text("photo\na.jpg\n", encoding="utf-8")
    assert "photo" in ready("search", "--batch", table, *LINE).err
    assert ready("search", "--batch", table, *LINE, "--face", 1).code == InvalidValue.exit_code


def test_the_gate_is_asked_before_each(ready: Run, folder: Path) -> None:
    assert ready("stop", "--reason", "an incident").code == 0
    done = ready("search", "--batch", folder, *LINE)
    assert done.code != 0
    assert ready("case", "show", "K-1", "--json").json["searches"] == 0
