"""Duplicates: the same bytes are one capture with several places, and near-identical captures form a group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.model.arranging import NEAR_DUPLICATE_BITS
from lineament.model.faces import CaptureId, FaceId, Provenance, SourceId
from lineament.store.captures import bands_of, finding, found_at, provenance_from
from lineament.store.columns import among
from lineament.store.guard import checked
from lineament.store.keys import Vault
from lineament.store.meta import new_ids
from lineament.store.raw import batched
from lineament.store.source_tables import bands, places
from lineament.store.tables import captures, faces

if TYPE_CHECKING:
    from numpy.typing import NDArray

MANY = 20_000
"""If more captures share a band with a batch, only those that share two bands are compared."""
_MOST_MET = 200_000
"""Most rows in one query; plain pictures share all their bands."""
_MOST = 400
"""Most values in one IN clause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPart:
    """One of the pictures of a file that a source holds."""

    capture_id: CaptureId
    number: int  # from 1
    uri: str


class PlaceRows:
    """Further places of captures, and groups of near-identical captures."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    def with_bytes(self, source_id: SourceId, digests: Iterable[str]) -> dict[str, CaptureId]:
        """Return the captures of a source with these SHA-256, by SHA-256; the first of a file with several."""
        return {sha256: parts[0].capture_id for sha256, parts in self.parts_with_bytes(source_id, digests).items()}

    def parts_with_bytes(self, source_id: SourceId, digests: Iterable[str]) -> dict[str, list[StoredPart]]:
        """Return all captures of a source with these SHA-256, by SHA-256, in the order of their ids."""
        found: dict[str, list[StoredPart]] = {}
        columns = (captures.c.sha256, captures.c.id, captures.c.part, captures.c.uri)
        for batch in batched(dict.fromkeys(digests), _MOST):
            query = sa.select(*columns).where(captures.c.source_id == source_id, captures.c.sha256.in_(batch))
            for sha256, id_, number, uri in self._connection.execute(query.order_by(captures.c.id)):
                found.setdefault(sha256, []).append(
                    StoredPart(capture_id=CaptureId(id_), number=number, uri=uri),
                )
        return found

    def captures_of(self, ids: Iterable[FaceId]) -> dict[FaceId, int]:
        """Return the numbers of the captures that show these faces; faces that are not there are left out."""
        found: dict[FaceId, int] = {}
        for batch in batched(sorted(set(map(int, ids))), _MOST):
            query = sa.select(faces.c.id, faces.c.capture_id).where(among(faces.c.id, batch))
            found |= {FaceId(face): int(capture) for face, capture in self._connection.execute(query)}
        return found

    def add_all(self, source_id: SourceId, new: Sequence[tuple[CaptureId, str, Provenance]]) -> None:
        """Add further places: (capture, its SHA-256, provenance); the caller has checked ``captures.known``."""
        if not new:
            return
        ids = new_ids(self._connection, "place", len(new))
        rows = [
            found_at(provenance)
            | {"id": id_, "capture_id": capture_id, "source_id": source_id, "finding": finding(provenance.uri, sha256)}
            for id_, (capture_id, sha256, provenance) in zip(ids, new, strict=True)
        ]
        self._connection.execute(sa.insert(places), rows)

    def of_capture(
        self, capture_id: CaptureId, limit: int | None = None, *, to_erase: bool = False
    ) -> list[Provenance]:
        """Return where else a capture was found, in the order of finding.

        ``to_erase``: also what was changed from outside. Raises AccessAltered.
        """
        query = sa.select(places).where(places.c.capture_id == capture_id).order_by(places.c.id).limit(limit)
        rows = self._connection.execute(query).mappings().all()
        for row in () if to_erase else rows:
            checked(self._connection, self._vault, "places", row)
        return [provenance_from(row) for row in rows]

    # ------------------------------------------------------------ groups

    def group(self, source_id: SourceId, new: Mapping[CaptureId, bytes]) -> None:
        """Group captures that were just added, by their perceptual hashes, with near-identical ones.

        Only captures that share a band of bits are compared, so the work does not grow with the source.
        """
        keys = {id_: bands_of(phash) for id_, phash in new.items()}
        sharing = self._sharing(source_id, {key for hash_bands in keys.values() for key in hash_bands})
        rows = [
            {"source_id": source_id, "band": key, "capture_id": id_}
            for id_, hash_bands in keys.items()
            for key in hash_bands
        ]
        known = {id_: (hash_, group) for id_, hash_, group in self._hashes(sharing)}
        founders: dict[int, int] = {}
        for capture_id, phash in new.items():
            near = _nearest(phash, known)
            if near is not None:
                founder = known[near][1] or near
                founders |= {near: founder, capture_id: founder, founder: founder}
                for id_ in (near, capture_id):
                    known[id_] = (new.get(CaptureId(id_)) or known[id_][0], founder)
            else:
                known[capture_id] = (phash, None)
        if founders:
            query = sa.update(captures).where(captures.c.id == sa.bindparam("member"))
            changes = [{"member": id_, "group_id": founder} for id_, founder in sorted(founders.items())]
            self._connection.execute(query, changes)
        if rows:
            self._connection.execute(sa.insert(bands), rows)

    def group_of(self, capture_id: CaptureId) -> list[CaptureId]:
        """Return the captures nearly identical to this one, including it, ascending."""
        group = sa.select(captures.c.group_id).where(captures.c.id == capture_id).scalar_subquery()
        query = sa.select(captures.c.id).where(captures.c.group_id == group).order_by(captures.c.id)
        return [CaptureId(id_) for id_ in self._connection.scalars(query)] or [capture_id]

    def _sharing(self, source_id: SourceId, keys: set[int]) -> set[int]:
        met: Counter[int] = Counter()
        for batch in batched(sorted(keys), _MOST):
            query = sa.select(bands.c.capture_id).where(bands.c.source_id == source_id, among(bands.c.band, batch))
            met.update(self._connection.scalars(query.limit(_MOST_MET)))
        return set(met) if len(met) <= MANY else {id_ for id_, times in met.items() if times > 1}

    def _hashes(self, ids: set[int]) -> Iterable[tuple[int, bytes, int | None]]:
        for batch in batched(sorted(ids), _MOST):
            query = sa.select(captures.c.id, captures.c.phash, captures.c.group_id)
            for id_, phash, group in self._connection.execute(query.where(among(captures.c.id, batch))):
                yield id_, bytes(phash), group


def _nearest(phash: bytes, known: Mapping[int, tuple[bytes, int | None]]) -> int | None:
    """Return the capture whose hash differs in the fewest bits; None if it is no near-duplicate."""
    import numpy as np

    alike = [(id_, candidate) for id_, (candidate, _) in known.items() if len(candidate) == len(phash)]
    if not alike:
        return None
    hashes: NDArray[np.uint8] = np.frombuffer(b"".join(candidate for _, candidate in alike), dtype=np.uint8)
    differing = np.bitwise_count(hashes.reshape(len(alike), -1) ^ np.frombuffer(phash, dtype=np.uint8)).sum(axis=1)
    best = int(differing.argmin())
    return alike[best][0] if differing[best] <= NEAR_DUPLICATE_BITS else None
