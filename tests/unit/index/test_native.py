"""The compiled loops: the same with and without instructions of the processor, and nothing left of what is removed."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.templates import EVEN, as_ids, days_of, vectors

from lineament.index.among import EVERY_FACE, Among
from lineament.index.native import BLOCK, CodedFaces, CodeScan, columns_of, is_fast
from lineament.model.faces import FaceIds


def coded(ids: FaceIds, dimension: int, seed: int = 0) -> CodedFaces:
    faces = CodedFaces(1024, columns_of(dimension))
    faces.add(ids, vectors(len(ids), seed, dimension), days_of(ids))
    return faces


@pytest.mark.parametrize("dimension", [2, 15, 16, 17, 128, 200, 512])
def test_one_result_with_and_without_the_fast_instructions(dimension: int) -> None:
    """On a processor without them both are the same loop."""
    faces = coded(as_ids(range(1, 778)), dimension)
    probes = vectors(5, 1, dimension)
    for among in (EVERY_FACE, EVEN, Among(after=700)):
        wanted = [(40, among)] * len(probes)
        fast, plain = (CodeScan(probes, wanted, plainly=plainly).run([faces]) for plainly in (False, True))
        assert fast.looked == plain.looked
        for mine, its in zip(fast.best(), plain.best(), strict=True):
            assert [column.tolist() for column in mine] == [column.tolist() for column in its]


@pytest.mark.parametrize("dimension", [16, 17, 128, 512])
def test_codes_are_as_close_as_four_bits_can_be(dimension: int) -> None:
    """Within five standard deviations: 0.108 for each dimension (Max 1960), and what the tables round."""
    ids = as_ids(range(1, 1001))
    some, probe = vectors(1000, 0, dimension), vectors(1, 1, dimension)
    [(found, rough)] = CodeScan(probe, [(1000, EVERY_FACE)]).run([coded(ids, dimension)]).best()
    assert sorted(found.tolist()) == ids.tolist()
    assert np.abs(rough - some[found - 1] @ probe[0]).max() < 5 * 0.15 / np.sqrt(dimension)


def test_shares_are_the_whole(subtests: pytest.Subtests) -> None:
    faces = coded(as_ids(range(1, 900)), 128)
    probe = vectors(1, 3, 128)
    [(whole, _)] = CodeScan(probe, [(899, EVERY_FACE)]).run([faces]).best()
    for many in (1, 2, 3, 100):
        with subtests.test(many=many):
            shares = [CodeScan(probe, [(899, EVERY_FACE)]).run([faces], at, many).best()[0][0] for at in range(many)]
            assert sorted(np.concatenate(shares).tolist()) == sorted(whole.tolist())


@pytest.mark.parametrize("slot", [0, 31, 40, 98, 99])
def test_nothing_is_left_of_a_face_that_is_replaced(slot: int) -> None:
    """The arrays are those of faces among which it never was."""
    ids = as_ids(range(1, 101))
    faces = coded(ids, 128)
    faces.take_last(slot, faces)
    order = ids.copy()
    order[slot] = order[99]
    never = CodedFaces(1024, columns_of(128))
    never.add(order[:99], vectors(100, 0, 128)[order[:99] - 1], days_of(order[:99]))
    for name in ("coarse", "fine", "about"):
        assert np.array_equal(getattr(faces, name), getattr(never, name)), name
    assert faces.count == 99


def test_a_face_moves_from_another_piece() -> None:
    faces, last = coded(as_ids(range(1, 101)), 128), coded(as_ids(range(101, 134)), 128, seed=5)
    faces.take_last(17, last)
    assert (faces.count, last.count, faces.ids[17], faces.days[17]) == (100, 32, 133, 1)
    probe = vectors(33, 5, 128)[32:]
    [(found, _)] = CodeScan(probe, [(1, EVERY_FACE)]).run([faces, last]).best()
    assert found.tolist() == [133]
    assert not last.coarse[1:].any()
    assert not last.fine[32:].any()
    assert not last.about["id"][32:].any()


def test_what_no_face_owns_is_cleared() -> None:
    faces = coded(as_ids(range(1, 41)), 16)
    whole = faces.coarse.copy()
    faces.coarse[1] |= 0xF0  # lanes 16 to 31 of the second block, which has eight faces
    faces.clear_unused()
    assert np.array_equal(faces.coarse, whole)


@pytest.mark.parametrize(
    ("capacity", "count", "dimension"), [(32, 33, 16), (64, 10, 128)], ids=["no room", "dimension"]
)
def test_what_does_not_fit_is_refused(capacity: int, count: int, dimension: int) -> None:
    faces = CodedFaces(capacity, columns_of(16))
    with pytest.raises(ValueError, match="do not fit"):
        faces.add(as_ids(range(count)), vectors(count, 0, dimension), days_of(as_ids(range(count))))
    assert faces.count == 0


def test_a_slot_that_is_not_in_use_is_refused() -> None:
    faces = coded(as_ids(range(5)), 16)
    for slot in (-1, 5):
        with pytest.raises(ValueError, match="not in use"):
            faces.take_last(slot, faces)


def test_probes_of_another_dimension_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        CodeScan(vectors(1, 0, 128), [(5, EVERY_FACE)]).run([coded(as_ids(range(5)), 16)])


def test_blocks_of_thirty_two() -> None:
    assert BLOCK == 32
    assert [columns_of(dimension) for dimension in (1, 16, 17, 128, 512)] == [8, 8, 16, 64, 256]
    assert is_fast() in {True, False}
