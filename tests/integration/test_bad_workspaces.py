"""Wrong keys, newer schemas, damaged files: a clear message, a distinct exit code, and nothing lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import CASE, PORTRAITS, SOURCE, Ran
from tests.support.database import raw_database

from lineament.testing import bad_pictures

Run = Callable[..., Ran]
LINE = ("--case", "K-1", "--reason", "because", "--json")


def only_line(ran: Ran, code: int) -> str:
    """Return the message of a command that ended with ``code``; it must be a single line."""
    assert ran.code == code, (ran.code, ran.err)
    assert ran.err.startswith("lineament: ")
    assert len(ran.err.strip().splitlines()) == 1
    assert "Traceback" not in ran.err
    return ran.err


def test_no_workspace(lineament: Run) -> None:
    assert "lineament init" in only_line(lineament("source", "list"), 7)


def test_init_overwrites_nothing(ready: Run, tmp_path: Path) -> None:
    before = (tmp_path / "ws" / "keys" / "kek").read_bytes()
    only_line(ready("init"), 7)
    assert (tmp_path / "ws" / "keys" / "kek").read_bytes() == before


def test_a_wrong_key(ready: Run, tmp_path: Path) -> None:
    kek = tmp_path / "ws" / "keys" / "kek"
    right = kek.read_bytes()
    assert ready("init", tmp_path / "other").code == 0
    shutil.copy(tmp_path / "other" / "keys" / "kek", kek)
    only_line(ready("source", "list"), 8)
    for garbage in (os.urandom(len(right)), b""):
        kek.write_bytes(garbage)
        only_line(ready("source", "list"), 9)
    kek.unlink()
    only_line(ready("source", "list"), 8)
    kek.write_bytes(right)
    kek.chmod(0o600)
    assert ready("source", "list").code == 0


def test_a_newer_workspace(ready: Run, tmp_path: Path) -> None:
    with raw_database(tmp_path / "ws") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "newer" in only_line(ready("source", "list"), 7)


def test_a_file_that_is_no_database(ready: Run, tmp_path: Path) -> None:
    for name in ("lineament.db-wal", "lineament.db-shm"):
        (tmp_path / "ws" / name).unlink(missing_ok=True)
    (tmp_path / "ws" / "lineament.db").write_bytes(b"this is no database" * 500)
    only_line(ready("source", "list"), 9)


@pytest.mark.parametrize("harm", ["flipped", "cut", "emptied", "deleted"])
def test_a_damaged_index_is_rebuilt(ready: Run, tmp_path: Path, harm: str) -> None:
    before = ready("search", tmp_path / "probe.jpg", *LINE).json
    files = [path for path in (tmp_path / "ws" / "index").rglob("*") if path.is_file() and path.stat().st_size]
    assert files
    for path in files:
        content = path.read_bytes()
        if harm == "flipped":
            path.write_bytes(bytes(255 - byte for byte in content))
        elif harm == "cut":
            path.write_bytes(content[: len(content) // 2])
        elif harm == "emptied":
            path.write_bytes(b"")
        else:
            path.unlink()
    after = ready("search", tmp_path / "probe.jpg", *LINE).json
    assert after["candidates"] == before["candidates"]
    assert after["gallery_faces"] == 5


def test_a_damaged_picture_is_reported(ready: Run, tmp_path: Path) -> None:
    blobs = sorted(path for path in (tmp_path / "ws" / "blobs").rglob("*") if path.is_file())
    content = blobs[0].read_bytes()
    blobs[0].write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    blobs[1].unlink()
    ran = ready("doctor", "--pictures", "--json")
    assert ran.code == 9
    pictures = next(check for check in ran.json["checks"] if check["name"] == "pictures")
    assert pictures["verdict"] == "bad"
    assert "2 damaged" in pictures["detail"]


def test_every_bad_picture_is_refused_with_a_reason_and_good_pictures_are_ingested(
    lineament: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    corpus = bad_pictures()
    for number, (untrusted, _) in enumerate(corpus.values()):
        (folder / f"bad-{number:03}.jpg").write_bytes(untrusted)
    shutil.copy(PORTRAITS / "obama.jpg", folder / "good.jpg")
    (folder / os.fsdecode(b"caf\xe9.jpg")).write_bytes((PORTRAITS / "sunak.jpg").read_bytes())
    (folder / "loop").symlink_to(folder)
    (folder / "notes.txt").write_text("no picture")
    lineament("init")
    lineament("source", "add", "press", *SOURCE)
    report = lineament("ingest", "press", folder, "--json")
    assert report.code == 0, report.err
    assert report.json["enrolled"] == 2
    wrong = sum(error is not None for _, error in corpus.values())
    refused = [refusal for refusal in report.json["refused"] if "bad-" in refusal["name"]]
    assert len(refused) == wrong
    assert all(refusal["why"] for refusal in report.json["refused"])
    assert "Traceback" not in report.out


def test_every_bad_probe_gets_its_own_error(ready: Run, tmp_path: Path) -> None:
    before = ready("verify", "--json").json["entries"]
    bad = {name: (untrusted, error) for name, (untrusted, error) in bad_pictures().items() if error is not None}
    assert len(bad) > 30
    for name, (untrusted, error) in bad.items():
        (tmp_path / "probe.jpg").write_bytes(untrusted)
        ran = ready("search", tmp_path / "probe.jpg", *LINE)
        assert ran.code == error.exit_code, name
        only_line(ran, 5)
    assert ready("verify", "--json").json["entries"] == before, "nothing was taken, so nothing was recorded"


def test_a_probe_that_does_not_exist(ready: Run, tmp_path: Path) -> None:
    only_line(ready("search", tmp_path / "nothing.jpg", *LINE), 3)
    only_line(ready("search", tmp_path, *LINE), 3)
    only_line(ready("ingest", "press", tmp_path / "nothing"), 3)


def test_unknown_names(ready: Run, tmp_path: Path) -> None:
    only_line(ready("source", "show", "nobody"), 3)
    only_line(ready("case", "show", "K-9"), 3)
    only_line(ready("ingest", "nobody", PORTRAITS), 3)
    only_line(ready("search", tmp_path / "probe.jpg", "--case", "K-9", "--reason", "r"), 3)
    only_line(ready("search", tmp_path / "probe.jpg", *LINE, "--source", "nobody"), 3)


def test_names_that_are_taken(ready: Run) -> None:
    only_line(ready("source", "add", "press", *SOURCE), 4)
    only_line(ready("case", "open", "K-1", *CASE), 4)


def test_values_that_make_no_sense(ready: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = tmp_path / "probe.jpg"
    only_line(ready("search", probe, *LINE, "--limit", "51"), 2)
    only_line(ready("search", probe, *LINE, "--min-score", "2"), 2)
    only_line(ready("search", probe, *LINE, "--min-score", "0.4", "--investigate"), 2)
    only_line(ready("source", "add", "Über", *SOURCE), 2)
    assert ready("search", probe, "--case", "K-1").code == 2
    monkeypatch.setenv("LINEAMENT_PRECISION", "f16")
    assert "LINEAMENT_PRECISION" in only_line(ready("source", "list"), 2)


def test_a_key_that_others_can_read(ready: Run, tmp_path: Path) -> None:
    (tmp_path / "ws" / "keys" / "kek").chmod(0o644)
    assert "chmod" in only_line(ready("source", "list"), 8) or ready("source", "list").code == 8
