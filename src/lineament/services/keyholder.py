"""Unwraps the data keys of sources and cases. None is cached, so a destroyed key stops working immediately."""

from __future__ import annotations

from lineament.errors import Refused
from lineament.model.cases import Case
from lineament.model.reasons import ReasonCode
from lineament.model.sources import Source
from lineament.store.db import Tx
from lineament.store.keys import DataKey
from lineament.store.ring import KeyRing


def about_source(name: str) -> str:
    """Return the associated data of a source's wrapped key."""
    return f"source/{name}"


def about_case(key: str) -> str:
    """Return the associated data of a case's wrapped key; ``key`` is the case's name in addresses."""
    return f"case/{key}"


def source_key(tx: Tx, keys: KeyRing, source: Source) -> DataKey:
    """Return the data key of a source. Raises Refused if it was destroyed."""
    wrapped = tx.sources.wrapped_key(source.id)
    if wrapped is None:
        raise Refused(ReasonCode.SOURCE_DESTROYED.reason(name=source.name))
    return keys.unwrap(wrapped, about_source(source.name))


def case_key(tx: Tx, keys: KeyRing, case: Case) -> DataKey:
    """Return the data key of a case. Raises Refused if it was destroyed."""
    return keys.unwrap(tx.cases.wrapped_key(case.id), about_case(case.key))
