"""Faces as another model describes them, on either database."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.support.store_rows import MODEL, Rows

from lineament.model.faces import Face, FaceId, Template
from lineament.store.db import Store
from lineament.store.faces import NewFace

NEXT = "next/0011aabb"


def described_by(face: NewFace, model: str) -> Face:
    moved = replace(face.face.box, x=face.face.box.x + 1)
    return replace(face.face, box=moved, template=Template(model, np.roll(face.face.template.vector, 1)))


def test_a_source_takes_over_what_was_prepared_at_once(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        source, new = keyed.source.id, [NewFace(face=rows.face(), crop=rows.sha256()) for _ in range(3)]
        captures = tx.captures.add_all([rows.capture(keyed.source) for _ in range(4)])
        pairs = list(zip(captures, new, strict=False))
        ids = [tx.faces.add(capture, source, [face], keyed.key, 7)[0] for capture, face in pairs]
    with store.begin() as tx:
        todo = tx.prepared.captures_to_look_at(source, NEXT, 0, 10)
        assert [capture.id for capture in todo] == captures
        assert tx.prepared.count_to_look_at(source, NEXT) == 4
        assert tx.prepared.looked_at_by_others(source, NEXT) == [(todo[0].looked_at_by, 4)]
        assert not tx.prepared.waits(source, NEXT)
        for _ in range(2):  # what is prepared again replaces what was prepared before
            prepared = [(at, described_by(face, NEXT)) for at, face in zip(ids[:2], new, strict=False)]
            tx.prepared.put(source, prepared, keyed.key)
        why = dict.fromkeys(captures[:3]) | {captures[3]: "no face was found"}
        tx.prepared.looked_at(NEXT, why)
        assert tx.captures.get(captures[3]).no_face_because == "no face was found"
        assert tx.faces.ids(source, MODEL).tolist() == ids
        assert tx.prepared.count_to_look_at(source, NEXT) == 0
        assert tx.prepared.waits(source, NEXT)
        before = tx.sources.by_id(source)
        assert tx.prepared.adopt(source, NEXT, keyed.key) == (2, 1)
    with store.read() as tx:
        after = tx.sources.by_id(source)
        assert after.changes == before.changes + 1
        assert (after.faces, after.last_face_id) == (before.faces, before.last_face_id)
        found, vectors = tx.faces.vectors(tx.faces.ids(source, NEXT), keyed.key)
        assert found.tolist() == ids[:2]
        for vector, (_, face) in zip(vectors, prepared, strict=True):
            assert np.array_equal(vector, face.template.vector)
        assert [tx.faces.get(FaceId(at)).box for at in ids[:2]] == [face.box for _, face in prepared]
        assert [tx.faces.get(at).comparable for at in ids] == [True, True, False]
        assert len(tx.faces.ids(source, MODEL)) == 0
        assert not tx.prepared.waits(source, NEXT)
        assert tx.tallies.agrees(source, keyed.key)


def test_what_is_erased_or_of_a_withdrawn_source_is_not_prepared_any_more(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        source, new = keyed.source.id, [NewFace(face=rows.face(), crop=rows.sha256()) for _ in range(2)]
        captures = tx.captures.add_all([rows.capture(keyed.source) for _ in range(2)])
        ids = [tx.faces.add(at, source, [face], keyed.key, 7)[0] for at, face in zip(captures, new, strict=True)]
        tx.prepared.put(source, [(at, described_by(face, NEXT)) for at, face in zip(ids, new, strict=True)], keyed.key)
        tx.faces.erase(source, ids[:1], keyed.key)
        tx.prepared.looked_at(NEXT, dict.fromkeys(captures))
        left = tx.connection.exec_driver_sql("SELECT face_id FROM prepared_faces").scalars().all()
        assert left == ids[1:]
        tx.sources.destroy(source)
        assert tx.sources.left(source) == 0
