"""The register of sources: nothing is ingested or searched without one (R1)."""

from __future__ import annotations

from dataclasses import asdict

from lineament.ledger.log import Action
from lineament.model.lifecycle import advance
from lineament.model.sources import NEXT, Source, SourceEvent, SourceTerms
from lineament.services.keyholder import about_source
from lineament.services.record import Record
from lineament.store.keys import KeyRing

_ACTIONS = {
    SourceEvent.SUSPENDED: Action.SOURCE_SUSPENDED,
    SourceEvent.RESUMED: Action.SOURCE_RESUMED,
}


class Register:
    """Adds, shows, suspends and resumes sources. Withdrawing destroys, so it is in ``services.erase``."""

    def __init__(self, record: Record, keys: KeyRing) -> None:
        self._record = record
        self._keys = keys

    def add(self, terms: SourceTerms) -> Source:
        """Register a source with a key of its own; AlreadyThere where the name is taken."""
        wrapped = self._keys.new_data_key(about_source(terms.name))
        with self._record.change() as change:
            source = change.tx.sources.add(terms, wrapped, change.at)
            known = {name: None if value is None else str(value) for name, value in asdict(terms).items()}
            change.record(Action.SOURCE_REGISTERED, **known)
        return source

    def list(self) -> list[Source]:
        """All sources in the order of their names, the withdrawn ones too."""
        with self._record.store.read() as tx:
            return tx.sources.all()

    def get(self, name: str) -> Source:
        """One source; NotFound where there is none."""
        with self._record.store.read() as tx:
            return tx.sources.get(name)

    def suspend(self, name: str) -> Source:
        """Take a source out of every search until it is resumed."""
        return self._move(name, SourceEvent.SUSPENDED)

    def resume(self, name: str) -> Source:
        """Let a suspended source be searched again."""
        return self._move(name, SourceEvent.RESUMED)

    def _move(self, name: str, event: SourceEvent) -> Source:
        with self._record.change() as change:
            source = change.tx.sources.get(name)
            change.tx.sources.set_state(source.id, advance(NEXT, source.state, event, what="source", name=name))
            change.record(_ACTIONS[event], source=name)
            return change.tx.sources.get(name)
