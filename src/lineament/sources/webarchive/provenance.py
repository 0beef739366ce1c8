"""Where an archived picture was found: its record, and the page that shows it."""

from __future__ import annotations

from fastwarc.warc import WarcRecord

from lineament.model.faces import ArchiveRecord, Provenance
from lineament.sources.addresses import page_viewed
from lineament.sources.webarchive.headers import RecordHeaders
from lineament.sources.webarchive.index import ArchivedPage, ShowingPage
from lineament.sources.webarchive.position import Position
from lineament.sources.webarchive.records import id_of
from lineament.sources.webarchive.wacz import WarcFile

CONNECTOR = "warc 1"


def record_place(archive: WarcFile, record: WarcRecord, at: Position, sha256: str | None = None) -> ArchiveRecord:
    """Return where a record is; ``sha256`` is that of its payload."""
    return ArchiveRecord(archive=archive.name, id=id_of(record), offset=at.offset, sha256=sha256)


def page_at(record: ArchiveRecord, answer: RecordHeaders, title: str | None, reserved: str | None) -> ArchivedPage:
    """Return a page, or a text that holds pictures, for the index of pages."""
    at = None if answer.at is None else answer.at.isoformat()
    return ArchivedPage(record=record, uri=answer.uri, title=title, at=at, reserved=reserved)


def provenance_of(
    uri: str, answer: RecordHeaders, shown: ShowingPage | None, record: ArchiveRecord | None
) -> Provenance:
    """Return the provenance of the picture at ``uri``, in ``record``, and on the page that shows it, if one does."""
    if shown is None:
        page_uri = page_viewed(uri)
        return Provenance(uri=uri, page_uri=page_uri, captured_at=answer.at, connector=CONNECTOR, record=record)
    page = shown.page
    return Provenance(
        uri=uri,
        page_uri=page.uri,
        page_title=page.title,
        captured_at=answer.at,
        connector=CONNECTOR,
        words=shown.words,
        record=record,
        page_record=page.record,
    )
