"""Whether a picture of the gallery may be copied into a case, and what becomes of the copies once it is erased."""

from __future__ import annotations

from collections.abc import Sequence

from lineament.model.events.searches import CopiesErased
from lineament.model.faces import Capture, CaptureId
from lineament.model.reasons import Reason, ReasonCode
from lineament.model.search import CopyOrigin
from lineament.model.sources import Source
from lineament.services.record import Change, Record
from lineament.store.db import Tx


def why_no_copy(record: Record, capture: Capture, source: Source) -> Reason | None:
    """Return why nothing may be searched with a picture of the gallery; None if it may be copied."""
    if capture.barred:
        return ReasonCode.KNOWN_ABUSE_COPY.reason()
    if capture.original is None:
        return ReasonCode.NO_ORIGINAL.reason()
    return why_source_forbids(record, source)


def why_source_forbids(record: Record, source: Source) -> Reason | None:
    """Return why a copy of a source's picture may not be searched with now."""
    official, today = record.official, record.today
    if not (official.solo or source.open_to(official.agency_id, today)):
        return ReasonCode.SOURCE_NOT_SHARED.reason(name=source.name)
    return source.why_closed(today)


def why_not_again(tx: Tx, record: Record, origin: CopyOrigin) -> Reason | None:
    """Return why the picture that a probe copies may not be copied now, as it stands in this transaction.

    Raises NotFound if it was erased.
    """
    if origin.capture_id is None:
        return ReasonCode.NO_ORIGINAL.reason()
    capture = tx.captures.get(origin.capture_id)
    return why_no_copy(record, capture, tx.sources.by_id(capture.source_id))


def forget_copies(change: Change, captures: Sequence[CaptureId] = (), source: str | None = None) -> int:
    """Erase the probes that copy these captures, or pictures of that source; return how many (R32).

    A search that was made with one keeps its ranks and scores only. The files are deleted once this is committed.
    """
    ids = change.tx.probes.copied_from(captures, source)
    if ids:
        emptied = change.tx.searches.forget_lists(ids)
        change.tx.deletions.note_erased()
        change.tx.deletions.add(change.tx.probes.erase(ids, change.at))
        change.record(CopiesErased(photographs=len(ids), emptied=tuple(emptied)))
    return len(ids)
