"""Collections, subjects and what programs say of faces; the names are sealed and found by keyed digests."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import AlreadyThere
from lineament.model.collections import Dialect, FaceSubject, NamedCollection, NewCollection
from lineament.model.faces import FaceId, SourceId
from lineament.store.collection_tables import api_collections, collection_faces, subjects
from lineament.store.columns import among
from lineament.store.guard import checked
from lineament.store.keys import Vault
from lineament.store.raw import batched
from lineament.store.sealed import SealedColumn
from lineament.store.tables import faces, sources

_MOST = 400
"""Most values in one IN clause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidOfFace:
    """What a program says of a face."""

    called: str | None
    subject: FaceSubject | None


class CollectionRows:
    """How programs know the sources that they made."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._sealed = SealedColumn(vault, "api_collections")

    def add(self, source_id: SourceId, new: NewCollection, at: datetime) -> None:
        """Let programs know a source by a name. Raises AlreadyThere if they know another by it."""
        lookup = self._lookup(new.terms_id, new.dialect, new.called)
        if self._connection.scalar(sa.select(api_collections.c.source_id).where(api_collections.c.lookup == lookup)):
            raise AlreadyThere(what="collection", name=new.called)
        row = {
            "source_id": source_id,
            "terms_id": new.terms_id,
            "dialect": new.dialect.value,
            "lookup": lookup,
            "sealed": self._sealed.seal(str(source_id), _said(new.called, new.facts)),
            "made_at": at,
        }
        self._connection.execute(sa.insert(api_collections), row)

    def describe(self, source_id: SourceId, called: str, facts: Mapping[str, Any]) -> None:
        """Keep what a program says of a collection, in place of what it said before."""
        sealed = self._sealed.seal(str(source_id), _said(called, facts))
        its = sa.update(api_collections).where(api_collections.c.source_id == source_id)
        self._connection.execute(its.values(sealed=sealed))

    def find(self, terms: Sequence[SourceId], dialect: Dialect, called: str) -> NamedCollection | None:
        """Return the collection of that name that was made with the terms of one of these sources."""
        for some in batched((self._lookup(terms_id, dialect, called) for terms_id in terms), _MOST):
            if found := self._several(api_collections.c.lookup.in_(some)):
                return found[0]
        return None

    def made_with(self, terms: Sequence[SourceId]) -> list[NamedCollection]:
        """Return the collections that were made with the terms of these sources, by the numbers of their sources."""
        return self._several(among(api_collections.c.terms_id, terms)) if terms else []

    def widened(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the names of sources, with those of the collections that were made with their terms."""
        if not names:
            return ()
        model, made = sources.alias(), sources.alias()
        query = sa.select(made.c.name).join(api_collections, api_collections.c.source_id == made.c.id)
        query = query.join(model, model.c.id == api_collections.c.terms_id).where(model.c.name.in_(names))
        return tuple(dict.fromkeys((*names, *self._connection.scalars(query.order_by(made.c.id)))))

    def _several(self, where: sa.ColumnElement[bool]) -> list[NamedCollection]:
        query = sa.select(api_collections).where(where).order_by(api_collections.c.source_id)
        return [self._collection(row) for row in self._connection.execute(query).mappings().all()]

    def _collection(self, row: RowMapping) -> NamedCollection:
        checked(self._connection, self._vault, "api_collections", row)
        said = self._sealed.open(str(row["source_id"]), row["sealed"])
        return NamedCollection(
            source_id=SourceId(row["source_id"]),
            terms_id=SourceId(row["terms_id"]),
            dialect=Dialect(row["dialect"]),
            called=said["called"],
            made_at=row["made_at"],
            facts=said["facts"],
        )

    def _lookup(self, terms_id: SourceId, dialect: Dialect, called: str) -> bytes:
        return self._vault.lookup("collections", f"{terms_id}|{dialect.value}|{called}")


class SubjectRows:
    """Whom faces show, as programs say."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._sealed = SealedColumn(vault, "subjects")

    def add(
        self, source_id: SourceId, called: str, at: datetime, facts: Mapping[str, Any] | None = None
    ) -> FaceSubject:
        """Add a subject to a source. Raises AlreadyThere if it has one of that name."""
        self._require_free(source_id, called)
        id_ = secrets.token_hex(8)
        row = {
            "id": id_,
            "source_id": source_id,
            "lookup": self._lookup(source_id, called),
            "sealed": self._sealed.seal(id_, _said(called, facts or {})),
            "made_at": at,
        }
        self._connection.execute(sa.insert(subjects), row)
        return FaceSubject(id=id_, source_id=source_id, called=called, made_at=at, facts=facts or {})

    def find(self, source_id: SourceId, called: str) -> FaceSubject | None:
        """Return the subject of that name; None if the source has none."""
        found = self._several(subjects.c.lookup == self._lookup(source_id, called))
        return found[0] if found else None

    def of_source(self, source_id: SourceId, after: str = "", limit: int | None = None) -> list[FaceSubject]:
        """Return the subjects of a source in the order of their ids, those above ``after``."""
        its = sa.and_(subjects.c.source_id == source_id, subjects.c.id > after)
        return self._several(its, limit)

    def count(self, source_id: SourceId) -> int:
        """Count the subjects of a source."""
        query = sa.select(sa.func.count()).select_from(subjects).where(subjects.c.source_id == source_id)
        return int(self._connection.scalar(query) or 0)

    def rename(self, subject: FaceSubject, called: str) -> None:
        """Give a subject another name. Raises AlreadyThere if another has it."""
        self._require_free(subject.source_id, called)
        new = {
            "lookup": self._lookup(subject.source_id, called),
            "sealed": self._sealed.seal(subject.id, _said(called, subject.facts)),
        }
        self._connection.execute(sa.update(subjects).where(subjects.c.id == subject.id).values(**new))

    def describe(self, subject: FaceSubject, facts: Mapping[str, Any]) -> None:
        """Keep what a program says of a subject, in place of what it said before."""
        sealed = self._sealed.seal(subject.id, _said(subject.called, facts))
        self._connection.execute(sa.update(subjects).where(subjects.c.id == subject.id).values(sealed=sealed))

    def delete(self, subject: FaceSubject) -> list[FaceId]:
        """Delete a subject; return its faces, which are nobody's then."""
        its = CollectionFaceRows(self._connection, self._vault)
        shown = its.of_subject(subject.id)
        its.assign(shown, None)
        self._connection.execute(sa.delete(subjects).where(subjects.c.id == subject.id))
        return shown

    def of_ids(self, ids: Iterable[str]) -> dict[str, FaceSubject]:
        """Return subjects by their ids."""
        return {
            subject.id: subject
            for some in batched(dict.fromkeys(ids), _MOST)
            for subject in self._several(subjects.c.id.in_(some))
        }

    def _require_free(self, source_id: SourceId, called: str) -> None:
        lookup = self._lookup(source_id, called)
        if self._connection.scalar(sa.select(subjects.c.id).where(subjects.c.lookup == lookup)) is not None:
            raise AlreadyThere(what="subject", name=called)

    def _several(self, where: sa.ColumnElement[bool], limit: int | None = None) -> list[FaceSubject]:
        query = sa.select(subjects).where(where).order_by(subjects.c.id).limit(limit)
        return [self._subject(row) for row in self._connection.execute(query).mappings().all()]

    def _subject(self, row: RowMapping) -> FaceSubject:
        checked(self._connection, self._vault, "subjects", row)
        said = self._sealed.open(row["id"], row["sealed"])
        return FaceSubject(
            id=row["id"],
            source_id=SourceId(row["source_id"]),
            called=said["called"],
            made_at=row["made_at"],
            facts=said["facts"],
        )

    def _lookup(self, source_id: SourceId, called: str) -> bytes:
        return self._vault.lookup("subjects", f"{source_id}|{called}")


class CollectionFaceRows:
    """What programs say of faces. A face that is erased takes its row along."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._sealed = SealedColumn(vault, "collection_faces")

    def add(self, source_id: SourceId, ids: Iterable[FaceId], called: str | None, subject: FaceSubject | None) -> None:
        """Note what a program says of faces of which none said anything."""
        rows = [
            {
                "face_id": face_id,
                "source_id": source_id,
                "subject_id": None if subject is None else subject.id,
                "sealed": self._sealed.seal(str(face_id), called),
            }
            for face_id in ids
        ]
        if rows:
            self._connection.execute(sa.insert(collection_faces), rows)

    def said_of(self, ids: Iterable[FaceId]) -> dict[FaceId, SaidOfFace]:
        """Return what programs say of these faces; those of which none says anything are left out."""
        rows = [
            row
            for some in batched(ids, _MOST)
            for row in self._connection.execute(
                sa.select(collection_faces).where(among(collection_faces.c.face_id, some))
            ).mappings()
        ]
        shown = [row["subject_id"] for row in rows if row["subject_id"] is not None]
        named = SubjectRows(self._connection, self._vault).of_ids(shown)
        return {FaceId(row["face_id"]): self._said(row, named) for row in rows}

    def assign(self, ids: Sequence[FaceId], subject: FaceSubject | None) -> None:
        """Say whom faces show that have a row; None: nobody says."""
        for some in batched(ids, _MOST):
            its = sa.update(collection_faces).where(among(collection_faces.c.face_id, some))
            self._connection.execute(its.values(subject_id=None if subject is None else subject.id))

    def of_subject(self, subject_id: str) -> list[FaceId]:
        """Return the faces of a subject, the newest first."""
        query = sa.select(collection_faces.c.face_id).where(collection_faces.c.subject_id == subject_id)
        return [FaceId(id_) for id_ in self._connection.scalars(query.order_by(collection_faces.c.face_id.desc()))]

    def count_shown(self, source_id: SourceId, subject: FaceSubject | None) -> int:
        """Count the faces of a source that show a subject, or this one."""
        query = sa.select(sa.func.count()).select_from(collection_faces).where(_shown(source_id, subject))
        return int(self._connection.scalar(query) or 0)

    def shown(self, source_id: SourceId, subject: FaceSubject | None, first: int, limit: int) -> list[FaceId]:
        """Return the faces of a source that show a subject, or this one, ascending, from number ``first`` (from 0)."""
        query = sa.select(collection_faces.c.face_id).where(_shown(source_id, subject))
        query = query.order_by(collection_faces.c.face_id).offset(first).limit(limit)
        return [FaceId(id_) for id_ in self._connection.scalars(query)]

    def ids_of(self, source_id: SourceId, after: int, limit: int) -> list[FaceId]:
        """Return the faces of a source that can be compared, with ids above ``after``, ascending."""
        query = sa.select(faces.c.id).where(faces.c.source_id == source_id, faces.c.id > after, faces.c.comparable)
        return [FaceId(id_) for id_ in self._connection.scalars(query.order_by(faces.c.id).limit(limit))]

    def _said(self, row: RowMapping, named: Mapping[str, FaceSubject]) -> SaidOfFace:
        checked(self._connection, self._vault, "collection_faces", row)
        called: str | None = self._sealed.open(str(row["face_id"]), row["sealed"])
        return SaidOfFace(called=called, subject=named.get(row["subject_id"] or ""))


def _said(called: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is sealed of a collection or a subject."""
    return {"called": called, "facts": dict(facts)}


def _shown(source_id: SourceId, subject: FaceSubject | None) -> sa.ColumnElement[bool]:
    """Return what holds for the faces of a source that show a subject, or this one."""
    its = collection_faces.c.subject_id.is_not(None) if subject is None else collection_faces.c.subject_id == subject.id
    return sa.and_(collection_faces.c.source_id == source_id, its)
