"""Output of the terminal, and how it reads dates and options."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import SOURCE, Ran

Run = Callable[..., Ran]

BASIS = ("--case", "K-1", "--reason", "a sighting")


@pytest.mark.parametrize("written", ["30/06/2027", "tomorrow", "2027-02-30"])
@pytest.mark.parametrize(
    "line",
    [
        ("source", "add", "a", *SOURCE, "--expires"),
        ("search", "probe.jpg", *BASIS, "--since"),
        ("search", "probe.jpg", *BASIS, "--until"),
        ("user", "train", "a@home.example", "--until"),
        ("agency", "vet", "a", "--outcome", "open", "--restrictions", "x", "--rights", "x", "--renew"),
        ("agency", "license", "a", "--seats", 1, "--searches", 1, "--last"),
        ("case", "add-member", "K-1", "a", "--role", "observer", "--until"),
        ("case", "authorise", "K-1", "--authority", "x", "--scope", "x", "--decided"),
    ],
    ids=lambda line: f"{line[0]} {line[1]} {line[-1]}",
)
def test_the_error_about_a_date_says_how_to_write_it(lineament: Run, line: tuple[object, ...], written: str) -> None:
    ran = lineament(*line, written)
    assert ran.code == 2
    assert "write it as 2027-06-30" in " ".join(ran.err.split())
    assert "%" not in ran.err


def test_nothing_is_recorded_if_the_result_cannot_be_written(ready: Run, tmp_path: Path) -> None:
    before = ready("verify", "--json").json["entries"]
    nowhere = tmp_path / "missing" / "file"
    for line in (
        ("search", tmp_path / "probe.jpg", *BASIS, "--report", nowhere),
        ("ledger", "export", nowhere),
        ("case", "get", "K-1", "paper", nowhere),
    ):
        ran = ready(*line)
        assert (ran.code, "nothing can be written there" in ran.err) == (2, True)
    assert ready("verify", "--json").json["entries"] == before


def test_each_photograph_gets_its_own_answer(ready: Run, tmp_path: Path) -> None:
    probe, other, bad = tmp_path / "probe.jpg", tmp_path / "photos" / "obama.jpg", tmp_path / "bad.jpg"
    bad.write_bytes(b"not a picture")
    ran = ready("search", probe, bad, other, tmp_path / "missing.jpg", *BASIS, "--json")
    answers = [json.loads(line) for line in ran.out.splitlines()]
    assert [answer["file"] for answer in answers] == [str(probe), str(other)]
    assert [answer["others"] for answer in answers] == [[], []]
    assert answers[0]["search_id"] != answers[1]["search_id"]
    assert re.search(rf"{re.escape(str(bad))}: ", ran.err)
    assert "missing.jpg" in ran.err
    assert ran.code == 5  # the code of the first error


def test_several_photographs_of_one_person_are_fused_on_request(ready: Run, tmp_path: Path) -> None:
    second = tmp_path / "second.jpg"
    shutil.copy(tmp_path / "photos" / "macron-2025.jpg", second)
    ran = ready("search", tmp_path / "probe.jpg", second, *BASIS, "--same-person", "--json")
    assert len(json.loads(ran.out)["others"]) == 1
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"not a picture")
    ran = ready("search", tmp_path / "probe.jpg", bad, *BASIS, "--same-person")
    assert (ran.code, ran.out) == (5, "")
    assert f"{bad}: " in ran.err


@pytest.mark.parametrize("option", [("--face", "1"), ("--report", "r.html")])
def test_options_for_one_answer_are_refused_for_several(lineament: Run, option: tuple[str, str]) -> None:
    ran = lineament("search", "a.jpg", "b.jpg", *BASIS, *option)
    assert ran.code == 2
    assert "--same-person" in ran.err


def test_the_help_of_a_search_breaks_no_word(lineament: Run) -> None:
    text = lineament("search", "--help").out
    assert "--kind KIND" in text
    for words in ("identity document", "seized device", "other photograph"):
        assert words in " ".join(text.split())


def test_runs_are_numbered_within_their_source(ready: Run, photos: Path) -> None:
    ready("source", "add", "second", *SOURCE)
    assert ready("ingest", "second", photos / "obama.jpg").code == 0
    for source in ("press", "second"):
        assert [run["run"] for run in ready("source", "runs", source, "--json").json["runs"]] == [1]
        assert ready("source", "runs", source, 1).code == 0
        assert ready("source", "runs", source, 2).code == 3
        assert ready("source", "runs", source, 0).code == 3


def test_times_are_shown_without_fractions_of_seconds(ready: Run) -> None:
    for line in (("agency", "rename", "Police of Freedonia", "--jurisdiction", "FR"), ("case", "show", "K-1")):
        out = ready(*line).out
        assert not re.search(r":\d\d\.\d+", out)
        facts = [row for row in out.partition("\n\n")[0].splitlines() if row.strip()]
        assert facts
        assert all(re.fullmatch(r"[a-z0-9 ]+?  +\S.*", row) for row in facts)


def test_a_single_face_is_in_the_singular(ready: Run) -> None:
    ran = ready("erase", "--yes", "--face", 1, "--reason", "a request")
    assert ran.out.startswith("1 face of press is erased")
