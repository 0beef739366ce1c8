"""What an evaluation reads and writes: labelled pictures, kept templates, degraded pictures, files."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import PORTRAITS

from lineament.errors import Damaged, InvalidValue, NoSuchFile, NotEvaluable
from lineament.model.evaluation.measure import Protocol
from lineament.model.evaluation.searching import Enrolment
from lineament.model.faces import Box
from lineament.services.evaluate.cache import FoundTemplate, TemplateCache, checked_cache
from lineament.services.evaluate.degrade import KINDS, chosen_degradations
from lineament.services.evaluate.evaluate import EvaluationOptions, checked_date, evaluate_templates
from lineament.services.evaluate.labelled import read_pairs, read_set
from lineament.services.evaluate.outputs import checked_folder, write_files
from lineament.views.evaluation_charts import charts
from lineament.views.evaluations import evaluation_json


def people_in(folder: Path, **pictures: tuple[str, ...]) -> Path:
    """Make a folder for each person with empty files of these names."""
    for person, names in pictures.items():
        for name in names:
            place = folder / person / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
    return folder


# ---------------------------------------------------------------- labelled pictures


def test_a_folder_holds_one_folder_for_each_person(tmp_path: Path) -> None:
    people_in(tmp_path, zoe=("b.jpg", "a.PNG", "notes.txt", "more/c.jpg"), ann=("1.jpeg",))
    (tmp_path / "readme.md").touch()
    (tmp_path / ".git").mkdir()
    shutil.copyfile(PORTRAITS / "obama.jpg", tmp_path / "zoe" / "z")
    found = read_set(tmp_path)
    assert [(picture.person, picture.name) for picture in found.pictures] == [
        ("ann", "ann/1.jpeg"),
        ("zoe", "zoe/a.PNG"),
        ("zoe", "zoe/b.jpg"),
        ("zoe", "zoe/z"),
        ("zoe", "zoe/more/c.jpg"),
    ]
    assert found.skipped == 2
    assert found.name == tmp_path.name


def test_a_table_names_files_people_and_groups(tmp_path: Path) -> None:
    people_in(tmp_path, pictures=("a.jpg", "b.jpg", "c.jpg"))
    table = tmp_path / "set.csv"
    table.write_text(
        "Person;FILE;Group;other\nzoe;pictures/b.jpg;west;x\nann;pictures/c.jpg;;x\n\nzoe;pictures/a.jpg;east;x\n"
    )
    found = read_set(table)
    assert [(picture.person, picture.name, picture.group) for picture in found.pictures] == [
        ("ann", "pictures/c.jpg", ""),
        ("zoe", "pictures/a.jpg", "east"),
        ("zoe", "pictures/b.jpg", "west"),
    ]
    assert found.pictures[0].place.path == os.fsencode(tmp_path / "pictures" / "c.jpg")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no column “file”"),
        ("file,name\na.jpg,ann\n", "no column “person”"),
        ("file,person,file\n", "more than one column “file”"),
        ("file,person\na.jpg\n", "line 2 has 1 columns instead of 2"),
        ("file,person\na.jpg,\n", "line 2 has no file or no person"),
        ("file,person\na.jpg,ann\nmissing.jpg,zoe\n", r"names files that are not there \(line 3: missing.jpg\)"),
        ("file,person\n" + "".join(f"{name}.jpg,x\n" for name in "bcdef"), "line 4: d.jpg and 2 more"),
        ("file,person\na\0.jpg,ann\n", "not there|no table"),
        ('file,person\n"a.jpg,ann\n', "no table"),
        ("file,person\n", "no picture"),
        ("file,person\na.jpg,ann\n", "one person"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_one_line(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "a.jpg").touch()
    table = tmp_path / "set.csv"
    table.write_text(text)
    with pytest.raises(NotEvaluable, match=why) as raised:
        read_set(table)
    assert "\n" not in str(raised.value)


def test_a_table_that_is_no_text_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "set.csv"
    table.write_bytes(b"file,person\n\xff\xfe.jpg,ann\n")
    with pytest.raises(NotEvaluable, match="not text in UTF-8"):
        read_set(table)


def test_folders_without_people_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFile):
        read_set(tmp_path / "nothing")
    with pytest.raises(NotEvaluable, match="no picture"):
        read_set(tmp_path)
    (tmp_path / "a.jpg").touch()
    with pytest.raises(NotEvaluable, match="in no folder of a person"):
        read_set(tmp_path)
    people_in(tmp_path, ann=("a.jpg", "b.jpg"))
    with pytest.raises(NotEvaluable, match="one person"):
        read_set(tmp_path)


def test_names_of_one_person_are_joined(tmp_path: Path) -> None:
    people_in(tmp_path, ann=("1.jpg",), anne=("2.jpg",), anna=("3.jpg",), zoe=("4.jpg",))
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("ann, anne\nanne,anna\n")
    found = read_set(tmp_path, read_pairs(pairs))
    assert [picture.person for picture in found.pictures] == ["ann", "ann", "ann", "zoe"]
    assert found.joined == (("ann", "anne"), ("anne", "anna"))
    with pytest.raises(NotEvaluable, match="nobody is called “bob”"):
        read_set(tmp_path, (("ann", "bob"),))
    pairs.write_text("ann,anne,anna\n")
    with pytest.raises(NotEvaluable, match="two names"):
        read_pairs(pairs)


# ---------------------------------------------------------------- kept templates

VECTOR = np.array([0.6, 0.8], np.float32)
ONE, TWO = "ab" * 32, "00" * 32


def kept_at(path: Path) -> TemplateCache:
    """Return a cache with two templates, saved."""
    cache = TemplateCache(path, "model", 2)
    cache.put((ONE, ""), FoundTemplate(VECTOR, enrollable=True, norm=12.5))
    cache.put((TWO, "blur σ 1"), FoundTemplate(None, why="no face was found"))
    cache.save()
    return cache


def test_templates_are_kept_for_the_next_run(tmp_path: Path) -> None:
    kept_at(tmp_path / "c.npz")
    again = TemplateCache(tmp_path / "c.npz", "model", 2)
    found, missing = again.get((ONE, "")), again.get((TWO, "blur σ 1"))
    assert found is not None
    assert found.vector is not None
    assert found.vector.tolist() == VECTOR.tolist()
    assert found.enrollable
    assert found.norm == 12.5
    assert missing is not None
    assert (missing.vector, missing.enrollable, missing.why) == (None, False, "no face was found")
    assert again.get((TWO, "")) is None
    assert not again.stale
    assert [path.name for path in tmp_path.iterdir()] == ["c.npz"]


def test_templates_of_another_model_are_not_used(tmp_path: Path) -> None:
    kept_at(tmp_path / "c.npz")
    other = TemplateCache(tmp_path / "c.npz", "another model", 2)
    assert other.stale
    assert other.get((ONE, "")) is None


def test_without_a_file_nothing_is_kept(tmp_path: Path) -> None:
    cache = TemplateCache(None, "model", 2)
    cache.put((ONE, ""), FoundTemplate(VECTOR))
    cache.save()
    assert list(tmp_path.iterdir()) == []


def packed(**arrays: np.ndarray) -> bytes:
    """Return a file of arrays."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=True, **arrays)
    return file.getvalue()


def packed_cache(vectors: np.ndarray) -> bytes:
    """Return the file of a cache with these vectors of one picture."""
    return packed(
        format=np.array(2),
        made_by=np.array("model"),
        sha256=np.array([b"x" * 32]),
        degradation=np.array([""]),
        why=np.array([""]),
        enrollable=np.array([True]),
        norms=np.array([12.0], np.float32),
        found=np.array([True]),
        vectors=vectors,
    )


def zipped(name: str, content: bytes) -> bytes:
    """Return a zip archive with one entry."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


HUGE = (
    b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 128), }".ljust(128)
    + b"\n"
)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive",
        zipped("x.npy", b"not an array"),
        zipped("format.npy", HUGE),
        packed(format=np.array([{}], dtype=object)),
        packed(format=np.array(2)),
        packed_cache(np.zeros((1, 3), np.float32)),
        packed_cache(np.array([[np.nan, 0]], np.float32)),
    ],
    ids=["empty", "text", "no-array", "huge", "objects", "columns", "shape", "nan"],
)
def test_what_is_no_cache_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.npz"
    path.write_bytes(content)
    with pytest.raises(Damaged, match="delete it, or name another file"):
        TemplateCache(path, "model", 2)


def test_a_cache_needs_a_place(tmp_path: Path) -> None:
    assert checked_cache(tmp_path / "c.npz") == tmp_path / "c.npz"
    for wrong in (tmp_path / "c.txt", tmp_path / "no" / "c.npz", tmp_path):
        with pytest.raises(InvalidValue, match="--cache"):
            checked_cache(wrong)


# ---------------------------------------------------------------- degraded pictures


def portrait() -> np.ndarray:
    """Return a portrait, RGB."""
    pixels = cv2.imread(str(PORTRAITS / "macron-2014.jpg"), cv2.IMREAD_COLOR_RGB)
    assert pixels is not None
    return pixels


FACE = Box(x=100, y=120, width=200, height=240)


def degraded(name: str) -> np.ndarray:
    """Return the portrait after the degradation of that name, as it is read back, RGB."""
    (chosen,) = [each for several in KINDS.values() for each in several if each.name == name]
    pixels = cv2.imdecode(np.frombuffer(chosen.apply(portrait(), FACE), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert pixels is not None
    return pixels


def test_turns_are_clockwise_and_lose_nothing() -> None:
    upright = portrait()
    assert np.array_equal(degraded("turned 90°"), np.rot90(upright, -1))
    assert np.array_equal(degraded("turned 180°"), upright[::-1, ::-1])
    assert np.array_equal(degraded("turned 270°"), np.rot90(upright))
    height, width = upright.shape[:2]
    tilted = degraded("turned 30°")
    assert tilted.shape[0] == pytest.approx(height * np.cos(np.pi / 6) + width * np.sin(np.pi / 6), abs=1)
    turned_back = cv2.warpAffine(
        tilted,
        cv2.getRotationMatrix2D((tilted.shape[1] / 2, tilted.shape[0] / 2), 30, 1),
        (tilted.shape[1], tilted.shape[0]),
    )
    top, left = (tilted.shape[0] - height) // 2, (tilted.shape[1] - width) // 2
    middle = turned_back[top : top + height, left : left + width]
    assert np.abs(middle.astype(int) - upright).mean() < 8


def test_a_face_gets_the_height_that_is_named() -> None:
    upright = portrait()
    for height in (64, 48, 32):
        assert degraded(f"face {height} px").shape[0] == pytest.approx(upright.shape[0] * height / 240, abs=1)
    (smallest,) = [each for each in KINDS["size"] if each.name == "face 64 px"]
    small = Box(x=0, y=0, width=20, height=20)
    left = cv2.imdecode(np.frombuffer(smallest.apply(upright, small), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert left is not None
    assert np.array_equal(left, upright), "no face is enlarged"


def test_other_degradations_change_the_pixels_as_named() -> None:
    upright = portrait().astype(int)
    blurred = [np.abs(degraded(f"blur σ {sigma}").astype(int) - upright).mean() for sigma in (1, 2, 3)]
    assert 0 < blurred[0] < blurred[1] < blurred[2]
    packed20, packed10 = (np.abs(degraded(f"JPEG {quality}").astype(int) - upright).mean() for quality in (20, 10))
    assert 0 < packed20 < packed10
    linear = (degraded("dark") / 255) ** 2.2
    assert linear.mean() == pytest.approx(0.12 * ((upright / 255) ** 2.2).mean(), rel=0.05)
    covered = degraded("half covered")
    assert (covered[241:300, 110:290] == 128).all()
    assert np.array_equal(covered[:239], upright[:239])


def test_kinds_are_chosen_by_name() -> None:
    assert [each.name for each in chosen_degradations(["jpeg", "size"])] == [
        "face 64 px",
        "face 48 px",
        "face 32 px",
        "JPEG 20",
        "JPEG 10",
    ]
    assert chosen_degradations([]) == ()
    assert len(chosen_degradations(["all"])) == 15
    assert [each.name for each in chosen_degradations(["JPEG 10", "blur σ 3"])] == ["blur σ 3", "JPEG 10"]
    with pytest.raises(InvalidValue, match="turned, size, blur, jpeg, dark, covered"):
        chosen_degradations(["rain"])


# ---------------------------------------------------------------- templates from a file


def template_file(path: Path, **arrays: object) -> Path:
    """Write templates of 40 people with one picture and 20 with three, replaced by ``arrays``."""
    random = np.random.default_rng(1)
    people = np.r_[np.arange(40), np.repeat(np.arange(40, 60), 3)]
    middles = random.normal(size=(60, 16))
    vectors = (middles[people] + 0.5 * random.normal(size=(len(people), 16))).astype(np.float32)
    every: dict[str, object] = {"vectors": vectors, "people": people} | arrays
    given = {name: np.asarray(array) for name, array in every.items() if array is not None}
    np.savez(path, allow_pickle=True, **given)
    return path


OPTIONS = EvaluationOptions(protocol=Protocol())


def test_templates_of_a_file_are_evaluated(tmp_path: Path) -> None:
    found = evaluate_templates(template_file(tmp_path / "t.npz", model="mine/1"), OPTIONS)
    assert found.binding.model == "mine/1"
    assert (found.measured.people, found.measured.pictures) == (60, 100)
    assert (found.measured.gallery_people, len(found.measured.nonmated.probes)) == (20, 40)
    assert found.measured.rank_curve[0].value < 0.2
    named = template_file(
        tmp_path / "u.npz", people=np.array([f"p{n:02}" for n in np.r_[np.arange(40), np.repeat(np.arange(40, 60), 3)]])
    )
    other = evaluate_templates(named, OPTIONS)
    assert other.people[0] == "p00"
    assert other.measured.at_rates == found.measured.at_rates
    assert other.binding.data_sha256 != found.binding.data_sha256


def test_names_of_one_person_are_joined_in_a_file_too(tmp_path: Path) -> None:
    found = evaluate_templates(template_file(tmp_path / "t.npz"), OPTIONS, (("0", "1"),))
    assert (found.measured.people, found.measured.gallery_people) == (59, 21)
    assert found.joined == (("0", "1"),)


def test_a_row_of_zeros_is_a_picture_without_a_face(tmp_path: Path) -> None:
    path = template_file(tmp_path / "t.npz")
    with np.load(path) as stored:
        vectors = stored["vectors"]
    vectors[41] = 0  # the second picture of the first enrolled person
    found = evaluate_templates(template_file(path, vectors=vectors), OPTIONS)
    assert found.measured.failed == 1
    assert found.measured.rank_curve[-1].value >= 1 / 40


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({"vectors": None}, "no array 'vectors'"),
        ({"people": np.arange(3)}, "shape"),
        ({"vectors": np.zeros(100)}, "shape"),
        ({"people": np.zeros(100)}, "numbers or texts"),
        ({"groups": np.zeros(99, int)}, "shape of people"),
        ({"vectors": np.full((100, 2), np.inf)}, "not finite"),
        ({"people": np.full(100, None)}, "no file of templates"),
    ],
)
def test_a_file_of_other_arrays_is_refused(tmp_path: Path, arrays: dict[str, object], why: str) -> None:
    with pytest.raises(Damaged, match=why):
        evaluate_templates(template_file(tmp_path / "t.npz", **arrays), OPTIONS)


def test_a_file_of_one_person_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotEvaluable, match="fewer than two people"):
        evaluate_templates(template_file(tmp_path / "t.npz", people=np.zeros(100, int)), OPTIONS)
    with pytest.raises(NoSuchFile):
        evaluate_templates(tmp_path / "none.npz", OPTIONS)


# ---------------------------------------------------------------- files


def test_files_replace_older_ones_only_if_asked(tmp_path: Path) -> None:
    folder = checked_folder(tmp_path / "out", force=False)
    write_files(folder, {"evaluation.json": b"1"})
    with pytest.raises(InvalidValue, match="--force"):
        checked_folder(folder, force=False)
    write_files(checked_folder(folder, force=True), {"evaluation.json": b"2"})
    assert [path.read_bytes() for path in folder.iterdir()] == [b"2"]


def test_nothing_is_left_of_files_that_cannot_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_files(folder, {"evaluation.json": b"before"})
    with pytest.raises(OSError, match="missing"):
        write_files(folder, {"evaluation.json": b"after", "missing/evaluation.html": b""})
    assert [path.read_bytes() for path in folder.iterdir()] == [b"before"]


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for wrong in (tmp_path / "file", tmp_path / "no" / "out"):
        with pytest.raises(InvalidValue, match="nothing can be written there"):
            checked_folder(wrong, force=True)


def test_a_date_is_one_short_line() -> None:
    assert checked_date("2026-11-26") == "2026-11-26"
    for wrong in ("x" * 41, "a\nb", "\x1b[31m"):
        with pytest.raises(InvalidValue, match="--date"):
            checked_date(wrong)


# ---------------------------------------------------------------- whatever bytes come


@given(st.binary(max_size=300), st.booleans())
def test_a_table_of_any_bytes_is_read_or_refused(content: bytes, header: bool) -> None:
    with TemporaryDirectory() as folder:
        table = Path(folder) / "set.csv"
        table.write_bytes((b"file,person\n" if header else b"") + content)
        try:
            message = f"{len(read_set(table).pictures)} pictures"
        except NotEvaluable as refused:
            message = str(refused)
    assert len(message.splitlines()) == 1


CACHE = packed_cache(VECTOR[None])


@given(st.integers(0, len(CACHE) - 1), st.integers(0, 255), st.integers(0, len(CACHE)))
def test_a_cache_with_any_byte_changed_is_read_or_refused(at: int, byte: int, length: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "c.npz"
        path.write_bytes((CACHE[:at] + bytes([byte]) + CACHE[at + 1 :])[:length])
        vector = VECTOR
        try:
            found = TemplateCache(path, "model", 2).get(((b"x" * 32).hex(), ""))
            vector = VECTOR if found is None or found.vector is None else found.vector
            message = "read"
        except Damaged as refused:
            message = str(refused)
    assert len(message.splitlines()) == 1
    assert np.isfinite(vector).all()


@settings(max_examples=60)
@given(
    people=st.lists(st.integers(0, 8), min_size=1, max_size=40),
    faceless=st.sets(st.integers(0, 39)),
    grouped=st.booleans(),
    enrol=st.integers(1, 3),
    mean=st.booleans(),
    left_out=st.sampled_from([None, 0.0, 0.5, 0.99]),
    searches=st.integers(1, 40),
    threshold=st.sampled_from([(), (0.5,), (-1.0, 1.0)]),
)
def test_any_templates_are_evaluated_or_refused(
    people: list[int],
    faceless: set[int],
    grouped: bool,
    enrol: int,
    mean: bool,
    left_out: float | None,
    searches: int,
    threshold: tuple[float, ...],
) -> None:
    random = np.random.default_rng(len(people))
    vectors = random.normal(size=(len(people), 3)).astype(np.float32)
    vectors[[row for row in faceless if row < len(people)]] = 0
    protocol = Protocol(
        enrol=enrol,
        enrolment=Enrolment.MEAN if mean else Enrolment.BEST,
        left_out=left_out,
        searches=searches,
        thresholds=threshold,
    )
    with TemporaryDirectory() as folder:
        groups = np.arange(len(people)) % 2 if grouped else None
        path = template_file(Path(folder) / "t.npz", vectors=vectors, people=np.array(people), groups=groups)
        try:
            found = evaluate_templates(path, EvaluationOptions(protocol=protocol))
        except (NotEvaluable, InvalidValue):
            found = None
    hopeless = len(set(people)) < 2 or max(map(people.count, people)) <= enrol
    assert found is None or not hopeless
    text = "{}" if found is None else json.dumps(evaluation_json(found), allow_nan=False)
    assert json.loads(text) is not None
    assert len([] if found is None else charts(found)) <= 5
