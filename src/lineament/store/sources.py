"""Sources: their terms, who may search them, their wrapped keys, and how much they hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.errors import AccessAltered, AlreadyThere, NotFound
from lineament.model.faces import SourceId
from lineament.model.sources import Share, Source, SourceState, SourceTerms
from lineament.store.collection_tables import api_collections, collection_faces, subjects
from lineament.store.columns import Words, among
from lineament.store.drop_tables import drops
from lineament.store.guard import checked, fits, is_own
from lineament.store.job_table import jobs
from lineament.store.keys import Vault
from lineament.store.meta import new_ids
from lineament.store.raw import BINARY, batched, fetched, typed
from lineament.store.source_tables import (
    bands,
    crawl_deletions,
    face_removals,
    places,
    prepared_faces,
    runs,
    source_shares,
)
from lineament.store.tables import captures, faces, sources, templates

_TERMS = tuple(name for name in SourceTerms.__dataclass_fields__ if name != "hosts")
_KEYS = (sources.c.wrapped_key, sources.c.previous_key)
_SELECT = sa.select(*(column for column in sources.c if column not in set(_KEYS)), *_KEYS)
_ID, _RESTRICTED, _MAC = (_SELECT.selected_columns.keys().index(name) for name in ("id", "restricted", "mac"))
_CHECKED: WeakKeyDictionary[Vault, dict[int, tuple[Any, Source]]] = WeakKeyDictionary()
"""The sources as they were last read, by id, with what their MACs were checked for: a search of a thousand sources
reads them all twice. Of wrapped keys only the digests are kept, so that one that is destroyed is gone here too."""
_OF_A_SOURCE = (
    captures,
    places,
    bands,
    faces,
    templates,
    prepared_faces,
    face_removals,
    runs,
    crawl_deletions,
    jobs,
    drops,
    api_collections,
    subjects,
    collection_faces,
)
_HINT = "lineament source list"
_FEW = 100
"""The most sources that a query names; if more are wanted, it reads them all, which is quicker."""


def count(connection: Connection, source_id: int, *, captures: int = 0, faces: int = 0, last_face: int = 0) -> None:
    """Update the counts of a source, in the transaction that adds or erases."""
    columns = sources.c
    newest = sa.case((columns.last_face_id < last_face, last_face), else_=columns.last_face_id)
    connection.execute(
        sa.update(sources)
        .where(columns.id == source_id)
        .values(captures=columns.captures + captures, faces=columns.faces + faces, last_face_id=newest)
    )


def some_sources(query: sa.Select[Any], ids: Sequence[SourceId]) -> sa.Select[Any]:
    """Return a query for sources with these ids; for many, one for every source."""
    return query if len(ids) > _FEW else query.where(among(sources.c.id, ids))


class SourceRows:
    """The register of sources."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    def add(
        self, terms: SourceTerms, wrapped_key: bytes, at: datetime, *, drafted_by: str | None = None, live: bool = True
    ) -> Source:
        """Register a source. Raises AlreadyThere if the name was ever used. ``live``: it needs no further approval."""
        known = self._connection.scalar(sa.select(sources.c.id).where(sources.c.name == terms.name))
        if known is not None:
            raise AlreadyThere(what="source", name=terms.name)
        (new,) = new_ids(self._connection, "source", 1)
        state = SourceState.LIVE if live else SourceState.DRAFTED
        row = asdict(terms) | {"id": new, "state": state.value, "registered_at": at, "hosts": json.dumps(terms.hosts)}
        row |= {"wrapped_key": wrapped_key, "captures": 0, "faces": 0, "last_face_id": 0}
        row |= {"drafted_by": drafted_by, "restricted": False}
        self._connection.execute(sa.insert(sources), row)
        return self.by_id(SourceId(new))

    def get(self, name: str) -> Source:
        """Return the source of that name. Raises NotFound if there is none."""
        return self._one(_is_named(name), name)

    def open_to(self, name: str, agency_id: str, today: date) -> Source | None:
        """Return the source of that name; None if there is none, it is drafted, or that agency may not search it.

        One query decides, so that what is not open and what is not there take the same time.
        """
        share = sa.exists().where(
            source_shares.c.source_id == sources.c.id,
            source_shares.c.agency_id == agency_id,
            sa.or_(source_shares.c.until.is_(None), source_shares.c.until >= today),
        )
        is_open = sa.or_(~sources.c.restricted, share)
        found = sa.and_(_is_named(name), sources.c.state != SourceState.DRAFTED.value, is_open)
        return next(iter(self._several(_SELECT.where(found))), None)

    def by_id(self, source_id: SourceId) -> Source:
        """Return the source with that id. Raises NotFound if there is none."""
        return self._one(sources.c.id == source_id, source_id)

    def all(self) -> list[Source]:
        """Return all sources in the order of their names, including withdrawn ones."""
        return sorted(self._several(_SELECT), key=lambda source: source.terms.name)  # by code point, in each database

    def of_ids(self, ids: Sequence[SourceId]) -> list[Source]:
        """Return the sources with these ids, in that order. Raises NotFound if one does not exist."""
        found = {source.id: source for source in self._several(some_sources(_SELECT, ids))}
        if missing := [source_id for source_id in ids if source_id not in found]:
            raise NotFound(what="source", name=missing[0], hint=_HINT)
        return [found[source_id] for source_id in ids]

    def of_names(self, names: Iterable[str]) -> list[Source]:
        """Return the sources with these names; names of none are left out."""
        return [
            source
            for some in batched(dict.fromkeys(names), _FEW)
            for source in self._several(_SELECT.where(sources.c.name.in_(some)))
        ]

    def as_now(self, before: Sequence[Source]) -> list[Source]:
        """Return sources that this process read in an earlier transaction as they are now, in the same order.

        Whatever Lineament changes of a source changes its MAC, so only if one differs are they all read again; that of
        a share is its own, so restricted sources are. Raises NotFound if one is gone, AccessAltered.
        """
        query = some_sources(sa.select(sources.c.id, sources.c.mac), [source.id for source in before])
        macs = dict(fetched(self._connection.execute(query, execution_options={BINARY: True})))
        known = _CHECKED.get(self._vault, {})
        for source in before:
            held, same = known.get(source.id, ((), None))
            is_known = same is source and source.shares is None and not self._own(source.id)
            if not is_known or held[_MAC] != macs.get(source.id):
                return self.of_ids([source.id for source in before])
        return list(before)

    def _several(self, query: sa.Select[Any]) -> list[Source]:
        """Return the sources in the rows of a query. Raises AccessAltered unless their MACs fit."""
        rows = fetched(self._connection.execute(query, execution_options={BINARY: True}))
        shares = self._shares([row[_ID] for row in rows if row[_RESTRICTED]])
        known = _CHECKED.setdefault(self._vault, {})
        found = []
        for row in rows:
            its = shares.get(row[_ID], ())
            held = _held(row, its)
            before, source = known.get(row[_ID], (None, None))
            if source is None or before != held:
                source = self._read(row, its)
                if not self._own(row[_ID]):
                    known[row[_ID]] = (held, source)
            found.append(source)
        return found

    def _own(self, source_id: int) -> bool:
        """Return whether this transaction wrote the row of a source."""
        return is_own(self._connection, f"sources/{source_id}")

    def _read(self, row: tuple[Any, ...], shares: tuple[Share, ...]) -> Source:
        """Return the source in a row. Raises AccessAltered unless its MAC fits, or it has none yet."""
        with suppress(TypeError, ValueError):  # SQLite's columns may hold anything
            values = typed(_SELECT, row, self._connection.dialect)
            if self._own(row[_ID]) or fits(self._vault, "sources", values):
                return _source(values, shares)
        raise AccessAltered(row=f"sources/{row[_ID]}")

    def _one(self, where: sa.ColumnElement[bool], name: object) -> Source:
        found = self._several(_SELECT.where(where))
        if not found:
            raise NotFound(what="source", name=name, hint=_HINT)
        return found[0]

    def _shares(self, ids: Sequence[int]) -> dict[int, tuple[Share, ...]]:
        found: dict[int, tuple[Share, ...]] = {}
        if ids:
            query = sa.select(source_shares).where(source_shares.c.source_id.in_(ids))
            for row in self._connection.execute(query.order_by(source_shares.c.agency_id)).mappings():
                checked(self._connection, self._vault, "source_shares", row)
                share = Share(agency_id=row["agency_id"], until=row["until"])
                found[row["source_id"]] = (*found.get(row["source_id"], ()), share)
        return found

    # ------------------------------------------------------------ lifecycle

    def approve(self, source_id: SourceId, by: str | None, at: datetime) -> None:
        """Record who approved it, and make it live; the caller has checked the lifecycle."""
        self._change(source_id, approved_by=by, approved_at=None if by is None else at, state=SourceState.LIVE.value)

    def keep_permission(self, source_id: SourceId, address: str, name: str, sha256: str | None = None) -> None:
        """Store the address and the name of the document that grants permission, and its digest if given."""
        digest = {} if sha256 is None else {"permission_sha256": sha256}
        self._change(source_id, permission=address, permission_name=name, **digest)

    def permission(self, source_id: SourceId) -> str | None:
        """Return the address of the document that grants permission; None if none is kept."""
        found: str | None = self._connection.scalar(sa.select(sources.c.permission).where(sources.c.id == source_id))
        return found

    def share(self, source_id: SourceId, agency_id: str, until: date | None) -> None:
        """Let an agency search it, up to a last day; from now on only listed agencies may."""
        self.unshare(source_id, agency_id)
        row = {"source_id": source_id, "agency_id": agency_id, "until": until}
        self._connection.execute(sa.insert(source_shares), row)

    def unshare(self, source_id: SourceId, agency_id: str) -> bool:
        """Remove an agency from the list and return whether it was on it; an empty list lets no agency search."""
        share = (source_shares.c.source_id == source_id, source_shares.c.agency_id == agency_id)
        self._change(source_id, restricted=True)
        return self._connection.execute(sa.delete(source_shares).where(*share)).rowcount > 0

    def share_with_all(self, source_id: SourceId) -> None:
        """Let every agency of the workspace search it, including later ones."""
        self._connection.execute(sa.delete(source_shares).where(source_shares.c.source_id == source_id))
        self._change(source_id, restricted=False)

    def _change(self, source_id: SourceId, **values: object) -> None:
        self._connection.execute(sa.update(sources).where(sources.c.id == source_id).values(**values))

    def wrapped_key(self, source_id: SourceId) -> bytes | None:
        """Return the wrapped data key, None once it is destroyed."""
        found = self._connection.scalar(sa.select(sources.c.wrapped_key).where(sources.c.id == source_id))
        return None if found is None else bytes(found)

    def wrapped_keys(self, ids: Sequence[SourceId]) -> dict[SourceId, tuple[bytes, bytes | None]]:
        """Return the wrapped data keys of sources; those that are destroyed are left out.

        Each comes with the wrapped key before it while it is being rotated, else None.
        """
        columns = (sources.c.id, sources.c.wrapped_key, sources.c.previous_key)
        query = sa.select(*columns).where(sources.c.wrapped_key.is_not(None))
        rows = fetched(self._connection.execute(some_sources(query, ids), execution_options={BINARY: True}))
        return {
            SourceId(source_id): (bytes(wrapped), None if before is None else bytes(before))
            for source_id, wrapped, before in rows
        }

    def rewrap_key(self, source_id: SourceId, wrapped_key: bytes) -> None:
        """Store the data key of a source as it is wrapped now."""
        self._change(source_id, wrapped_key=wrapped_key)

    def begin_rotation(self, source_id: SourceId, wrapped_key: bytes) -> None:
        """Give a source a new key; the one before stays until ``end_rotation``."""
        self._change(source_id, previous_key=sources.c.wrapped_key, wrapped_key=wrapped_key, rotated_up_to=0)

    def rotated_up_to(self, source_id: SourceId) -> int | None:
        """Return the last capture that has the new key, 0 at first; None if the key is not being rotated."""
        found = self._connection.scalar(sa.select(sources.c.rotated_up_to).where(sources.c.id == source_id))
        return None if found is None else int(found)

    def being_rotated(self) -> list[str]:
        """Return the names of the sources whose keys are being rotated."""
        query = sa.select(sources.c.name).where(sources.c.rotated_up_to.is_not(None)).order_by(sources.c.name)
        return list(self._connection.scalars(query))

    def set_rotated(self, source_id: SourceId, up_to: int) -> None:
        """Note the last capture that has the new key."""
        self._change(source_id, rotated_up_to=up_to)

    def end_rotation(self, source_id: SourceId) -> None:
        """Destroy the key before."""
        self._change(source_id, previous_key=None, rotated_up_to=None)

    def move_permission(self, source_id: SourceId, address: str) -> None:
        """Let the document that grants permission have another address."""
        self._change(source_id, permission=address)

    def set_distressing(self, source_id: SourceId, distressing: bool) -> None:
        """Store whether the pictures of a source are distressing."""
        self._change(source_id, distressing=distressing)

    def set_state(self, source_id: SourceId, state: SourceState) -> None:
        """Set the state of a source; the caller has checked the lifecycle."""
        self._change(source_id, state=state.value)

    def destroy(self, source_id: SourceId) -> dict[str, int]:
        """Withdraw a source: delete its key, faces, templates and captures; a tombstone with its terms stays.

        Returns how many rows were deleted, by kind.
        """
        deleted: dict[str, int] = {}
        for table in (
            bands,
            crawl_deletions,
            face_removals,
            prepared_faces,
            collection_faces,
            subjects,
            api_collections,
        ):  # the folder of its crawls is deleted as a whole
            self._connection.execute(sa.delete(table).where(table.c.source_id == source_id))
        for table in (templates, faces, places, captures):
            deleted[table.name] = self._connection.execute(
                sa.delete(table).where(table.c.source_id == source_id)
            ).rowcount
        self._change(
            source_id,
            wrapped_key=None,
            previous_key=None,
            rotated_up_to=None,
            tally=None,
            state=SourceState.WITHDRAWN.value,
            captures=0,
            faces=0,
            permission=None,
        )
        return deleted

    def set_destroyed(self, source_id: SourceId, counts: Mapping[str, Any]) -> None:
        """Store what the withdrawal destroyed, for its receipt."""
        self._change(source_id, destroyed=json.dumps(counts))

    def destroyed(self, source_id: SourceId) -> dict[str, Any] | None:
        """Return what the withdrawal destroyed; None if the source was not withdrawn."""
        found = self._connection.scalar(sa.select(sources.c.destroyed).where(sources.c.id == source_id))
        return None if found is None else dict(json.loads(found))

    def left(self, source_id: SourceId) -> int:
        """Count the rows that a source still holds: captures, faces, templates and so on."""
        each = [
            sa.select(sa.func.count()).select_from(table).where(table.c.source_id == source_id).scalar_subquery()
            for table in _OF_A_SOURCE
        ]
        return sum(self._connection.execute(sa.select(*each)).one())


def _is_named(name: str) -> sa.ColumnElement[bool]:
    """Select the source of that name. Raises InvalidValue when it is run for a text that no database can hold."""
    return sources.c.name == sa.bindparam(None, name, Words)


def _held(row: tuple[Any, ...], shares: tuple[Share, ...]) -> tuple[Any, ...]:
    """Return what a MAC was checked for: the row and the shares, with the digests of the wrapped keys."""
    *said, wrapped, before = row
    return (*said, _digest(wrapped), _digest(before), shares)


def _digest(key: object) -> object:
    return sha256(key).digest() if isinstance(key, bytes) else key


def _source(row: Mapping[str, Any], shares: tuple[Share, ...]) -> Source:
    return Source(
        id=SourceId(row["id"]),
        terms=SourceTerms(**{name: row[name] for name in _TERMS}, hosts=tuple(json.loads(row["hosts"]))),
        state=SourceState(row["state"]),
        registered_at=row["registered_at"],
        captures=row["captures"],
        faces=row["faces"],
        last_face_id=row["last_face_id"],
        changes=row["changes"],
        drafted_by=row["drafted_by"],
        approved_by=row["approved_by"],
        approved_at=row["approved_at"],
        permission_name=row["permission_name"],
        distressing=row["distressing"],
        shares=shares if row["restricted"] else None,
    )
