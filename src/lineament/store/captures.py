"""Captures: one image from one source, with where and when it was found (R5)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import NotFound
from lineament.model.credentials import Credentials
from lineament.model.faces import Capture, CaptureId, NewCapture, Place, Provenance, SourceId
from lineament.store.meta import new_ids
from lineament.store.raw import batched
from lineament.store.source_tables import bands, places
from lineament.store.sources import count
from lineament.store.tables import captures, faces, probes, sources
from lineament.store.values import evidence_from, evidence_to

BANDS = 16
"""Of 16 bits each, of a hash of 256: hashes that differ in 15 bits agree in one at least, and nearly all of those that
differ in 31 do (bench/once.py)."""
_PAGE = 1000
"""Rows read at once where a listing may be long."""
_MOST = 500
"""Values in one IN (…)."""


def finding(uri: str, sha256: str) -> bytes:
    """What makes a capture unique in its source: these bytes at that place."""
    return hashlib.sha256(uri.encode(errors="surrogatepass") + b"\0" + sha256.encode()).digest()


def bands_of(phash: bytes) -> list[int]:
    """The bands of a hash of 256 bits, each with its place, so that equal numbers are equal bands."""
    if len(phash) != 2 * BANDS:
        return []
    return [place << 16 | int.from_bytes(phash[2 * place : 2 * place + 2], "big") for place in range(BANDS)]


class CaptureRows:
    """The captures of all sources."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def known(self, source_id: SourceId, pairs: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of the (uri, sha256) pairs that the source holds already."""
        asked = {finding(*pair): pair for pair in pairs}
        there: set[tuple[str, str]] = set()
        for some in batched(asked, _MOST):
            for table in (captures, places):
                mine = (table.c.source_id == source_id, table.c.finding.in_(some))
                there.update(
                    asked[bytes(one)] for one in self._connection.scalars(sa.select(table.c.finding).where(*mine))
                )
        return there

    def add(self, new: NewCapture) -> CaptureId:
        """Add one capture; Refused where the same bytes from the same URI are there already."""
        return self.add_all([new])[0]

    def add_all(self, new: Sequence[NewCapture]) -> list[CaptureId]:
        """Add many at once; their ids, ascending, in the same order."""
        if not new:
            return []
        ids = new_ids(self._connection, "capture", len(new))
        self._connection.execute(sa.insert(captures), [_row(id_, one) for id_, one in zip(ids, new, strict=True)])
        for source_id, many in Counter(one.source_id for one in new).items():
            count(self._connection, source_id, captures=many)
        return [CaptureId(id_) for id_ in ids]

    def get(self, capture_id: CaptureId) -> Capture:
        """One capture; NotFound where there is none."""
        query = sa.select(captures).where(captures.c.id == capture_id)
        row = self._connection.execute(query).mappings().one_or_none()
        if row is None:
            raise NotFound(what="capture", name=capture_id, hint="lineament source list")
        return capture_from(row)

    def at(self, source_id: SourceId, uris: Iterable[str]) -> list[tuple[CaptureId, str]]:
        """The captures of a source that were found at one of these addresses, with it, in the order of their ids.

        There is no index for it, so all of the source is read.
        """
        found: list[tuple[CaptureId, str]] = []
        for some in batched(uris, _MOST):
            query = sa.select(captures.c.id, captures.c.uri).where(captures.c.uri.in_(some))
            query = query.where(captures.c.source_id == source_id).order_by(captures.c.id)
            found += [(CaptureId(id_), uri) for id_, uri in self._connection.execute(query)]
        return sorted(found)

    def of_source(self, source_id: SourceId) -> Iterator[Capture]:
        """All captures of a source, in the order of their ids."""
        query = sa.select(captures).where(captures.c.source_id == source_id).order_by(captures.c.id).limit(_PAGE)
        last = 0
        while page := self._connection.execute(query.where(captures.c.id > last)).mappings().all():
            yield from map(capture_from, page)
            last = page[-1]["id"]

    def addresses(self, source_id: SourceId) -> list[str]:
        """Every blob that a source refers to, once, in ascending order."""
        every = blobs_of(source_id).subquery()
        return list(self._connection.scalars(sa.select(every.c.address).order_by(every.c.address)))

    def references(self, address: str) -> int:
        """How many pictures of captures, faces and probes lie at a blob's address."""
        columns = (captures.c.original, captures.c.thumbnail, captures.c.page, faces.c.crop, probes.c.blob)
        each = [
            sa.select(sa.func.count()).select_from(column.table).where(column == address).scalar_subquery()
            for column in columns
        ]
        return sum(self._connection.execute(sa.select(*each)).one())

    def keep_pages(self, source_id: SourceId, digests: Iterable[str]) -> bool:
        """Whether a capture with one of these SHA-256 keeps the page that showed it."""
        kept = (captures.c.source_id == source_id, captures.c.page.is_not(None))
        return any(
            self._connection.scalar(sa.select(captures.c.id).where(*kept, captures.c.sha256.in_(some)).limit(1))
            for some in batched(digests, _MOST)
        )

    def without_picture(self, source_id: SourceId, digests: Iterable[str]) -> list[str]:
        """Those of the SHA-256 whose captures lost their pictures: a face of theirs was erased, or they are barred."""
        lost = (captures.c.source_id == source_id, captures.c.original.is_(None))
        has_face = sa.exists().where(faces.c.capture_id == captures.c.id)
        query = sa.select(captures.c.sha256).where(*lost, sa.or_(captures.c.barred, has_face))
        some_of = batched(digests, _MOST)
        return [one for some in some_of for one in self._connection.scalars(query.where(captures.c.sha256.in_(some)))]

    def faces_without(self) -> int:
        """How many faces lead back to no source, no address or no digest of a picture (R5): none, ever."""
        led = faces.outerjoin(captures, captures.c.id == faces.c.capture_id)
        led = led.outerjoin(sources, sa.and_(sources.c.id == captures.c.source_id, sources.c.id == faces.c.source_id))
        unsaid = sa.or_(captures.c.uri.is_(None), sa.func.trim(captures.c.uri) == "", captures.c.sha256.is_(None))
        query = sa.select(sa.func.count()).select_from(led)
        total: int = self._connection.execute(query.where(sa.or_(unsaid, sources.c.id.is_(None)))).scalar_one()
        return total

    def forget_pictures(self, capture_id: CaptureId) -> None:
        """The capture stays with its provenance, without the original, the thumbnail and the page."""
        gone = {"original": None, "thumbnail": None, "page": None}
        self._connection.execute(sa.update(captures).where(captures.c.id == capture_id).values(**gone))

    def bar(self, capture_id: CaptureId) -> None:
        """It is known-abuse material: it stays with its provenance, and without its pictures."""
        gone = {"original": None, "thumbnail": None, "barred": True}
        self._connection.execute(sa.update(captures).where(captures.c.id == capture_id).values(**gone))

    def erase(self, capture_id: CaptureId) -> None:
        """Delete a capture with its faces and templates; nothing to do where it is gone."""
        found = self._connection.execute(
            sa.select(
                captures.c.source_id,
                sa.select(sa.func.count()).where(faces.c.capture_id == captures.c.id).scalar_subquery(),
                captures.c.phash,
            ).where(captures.c.id == capture_id)
        ).one_or_none()
        if found is None:
            return
        self._connection.execute(sa.delete(captures).where(captures.c.id == capture_id))  # the rest cascades
        mine = (bands.c.source_id == found[0], bands.c.capture_id == capture_id)
        self._connection.execute(sa.delete(bands).where(*mine, bands.c.band.in_(bands_of(bytes(found[2])))))
        count(self._connection, found[0], captures=-1, faces=-found[1])


def blobs_of(source_id: SourceId) -> sa.CompoundSelect[tuple[str]]:
    """The addresses of all blobs of a source, each once."""
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
    """Where a picture was found, as the columns of captures and of places."""
    return {name: getattr(provenance, name) for name in _FOUND} | {"evidence": json.dumps(evidence_to(provenance))}


def provenance_from(row: RowMapping) -> Provenance:
    """The inverse."""
    return Provenance(**{name: row[name] for name in _FOUND}, **evidence_from(json.loads(row["evidence"])))


def _row(capture_id: int, new: NewCapture) -> dict[str, Any]:
    provenance, place = new.provenance, new.place
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
        "taken_at": None if new.taken_at is None else new.taken_at.isoformat(),
        "latitude": None if place is None else place.latitude,
        "longitude": None if place is None else place.longitude,
        "enrolled_at": new.enrolled_at,
        "original": new.original,
        "thumbnail": new.thumbnail,
        "page": new.page,
        "barred": new.barred,
        "credentials": None if new.credentials is None else json.dumps(asdict(new.credentials)),
    }


def _credentials(said: str | None) -> Credentials | None:
    if said is None:
        return None
    value: dict[str, Any] = json.loads(said)
    return Credentials(**value | {name: tuple(value[name]) for name in ("kinds", "reserved")})


def capture_from(row: RowMapping) -> Capture:
    """A capture from its row."""
    taken_at = row["taken_at"]
    placed = row["latitude"] is not None
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
        taken_at=None if taken_at is None else datetime.fromisoformat(taken_at),
        place=Place(latitude=row["latitude"], longitude=row["longitude"]) if placed else None,
        enrolled_at=row["enrolled_at"],
        original=row["original"],
        thumbnail=row["thumbnail"],
        page=row["page"],
        credentials=_credentials(row["credentials"]),
        barred=row["barred"],
    )
