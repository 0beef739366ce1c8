"""Faces and their templates, on either database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.support.store_rows import MODEL, KeyedSource, RawSql, Rows

from lineament.errors import Damaged, MixedModels, NotFound
from lineament.model.faces import Box, CaptureId, FaceId, FaceIds, SourceId
from lineament.store.db import Store, Tx
from lineament.store.faces import NewFace

LATER = "sface-yunet/ffffffff"


def as_ids(*ids: int) -> FaceIds:
    return np.array(ids, dtype=np.int64)


def test_a_face_comes_back_as_it_was_added(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        capture_id = tx.captures.add(rows.capture(keyed.source))
        new = [NewFace(face=rows.face(), crop=rows.sha256()) for _ in range(3)]
        ids = tx.faces.add(capture_id, keyed.source.id, new, keyed.key, 20_000)
    with store.read() as tx:
        faces = tx.faces.of_capture(capture_id)
        assert [face.id for face in faces] == ids
        assert faces == [tx.faces.get(face_id) for face_id in ids]
        for face, expected in zip(faces, new, strict=True):
            assert (face.box, face.landmarks, face.quality) == (
                expected.face.box,
                expected.face.landmarks,
                expected.face.quality,
            )
            assert (face.model, face.crop, face.capture_id, face.source_id) == (
                MODEL,
                expected.crop,
                capture_id,
                keyed.source.id,
            )
        found, vectors = tx.faces.vectors(as_ids(*ids), keyed.key)
        assert found.tolist() == ids
        assert vectors.dtype == np.float32
        assert np.array_equal(vectors, [expected.face.template.vector for expected in new])


def test_a_face_that_cannot_be_compared_has_no_template_and_is_in_no_index(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        capture_id = tx.captures.add(rows.capture(keyed.source))
        new = [NewFace(face=rows.face(grade=-1 if at == 1 else 0), crop=rows.sha256()) for at in range(3)]
        first, weak, last = tx.faces.add(capture_id, keyed.source.id, new, keyed.key, 20_000)
        (only_weak,) = tx.faces.add(capture_id, keyed.source.id, new[1:2], keyed.key, 20_000)
    source = keyed.source.id
    with store.read() as tx:
        assert [face.comparable for face in tx.faces.of_capture(capture_id)] == [True, False, True, False]
        assert tx.faces.ids(source, MODEL).tolist() == [first, last]
        assert tx.faces.days(source)[0].tolist() == [first, last]
        assert [ids.tolist() for ids, _ in tx.faces.after(source, MODEL, 0, keyed.key)] == [[first, last]]
        assert tx.faces.vectors(as_ids(first, weak, last), keyed.key)[0].tolist() == [first, last]
        assert tx.faces.count(source, MODEL) == 2
        assert (tx.faces.count_others(source, LATER), tx.faces.count_others(source, MODEL)) == (4, 2)
        assert tx.faces.grades(source, MODEL) == {0: 2}
        assert tx.faces.all_ids(source).tolist() == [first, weak, last, only_weak]
        assert tx.sources.by_id(source).faces == 4
    with store.begin() as tx:
        tx.faces.erase(source, [weak, only_weak], keyed.key)
        assert [face.id for face in tx.faces.of_capture(capture_id)] == [first, last]


def test_numpy_numbers_are_taken(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        _, ids = rows.enrolled(tx, keyed, faces=2)
        assert set(tx.faces.describe(as_ids(*ids))) == set(ids)
        tx.faces.erase(keyed.source.id, as_ids(*ids), keyed.key)
        assert tx.faces.describe(as_ids(*ids)) == {}


def test_a_face_at_minus_zero_is_not_taken_for_changed(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        source = rows.source(tx)
        face = replace(rows.face(), box=Box(x=-0.0, y=-0.0, width=5, height=5))
        capture = tx.captures.add(rows.capture(source.source))
        (face_id,) = tx.faces.add(capture, source.source.id, [NewFace(face=face, crop=rows.sha256())], source.key, 0)
    with store.read() as tx:
        box = tx.faces.get(face_id).box
        assert (str(box.x), str(box.y)) == ("0.0", "0.0")


def test_vectors_come_in_the_order_asked_for_without_those_that_are_gone(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        _, ids = rows.enrolled(tx, keyed, faces=6)
        _, every = tx.faces.vectors(as_ids(*ids), keyed.key)
        tx.faces.erase(keyed.source.id, [ids[2]], keyed.key)
        requested = as_ids(ids[5], 10**12, ids[2], ids[0], ids[5], 0)
        found, vectors = tx.faces.vectors(requested, keyed.key)
    assert found.tolist() == [ids[5], ids[0], ids[5]]
    assert np.array_equal(vectors, every[[5, 0, 5]])


def test_no_vectors(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        for requested in (as_ids(), as_ids(1, 2)):
            found, vectors = tx.faces.vectors(requested, keyed.key)
            assert (len(found), len(vectors)) == (0, 0)
            assert vectors.ndim == 2


def test_after_gives_every_template_of_one_source_and_model_in_batches(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed, other = rows.source(tx), rows.source(tx, "other")
        ids = []
        for _ in range(5):
            ids += rows.enrolled(tx, keyed, faces=3)[1]
            rows.enrolled(tx, other, faces=2)
            rows.enrolled(tx, keyed, faces=1, model=LATER)
        _, every = tx.faces.vectors(as_ids(*ids), keyed.key)
    with store.read() as tx:
        batches = list(tx.faces.after(keyed.source.id, MODEL, 0, keyed.key, batch=4))
        assert [len(found) for found, _ in batches] == [4, 4, 4, 3]
        assert np.concatenate([found for found, _ in batches]).tolist() == ids
        assert np.array_equal(np.concatenate([vectors for _, vectors in batches]), every)
        (tail,) = tx.faces.after(keyed.source.id, MODEL, ids[11], keyed.key)
        assert tail[0].tolist() == ids[12:]
        assert list(tx.faces.after(keyed.source.id, MODEL, ids[-1], keyed.key)) == []
        assert tx.faces.ids(keyed.source.id, MODEL).tolist() == ids
        assert len(tx.faces.all_ids(keyed.source.id)) == 20
        assert len(tx.faces.ids(keyed.source.id, "another/model")) == 0


def test_batches_may_be_of_any_dimension(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        capture_id = tx.captures.add(rows.capture(keyed.source))
        faces = [NewFace(face=rows.face("wide/1", 512), crop=rows.sha256()) for _ in range(2)]
        tx.faces.add(capture_id, keyed.source.id, faces, keyed.key, 0)
        ((_, vectors),) = tx.faces.after(keyed.source.id, "wide/1", 0, keyed.key)
    assert vectors.shape == (2, 512)


def test_add_all_takes_many_captures_at_once(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        captures = tx.captures.add_all([rows.capture(keyed.source) for _ in range(4)])
        several = [
            (capture_id, 100 + number, [NewFace(face=rows.face(), crop=rows.sha256()) for _ in range(number)])
            for number, capture_id in enumerate(captures)
        ]
        ids = tx.faces.add_all(keyed.source.id, several, keyed.key)
        assert [face.capture_id for face in map(tx.faces.get, ids)] == [
            captures[1],
            *[captures[2]] * 2,
            *[captures[3]] * 3,
        ]
        found, days = tx.faces.days(keyed.source.id)
        assert found.tolist() == ids
        assert days.dtype == np.int32
        assert days.tolist() == [101, 102, 102, 103, 103, 103]
        found, days = tx.faces.days(keyed.source.id, ids[3])
        assert (found.tolist(), days.tolist()) == (ids[4:], [103, 103])
        assert tx.faces.add_all(keyed.source.id, [(captures[0], 0, [])], keyed.key) == []
        found, days = tx.faces.days(SourceId(99))
        assert (len(found), len(days)) == (0, 0)


def test_described_faces_have_all_that_a_candidate_needs(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        capture_id, (first, second) = rows.enrolled(tx, keyed, faces=2)
        other_id, (third,) = rows.enrolled(tx, keyed)
        described = tx.faces.describe([third, first, second, 999])
        assert set(described) == {first, second, third}
        assert described[second].face == tx.faces.get(second)
        assert described[first].capture == described[second].capture == tx.captures.get(capture_id)
        assert described[third].capture == tx.captures.get(other_id)
        assert tx.faces.describe([]) == {}


def test_many_faces_are_erased_at_once(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        _, ids = rows.enrolled(tx, keyed, faces=30)
        tx.faces.erase(keyed.source.id, range(1, 25_000), keyed.key)
        assert tx.sources.get("press").faces == 0
        assert len(tx.faces.ids(keyed.source.id, MODEL)) == 0
        assert len(tx.faces.vectors(as_ids(*ids), keyed.key)[0]) == 0


def test_unknown_faces(store: Store) -> None:
    with store.read() as tx:
        with pytest.raises(NotFound, match="7"):
            tx.faces.get(FaceId(7))
        assert tx.faces.of_capture(CaptureId(7)) == []


# ---------------------------------------------------------------- R48, R31


Two = tuple[KeyedSource, FaceIds]


@pytest.fixture
def two_faces(store: Store, rows: Rows) -> Two:
    with store.begin() as tx:
        keyed = rows.source(tx)
        _, ids = rows.enrolled(tx, keyed, faces=2)
    return keyed, as_ids(*ids)


def every_way(tx: Tx, keyed: KeyedSource, ids: FaceIds) -> list[Callable[[], object]]:
    return [
        lambda: tx.faces.vectors(ids, keyed.key),
        lambda: list(tx.faces.after(keyed.source.id, MODEL, 0, keyed.key)),
    ]


@pytest.mark.parametrize(
    "change",
    [
        # the templates of two faces are exchanged
        "UPDATE templates SET sealed = (SELECT t.sealed FROM templates t WHERE t.face_id = 3 - templates.face_id)",
        # one bit of the last byte differs; the same statement works on both
        "UPDATE templates SET sealed = (SELECT original FROM captures)",
    ],
    ids=["swapped", "replaced"],
)
def test_templates_changed_by_hand_do_not_open(store: Store, raw: RawSql, two_faces: Two, change: str) -> None:
    keyed, ids = two_faces
    raw(change)
    with store.read() as tx:
        for opened in every_way(tx, keyed, ids):
            with pytest.raises(Damaged, match=r"template\|1\|1\|"):
                opened()


def test_templates_of_another_source_do_not_open(store: Store, rows: Rows, raw: RawSql, two_faces: Two) -> None:
    keyed, ids = two_faces
    with store.begin() as tx:
        rows.source(tx, "other")
    raw("UPDATE templates SET source_id = 2")
    raw("UPDATE faces SET source_id = 2")
    with store.read() as tx:
        with pytest.raises(Damaged):
            tx.faces.vectors(ids, keyed.key)
        with pytest.raises(Damaged):
            list(tx.faces.after(SourceId(2), MODEL, 0, keyed.key))


def test_templates_of_another_model_do_not_open(store: Store, raw: RawSql, two_faces: Two) -> None:
    keyed, ids = two_faces
    raw(f"UPDATE templates SET model = '{LATER}'")
    raw(f"UPDATE faces SET model = '{LATER}'")
    with store.read() as tx:
        with pytest.raises(Damaged):
            tx.faces.vectors(ids, keyed.key)
        with pytest.raises(Damaged):
            list(tx.faces.after(keyed.source.id, LATER, 0, keyed.key))


def test_the_key_of_another_source_opens_nothing(store: Store, rows: Rows, two_faces: Two) -> None:
    keyed, ids = two_faces
    with store.begin() as tx:
        other = rows.source(tx, "other")
    with store.read() as tx:
        keyed.key = other.key
        for opened in every_way(tx, keyed, ids):
            with pytest.raises(Damaged):
                opened()


def test_vectors_of_two_models_are_never_given_together(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        _, of_one_model = rows.enrolled(tx, keyed)
        _, of_another = rows.enrolled(tx, keyed, model=LATER)
        with pytest.raises(MixedModels, match="ffffffff"):
            tx.faces.vectors(as_ids(*of_one_model, *of_another), keyed.key)
        far_apart = np.concatenate([as_ids(*of_one_model), np.zeros(10_000, dtype=np.int64), as_ids(*of_another)])
        with pytest.raises(MixedModels):
            tx.faces.vectors(far_apart, keyed.key)
        found, vectors = tx.faces.vectors(
            np.concatenate([as_ids(*of_one_model), far_apart[:-1], as_ids(*of_one_model)]), keyed.key
        )
        assert found.tolist() == of_one_model * 3
        assert len(vectors) == 3


def test_no_vector_lies_open_in_the_database(store: Store, rows: Rows, raw: RawSql) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        capture_id = tx.captures.add(rows.capture(keyed.source))
        face = rows.face()
        tx.faces.add(capture_id, keyed.source.id, [NewFace(face=face, crop=rows.sha256())], keyed.key, 0)
    ((sealed,),) = raw("SELECT sealed FROM templates")
    plain = face.template.vector.tobytes()
    assert all(plain[at : at + 8] not in bytes(sealed) for at in range(0, len(plain), 4))
