"""Whom faces show, and which source a collection is, made to say something else by who has the database and no key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from tests.support.store_rows import NOW, RawSql, Rows

from lineament.errors import AccessAltered, Damaged
from lineament.model.collections import Dialect, NewCollection
from lineament.model.faces import FaceId, SourceId
from lineament.store.db import Store


@dataclass(frozen=True, slots=True)
class Named:
    """Two sources, of which the first has a collection, two subjects, and a face of one of them."""

    store: Store
    source: SourceId
    face: FaceId


@pytest.fixture
def named(store: Store, rows: Rows) -> Named:
    with store.begin() as tx:
        keyed = rows.source(tx)
        rows.source(tx, "other")
        _, (face,) = rows.enrolled(tx, keyed)
        new = NewCollection(terms_id=keyed.source.id, dialect=Dialect.REKOGNITION, called="door")
        tx.collections.add(keyed.source.id, new, NOW)
        ada = tx.subjects.add(keyed.source.id, "Ada", NOW)
        tx.subjects.add(keyed.source.id, "Bob", NOW)
        tx.collection_faces.add(keyed.source.id, [face], "a.jpg", ada)
    return Named(store, keyed.source.id, face)


def collection(named: Named) -> object:
    with named.store.read() as tx:
        return tx.collections.find([named.source], Dialect.REKOGNITION, "door")


def subjects(named: Named) -> object:
    with named.store.read() as tx:
        return [subject.called for subject in tx.subjects.of_source(named.source)]


def said(named: Named) -> object:
    with named.store.read() as tx:
        about = tx.collection_faces.said_of([named.face])[named.face]
    return about.called, about.subject and about.subject.called


@pytest.mark.parametrize(
    ("read", "change"),
    [
        (collection, "UPDATE api_collections SET terms_id = 2"),
        (collection, "UPDATE api_collections SET source_id = 2"),
        (subjects, "UPDATE subjects SET sealed = (SELECT max(sealed) FROM subjects)"),
        (subjects, "UPDATE subjects SET made_at = '2020-01-01 00:00:00'"),
        (said, "UPDATE collection_faces SET subject_id = NULL"),
        (said, "UPDATE collection_faces SET subject_id = (SELECT max(id) FROM subjects WHERE id <> subject_id)"),
        (said, "UPDATE collection_faces SET source_id = 2"),
    ],
)
def test_a_changed_row_is_refused(named: Named, raw: RawSql, read: Callable[[Named], object], change: str) -> None:
    before = read(named)
    assert before
    raw(change)
    with pytest.raises((AccessAltered, Damaged)):
        read(named)
