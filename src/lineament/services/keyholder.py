"""Where data keys are unwrapped: one a source, one a case. None is kept, so a destroyed key is gone at once."""

from __future__ import annotations

from lineament.errors import Refused
from lineament.model.cases import Case
from lineament.model.reasons import ReasonCode
from lineament.model.sources import Source
from lineament.store.db import Tx
from lineament.store.keys import DataKey, KeyRing


def about_source(name: str) -> str:
    """What the wrapping of a source's key is bound to."""
    return f"source/{name}"


def about_case(key: str) -> str:
    """What the wrapping of a case's data key is bound to; ``key`` is what addresses name the case by."""
    return f"case/{key}"


def source_key(tx: Tx, keys: KeyRing, source: Source) -> DataKey:
    """The data key of a source, or Refused if it was destroyed."""
    wrapped = tx.sources.wrapped_key(source.id)
    if wrapped is None:
        raise Refused(ReasonCode.SOURCE_DESTROYED.reason(name=source.name))
    return keys.unwrap(wrapped, about_source(source.name))


def case_key(tx: Tx, keys: KeyRing, case: Case) -> DataKey:
    """The data key of a case, or Refused if it was destroyed."""
    return keys.unwrap(tx.cases.wrapped_key(case.id), about_case(case.key))
