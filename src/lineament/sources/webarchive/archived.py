"""The page that showed a picture, as archived: its record in a web archive, and the HTML in the record."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from lineament.errors import Damaged, LineamentError, NotRead
from lineament.model.faces import ArchiveRecord
from lineament.sources.html.pages import LARGEST_PAGE, charset_of
from lineament.sources.webarchive.records import parsed_http, payload_of, record_at, record_of


def page_record(given: Sequence[Path], record: ArchiveRecord) -> bytes | None:
    """Return the whole record of a page from the given archives; None if it is not there."""
    name = record.archive.partition("/")[0]
    for path in given:
        for file in [path / record.archive, path / name] if path.is_dir() else [path] if path.name == name else []:
            if not file.is_file():
                continue
            try:
                return record_of(file, record)
            except (LineamentError, OSError):  # another archive of that name may hold it
                continue
    return None


def html_of(untrusted_record: bytes) -> str:
    """Return the HTML of an archived page, unsanitised. Raises NotRead, FileTooLarge or Damaged."""
    try:
        found = record_at(io.BytesIO(untrusted_record), 0)
        if found is None:
            remedy = "restore it from a backup"
            raise Damaged(what="The record of the page", why="it is not a WARC record", remedy=remedy)
        declared = found.http_charset if parsed_http(found) else None
        html = payload_of(found, LARGEST_PAGE)
    except OSError as error:
        raise NotRead(why="the record is damaged") from error
    return html.decode(charset_of(html, declared), errors="replace")
