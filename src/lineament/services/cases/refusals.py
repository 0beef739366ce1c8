"""Puts refusals by a refused purpose on the record (R10, R44). Any other refusal changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from lineament.errors import Refused
from lineament.model.events.cases import PurposeRefused
from lineament.model.purposes import refused_purposes
from lineament.model.reasons import ReasonCode
from lineament.services.cases.access import seen_case
from lineament.services.record import Record


@contextmanager
def refusals_recorded(record: Record, case: str | None, words: Iterable[str]) -> Iterator[None]:
    """Record it if the block is refused because of a purpose that is never searched for; then raise it on.

    ``case`` names the case of a search, whose own words were accepted when it was opened; None: a case to be opened.
    """
    try:
        yield
    except Refused as refused:
        if any(getattr(reason, "code", None) is ReasonCode.PURPOSE for reason in refused.reasons):
            _note(record, case, [text for text in words if text])
        raise


def _note(record: Record, case: str | None, words: list[str]) -> None:
    with record.change() as change:
        found = None if case is None else seen_case(change.tx, record, case)
        if found is not None:
            change.concerns(found)
        purposes = tuple(purpose.name for purpose in refused_purposes(words))
        change.record(
            PurposeRefused(case=None if found is None else found.ref, purposes=purposes, words=" / ".join(words))
        )
