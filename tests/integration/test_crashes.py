"""Kills at any moment, a full disk, two processes at once: nothing acknowledged is lost, nothing is stored twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import CASE, PORTRAITS, SOURCE, Ran
from tests.support.archives import Warc
from tests.support.database import raw_database
from tests.support.processes import command, counts, create, run, run_well, vary_portraits

from lineament.services.gallery.items import BATCH

PICTURES = 80
IN_ARCHIVE = 3 * BATCH
ON_A_PAGE = 10
Run = Callable[..., Ran]


def test_killed_again_and_again_in_the_middle_of_an_ingest(tmp_path: Path) -> None:
    folder = vary_portraits(tmp_path / "photos", PICTURES)
    home = create(tmp_path / "ws")
    chance = random.Random(11)
    acknowledged = (0, 0, 1)
    for _ in range(5):
        running = subprocess.Popen(
            command(home, "ingest", "press", folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        stop = time.monotonic() + 60
        while counts(home) <= acknowledged and running.poll() is None and time.monotonic() < stop:
            time.sleep(0.02)
        acknowledged = max(acknowledged, counts(home))
        time.sleep(chance.uniform(0, 0.4))
        running.send_signal(signal.SIGKILL)
        running.wait()
        after = counts(home)
        assert after >= acknowledged
        acknowledged = after
        assert json.loads(run_well(home, "verify", "--json"))["entries"] == after[2]
    last = json.loads(run_well(home, "ingest", "press", folder, "--json"))
    assert last["seen"] == PICTURES
    captures, faces, _ = counts(home)
    assert (captures, faces) == (PICTURES, PICTURES)
    with raw_database(home) as database:
        twice = "SELECT count(*) FROM captures GROUP BY source_id, uri, sha256 HAVING count(*) > 1"
        assert database.execute(twice).fetchall() == []
    found = json.loads(run_well(home, "doctor", "--pictures", "--json"))
    assert found["healthy"], found
    run_well(home, "case", "open", "K-1", *CASE)
    line = ("--case", "K-1", "--reason", "r", "--json")
    answer = json.loads(run_well(home, "search", PORTRAITS / "obama.jpg", *line))
    assert answer["gallery_faces"] == PICTURES


def write_archive(folder: Path, path: Path) -> list[str]:
    """Write a web archive of pictures, with pages before the first half and after the second; return its addresses."""
    warc = Warc(path)
    pictures = sorted(folder.rglob("*.jpg"))
    uris = [f"https://press.example/{number}.jpg" for number in range(len(pictures))]

    def page(at: int) -> None:
        shown = "".join(f"<img src='{uri}' alt='portrait'>" for uri in uris[at : at + ON_A_PAGE])
        warc.page(f"https://press.example/page/{at // ON_A_PAGE}", f"<title>Page {at // ON_A_PAGE}</title>{shown}")

    middle = len(pictures) // 2
    for at, (uri, picture) in enumerate(zip(uris, pictures, strict=True)):
        if at < middle and at % ON_A_PAGE == 0:
            page(at)
        warc.answer(uri, picture.read_bytes())
    for at in range(middle - middle % ON_A_PAGE, len(pictures), ON_A_PAGE):
        page(at)
    warc.close()
    return uris


def test_killed_in_the_middle_of_a_web_archive(lineament: Run, tmp_path: Path) -> None:
    uris = write_archive(vary_portraits(tmp_path / "photos", IN_ARCHIVE, width=240), tmp_path / "crawl.warc.gz")
    home = tmp_path / "ws"
    lineament("init")
    lineament("source", "add", "press", *SOURCE)
    acknowledged = counts(home)
    for committed in (0, 1, 0):  # the least number of pictures that are committed before the kill
        running = subprocess.Popen(
            command(home, "ingest", "press", "crawl.warc.gz"),
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        goal = (acknowledged[0] + committed, 0, acknowledged[2] + 1)  # the start of the run is an entry too
        stop = time.monotonic() + 60
        while (counts(home)[0] < goal[0] or counts(home)[2] < goal[2]) and time.monotonic() < stop:
            time.sleep(0.01)
        acknowledged = max(acknowledged, counts(home))
        running.send_signal(signal.SIGKILL)
        assert running.wait() == -signal.SIGKILL
        assert counts(home) >= acknowledged
        acknowledged = counts(home)
    assert 0 < acknowledged[0] < len(uris)
    last = lineament("ingest", "press", "crawl.warc.gz", "--json").json
    assert last["gone_on"]
    assert last["enrolled"] == len(uris) - acknowledged[0]
    with raw_database(home) as database:
        rows = database.execute("SELECT uri, page_uri, page IS NULL FROM captures").fetchall()
        (places,) = database.execute("SELECT count(*) FROM places").fetchone()
    pages = [f"https://press.example/page/{at // ON_A_PAGE}" for at in range(len(uris))]
    assert sorted(rows) == sorted((uri, page, 0) for uri, page in zip(uris, pages, strict=True))
    assert (counts(home)[1], places) == (len(uris), 0)
    assert lineament("doctor", "--pictures", "--json").json["healthy"]


def test_two_processes_on_one_workspace(tmp_path: Path) -> None:
    folder = vary_portraits(tmp_path / "photos", 30)
    home = create(tmp_path / "ws")
    run_well(home, "case", "open", "K-1", *CASE)
    both = [
        subprocess.Popen(command(home, "ingest", "press", folder, "--json"), stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    searched = run(home, "search", PORTRAITS / "obama.jpg", "--case", "K-1", "--reason", "r", "--json")
    assert searched.returncode == 0, searched.stderr
    reports = [json.loads(process.communicate(timeout=300)[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum(report["enrolled"] for report in reports) == 30
    assert sum(report["enrolled"] + report["already_there"] for report in reports) == 60
    assert counts(home)[:2] == (30, 30)
    assert json.loads(run_well(home, "verify", "--json"))["sound"]
    assert json.loads(run_well(home, "doctor", "--json"))["healthy"]


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """The disk is a small one in a mount namespace; it fills up during the ingest, and is made larger later."""
    folder = vary_portraits(tmp_path / "photos", 120, width=640)
    home = tmp_path / "disk" / "ws"
    home.parent.mkdir()
    script = tmp_path / "scenario.sh"
    lines = [f"mount -t tmpfs -o size=9m tmpfs {home.parent}"]
    setting_up = (("init",), ("source", "add", "press", *SOURCE))
    lines += [" ".join(f"'{part}'" for part in command(home, *line)) + " || exit 90" for line in setting_up]
    ingest = " ".join(f"'{part}'" for part in command(home, "ingest", "press", folder, "--json"))
    verify = " ".join(f"'{part}'" for part in command(home, "verify"))
    doctor = " ".join(f"'{part}'" for part in command(home, "doctor", "--pictures"))
    lines += [
        f"{ingest} 2>{tmp_path}/err; echo $? >{tmp_path}/code",
        f"{verify} || exit 91",
        f"mount -o remount,size=200m {home.parent}",
        f"{ingest} >{tmp_path}/out || exit 92",
        f"{verify} || exit 93",
        f"{doctor} || exit 94",
    ]
    script.write_text("\n".join(lines))
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", str(script)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "code").read_text().strip() == "11"
    complaint = (tmp_path / "err").read_text()
    assert "free some space" in complaint.lower()
    assert len(complaint.strip().splitlines()) == 1
    report = json.loads((tmp_path / "out").read_text())
    assert report["seen"] == 120
    assert report["refused"] == []


def test_ctrl_c_keeps_what_was_committed(tmp_path: Path) -> None:
    folder = vary_portraits(tmp_path / "photos", PICTURES)
    home = create(tmp_path / "ws")
    running = subprocess.Popen(
        command(home, "ingest", "press", folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TERM": "dumb"},
    )
    while counts(home)[0] == 0 and running.poll() is None:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, complaint = running.communicate(timeout=60)
    if running.returncode == 0:
        pytest.fail("the ingest ended before it could be interrupted")
    assert running.returncode == 130
    assert "resumes from there" in complaint
    assert json.loads(run_well(home, "ingest", "press", folder, "--json"))["seen"] == PICTURES
    assert counts(home)[:2] == (PICTURES, PICTURES)
