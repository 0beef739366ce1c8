"""Unwraps the data keys of sources and cases. None is cached, so a destroyed key stops working immediately."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from lineament.errors import KeyRotated, Refused, WrongKey
from lineament.model.cases import Case
from lineament.model.faces import SourceId
from lineament.model.reasons import ReasonCode
from lineament.model.sources import Source
from lineament.store.db import Tx
from lineament.store.keys import DataKey
from lineament.store.ring import KeyRing


def about_source(name: str) -> str:
    """Return the associated data of a source's wrapped key.

    The key of a source that vouches for its faces (ADR 0020) is wrapped for that, so nobody without the workspace's
    key can turn it into one that never did, whose faces would be counted as they are.
    """
    return f"source that vouches for its faces/{name}"


def _about_older_source(name: str) -> str:
    """Return what it was before 0.4, when no source vouched for its faces."""
    return f"source/{name}"


def about_case(key: str) -> str:
    """Return the associated data of a case's wrapped key; ``key`` is the case's name in addresses."""
    return f"case/{key}"


def source_key(tx: Tx, keys: KeyRing, source: Source) -> DataKey:
    """Return the data key of a source. Raises Refused if it was destroyed."""
    return source_keys(tx, keys, [source])[source.id]


def source_keys(tx: Tx, keys: KeyRing, sources: Sequence[Source]) -> dict[SourceId, DataKey]:
    """Return the data keys of sources. Raises Refused if one was destroyed."""
    wrapped = tx.sources.wrapped_keys([source.id for source in sources])
    if destroyed := [source.name for source in sources if source.id not in wrapped]:
        raise Refused(ReasonCode.SOURCE_DESTROYED.reason(name=destroyed[0]))
    return {source.id: _unwrapped(keys, source, *wrapped[source.id]) for source in sources}


def _unwrapped(keys: KeyRing, source: Source, wrapped: bytes, before: bytes | None) -> DataKey:
    try:
        return keys.unwrap(wrapped, about_source(source.name), before)
    except WrongKey:
        return keys.unwrap(wrapped, _about_older_source(source.name))


def require_current_source(tx: Tx, keys: KeyRing, source: Source, key: DataKey) -> None:
    """Raise KeyRotated if a source has got another key since ``key`` was read; call it before storing with it."""
    if tx.sources.wrapped_key(source.id) is not None and source_key(tx, keys, source) != key:
        raise KeyRotated(what="source", name=source.name)


def vouching_key(tx: Tx, keys: KeyRing, source: Source) -> bytes | None:
    """Return the data key of a source before 0.4, wrapped as that of one that vouches for its faces; else None."""
    wrapped = tx.sources.wrapped_key(source.id)
    if wrapped is None:
        return None
    with suppress(WrongKey):
        return keys.wrap(keys.unwrap_raw(wrapped, _about_older_source(source.name)), about_source(source.name))
    return None


def case_key(tx: Tx, keys: KeyRing, case: Case) -> DataKey:
    """Return the data key of a case. Raises Refused if it was destroyed."""
    return keys.unwrap(tx.cases.wrapped_key(case.id), about_case(case.key))


def require_current_case(tx: Tx, keys: KeyRing, case: Case, key: DataKey) -> None:
    """Raise KeyRotated if a case has got another key since ``key`` was read; to be called before storing with it."""
    if case_key(tx, keys, case) != key:
        raise KeyRotated(what="case", name=case.ref)
