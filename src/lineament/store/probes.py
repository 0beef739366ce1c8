"""Probes: the images asked about, with their faces sealed under the key of the case."""

from __future__ import annotations

import json
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import NotFound
from lineament.model.cases import Case
from lineament.model.search import Probe
from lineament.store.cases import CaseRows
from lineament.store.keys import DataKey, Vault
from lineament.store.tables import cases, probes
from lineament.store.values import edit_from, edit_to, face_from, face_to, text

_SELECT = sa.select(probes, cases.c.ref).join(cases, cases.c.id == probes.c.case_id)


class ProbeRows:
    """The probes of all cases."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    def add(self, probe: Probe, case_id: int, blob: str, key: DataKey) -> None:
        """Store a probe with its case; ``blob`` is the address of the original, ``key`` that of the case."""
        plain = text([face_to(face) for face in probe.faces]).encode()
        row = {
            "id": probe.id,
            "case_id": case_id,
            "sha256": probe.sha256,
            "media_type": probe.media_type,
            "width": probe.width,
            "height": probe.height,
            "blob": blob,
            "faces": key.seal(plain, _about(case_id, probe.id)),
            "model": probe.faces[0].template.model if probe.faces else None,
            "edits": text([edit_to(edit) for edit in probe.edits]),
            "made_at": probe.made_at,
        }
        self._connection.execute(sa.insert(probes), row)

    def get(self, probe_id: str, key: DataKey | Callable[[Case], DataKey]) -> Probe:
        """One probe; NotFound where there is none, Damaged where its faces do not open.

        ``key`` is the key of its case, or what finds that key when the case is known.
        """
        row = self._connection.execute(_SELECT.where(probes.c.id == probe_id)).mappings().one_or_none()
        if row is None:
            raise NotFound(what="probe", name=probe_id, hint="lineament case show")
        if not isinstance(key, DataKey):
            key = key(CaseRows(self._connection, self._vault).by_id(row["case_id"]))
        return _probe(row, key)

    def addresses(self) -> list[str]:
        """The addresses of all probes' originals, each once, in their order."""
        query = sa.select(probes.c.blob).distinct().order_by(probes.c.blob)
        return list(self._connection.scalars(query))

    def of_case(self, case_id: int, key: DataKey) -> list[Probe]:
        """The probes of a case, the newest first."""
        query = _SELECT.where(probes.c.case_id == case_id).order_by(probes.c.made_at.desc(), probes.c.id.desc())
        return [_probe(row, key) for row in self._connection.execute(query).mappings()]

    def same(self, case_id: int, sha256: str, model: str, key: DataKey) -> list[Probe]:
        """The probes of a case made of the same bytes, the oldest first; those without a face whatever the model."""
        query = _SELECT.where(
            probes.c.case_id == case_id,
            probes.c.sha256 == sha256,
            sa.or_(probes.c.model.is_(None), probes.c.model == model),
        ).order_by(probes.c.made_at, probes.c.id)
        return [_probe(row, key) for row in self._connection.execute(query).mappings()]

    def blob(self, probe_id: str) -> str:
        """The address of the original; NotFound where there is no such probe."""
        found: str | None = self._connection.scalar(sa.select(probes.c.blob).where(probes.c.id == probe_id))
        if found is None:
            raise NotFound(what="probe", name=probe_id, hint="lineament case show")
        return found


def _about(case_id: int, probe_id: str) -> bytes:
    return f"probe|{case_id}|{probe_id}".encode()


def _probe(row: RowMapping, key: DataKey) -> Probe:
    faces = json.loads(key.open(bytes(row["faces"]), _about(row["case_id"], row["id"])))
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
    )
