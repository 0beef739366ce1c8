"""``lineament evaluate`` on the portraits, on LFW if it is there, and on what it cannot use."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bench import accuracy
from tests.conftest import LFW, PORTRAITS, ROOT, Ran
from tests.support.guides import GuideTerminal, commands

from lineament.__main__ import application
from lineament.model.evaluation.identification import AtThreshold
from lineament.model.evaluation.measure import OpenSetTest, Protocol, measure
from lineament.model.evaluation.samples import Samples
from lineament.model.packs import CURRENT
from lineament.services.evaluate.cache import TemplateCache
from lineament.services.evaluate.labelled import read_set
from lineament.services.evaluate.templates import Extractor, FaceChoice, Progress
from lineament.settings import Settings
from lineament.workspace.vision import Vision

Run = Callable[..., Ran]
FILES = ["evaluation.html", "evaluation.json", "evaluation.pdf"]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The six portraits: two people with two pictures and two with one; ardern has a picture without a face as well."""
    folder = tmp_path_factory.mktemp("people")
    for path in PORTRAITS.glob("*.jpg"):
        person = folder / path.stem.partition("-")[0]
        person.mkdir(exist_ok=True)
        shutil.copyfile(path, person / path.name)
    (folder / "ardern" / "z.png").write_bytes(b"no picture")
    (folder / "ardern" / "notes.txt").write_text("no picture either")
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The templates that the tests of this module share."""
    return tmp_path_factory.mktemp("cache") / "templates.npz"


def test_the_portraits_are_evaluated_without_a_workspace(
    lineament: Run, people: Path, cache: Path, tmp_path: Path
) -> None:
    found = lineament("evaluate", people, "--cache", cache, "--json")
    assert found.code == 0
    answer = found.json
    assert answer["counts"] == {
        "people": 4,
        "pictures": 7,
        "without_a_template": 1,
        "failed_to_enrol": 0,
        "same_bytes_as_another": 0,
        "skipped_files": 1,
    }
    assert answer["failures"]["first"][0]["file"] == "ardern/z.png"
    investigation = answer["investigation"]
    assert (investigation["people"], investigation["searches"]) == (4, 3)
    assert investigation["fnir_by_rank"][0]["value"] == pytest.approx(1 / 3, abs=1e-6), "the broken picture alone"
    identification = answer["identification"]
    assert (identification["people"], identification["non_mated_searches"]) == (2, 2)
    assert [rate["insufficient"] for rate in identification["at_fpir"]] == [
        f"insufficient data: 2 non-mated searches, {needed} needed" for needed in ("1,000", "300", "100", "30")
    ]
    assert identification["in_use"]["fpir"]["value"] == 0
    assert "0.1 strangers are expected for its quality" in identification["in_use_from"]
    assert not (tmp_path / "ws").exists()


def test_a_second_run_takes_the_templates_from_the_cache(
    lineament: Run, people: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = lineament("evaluate", people, "--cache", cache, "--json")
    with monkeypatch.context() as patch:
        patch.setattr("lineament.vision.embed.Embedder.embed", None)
        again = lineament("evaluate", people, "--cache", cache, "--json")
    assert again.code == 0
    assert again.out == first.out


def test_an_interrupted_run_keeps_what_it_has_found(people: Path, tmp_path: Path) -> None:
    labelled = read_set(people)
    vision = Vision(Settings(), CURRENT)
    done: list[int] = []

    def report(now: Progress) -> None:
        done.append(now.done)
        if now.done == 3:
            raise KeyboardInterrupt

    try:
        cache = TemplateCache(tmp_path / "c.npz", "model", vision.analyser.dimension)
        extractor = Extractor(vision.analyser, cache, choice=FaceChoice.MIDDLE, most=2**28, workers=2)
        with pytest.raises(KeyboardInterrupt):
            extractor.run(labelled.pictures, report)
        kept = TemplateCache(tmp_path / "c.npz", "model", vision.analyser.dimension)
        again = Extractor(vision.analyser, kept, choice=FaceChoice.MIDDLE, most=2**28, workers=2)
        counts: list[int] = []
        again.run(labelled.pictures, lambda now: counts.append(now.cached))
    finally:
        vision.close()
    assert done == [1, 2, 3]
    assert counts[-1] == 3


def test_another_choice_of_face_does_not_use_the_cache(lineament: Run, people: Path, cache: Path) -> None:
    lineament("evaluate", people, "--cache", cache)
    copy = cache.with_name("copy.npz")
    shutil.copyfile(cache, copy)
    found = lineament("evaluate", people, "--cache", copy, "--face", "largest")
    assert found.code == 0
    assert "holds templates of another model" in found.err
    assert copy.read_bytes() != cache.read_bytes()


def test_the_terminal_shows_short_tables(lineament: Run, people: Path, cache: Path) -> None:
    found = lineament("evaluate", people, "--cache", cache, "--threshold", "0.4", "--threshold", "0.5")
    assert found.code == 0
    assert "7 pictures of 4 people; 1 picture without a face that can be compared" in found.out
    assert "N = 2 people. 3 mated and 2 non-mated searches." in found.out
    assert "insufficient data: 2 non-mated searches, 1,000 needed" in found.out
    assert "The threshold in use: given." in found.out


def test_the_same_run_gives_the_same_bytes(lineament: Run, people: Path, cache: Path, tmp_path: Path) -> None:
    for name in ("first", "again"):
        written = lineament("evaluate", people, "--cache", cache, "--to", tmp_path / name)
        assert written.code == 0
        assert f"Written to {tmp_path / name}." in written.out
    names = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert names == FILES
    for name in names:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name
    refused = lineament("evaluate", people, "--cache", cache, "--to", tmp_path / "first")
    assert (refused.code, "--force" in refused.err) == (2, True)
    dated = lineament(
        "evaluate", people, "--cache", cache, "--to", tmp_path / "first", "--force", "--date", "2026-11-26"
    )
    assert dated.code == 0
    for name in ("evaluation.json", "evaluation.html"):
        assert b"2026-11-26" in (tmp_path / "first" / name).read_bytes()
        assert b"2026-11-26" not in (tmp_path / "again" / name).read_bytes()


def test_a_table_gives_groups_and_joined_names(lineament: Run, people: Path, cache: Path, tmp_path: Path) -> None:
    rows = [
        f"{path},{path.parent.name}{'-two' if '2025' in path.name else ''},{'a' if 'm' in path.name else 'b'}"
        for path in sorted(people.glob("*/*.jpg"))
    ]
    table, pairs = tmp_path / "set.csv", tmp_path / "pairs.csv"
    table.write_text("\n".join(["file,person,group", *rows]) + "\n")
    apart = lineament("evaluate", table, "--cache", cache, "--json").json
    alike = apart["alike"]["pairs"]
    pairs.write_text("macron,macron-two\n")
    together = lineament("evaluate", table, "--cache", cache, "--join", pairs, "--json").json
    assert (apart["counts"]["people"], together["counts"]["people"]) == (5, 4)
    assert together["joined"] == [["macron", "macron-two"]]
    assert together["identification"]["mated_searches"] == apart["identification"]["mated_searches"] + 1
    assert [rates["group"] for rates in together["groups"]["rates"]] == ["a", "b"]
    assert "insufficient data" in together["groups"]["rates"][0]["fnir"]["insufficient"]
    assert together["groups"]["fpir_differs"]["gini"] is None
    assert all(pair["first"]["person"] != pair["second"]["person"] for pair in alike)
    assert apart["depends_on"]["data_sha256"] != together["depends_on"]["data_sha256"]


def test_degraded_probes_are_columns(lineament: Run, people: Path, cache: Path) -> None:
    found = lineament("evaluate", people, "--cache", cache, "--degrade", "jpeg,covered", "--json").json
    assert [column["probes"] for column in found["degradations"]] == ["JPEG 20", "JPEG 10", "half covered"]
    for column in found["degradations"][:2]:
        assert column["fnir_rank_1"]["value"] == pytest.approx(1 / 3, abs=1e-6), column["probes"]
        assert column["without_a_template"] == 1


def test_templates_are_evaluated_without_pictures(lineament: Run, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    people = np.r_[np.arange(400), np.arange(300)]
    middles = random.normal(size=(400, 32))
    vectors = (middles[people] + 0.5 * random.normal(size=(700, 32))).astype(np.float32)
    np.savez(tmp_path / "t.npz", vectors=vectors, people=people)
    found = lineament("evaluate", "--templates", tmp_path / "t.npz", "--left-out", "0", "--json")
    assert found.code == 0
    identification = found.json["identification"]
    assert (identification["mated_searches"], identification["non_mated_searches"]) == (300, 100)
    assert [("insufficient" in rate) for rate in identification["at_fpir"]] == [True, True, False, False]
    assert identification["at_fpir"][2]["fpir"]["value"] == 0.03


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        ((), 2, "give either DIR|CSV or --templates FILE"),
        (("nowhere",), 3, "There is nothing to read at nowhere"),
        (("empty",), 5, "there is no picture in it"),
        (("one",), 5, "all pictures show one person"),
        (("singles",), 2, "nobody has a picture to be searched with"),
        (("faceless",), 5, "no picture shows a face"),
        (("no-column.csv",), 5, "it has no column “person”"),
        (("missing.csv",), 5, "line 2: nothing.jpg"),
        (("singles", "--face", "left"), 2, "it is one of middle, largest"),
        (("singles", "--several", "all"), 2, "it is one of best, mean"),
        (("singles", "--degrade", "rain"), 2, "it is one of turned"),
        (("singles", "--enrol", "99"), 2, "it is 1 to 20"),
        (("singles", "--cache", "c.txt"), 2, "name a file that ends in .npz"),
        (("singles", "--cache", "bad.npz"), 9, "delete it, or name another file"),
        (("singles", "--join", "missing.csv"), 5, "nobody is called “file”"),
        (("singles", "--to", "no/where"), 2, "nothing can be written there"),
        (("--templates", "bad.npz"), 9, "it is no file of templates"),
        (("--templates", "bad.npz", "--degrade", "jpeg"), 2, "there are no pictures"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_input_is_explained_in_one_line(
    lineament: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, why: str
) -> None:
    for name in ("ann", "zoe"):
        (tmp_path / "singles" / name).mkdir(parents=True)
        shutil.copyfile(PORTRAITS / "obama.jpg", tmp_path / "singles" / name / "1.jpg")
        (tmp_path / "faceless" / name).mkdir(parents=True)
        for number in "12":
            (tmp_path / "faceless" / name / f"{number}.jpg").write_bytes(b"no picture")
    shutil.copytree(tmp_path / "singles" / "ann", tmp_path / "one" / "ann")
    (tmp_path / "empty").mkdir()
    (tmp_path / "no-column.csv").write_text("file\nsingles/ann/1.jpg\n")
    (tmp_path / "missing.csv").write_text("file,person\nnothing.jpg,ann\n")
    (tmp_path / "bad.npz").write_bytes(b"bad")
    found = lineament("evaluate", *arguments)
    assert (found.code, found.out) == (code, "")
    assert why in found.err
    assert len(found.err.splitlines()) == 1


def test_the_commands_of_the_guide_run(
    lineament: Run, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(people, tmp_path / "people")
    written = GuideTerminal(tmp_path / "ws", lineament, monkeypatch).run_all(commands("evaluating.md"))
    assert len(written) == 1
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == FILES


def test_the_guide_names_options_that_exist() -> None:
    named = set(re.findall(r"`(--[a-z-]+)", (ROOT / "docs" / "guide" / "evaluating.md").read_text("utf-8")))
    options = {option for parameter in application().commands["evaluate"].params for option in parameter.opts}
    assert len(named) >= 10
    assert named <= options


@pytest.mark.skipif(not LFW.is_dir(), reason="shared/data/lfw is not beside the checkout")
def test_a_part_of_lfw_is_told_apart(lineament: Run, tmp_path: Path) -> None:
    """A hundred people, of whom forty have several pictures: the files of a real set, with their real sizes."""
    folders = sorted(path for path in LFW.iterdir() if path.is_dir())
    several = [path for path in folders if len(list(path.glob("*.jpg"))) > 1][:40]
    singles = [path for path in folders if len(list(path.glob("*.jpg"))) == 1][:60]
    rows = [f"{path},{path.parent.name}" for folder in several for path in sorted(folder.glob("*.jpg"))[:2]]
    rows += [f"{path},{path.parent.name}" for folder in singles for path in folder.glob("*.jpg")]
    (tmp_path / "set.csv").write_text("\n".join(["file,person", *rows]) + "\n")
    found = lineament("evaluate", tmp_path / "set.csv", "--to", tmp_path / "out", "--json")
    assert found.code == 0
    assert found.json["counts"]["without_a_template"] == 0
    assert found.json["investigation"]["fnir_by_rank"][0]["value"] <= 0.05
    rate = found.json["identification"]["at_fpir"][3]
    assert rate["fpir"]["value"] <= 0.1
    assert rate["fnir"]["value"] <= 0.05
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text("utf-8")) == found.json


def test_the_rates_agree_with_those_of_the_accuracy_page() -> None:
    """bench/accuracy.py counts with a few lines of its own, and its threshold may let one more stranger through."""
    random = np.random.default_rng(5)
    people = np.sort(np.r_[np.arange(900), np.arange(300), np.arange(150)])
    middles = random.normal(size=(900, 64))
    vectors = middles[people] + 0.9 * random.normal(size=(len(people), 64))
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    none = np.zeros(len(people), np.bool_)
    measured = measure(
        OpenSetTest.of(Samples(vectors=unit, people=people, failed=none, unenrolled=none), Protocol()), [], None
    )
    rate = measured.at_rates[1].at
    assert isinstance(rate, AtThreshold)
    counted = accuracy.open_set(people, unit, unit)
    assert 0.05 < counted.fnir < 0.95
    assert rate.fnir.value == pytest.approx(counted.fnir, abs=3 / len(counted.people))
    assert (measured.gallery_people, len(measured.mated.probes), len(measured.nonmated.probes)) == (
        counted.enrolled,
        len(counted.people),
        counted.nonmated,
    )
    first = accuracy.mated_searches(people, unit, unit).first.mean()
    assert measured.rank_curve[0].value == pytest.approx(1 - first, abs=1e-9)
