"""The gallery with two models side by side: each is searched with its own index, and they never mix (R31)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.nets import PORTRAITS, pack
from tests.support.shelf import NEW, OLD, UNUSED, Shelf
from tests.support.store_rows import NOW

from lineament.errors import MixedModels
from lineament.index.base import ExactVectors, IndexFactory, VectorIndex
from lineament.index.exact import ExactIndex
from lineament.index.rotation import Rotation
from lineament.index.scan import ScanIndex
from lineament.model.faces import Face, FaceId, Template
from lineament.store.faces import NewFace
from lineament.vision.analyse import Analyser
from lineament.vision.decode import Decoder
from lineament.vision.packs import Colours, Net, Pack, Recogniser

SHARED = Path(__file__).parents[4] / "shared" / "data" / "models"
SECOND = SHARED / "face-reidentification-retail-0095.xml"


def exact_index(folder: Path, *, model: str, rotation: Rotation, exact: ExactVectors) -> VectorIndex:
    """Open an index in memory."""
    return ExactIndex(len(rotation))


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.store.close()


@pytest.mark.parametrize("open_index", [ScanIndex.open, exact_index], ids=["scan", "exact"])
def test_each_model_is_searched_with_its_own_index(shelf: Shelf, open_index: IndexFactory) -> None:
    gallery = shelf.gallery(open_index=open_index)
    old, new = shelf.faces(OLD, 5), shelf.faces(NEW, 3)
    old_ids, new_ids = set(shelf.enrol(old)), set(shelf.enrol(new))
    assert shelf.found(gallery, old[0]) == (old_ids, 5)
    assert shelf.found(gallery, new[0]) == (new_ids, 3)
    more = set(shelf.enrol(shelf.faces(OLD, 2)))  # each catches up with faces of the other among the new
    assert shelf.found(gallery, new[0]) == (new_ids, 3)
    assert shelf.found(gallery, old[0]) == (old_ids | more, 7)
    assert gallery.open([shelf.made.source]) == 10
    assert gallery.open([shelf.made.source], [NEW]) == 3


def test_a_model_without_an_index_is_never_compared(shelf: Shelf) -> None:
    gallery = shelf.gallery()
    shelf.enrol(shelf.faces(UNUSED, 4))
    with pytest.raises(MixedModels) as raised:
        shelf.found(gallery, shelf.faces(UNUSED, 1)[0])
    assert UNUSED in str(raised.value)
    assert shelf.found(gallery, shelf.faces(OLD, 1)[0]) == (set(), 0)


@pytest.mark.parametrize("reopened", [False, True], ids=["open", "reopened"])
def test_erasure_of_either_model_is_seen_by_both(shelf: Shelf, reopened: bool) -> None:
    gallery = shelf.gallery()
    old, new = shelf.faces(OLD, 4), shelf.faces(NEW, 4)
    old_ids, new_ids = shelf.enrol(old), shelf.enrol(new)
    gallery.open([shelf.made.source])
    gallery.sync()
    if reopened:
        gallery = shelf.gallery()
    shelf.erase([old_ids[0], new_ids[0], new_ids[1]])
    late = shelf.enrol(shelf.faces(NEW, 1))  # as many faces as before, less two
    assert shelf.found(gallery, new[2]) == ({*new_ids[2:], *late}, 3)
    assert shelf.found(gallery, old[1]) == (set(old_ids[1:]), 3)


def test_erased_and_added_in_equal_numbers_while_closed(shelf: Shelf) -> None:
    gallery = shelf.gallery()
    old = shelf.faces(OLD, 3)
    ids = shelf.enrol(old)
    gallery.open([shelf.made.source])
    gallery.close()
    shelf.erase(ids[:2])
    shelf.enrol(shelf.faces(NEW, 2))
    assert shelf.found(shelf.gallery(), old[2]) == ({ids[2]}, 1)


def test_a_search_by_days_within_one_model(shelf: Shelf) -> None:
    gallery = shelf.gallery()
    old, new = shelf.faces(OLD, 2), shelf.faces(NEW, 2)
    shelf.enrol(new)
    ids = set(shelf.enrol(old))
    within = gallery.search([shelf.made.source], old[0].template, 10, NOW.date(), (NOW.date(), None))
    assert ({int(hit.face_id) for hit in within.hits}, within.faces) == (ids, 2)
    before = gallery.search([shelf.made.source], old[0].template, 10, NOW.date(), (None, NOW.date().replace(year=2020)))
    assert (before.hits, before.faces) == ([], 0)


@pytest.mark.parametrize("open_index", [ScanIndex.open, exact_index], ids=["scan", "exact"])
def test_many_sources_are_searched_as_one(shelf: Shelf, open_index: IndexFactory) -> None:
    """One source has most of the faces that are close, so that its share of the shortlist is too small."""
    probe = shelf.faces(OLD, 1)[0]
    close = [near(face, probe, 0.6) for face in shelf.faces(OLD, 150)]
    apart = [[near(face, probe, 0.1) for face in shelf.faces(OLD, 20)] for _ in range(40)]
    ids = shelf.enrol(close)
    sources, known = [shelf.made.source], dict(zip(ids, close, strict=True))
    for number, faces in enumerate([*apart, []]):
        with shelf.store.begin() as tx:
            made = shelf.rows.source(tx, f"source-{number}")
            capture = tx.captures.add(shelf.rows.capture(made.source))
            new = [NewFace(face=face, crop="ab" * 32) for face in faces]
            known |= dict(zip(tx.faces.add(capture, made.source.id, new, made.key, 20_516), faces, strict=True))
            sources.append(made.source)
    with shelf.store.read() as tx:
        sources = tx.sources.of_ids([source.id for source in sources])
    gallery = shelf.gallery(open_index=open_index)
    found = gallery.search(sources, probe.template, 50, NOW.date())
    exact = {face_id: float(face.template.vector @ probe.template.vector) for face_id, face in known.items()}
    assert [hit.face_id for hit in found.hits] == sorted(exact, key=lambda face_id: -exact[face_id])[:50]
    assert (found.faces, found.whole) == (len(known), True)
    assert not gallery.holds(sources[-1].id)  # it is empty, and was not opened


def near(face: Face, probe: Face, weight: float) -> Face:
    """Return a face whose template lies between its own and that of the probe."""
    vector = (1 - weight) * face.template.vector + weight * probe.template.vector
    return replace(face, template=Template(OLD, (vector / np.linalg.norm(vector)).astype(np.float32)))


def test_files_are_kept_for_each_model_and_go_with_the_source(shelf: Shelf) -> None:
    gallery = shelf.gallery()
    source = shelf.made.source
    shelf.enrol([*shelf.faces(OLD, 2), *shelf.faces(NEW, 2)])
    gallery.open([source])
    gallery.sync()
    home = shelf.folder / str(source.id)
    assert {path.name for path in home.iterdir()} == {"sface-yunet%2F0011aabb", "made-up%2F22cc33dd"}
    assert all((folder / "head").is_file() for folder in home.iterdir())
    gallery.destroy(source.id)
    assert not gallery.holds(source.id)


def test_the_files_of_an_earlier_release_are_replaced(shelf: Shelf) -> None:
    old = shelf.faces(OLD, 2)
    ids = set(shelf.enrol(old))
    home = shelf.folder / str(shelf.made.source.id)
    home.mkdir(parents=True)
    for name in ("head", "lock", "codes-0011", "ids-0011"):
        (home / name).write_bytes(b"before")
    gallery = shelf.gallery()
    assert shelf.found(gallery, old[0]) == (ids, 2)
    gallery.sync()
    assert all(path.is_dir() for path in home.iterdir())


def test_an_erasure_reaches_the_files_of_a_model_that_is_not_in_use(shelf: Shelf) -> None:
    both = shelf.gallery()
    new = shelf.faces(NEW, 2)
    ids = shelf.enrol(new)
    both.open([shelf.made.source])
    both.close()
    shelf.erase(ids[:1])
    shelf.gallery({OLD: 128}).forget(shelf.made.source)
    home = shelf.folder / str(shelf.made.source.id)
    assert not (home / "made-up%2F22cc33dd").exists()
    assert shelf.found(shelf.gallery(), new[1]) == ({ids[1]}, 1)  # rebuilt


# ---------------------------------------------------------------- two real packs


def second_pack() -> Pack:
    """YuNet with a recogniser of Open Model Zoo, its landmarks as the zoo's README gives them."""
    first = pack()
    points = ((0.3156, 0.4616), (0.6826, 0.4616), (0.5003, 0.6405), (0.3495, 0.8247), (0.6534, 0.8247))
    return Pack(
        name="retail-0095",
        licence="Apache-2.0",
        detector=first.detector,
        recognisers=(
            Recogniser(
                net=Net(weights=SECOND, sha256="", colours=Colours.BGR),
                side=128,
                points=tuple((128 * x, 128 * y) for x, y in points),
                dimension=256,
            ),
        ),
        rates=first.rates,
        model="retail-0095/00000000",
    )


def analysed(of: Pack, names: Iterable[str]) -> dict[str, Face]:
    decoder = Decoder(workers=1, max_pixels=10**8, max_bytes=10**8, memory=1536 << 20, seconds=60)
    analyser = Analyser(pack=of, decoder=decoder, runtime="openvino", precision="f32", threads=1)
    try:
        return {name: analyser.analyse((PORTRAITS / f"{name}.jpg").read_bytes()).faces[0] for name in names}
    finally:
        analyser.close()


@pytest.mark.skipif(not SECOND.is_file(), reason=f"the weights of a second pack are not at {SECOND}")
def test_two_real_packs_side_by_side(shelf: Shelf) -> None:
    packs = [pack(), second_pack()]
    gallery = shelf.gallery({each.model: each.dimension for each in packs})
    enrolled: dict[str, dict[str, FaceId]] = {}
    probes: list[Template] = []
    for each in packs:
        faces = analysed(each, ("ardern-2018", "macron-2025", "obama", "sunak", "macron-2014"))
        probes.append(faces.pop("macron-2014").template)
        enrolled[each.model] = dict(zip(faces, shelf.enrol(faces.values()), strict=True))
    for probe in probes:
        compared = gallery.search([shelf.made.source], probe, 4, NOW.date())
        assert compared.faces == 4
        assert {hit.face_id for hit in compared.hits} == set(enrolled[probe.model].values())
        assert compared.hits[0].face_id == enrolled[probe.model]["macron-2025"]
        assert np.diff([hit.score for hit in compared.hits]).max() <= 0
