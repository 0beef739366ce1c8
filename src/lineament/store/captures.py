"""Captures: one image from one source, with where and when it was found (R5)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import NotFound
from lineament.model.faces import Capture, CaptureId, NewCapture, Provenance, SourceId
from lineament.store.guard import checked
from lineament.store.keys import DataKey, Vault
from lineament.store.meta import new_ids
from lineament.store.raw import COPIED, batched
from lineament.store.search_tables import candidates, near_duplicates, probes, searches
from lineament.store.source_tables import bands, places
from lineament.store.sources import count
from lineament.store.tables import captures, cases, faces, sources
from lineament.store.tally import TallyRows, read_rows
from lineament.store.values import evidence_from, evidence_to

BANDS = 16
"""Bands of 16 bits in a hash of 256: hashes that differ in 15 bits share at least one band, and so do nearly all that
differ in 31 (bench/once.py)."""
_PAGE = 1000
"""Rows read at once in a long listing."""
_MOST = 500
"""Most values in one IN clause."""


def finding(uri: str, sha256: str) -> bytes:
    """Return the digest that makes a capture unique in its source: SHA-256 of its URI and bytes."""
    return hashlib.sha256(uri.encode(errors="surrogatepass") + b"\0" + sha256.encode()).digest()


def bands_of(phash: bytes) -> list[int]:
    """Return the bands of a 256-bit hash, each combined with its position, so that equal numbers are equal bands."""
    if len(phash) != 2 * BANDS:
        return []
    return [place << 16 | int.from_bytes(phash[2 * place : 2 * place + 2], "big") for place in range(BANDS)]


_HAS_FACE = sa.exists().where(faces.c.capture_id == captures.c.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class HashedCapture:
    """What of a capture is read to compare its perceptual hash."""

    id: CaptureId
    source_id: SourceId
    phash: bytes
    thumbnail: str | None


class CaptureRows:
    """The captures of all sources."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    def known(self, source_id: SourceId, pairs: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return those of the (uri, sha256) pairs that the source already holds."""
        wanted = {finding(*pair): pair for pair in pairs}
        known: set[tuple[str, str]] = set()
        for batch in batched(wanted, _MOST):
            for table in (captures, places):
                matching = (table.c.source_id == source_id, table.c.finding.in_(batch))
                known.update(
                    wanted[bytes(found)]
                    for found in self._connection.scalars(sa.select(table.c.finding).where(*matching))
                )
        return known

    def add(self, new: NewCapture) -> CaptureId:
        """Add one capture. Raises Refused if the source already holds the same bytes from the same URI."""
        return self.add_all([new])[0]

    def add_all(self, new: Sequence[NewCapture]) -> list[CaptureId]:
        """Add many captures at once; return their ids, ascending, in the same order."""
        if not new:
            return []
        ids = new_ids(self._connection, "capture", len(new))
        rows = [_row(id_, capture) for id_, capture in zip(ids, new, strict=True)]
        self._connection.execute(sa.insert(captures), rows, execution_options={COPIED: True})
        for source_id, many in Counter(capture.source_id for capture in new).items():
            count(self._connection, source_id, captures=many)
        return [CaptureId(id_) for id_ in ids]

    def get(self, capture_id: CaptureId, *, to_erase: bool = False) -> Capture:
        """Return a capture; ``to_erase``: also one that was changed from outside. Raises NotFound, AccessAltered."""
        query = sa.select(captures).where(captures.c.id == capture_id)
        row = self._connection.execute(query).mappings().one_or_none()
        if row is None:
            raise NotFound(what="capture", name=capture_id, hint="lineament source list")
        return capture_from(row) if to_erase else self._capture(row)

    def at(self, source_id: SourceId, uris: Iterable[str]) -> list[tuple[CaptureId, str]]:
        """Return the captures of a source found at one of these addresses, with the address, in the order of their ids.

        No index serves this: it reads every capture of the source.
        """
        found: list[tuple[CaptureId, str]] = []
        for batch in batched(uris, _MOST):
            query = sa.select(captures.c.id, captures.c.uri).where(captures.c.uri.in_(batch))
            query = query.where(captures.c.source_id == source_id).order_by(captures.c.id)
            found += [(CaptureId(id_), uri) for id_, uri in self._connection.execute(query)]
        return sorted(found)

    def hashed_after(self, capture_id: int, limit: int) -> list[HashedCapture]:
        """Return the captures with ids above one that are not barred, of all sources, in the order of their ids."""
        columns = (captures.c.id, captures.c.source_id, captures.c.phash, captures.c.thumbnail)
        its = (captures.c.id > capture_id, ~captures.c.barred)
        query = sa.select(*columns).where(*its).order_by(captures.c.id).limit(limit)
        return [
            HashedCapture(id=CaptureId(id_), source_id=SourceId(source_id), phash=bytes(phash), thumbnail=thumbnail)
            for id_, source_id, phash, thumbnail in self._connection.execute(query)
        ]

    def of_source(self, source_id: SourceId) -> Iterator[Capture]:
        """Yield all captures of a source, in the order of their ids."""
        query = sa.select(captures).where(captures.c.source_id == source_id).order_by(captures.c.id).limit(_PAGE)
        last = 0
        while page := self._connection.execute(query.where(captures.c.id > last)).mappings().all():
            yield from map(self._capture, page)
            last = page[-1]["id"]

    def past_retention(self, source_id: SourceId, since: date, most: int) -> list[CaptureId]:
        """Return the first ``most`` captures from before the day ``since``, without those that a legal hold keeps.

        The day is that of capture (UTC), or of the enrolment if that is unknown or later.
        """
        due = _before(source_id, since) & captures.c.id.not_in(_held(source_id))
        query = sa.select(captures.c.id).where(due).order_by(captures.c.id).limit(most)
        return [CaptureId(id_) for id_ in self._connection.scalars(query)]

    def held_past_retention(self, source_id: SourceId, since: date) -> int:
        """Count the captures from before the day ``since`` that only a legal hold keeps."""
        query = sa.select(sa.func.count()).select_from(captures)
        found = query.where(_before(source_id, since), captures.c.id.in_(_held(source_id)))
        return int(self._connection.scalar(found) or 0)

    def last_before(self, at: datetime) -> int:
        """Return the id of the last capture that was stored before a moment, 0 if none was.

        Ids rise with the moments, so that a few of them are looked at, however many captures there are.
        """
        low, high = 0, int(self._connection.scalar(sa.select(sa.func.max(captures.c.id))) or 0)
        query = sa.select(captures.c.id, captures.c.enrolled_at).order_by(captures.c.id).limit(1)
        while low < high:
            middle = (low + high + 1) // 2
            found, stored_at = self._connection.execute(query.where(captures.c.id >= middle)).one()
            low, high = (int(found), high) if stored_at < at else (low, middle - 1)
        return low

    def without_face(self, source_id: SourceId, after: int, limit: int, up_to: int | None = None) -> list[Capture]:
        """Return captures without a face and with ids above ``after`` (and up to one), in the order of their ids."""
        query = sa.select(captures).where(captures.c.source_id == source_id, captures.c.id > after, ~_HAS_FACE)
        if up_to is not None:
            query = query.where(captures.c.id <= up_to)
        rows = self._connection.execute(query.order_by(captures.c.id).limit(limit)).mappings()
        return [self._capture(row) for row in rows]

    def unkept(self, source_id: SourceId, digests: Iterable[str]) -> dict[str, CaptureId]:
        """Return captures with these SHA-256 in which a version before 0.3 found no face, and which it did not keep."""
        its = (captures.c.source_id == source_id, captures.c.original.is_(None), captures.c.looked_at_by.is_(None))
        query = sa.select(captures.c.sha256, captures.c.id).where(*its, ~captures.c.barred, ~_HAS_FACE)
        return {
            sha256: CaptureId(id_)
            for batch in batched(digests, _MOST)
            for sha256, id_ in self._connection.execute(query.where(captures.c.sha256.in_(batch)))
        }

    def _capture(self, row: RowMapping) -> Capture:
        checked(self._connection, self._vault, "captures", row)
        return capture_from(row)

    def count_without_face(self, source_id: SourceId) -> int:
        """Count the captures of a source without a face."""
        query = sa.select(sa.func.count()).select_from(captures).where(captures.c.source_id == source_id, ~_HAS_FACE)
        return int(self._connection.scalar(query) or 0)

    def forget_page(self, source_id: SourceId, page_uri: str) -> list[str]:
        """Remove the archived page at an address from every capture of a source; return its addresses as blobs."""
        its = (captures.c.source_id == source_id, captures.c.page_uri == page_uri, captures.c.page.is_not(None))
        found = list(self._connection.scalars(sa.select(captures.c.page).where(*its).distinct()))
        self._connection.execute(sa.update(captures).where(*its).values(page=None))
        return found

    def addresses(self, source_id: SourceId) -> list[str]:
        """Return the address of every blob that a source refers to, once, in ascending order."""
        every = blobs_of(source_id).subquery()
        return list(self._connection.scalars(sa.select(every.c.address).order_by(every.c.address)))

    def references(self, address: str) -> int:
        """Count the pictures of captures, faces and probes at a blob's address."""
        columns = (captures.c.original, captures.c.thumbnail, captures.c.page, faces.c.crop, probes.c.blob)
        each = [
            sa.select(sa.func.count()).select_from(column.table).where(column == address).scalar_subquery()
            for column in columns
        ]
        return sum(self._connection.execute(sa.select(*each)).one())

    def keep_pages(self, source_id: SourceId, digests: Iterable[str]) -> bool:
        """Return whether a capture with one of these SHA-256 keeps the page that showed it."""
        kept = (captures.c.source_id == source_id, captures.c.page.is_not(None))
        return any(
            self._connection.scalar(sa.select(captures.c.id).where(*kept, captures.c.sha256.in_(batch)).limit(1))
            for batch in batched(digests, _MOST)
        )

    def without_picture(self, source_id: SourceId, digests: Iterable[str]) -> list[str]:
        """Return those of the SHA-256 whose captures lost their pictures: a face was erased, or they are barred."""
        lost = (captures.c.source_id == source_id, captures.c.original.is_(None))
        has_face = sa.exists().where(faces.c.capture_id == captures.c.id)
        query = sa.select(captures.c.sha256).where(*lost, sa.or_(captures.c.barred, has_face))
        some_of = batched(digests, _MOST)
        return [
            sha256
            for batch in some_of
            for sha256 in self._connection.scalars(query.where(captures.c.sha256.in_(batch)))
        ]

    def faces_without(self) -> int:
        """Count the faces without a source, an address or a digest of their picture (R5); always 0."""
        led = faces.outerjoin(captures, captures.c.id == faces.c.capture_id)
        led = led.outerjoin(sources, sa.and_(sources.c.id == captures.c.source_id, sources.c.id == faces.c.source_id))
        unsaid = sa.or_(captures.c.uri.is_(None), sa.func.trim(captures.c.uri) == "", captures.c.sha256.is_(None))
        query = sa.select(sa.func.count()).select_from(led)
        total: int = self._connection.execute(query.where(sa.or_(unsaid, sources.c.id.is_(None)))).scalar_one()
        return total

    def forget_pictures(self, capture_id: CaptureId) -> None:
        """Remove the original, the thumbnail and the page of a capture; its provenance stays."""
        cleared = {"original": None, "thumbnail": None, "page": None}
        self._connection.execute(sa.update(captures).where(captures.c.id == capture_id).values(**cleared))

    def set_thumbnail(self, capture_id: CaptureId, thumbnail: str) -> None:
        """Replace the thumbnail of a capture."""
        changed = sa.update(captures).where(captures.c.id == capture_id)
        self._connection.execute(changed.values(thumbnail=thumbnail))

    def forget_originals(self, ids: Iterable[CaptureId]) -> None:
        """Remove the originals of captures, because another picture of their file is erased; all else stays."""
        for batch in batched(ids, _MOST):
            self._connection.execute(sa.update(captures).where(captures.c.id.in_(batch)).values(original=None))

    def bar(self, capture_id: CaptureId) -> None:
        """Mark a capture as known-abuse material and remove its pictures; its provenance stays."""
        cleared = {"original": None, "thumbnail": None, "barred": True}
        self._connection.execute(sa.update(captures).where(captures.c.id == capture_id).values(**cleared))

    def erase(self, capture_id: CaptureId, key: DataKey) -> None:
        """Delete a capture with its faces and templates, if it is there; ``key`` is that of its source."""
        found = self._connection.execute(
            sa.select(captures.c.source_id, captures.c.phash).where(captures.c.id == capture_id)
        ).one_or_none()
        if found is None:
            return
        erased = read_rows(self._connection, faces.c.capture_id == capture_id)
        self._connection.execute(sa.delete(captures).where(captures.c.id == capture_id))  # the rest cascades
        own = (bands.c.source_id == found[0], bands.c.capture_id == capture_id)
        self._connection.execute(sa.delete(bands).where(*own, bands.c.band.in_(bands_of(bytes(found[1])))))
        count(self._connection, found[0], captures=-1, faces=-len(erased))
        TallyRows(self._connection).remove(found[0], erased, key)


def _before(source_id: SourceId, day: date) -> sa.ColumnElement[bool]:
    """Return the condition that a capture of a source is from before a day, UTC."""
    begin = datetime.combine(day, time.min, UTC)
    earlier = sa.or_(captures.c.captured_at < begin, captures.c.enrolled_at < begin)
    return sa.and_(captures.c.source_id == source_id, earlier)


def _held(source_id: SourceId) -> sa.Select[tuple[int]]:
    """Return a query for the captures of a source that a case on legal hold has in a candidate list."""
    listed = sa.union_all(
        sa.select(candidates.c.search_id, candidates.c.face_id).where(candidates.c.face_id.is_not(None)),
        sa.select(near_duplicates.c.search_id, near_duplicates.c.face_id),
    ).subquery()
    shown = listed.join(searches, searches.c.id == listed.c.search_id).join(cases, cases.c.id == searches.c.case_id)
    query = sa.select(faces.c.capture_id).select_from(shown.join(faces, faces.c.id == listed.c.face_id))
    return query.where(faces.c.source_id == source_id, cases.c.hold_because.is_not(None))


def blobs_of(source_id: SourceId) -> sa.CompoundSelect[tuple[str]]:
    """Return a query for the addresses of all blobs of a source, each once."""
    columns = (captures.c.original, captures.c.thumbnail, captures.c.page, faces.c.crop)
    permission = sa.select(sources.c.permission.label("address"))
    return sa.union(
        *(
            sa.select(column.label("address")).where(column.table.c.source_id == source_id, column.is_not(None))
            for column in columns
        ),
        permission.where(sources.c.id == source_id, sources.c.permission.is_not(None)),
    )


_FOUND = ("uri", "page_uri", "page_title", "captured_at", "licence")


def found_at(provenance: Provenance) -> dict[str, Any]:
    """Return a provenance as the columns of captures and of places."""
    return {name: getattr(provenance, name) for name in _FOUND} | {"evidence": json.dumps(evidence_to(provenance))}


def provenance_from(row: RowMapping) -> Provenance:
    """Return the provenance in a row of captures or places."""
    return Provenance(**{name: row[name] for name in _FOUND}, **evidence_from(json.loads(row["evidence"])))


def _row(capture_id: int, new: NewCapture) -> dict[str, Any]:
    provenance = new.provenance
    return {
        "id": capture_id,
        "source_id": new.source_id,
        "finding": finding(provenance.uri, new.sha256),
        **found_at(provenance),
        "sha256": new.sha256,
        "phash": new.phash,
        "media_type": new.media_type,
        "size": new.size,
        "width": new.width,
        "height": new.height,
        "facts": new.facts,
        "enrolled_at": new.enrolled_at,
        "original": new.original,
        "thumbnail": new.thumbnail,
        "page": new.page,
        "barred": new.barred,
        "part": new.part,
        "incomplete": new.incomplete,
        "missing": new.missing,
        "looked_at_by": new.looked_at_by,
        "no_face_because": new.no_face_because,
    }


def capture_from(row: RowMapping) -> Capture:
    """Return the capture in a row."""
    return Capture(
        id=CaptureId(row["id"]),
        source_id=SourceId(row["source_id"]),
        provenance=provenance_from(row),
        sha256=row["sha256"],
        phash=bytes(row["phash"]),
        media_type=row["media_type"],
        size=row["size"],
        width=row["width"],
        height=row["height"],
        facts=None if row["facts"] is None else bytes(row["facts"]),
        enrolled_at=row["enrolled_at"],
        original=row["original"],
        thumbnail=row["thumbnail"],
        page=row["page"],
        barred=row["barred"],
        part=row["part"],
        incomplete=row["incomplete"],
        missing=row["missing"],
        looked_at_by=row["looked_at_by"],
        no_face_because=row["no_face_because"],
    )
