"""Probes: the images searched with, their faces sealed under the key of the case."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import NotFound, ProbeErased
from lineament.model.cases import CaseState
from lineament.model.faces import CaptureId
from lineament.model.search import Probe, ProbeKind
from lineament.store.batch_tables import batch_photographs
from lineament.store.keys import DataKey
from lineament.store.raw import batched
from lineament.store.sealed import checked_id
from lineament.store.search_rows import origin_from
from lineament.store.search_tables import approvals, probes, search_probes, searches
from lineament.store.tables import cases
from lineament.store.values import edit_from, edit_to, face_from, face_to, text
from lineament.store.watch_tables import watches

_SELECT = sa.select(probes, cases.c.ref, cases.c.key.label("case_key")).join(cases, cases.c.id == probes.c.case_id)
_SEARCHED = sa.or_(
    sa.exists().where(searches.c.case_id == probes.c.case_id, searches.c.probe_id == probes.c.id),
    sa.exists().where(search_probes.c.probe_id == probes.c.id),
    sa.exists().where(watches.c.probe_id == probes.c.id),  # which stays on record as a search does
)
_MOST = 500
"""Most ids in one IN clause."""


class ProbeRows:
    """The probes of all cases."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, probe: Probe, case_id: int, blob: str, key: DataKey) -> None:
        """Store a probe; ``blob`` is the address of the original, ``key`` that of the case."""
        plain = text([face_to(face) for face in probe.faces]).encode()
        row = {
            "id": probe.id,
            "case_id": case_id,
            "sha256": probe.sha256,
            "media_type": probe.media_type,
            "width": probe.width,
            "height": probe.height,
            "blob": blob,
            "faces": key.seal(plain, _associated_data(case_id, probe.id)),
            "model": probe.faces[0].template.model if probe.faces else None,
            "edits": text([edit_to(edit) for edit in probe.edits]),
            "digests": text(probe.digests),
            "kind": probe.kind.value,
            "made_at": probe.made_at,
            "part": probe.part,
            "parts": probe.parts,
            "incomplete": probe.incomplete,
            "missing": probe.missing,
        }
        if (origin := probe.origin) is not None:
            row |= {
                "origin_search": origin.search_id or "",
                "origin_face": origin.face_id,
                "origin_capture": origin.capture_id,
                "origin_source": origin.source,
            }
        self._connection.execute(sa.insert(probes), row)

    def get(self, probe_id: str, key: DataKey) -> Probe:
        """Return a probe. Raises NotFound, or Damaged if its faces do not open with the key of its case."""
        row = self._connection.execute(_SELECT.where(_is(probe_id))).mappings().one_or_none()
        if row is None:
            raise _not_found(probe_id)
        return _probe(row, key)

    def of_ids(self, ids: Sequence[str], key_of: Callable[[int], DataKey | None]) -> dict[str, Probe]:
        """Return probes by their ids; those that are not there, or whose case has no key, are left out."""
        found = {}
        for batch in batched(ids, _MOST):
            for row in self._connection.execute(_SELECT.where(probes.c.id.in_(batch))).mappings():
                if (key := key_of(row["case_id"])) is not None:
                    found[row["id"]] = _probe(row, key)
        return found

    def case_key(self, probe_id: str) -> str:
        """Return the key that names the case of a probe in addresses. Raises NotFound if there is no such probe."""
        query = sa.select(cases.c.key).join(probes, probes.c.case_id == cases.c.id).where(_is(probe_id))
        found: str | None = self._connection.scalar(query)
        if found is None:
            raise _not_found(probe_id)
        return found

    def addresses(self) -> list[str]:
        """Return the addresses of all probes' originals, each once, ascending."""
        query = sa.select(probes.c.blob).where(probes.c.blob.is_not(None)).distinct().order_by(probes.c.blob)
        return list(self._connection.scalars(query))

    def of_case(self, case_id: int, key: DataKey) -> list[Probe]:
        """Return the probes of a case, newest first."""
        query = _SELECT.where(probes.c.case_id == case_id).order_by(probes.c.made_at.desc(), probes.c.id.desc())
        return [_probe(row, key) for row in self._connection.execute(query).mappings()]

    def of_case_ids(self, case_id: int) -> list[str]:
        """Return the ids of the probes of a case; no key is needed."""
        return list(self._connection.scalars(sa.select(probes.c.id).where(probes.c.case_id == case_id)))

    def blobs_of(self, case_id: int) -> list[str]:
        """Return the addresses of the originals of a case, each once."""
        kept = (probes.c.case_id == case_id, probes.c.blob.is_not(None))
        return list(self._connection.scalars(sa.select(probes.c.blob).where(*kept).distinct()))

    def newest_with_face(self, case_ids: Iterable[int]) -> dict[int, str]:
        """Return the id of the newest probe with a face of each of these cases; cases without one are left out."""
        query = sa.select(probes.c.case_id, probes.c.id).where(probes.c.model.is_not(None))
        found: dict[int, str] = {}
        for batch in batched(list(case_ids), _MOST):
            rows = self._connection.execute(
                query.where(probes.c.case_id.in_(batch)).order_by(probes.c.made_at, probes.c.id)
            )
            found.update((case_id, probe_id) for case_id, probe_id in rows)
        return found

    def of_photograph(self, case_id: int, sha256: str) -> list[str]:
        """Return the ids of the probes of a case that were made of the same bytes, whatever their edits."""
        query = sa.select(probes.c.id).where(probes.c.case_id == case_id, probes.c.sha256 == sha256)
        return list(self._connection.scalars(query.order_by(probes.c.id)))

    def is_searched(self, ids: Sequence[str]) -> bool:
        """Return whether a search or a watch used one of these probes."""
        return any(
            self._connection.scalar(
                sa.select(
                    sa.or_(
                        sa.exists().where(searches.c.probe_id.in_(batch)),
                        sa.exists().where(search_probes.c.probe_id.in_(batch)),
                        sa.exists().where(watches.c.probe_id.in_(batch)),
                    )
                )
            )
            for batch in batched(ids, _MOST)
        )

    def unapproved(self, agency_id: str, account_id: str, since: datetime, wanted: int, limit: int) -> list[str]:
        """Return the ids of unsearched probes in an agency's open cases that need more approvals, the oldest first.

        Probes made before ``since`` and those that the account approved are left out. Whether the stored approvals
        are sound is not checked here: the gate does that.
        """
        approved = sa.select(sa.func.count()).where(approvals.c.probe_id == probes.c.id)
        query = sa.select(probes.c.id).join(cases, cases.c.id == probes.c.case_id)
        query = query.where(
            probes.c.made_at >= since,
            cases.c.agency_id == agency_id,
            cases.c.state == CaseState.OPEN.value,
            ~_SEARCHED,
            ~sa.exists().where(approvals.c.probe_id == probes.c.id, approvals.c.account_id == account_id),
            approved.scalar_subquery() < wanted,
        )
        return list(self._connection.scalars(query.order_by(probes.c.made_at, probes.c.id).limit(limit)))

    def unsearched(self, agency_id: str, before: datetime) -> list[str]:
        """Return the ids of probes in an agency's cases made before that time and never used by a search.

        Probes of a case on legal hold are left out.
        """
        query = sa.select(probes.c.id).join(cases, cases.c.id == probes.c.case_id)
        query = query.where(
            probes.c.made_at < before,
            cases.c.agency_id == agency_id,
            cases.c.hold_because.is_(None),
            ~_SEARCHED,
        )
        return list(self._connection.scalars(query.order_by(probes.c.made_at, probes.c.id)))

    def delete(self, ids: Iterable[str]) -> None:
        """Delete probes and their approvals. Raises Refused if an existing search used one."""
        for batch in batched(ids, _MOST):
            self._connection.execute(sa.delete(approvals).where(approvals.c.probe_id.in_(batch)))
            self._connection.execute(sa.delete(batch_photographs).where(batch_photographs.c.probe_id.in_(batch)))
            self._connection.execute(sa.delete(probes).where(probes.c.id.in_(batch)))

    def same(self, case_id: int, sha256: str, model: str, key: DataKey, kind: ProbeKind | None = None) -> list[Probe]:
        """Return the probes of a case made of the same bytes, oldest first; those without a face whatever their model.

        With ``kind`` only those declared to be of that kind.
        """
        query = _SELECT.where(
            probes.c.case_id == case_id,
            probes.c.sha256 == sha256,
            sa.or_(probes.c.model.is_(None), probes.c.model == model),
        ).order_by(probes.c.made_at, probes.c.id)
        if kind is not None:
            query = query.where(probes.c.kind == kind.value)
        return [_probe(row, key) for row in self._connection.execute(query).mappings()]

    def reseal(self, case_id: int, old: DataKey, new: DataKey, moved: Mapping[str, str]) -> int:
        """Seal the faces of the probes of a case under a new key, and let them have their files; return how many.

        ``moved`` gives the new address of each file. Raises Damaged if faces do not open.
        """
        kept = (probes.c.case_id == case_id, probes.c.blob.is_not(None))
        rows = self._connection.execute(sa.select(probes).where(*kept)).mappings().all()
        for row in rows:
            about = _associated_data(case_id, row["id"])
            values = {"faces": new.seal(old.open(bytes(row["faces"]), about), about), "blob": moved[row["blob"]]}
            self._connection.execute(sa.update(probes).where(probes.c.id == row["id"]).values(**values))
        return len(rows)

    def copied_from(self, captures: Sequence[CaptureId] = (), source: str | None = None) -> list[str]:
        """Return the ids of the probes that copy a picture of the gallery: one of these captures, or of a source."""
        found: list[str] = []
        for batch in batched(captures, _MOST):
            query = sa.select(probes.c.id).where(probes.c.origin_capture.in_(batch))
            found += self._connection.scalars(query.order_by(probes.c.id))
        if source is not None:
            query = sa.select(probes.c.id).where(probes.c.origin_source == source)
            found += self._connection.scalars(query.order_by(probes.c.id))
        return found

    def erase(self, ids: Sequence[str], at: datetime) -> list[str]:
        """Erase copies of pictures; of those that a search used a row stays. Return what may be deleted of their files.

        Their candidates are for ``SearchRows.forget_lists``.
        """
        blobs: set[str] = set()
        for id_ in ids:
            blobs.add(self.blob(id_))
            if not self.is_searched([id_]):
                self.delete([id_])
                continue
            gone = dict.fromkeys(("blob", "model", "origin_face", "origin_capture", "origin_source"))
            values = gone | {"faces": b"", "erased_at": at}
            self._connection.execute(sa.update(probes).where(probes.c.id == id_).values(**values))
        used = set(self._connection.scalars(sa.select(probes.c.blob).where(probes.c.blob.in_(blobs))))
        return sorted(blobs - used)

    def sha256(self, probe_id: str) -> str:
        """Return the digest of the original. Raises NotFound if there is no such probe."""
        found: str | None = self._connection.scalar(sa.select(probes.c.sha256).where(_is(probe_id)))
        if found is None:
            raise _not_found(probe_id)
        return found

    def blob(self, probe_id: str) -> str:
        """Return the address of the original. Raises NotFound if there is no such probe, or ProbeErased."""
        row = self._connection.execute(sa.select(probes.c.blob, probes.c.erased_at).where(_is(probe_id))).one_or_none()
        if row is None:
            raise _not_found(probe_id)
        if row.blob is None:
            raise ProbeErased(
                what="photograph", name=probe_id, at=row.erased_at, when=f"{row.erased_at:%Y-%m-%d %H:%M}"
            )
        return str(row.blob)


def _is(probe_id: str) -> sa.ColumnElement[bool]:
    return probes.c.id == checked_id(probe_id)


def _not_found(probe_id: str) -> NotFound:
    return NotFound(what="probe", name=probe_id, hint="lineament case show")


def _associated_data(case_id: int, probe_id: str) -> bytes:
    return f"probe|{case_id}|{probe_id}".encode()


def _probe(row: RowMapping, key: DataKey) -> Probe:
    gone = row["blob"] is None
    faces = [] if gone else json.loads(key.open(bytes(row["faces"]), _associated_data(row["case_id"], row["id"])))
    return Probe(
        id=row["id"],
        case=row["ref"],
        sha256=row["sha256"],
        media_type=row["media_type"],
        width=row["width"],
        height=row["height"],
        faces=tuple(face_from(face) for face in faces),
        made_at=row["made_at"],
        edits=tuple(edit_from(edit) for edit in json.loads(row["edits"])),
        digests=tuple(json.loads(row["digests"])),
        kind=ProbeKind(row["kind"]),
        case_key=row["case_key"],
        part=row["part"],
        parts=row["parts"],
        incomplete=row["incomplete"],
        missing=row["missing"],
        origin=origin_from(row),
        erased_at=row["erased_at"],
    )
