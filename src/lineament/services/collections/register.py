"""Collections as sources: made with the terms of a source that the key names, listed and deleted."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lineament.errors import AlreadyThere, InvalidValue, NotAllowed, NotFound, Refused
from lineament.model.accounts import Permission
from lineament.model.collections import Dialect, KnownCollection, NewCollection, checked_called
from lineament.model.events.collections import CollectionDescribed
from lineament.model.sources import Source, SourceState
from lineament.services.cases.access import source_seen
from lineament.services.gallery.erase import Erase
from lineament.services.gallery.register import Register
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.store.db import Tx

_LONGEST_BEGINNING = 30
_DELETED = "a program deleted the collection"
_HINT = "lineament source list"


class Collections:
    """Makes, lists and deletes collections, in the name of an official whose program asks."""

    def __init__(self, record: Record, register: Register, erase: Erase) -> None:
        self._record = record
        self._register = register
        self._erase = erase

    @needs(Permission.MANAGE_SOURCES)
    def make(self, dialect: Dialect, untrusted_called: str, facts: Mapping[str, Any] | None = None) -> KnownCollection:
        """Register a source with the terms of the only source that the key names; programs know it by that name.

        ``facts``: what the program says of it besides, as JSON. It is drafted until a second person approves it, if the
        policy asks for that. Raises InvalidValue if the key does not name exactly one source, AlreadyThere, or Refused
        if that source is not live.
        """
        called = checked_called(untrusted_called, "The name of a collection", "collection")
        with self._record.read() as tx:
            like = self._model(tx)
            known = tx.collections.find([like.id], dialect, called) or self._by_own_name(tx, called)
        if known is not None:
            raise AlreadyThere(what="collection", name=called)
        if (why := like.why_closed(self._record.today)) is not None:
            raise Refused(why)
        today = self._record.today
        shares = {share.agency_id: share.until for share in like.shares or () if share.lasts(today)}
        if like.shares is not None and not shares:
            nobody = "it is shared with nobody, so nobody could search the collection"
            raise InvalidValue(what="The source of the key", value=like.name, why=nobody, field="collection")
        name = f"{like.name[:_LONGEST_BEGINNING].rstrip('._-')}-{dialect.value}-{secrets.token_hex(4)}"
        new = NewCollection(
            terms_id=like.id, dialect=dialect, called=called, distressing=like.distressing, facts=facts or {}
        )
        source = self._register.add(replace(like.terms, name=name), shares=shares, collection=new)
        return _collection(source, called, made_here=True, facts=facts)

    @needs(Permission.MANAGE_SOURCES)
    def describe(self, dialect: Dialect, called: str, facts: Mapping[str, Any]) -> KnownCollection:
        """Keep what a program says of a collection, in place of what it said before.

        Raises NotFound, or NotAllowed for a source that was registered by a person.
        """
        collection = self.get(dialect, called)
        if not collection.made_here:
            raise NotAllowed(what="a person, because a person registered this source")
        with self._record.change() as change:
            change.tx.collections.describe(collection.source_id, called, facts)
            change.tx.deletions.note_erased()
            change.record(CollectionDescribed(source=collection.source))
        return self.get(dialect, called)

    @needs(Permission.READ_SOURCES)
    def list(self, dialect: Dialect) -> list[KnownCollection]:
        """Return the collections of the key by their names: what programs made, and the other sources that it sees."""
        with self._record.read() as tx:
            seen = {source.id: source for source in tx.sources.all() if self._is_there(source)}
            named = {
                found.source_id: found
                for found in tx.collections.made_with(list(seen))
                if found.dialect is dialect and found.source_id in seen
            }
        found = [
            _collection(source, named[id_].called, made_here=True, facts=named[id_].facts)
            if id_ in named
            else _collection(source, source.name)
            for id_, source in seen.items()
        ]
        return sorted(found, key=lambda collection: collection.called)

    @needs(Permission.READ_SOURCES)
    def get(self, dialect: Dialect, called: str) -> KnownCollection:
        """Return a collection by its name for programs, or by that of its source. Raises NotFound."""
        with self._record.read() as tx:
            seen = [source for source in tx.sources.all() if self._is_there(source)]
            named = tx.collections.find([source.id for source in seen], dialect, called)
            if named is not None:
                source = tx.sources.by_id(named.source_id)
                if self._is_there(source):
                    return _collection(source, called, made_here=True, facts=named.facts)
            if (own := self._by_own_name(tx, called)) is not None:
                return _collection(own, called)
        raise NotFound(what="collection", name=called[:80], hint=_HINT)

    @needs(Permission.MANAGE_SOURCES)
    def delete(self, dialect: Dialect, called: str) -> None:
        """Withdraw the source of a collection that a program made: everything of it is destroyed.

        Raises NotFound, or NotAllowed for a source that was registered by a person.
        """
        collection = self.get(dialect, called)
        if not collection.made_here:
            raise NotAllowed(what="a person, because a person registered this source: lineament source withdraw")
        self._erase.source(collection.source, _DELETED)

    def _model(self, tx: Tx) -> Source:
        """Return the source whose terms the collections of the key have."""
        key = self._record.official.key
        named = () if key is None else self._not_made(tx, key.sources)
        if len(named) != 1:
            why = "a key that makes collections names exactly one source, whose terms they have: lineament key add"
            raise InvalidValue(what="The choice of sources of the key", value=len(named), why=why, field="collection")
        return named[0]

    @staticmethod
    def _not_made(tx: Tx, names: tuple[str, ...]) -> tuple[Source, ...]:
        found = tx.sources.of_names(names)
        made = {named.source_id for named in tx.collections.made_with([source.id for source in found])}
        return tuple(source for source in found if source.id not in made and source.state is not SourceState.WITHDRAWN)

    def _by_own_name(self, tx: Tx, called: str) -> Source | None:
        return next((source for source in tx.sources.of_names([called]) if self._is_there(source)), None)

    def _is_there(self, source: Source) -> bool:
        return source.state is not SourceState.WITHDRAWN and source_seen(self._record, source)


def _collection(
    source: Source, called: str, *, made_here: bool = False, facts: Mapping[str, Any] | None = None
) -> KnownCollection:
    return KnownCollection(
        called=called,
        source=source.name,
        source_id=source.id,
        faces=source.faces,
        made_at=source.registered_at,
        made_here=made_here,
        facts=facts or {},
    )
