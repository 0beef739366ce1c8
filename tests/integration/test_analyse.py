from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from tests.support.nets import NAMES, PORTRAITS, pack, portrait

from lineament.errors import BadPicture, NoFace, PrecisionUnavailable
from lineament.model.faces import NO_GRADE, Box
from lineament.model.search import Edit, EditKind
from lineament.vision.analyse import Analyser, face_crop, thumbnail
from lineament.vision.decode import Decoder
from lineament.vision.derive import apply_edits, digest
from lineament.vision.runtime import bf16_is_native

FILES = {name: (PORTRAITS / f"{name}.jpg").read_bytes() for name in NAMES}


def _opened(threads: int = 2, precision: str = "f32", runtime: str = "openvino") -> Analyser:
    decoder = Decoder(workers=threads, max_pixels=10**8, max_bytes=10**8, memory=1536 << 20, seconds=60)
    return Analyser(pack=pack(), decoder=decoder, runtime=runtime, precision=precision, threads=threads)


@pytest.fixture(scope="module")
def analyser() -> Iterator[Analyser]:
    opened = _opened()
    yield opened
    opened.close()


def _png(pixels: np.ndarray) -> bytes:
    done, encoded = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    assert done
    return encoded.tobytes()


PRECISIONS = ["f32", pytest.param("bf16", marks=pytest.mark.skipif(not bf16_is_native(), reason="no bf16 here"))]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_pictures_of_one_person_score_far_above_others(precision: str) -> None:
    opened = _opened(precision=precision)
    try:
        vectors = np.stack([opened.analyse(FILES[name]).faces[0].template.vector for name in NAMES])
    finally:
        opened.close()
    scores = vectors @ vectors.T
    people = np.array([name.split("-")[0] for name in NAMES])
    same = people[:, None] == people
    mated = scores[same & ~np.eye(len(people), dtype=bool)]
    assert mated.min() > 0.5
    assert scores[~same].max() < 0.3
    assert pack().rates.rate_at(float(mated.min()), 4, 4) < 1e-4


def test_the_same_bytes_give_the_same_template_to_the_bit_on_any_number_of_threads(analyser: Analyser) -> None:
    alone = {name: analyser.analyse(FILES[name]).faces for name in NAMES}
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda at: analyser.analyse(FILES[NAMES[at % 6]]).faces, range(24)))
    other = _opened(threads=3)
    try:
        elsewhere = [other.analyse(FILES[name]).faces for name in NAMES]
    finally:
        other.close()
    for at, faces in enumerate([*together, *elsewhere]):
        (face,), (first,) = faces, alone[NAMES[at % 6]]
        assert face.template.vector.tobytes() == first.template.vector.tobytes()
        assert (face.box, face.landmarks, face.quality) == (first.box, first.landmarks, first.quality)


def test_the_contents_of_an_analysis(analyser: Analyser) -> None:
    analysis = analyser.analyse(FILES["obama"])
    assert analysis.sha256 == hashlib.sha256(FILES["obama"]).hexdigest()
    assert len(analysis.phash) == 32
    assert (analysis.picture.width, analysis.picture.height, analysis.picture.media_type) == (682, 785, "image/jpeg")
    (face,) = analysis.faces
    assert face.template.model == analyser.model == pack().model
    assert face.template.vector.shape == (analyser.dimension,)
    assert analyser.rates is pack().rates
    assert analyser.precision == "f32"
    assert face_crop(analysis.picture, face.box)[:2] == thumbnail(analysis.picture)[:2] == b"\xff\xd8"


def test_the_largest_face_comes_first(analyser: Analyser) -> None:
    small = cv2.resize(portrait("ardern-2018"), (358, 450), interpolation=cv2.INTER_AREA)
    large = portrait("ardern-2022")
    picture = np.zeros((900, 358 + large.shape[1], 3), np.uint8)
    picture[:450, :358] = small
    picture[:, 358:] = large
    first, second = analyser.analyse(_png(picture)).faces
    assert first.box.x > 358 > second.box.x
    assert first.box.height > 1.5 * second.box.height


def test_a_face_at_the_end_of_a_long_panorama_can_be_compared(analyser: Analyser) -> None:
    """It lies beyond the 32,767 pixels up to which OpenCV warps."""
    panorama = np.full((900, 40_000, 3), (90, 110, 90), np.uint8)
    shown = portrait("obama")
    panorama[: shown.shape[0], 38_000 : 38_000 + shown.shape[1]] = shown[:900]
    (once,) = analyser.analyse(FILES["obama"]).faces
    drawn = Box(x=38_000 + once.box.x - 20, y=once.box.y - 20, width=once.box.width + 40, height=once.box.height + 40)
    (face,) = analyser.analyse_region(cv2.imencode(".jpg", panorama[..., ::-1])[1].tobytes(), drawn).faces
    assert face.box.x - 38_000 == pytest.approx(once.box.x, abs=12)
    assert float(face.template.vector @ once.template.vector) > 0.9


def test_boxes_are_in_pixels_of_the_original_however_large_it_is(analyser: Analyser) -> None:
    (once,) = analyser.analyse(FILES["sunak"]).faces
    large = cv2.resize(portrait("sunak"), None, fx=5.5, fy=5.5, interpolation=cv2.INTER_CUBIC)
    analysis = analyser.analyse(cv2.imencode(".jpg", large[..., ::-1])[1].tobytes())
    assert analysis.picture.height == 4950
    assert analysis.picture.pixels.shape[0] == 4950
    (face,) = analysis.faces
    assert face.box.scaled(1 / 5.5, 1 / 5.5).overlap(once.box) > 0.9
    assert face.landmarks.nose == pytest.approx([5.5 * at for at in once.landmarks.nose], abs=60)
    assert face.quality.face_height == pytest.approx(5.5 * once.quality.face_height, rel=0.1)
    assert float(face.template.vector @ once.template.vector) > 0.95


def test_what_is_too_weak_to_compare_says_so(analyser: Analyser) -> None:
    """Among ever smaller and more blurred pictures there is one whose face is found, but cannot be compared."""
    picture = portrait("obama")
    grades = []
    for sigma, height in ((0.1, 900), (8, 900), (1.5, 100), (1.8, 100), (1.9, 100), (2.0, 100), (2.0, 80)):
        small = cv2.resize(picture, None, fx=height / 900, fy=height / 900, interpolation=cv2.INTER_AREA)
        for face in analyser.analyse(_png(cv2.GaussianBlur(small, (0, 0), sigma).astype(np.uint8))).faces[:1]:
            grades.append(face.quality.grade)
            assert face.comparable == (face.quality.norm >= pack().rates.grades[0])
            assert face.quality.grade == pack().rates.grade(face.quality.norm)
    assert grades[0] == len(pack().rates.grades) - 1
    assert NO_GRADE in grades


@pytest.mark.parametrize("degrees", [90, 180, 270])
@pytest.mark.parametrize("name", ["obama", "ardern-2018", "macron-2014"])
def test_a_turned_face_is_found_and_its_template_is_that_of_the_upright_one(
    analyser: Analyser, name: str, degrees: int
) -> None:
    picture = portrait(name)
    (upright,) = analyser.analyse(_png(picture), enrolling=True).faces
    (face,) = analyser.analyse(_png(np.ascontiguousarray(np.rot90(picture, -degrees // 90))), enrolling=True).faces
    assert (face.quality.roll - upright.quality.roll) % 360 == pytest.approx(degrees, abs=5)
    assert float(face.template.vector @ upright.template.vector) > 0.9
    assert face.quality.face_height == pytest.approx(upright.quality.face_height, rel=0.1)
    assert face.quality.grade == upright.quality.grade


@pytest.mark.parametrize("degrees", [-45, -30, 30, 45])
def test_a_tilted_face_is_levelled(analyser: Analyser, degrees: int) -> None:
    picture = portrait("sunak")
    height, width = picture.shape[:2]
    turning = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 0.8)
    tilted = cv2.warpAffine(picture, turning, (width, height), borderMode=cv2.BORDER_REPLICATE).astype(np.uint8)
    (upright,) = analyser.analyse(_png(picture)).faces
    (face,) = analyser.analyse(_png(tilted), enrolling=True).faces
    assert face.quality.roll - upright.quality.roll == pytest.approx(degrees, abs=10)
    assert float(face.template.vector @ upright.template.vector) > 0.9


def test_edits_come_first(analyser: Analyser) -> None:
    upside_down = cv2.rotate(portrait("obama"), cv2.ROTATE_180)
    turn = Edit(kind=EditKind.ROTATE, degrees=180)
    (turned,) = analyser.analyse(_png(upside_down), edits=[turn]).faces
    (upright,) = analyser.analyse(_png(portrait("obama"))).faces
    assert turned.template.vector.tobytes() == upright.template.vector.tobytes()
    crop = Edit(kind=EditKind.CROP, box=Box(x=100, y=100, width=500, height=600))
    (cropped,) = analyser.analyse(_png(upside_down), edits=[turn, crop]).faces
    assert cropped.box.x == pytest.approx(upright.box.x - 100, abs=6)


EDITS = [
    Edit(kind=EditKind.ROTATE, degrees=180),
    Edit(kind=EditKind.EXPOSURE, stops=-0.5),
    Edit(kind=EditKind.CROP, box=Box(x=100, y=100, width=500, height=600)),
]


def test_edits_can_be_replayed_and_compared_step_by_step(analyser: Analyser) -> None:
    upside_down = _png(cv2.rotate(portrait("obama"), cv2.ROTATE_180))
    analysis = analyser.analyse(upside_down, edits=EDITS, digests=True)
    steps = [analyser.decode(upside_down, EDITS[:count]) for count in range(4)]
    assert analysis.digests == tuple(digest(step) for step in steps)
    assert len(set(analysis.digests)) == 4
    assert analysis.digests[-1] == digest(analysis.picture)
    assert analyser.replay_edits(upside_down, EDITS) == analysis.digests
    drawn = analyser.analyse_region(upside_down, analysis.faces[0].box, edits=EDITS, digests=True)
    assert drawn.digests == analysis.digests
    other = [EDITS[0], Edit(kind=EditKind.EXPOSURE, stops=-0.4), EDITS[2]]
    same = [
        first == second
        for first, second in zip(analyser.replay_edits(upside_down, other), analysis.digests, strict=True)
    ]
    assert same == [True, True, False, False]  # from the changed step on


def test_digests_depend_on_the_bytes_alone_even_of_a_large_picture(analyser: Analyser) -> None:
    large = cv2.resize(portrait("sunak"), None, fx=5.5, fy=5.5, interpolation=cv2.INTER_CUBIC)
    file = cv2.imencode(".jpg", large[..., ::-1])[1].tobytes()
    crop = Edit(kind=EditKind.CROP, box=Box(x=300, y=333, width=2001, height=3001))
    turn = Edit(kind=EditKind.ROTATE, degrees=90)
    first = analyser.replay_edits(file, [crop, turn])
    whole = analyser.decode(file)
    assert whole.pixels.shape == (whole.height, whole.width, 3)
    assert first == (digest(whole), digest(apply_edits(whole, [crop])), digest(apply_edits(whole, [crop, turn])))
    other = _opened(threads=1)
    try:
        other.replay_edits(FILES["obama"])
        assert other.replay_edits(file, [crop, turn]) == first
    finally:
        other.close()


def test_digests_are_made_when_asked_for_and_one_without_edits(analyser: Analyser) -> None:
    assert analyser.analyse(FILES["obama"], enrolling=True).digests == ()
    assert analyser.analyse(FILES["obama"], edits=EDITS[:1]).digests == ()
    decoded = digest(analyser.decode(FILES["obama"]))
    assert analyser.analyse(FILES["obama"], digests=True).digests == (decoded,)
    assert analyser.replay_edits(FILES["obama"]) == (decoded,)


def test_a_face_that_is_too_dark_is_found_where_it_is_lightened(analyser: Analyser) -> None:
    dark = apply_edits(analyser.decode(FILES["obama"]), [Edit(kind=EditKind.EXPOSURE, stops=-3)] * 2)
    lightened = [Edit(kind=EditKind.EXPOSURE, stops=3)] * 2
    (known,) = analyser.analyse(FILES["obama"]).faces
    (found,) = analyser.analyse(_png(dark.pixels), edits=lightened).faces
    assert found.quality.exposure == pytest.approx(known.quality.exposure, abs=0.05)
    assert float(found.template.vector @ known.template.vector) > 0.8


def test_no_face_is_no_error(analyser: Analyser) -> None:
    analysis = analyser.analyse(_png(np.full((300, 400, 3), 127, np.uint8)))
    assert analysis.faces == ()
    assert len(analysis.phash) == 32


def test_a_file_that_is_not_a_picture_is_refused(analyser: Analyser) -> None:
    with pytest.raises(BadPicture):
        analyser.analyse(b"a text named .jpg")


class TestRegion:
    def test_the_face_in_it(self, analyser: Analyser) -> None:
        both = np.hstack([portrait("ardern-2018"), portrait("sunak")])
        file = _png(both)
        faces = analyser.analyse(file).faces
        assert len(faces) == 2
        for face in faces:
            analysis = analyser.analyse_region(file, face.box)
            (found,) = analysis.faces
            assert found.box.overlap(face.box) > 0.8
            assert float(found.template.vector @ face.template.vector) > 0.95
            assert analysis.picture.width == both.shape[1]

    def test_a_box_without_a_face_is_refused(self, analyser: Analyser) -> None:
        file = _png(cv2.rotate(portrait("obama"), cv2.ROTATE_90_CLOCKWISE))
        with pytest.raises(NoFace, match="drawn"):
            analyser.analyse_region(file, Box(x=5, y=5, width=60, height=60))

    def test_in_pixels_after_the_edits(self, analyser: Analyser) -> None:
        (upright,) = analyser.analyse(FILES["obama"]).faces
        file = _png(cv2.rotate(portrait("obama"), cv2.ROTATE_90_CLOCKWISE))
        edits = [Edit(kind=EditKind.ROTATE, degrees=270)]
        (found,) = analyser.analyse_region(file, upright.box, edits=edits).faces
        assert found.box.overlap(upright.box) > 0.8


def test_the_other_runtime_finds_the_same(analyser: Analyser) -> None:
    other = _opened(runtime="onnxruntime", precision="auto")
    try:
        assert other.precision == "f32"
        for name in NAMES[:2]:
            (first,), (second,) = analyser.analyse(FILES[name]).faces, other.analyse(FILES[name]).faces
            assert float(first.template.vector @ second.template.vector) > 0.9999
    finally:
        other.close()


def test_an_unavailable_precision_is_refused_at_once() -> None:
    with pytest.raises(PrecisionUnavailable):
        _opened(runtime="onnxruntime", precision="bf16")
