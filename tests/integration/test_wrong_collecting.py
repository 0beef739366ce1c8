"""Wrong input to commands of collecting: one line that says what to do, a fitting exit code, and no side effect."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import SOURCE, Ran

Run = Callable[..., Ran]
MINE = ("source", "add", "mine", *SOURCE)


@pytest.fixture
def wrong(lineament: Run, tmp_path: Path) -> Run:
    """A workspace with a source, and files that cannot be used."""
    lineament("init")
    assert lineament("source", "add", "press", *SOURCE).code == 0
    (tmp_path / "empty").mkdir()
    (tmp_path / "none.warc").write_text("no archive")
    (tmp_path / "note.txt").write_text("no digest")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", bytes(2**22))
    return lineament


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        (("ingest", "press", ""), 2, "name a file"),
        (("ingest", "press", "nowhere"), 3, "nowhere"),
        (("ingest", "nobody", "empty"), 3, "lineament source list"),
        (("ingest", "press", "empty"), 5, "no picture in empty"),
        (("ingest", "press", "none.warc"), 5, "everything was refused"),
        (("ingest", "press", "bomb.zip"), 5, "lineament source runs press"),
        (("ingest", "press", "rtsp://camera/1"), 2, "streams are never read"),
        (("ingest", "press", "https://press.example/"), 2, "--contact ADDRESS"),
        ((*MINE, "--host", "https://press.example/"), 2, "without a scheme"),
        ((*MINE, "--host", "www.facebook.com"), 4, "social network"),
        (("source", "known-abuse", "note.txt"), 2, "no line of it"),
        (("source", "withdraw", "press", "--yes", "--receipt", "nowhere/receipt"), 2, "name another place"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else None,
)
def test_wrong_input_gets_one_line(wrong: Run, line: tuple[str, ...], code: int, message: str) -> None:
    ran = wrong(*line)
    assert ran.code == code, ran.err
    assert message in ran.err
    assert ran.err.strip().count("\n") == 0
    assert wrong("source", "show", "press", "--json").json["state"] == "live"
    assert [source["name"] for source in wrong("source", "list", "--json").json["sources"]] == ["press"]


def test_an_expired_source_is_reported(lineament: Run) -> None:
    lineament("init")
    assert "expired on 2020-01-01" in lineament(*MINE, "--expires", "2020-01-01").out


def test_a_source_without_runs_says_how_to_begin(wrong: Run) -> None:
    assert "lineament ingest press PATH" in wrong("source", "runs", "press").out
