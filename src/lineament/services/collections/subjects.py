"""Subjects of collections: whom faces show, as programs say. Their names are sealed, and on no record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lineament.errors import NotFound
from lineament.model.accounts import Permission
from lineament.model.collections import FaceSubject, KnownCollection, checked_called
from lineament.model.events.collections import (
    CollectionRead,
    FacesNamed,
    SubjectAdded,
    SubjectDescribed,
    SubjectRemoved,
    SubjectRenamed,
)
from lineament.model.faces import FaceId
from lineament.services.collections.faces import CollectionFaces
from lineament.services.needs import needs
from lineament.services.record import Change, Record
from lineament.store.db import Tx

_LABEL = "The name of a subject"


class NotAssigned(StrEnum):
    """Why a face was not given to a subject, or taken from it."""

    NOT_THERE = "not there"
    OF_ANOTHER = "of another subject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """Which faces were given to a subject or taken from it, and why not the others, by their names for programs."""

    done: tuple[str, ...]
    not_done: tuple[tuple[str, NotAssigned], ...]


class Subjects:
    """Manages the subjects of collections, in an official's name."""

    def __init__(self, record: Record) -> None:
        self._record = record

    @needs(Permission.MANAGE_SOURCES)
    def add(
        self, collection: KnownCollection, untrusted_called: str, facts: Mapping[str, Any] | None = None
    ) -> FaceSubject:
        """Add a subject, with what the program says of them besides, as JSON. Raises InvalidValue, or AlreadyThere."""
        called = checked_called(untrusted_called, _LABEL, "subject")
        with self._record.change() as change:
            return _added(change, collection, called, facts)

    @needs(Permission.MANAGE_SOURCES, Permission.SEARCH)
    def page(self, collection: KnownCollection, *, after: str = "", limit: int = 500) -> list[FaceSubject]:
        """Return subjects in the order of their ids, those above ``after``, and record that they were read."""
        with self._record.change() as change:
            found = change.tx.subjects.of_source(collection.source_id, after, limit)
            change.record(CollectionRead(source=collection.source, subjects=len(found)))
            return found

    @needs(Permission.MANAGE_SOURCES, Permission.SEARCH)
    def get(self, collection: KnownCollection, called: str) -> FaceSubject:
        """Return a subject by its name. Raises NotFound."""
        with self._record.read() as tx:
            return _found(tx, collection, called)

    @needs(Permission.MANAGE_SOURCES, Permission.SEARCH)
    def faces(self, subject: FaceSubject) -> Sequence[FaceId]:
        """Return the numbers of the faces of a subject, the newest first."""
        with self._record.read() as tx:
            return tx.collection_faces.of_subject(subject.id)

    @needs(Permission.READ_SOURCES)
    def count(self, collection: KnownCollection) -> int:
        """Count the subjects of a collection."""
        with self._record.read() as tx:
            return tx.subjects.count(collection.source_id)

    @needs(Permission.MANAGE_SOURCES)
    def rename(self, collection: KnownCollection, called: str, untrusted_new: str) -> FaceSubject:
        """Give a subject another name. Raises NotFound, InvalidValue or AlreadyThere."""
        new = checked_called(untrusted_new, _LABEL, "subject")
        with self._record.change() as change:
            subject = _found(change.tx, collection, called)
            change.tx.subjects.rename(subject, new)
            change.tx.deletions.note_erased()
            change.record(SubjectRenamed(source=collection.source, subject=subject.id))
            return _found(change.tx, collection, new)

    @needs(Permission.MANAGE_SOURCES)
    def describe(self, collection: KnownCollection, called: str, facts: Mapping[str, Any]) -> FaceSubject:
        """Keep what a program says of a subject, in place of what it said before. Raises NotFound."""
        with self._record.change() as change:
            subject = _found(change.tx, collection, called)
            change.tx.subjects.describe(subject, facts)
            change.tx.deletions.note_erased()
            change.record(SubjectDescribed(source=collection.source, subject=subject.id))
            return _found(change.tx, collection, called)

    @needs(Permission.MANAGE_SOURCES)
    def remove(self, collection: KnownCollection, called: str) -> Sequence[FaceId]:
        """Delete a subject; return its faces, which stay in the collection and are nobody's. Raises NotFound."""
        with self._record.change() as change:
            subject = _found(change.tx, collection, called)
            shown = change.tx.subjects.delete(subject)
            change.tx.deletions.note_erased()
            change.record(SubjectRemoved(source=collection.source, subject=subject.id, faces=len(shown)))
        self._record.store.scrub()
        return shown

    @needs(Permission.MANAGE_SOURCES)
    def assign(self, collection: KnownCollection, called: str, keys: Sequence[str], *, add: bool = False) -> Assigned:
        """Give faces to a subject; those of another subject stay with that.

        ``add``: the subject is added if it is not there. Raises NotFound for the subject otherwise.
        """
        if add:
            checked_called(called, _LABEL, "subject")
        with self._record.change() as change:
            if add and change.tx.subjects.find(collection.source_id, called) is None:
                subject = _added(change, collection, called)
            else:
                subject = _found(change.tx, collection, called)
            ids = CollectionFaces.ids(change.tx, collection, keys)
            said = change.tx.collection_faces.said_of(ids.values())
            done: dict[str, FaceId] = {}
            not_done: list[tuple[str, NotAssigned]] = []
            for key in dict.fromkeys(keys):
                about = said.get(ids[key]) if key in ids else None
                if key not in ids:
                    not_done.append((key, NotAssigned.NOT_THERE))
                elif about is not None and about.subject is not None and about.subject.id != subject.id:
                    not_done.append((key, NotAssigned.OF_ANOTHER))
                else:
                    done[key] = ids[key]
            new = [face_id for face_id in done.values() if face_id not in said]
            change.tx.collection_faces.assign([face_id for face_id in done.values() if face_id in said], subject)
            change.tx.collection_faces.add(collection.source_id, new, None, subject)
            _record_named(change, collection, done.values(), subject.id)
        return Assigned(done=tuple(done), not_done=tuple(not_done))

    @needs(Permission.MANAGE_SOURCES)
    def release(self, collection: KnownCollection, called: str, keys: Sequence[str]) -> Assigned:
        """Take faces from a subject; they are nobody's then. Raises NotFound for the subject."""
        with self._record.change() as change:
            subject = _found(change.tx, collection, called)
            ids = CollectionFaces.ids(change.tx, collection, keys)
            its = set(change.tx.collection_faces.of_subject(subject.id))
            done = {key: face_id for key, face_id in ids.items() if face_id in its}
            others = [key for key in dict.fromkeys(keys) if key not in done]
            change.tx.collection_faces.assign(list(done.values()), None)
            _record_named(change, collection, done.values(), None)
        not_done = [(key, NotAssigned.OF_ANOTHER if key in ids else NotAssigned.NOT_THERE) for key in others]
        return Assigned(done=tuple(done), not_done=tuple(not_done))


def _found(tx: Tx, collection: KnownCollection, called: str) -> FaceSubject:
    subject = tx.subjects.find(collection.source_id, called)
    if subject is None:
        raise NotFound(what="subject", name=called[:80], hint="the list of the subjects of the collection")
    return subject


def _added(
    change: Change, collection: KnownCollection, called: str, facts: Mapping[str, Any] | None = None
) -> FaceSubject:
    subject = change.tx.subjects.add(collection.source_id, called, change.at, facts)
    change.record(SubjectAdded(source=collection.source, subject=subject.id))
    return subject


def _record_named(change: Change, collection: KnownCollection, faces: Iterable[FaceId], subject: str | None) -> None:
    change.record(FacesNamed(source=collection.source, faces=tuple(map(int, faces)), subject=subject))
