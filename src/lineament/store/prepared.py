"""Faces as another model describes them: prepared beside those in use, and adopted source by source at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.model.faces import Capture, CaptureId, Face, FaceId, SourceId
from lineament.store import guard
from lineament.store.captures import capture_from
from lineament.store.columns import among
from lineament.store.faces import sealed_row
from lineament.store.keys import DataKey, Vault
from lineament.store.source_tables import prepared_faces as prepared
from lineament.store.tables import captures, faces, sources, templates
from lineament.store.tally import TallyRows
from lineament.store.values import box_columns, landmarks_to, quality_to, text

_TAKEN_OVER = ("model", "x", "y", "width", "height", "landmarks", "quality", "grade")


class PreparedRows:
    """The prepared faces of all sources, and which captures a model has not looked at yet."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    def captures_to_look_at(self, source_id: SourceId, model: str, after: int, limit: int) -> list[Capture]:
        """Return captures with ids above ``after`` that a model has not looked at, in the order of their ids."""
        query = sa.select(captures).where(*_not_looked_at(source_id, model), captures.c.id > after)
        rows = self._connection.execute(query.order_by(captures.c.id).limit(limit)).mappings().all()
        for row in rows:
            guard.checked(self._connection, self._vault, "captures", row)
        return [capture_from(row) for row in rows]

    def count_to_look_at(self, source_id: SourceId, model: str) -> int:
        """Count the captures of a source that a model has not looked at and that can be looked at."""
        query = sa.select(sa.func.count()).select_from(captures).where(*_not_looked_at(source_id, model))
        return int(self._connection.scalar(query) or 0)

    def looked_at_by_others(self, source_id: SourceId, model: str) -> list[tuple[str | None, int]]:
        """Return which models looked last at the captures that ``model`` has to look at, and at how many each."""
        column = captures.c.looked_at_by
        query = sa.select(column, sa.func.count()).where(*_not_looked_at(source_id, model)).group_by(column)
        return sorted(((row[0], row[1]) for row in self._connection.execute(query)), key=lambda row: row[0] or "")

    def put(self, source_id: SourceId, described: Iterable[tuple[FaceId, Face]], key: DataKey) -> None:
        """Prepare faces as another model describes them; what was prepared of them before is replaced."""
        faces_of_capture = list(described)
        if faces_of_capture:
            ids = [int(face_id) for face_id, _ in faces_of_capture]
            self._connection.execute(sa.delete(prepared).where(among(prepared.c.face_id, ids)))
            rows = [_row(face_id, source_id, face, key) for face_id, face in faces_of_capture]
            self._connection.execute(sa.insert(prepared), rows)

    def looked_at(self, model: str, why_no_face: Mapping[CaptureId, str | None]) -> None:
        """Note that a model looked at captures, and why no face of each was found; None: there is one."""
        by_reason: dict[str | None, list[int]] = {}
        for capture_id, why in why_no_face.items():
            by_reason.setdefault(why, []).append(int(capture_id))
        for why, ids in by_reason.items():
            looked = sa.update(captures).where(among(captures.c.id, ids))
            self._connection.execute(looked.values(looked_at_by=model, no_face_because=why))

    def abandon(self, model: str) -> None:
        """Forget what a model prepared, and that it looked at captures; for one that is not going to be used."""
        self._connection.execute(sa.delete(prepared).where(prepared.c.model == model))
        looked = sa.update(captures).where(captures.c.looked_at_by == model)
        self._connection.execute(looked.values(looked_at_by=None))

    def waits(self, source_id: SourceId, model: str) -> bool:
        """Return whether a source has faces of another model, and nothing is left for this one to look at."""
        if self.count_to_look_at(source_id, model):
            return False
        others = sa.select(faces.c.id).where(faces.c.source_id == source_id, faces.c.model != model).limit(1)
        return self._connection.scalar(others) is not None

    def adopt(self, source_id: SourceId, model: str, key: DataKey) -> tuple[int, int]:
        """Let the faces of a source be what a model describes, all at once.

        Returns how many were replaced, and how many the model could not describe: these can no longer be compared.
        """
        tallies = TallyRows(self._connection)
        before = tallies.count(source_id, key)
        replaced, lost = self._take_over(source_id, model)
        if replaced or lost:
            tallies.replace(source_id, before, tallies.count(source_id, key), key)
        return replaced, lost

    def _take_over(self, source_id: SourceId, model: str) -> tuple[int, int]:
        its = (prepared.c.source_id == source_id, prepared.c.model == model)
        ready = sa.select(prepared.c.face_id).where(*its)
        replaced = int(self._connection.scalar(sa.select(sa.func.count()).select_from(prepared).where(*its)) or 0)
        of_face = sa.and_(prepared.c.face_id == faces.c.id, *its)
        values = {name: sa.select(prepared.c[name]).where(of_face).scalar_subquery() for name in _TAKEN_OVER}
        sealed = sa.select(prepared.c.sealed.is_not(None)).where(of_face).scalar_subquery()
        guard.check_rows(self._connection, self._vault, "faces", faces.c.source_id == source_id)
        guard.check_rows(self._connection, self._vault, "prepared_faces", *its)
        unwatched = {"watched": False}  # there may be millions
        moved = sa.update(faces).where(faces.c.source_id == source_id, faces.c.id.in_(ready))
        self._connection.execute(moved.values(**values, comparable=sealed), execution_options=unwatched)
        others = sa.update(faces).where(faces.c.source_id == source_id, faces.c.model != model)
        lost = self._connection.execute(
            others.values(model=model, comparable=False), execution_options=unwatched
        ).rowcount
        guard.sign_rows(self._connection, self._vault, "faces", faces.c.source_id == source_id)
        self._connection.execute(
            sa.delete(templates).where(
                templates.c.source_id == source_id, sa.or_(templates.c.face_id.in_(ready), templates.c.model != model)
            )
        )
        columns = ("face_id", "source_id", "model", "sealed")
        described = sa.select(*(prepared.c[name] for name in columns)).where(*its, prepared.c.sealed.is_not(None))
        self._connection.execute(sa.insert(templates).from_select(columns, described))
        if replaced or lost:
            self._connection.execute(sa.delete(prepared).where(prepared.c.source_id == source_id))
            changed = sa.update(sources).where(sources.c.id == source_id)
            self._connection.execute(changed.values(changes=sources.c.changes + 1))
        return replaced, lost


def _not_looked_at(source_id: SourceId, model: str) -> Sequence[sa.ColumnElement[bool]]:
    """Select captures with faces of another model, and pictures without a face that this model has not looked at."""
    of_capture = faces.c.capture_id == captures.c.id
    has_other = sa.exists().where(of_capture, faces.c.model != model)
    has_none = sa.and_(captures.c.original.is_not(None), ~sa.exists().where(of_capture))
    return (
        captures.c.source_id == source_id,
        sa.or_(captures.c.looked_at_by.is_(None), captures.c.looked_at_by != model),
        sa.or_(has_other, has_none),
    )


def _row(face_id: FaceId, source_id: SourceId, face: Face, key: DataKey) -> dict[str, object]:
    sealed = sealed_row(face_id, source_id, face, key)
    return {
        **(sealed if face.comparable else sealed | {"sealed": None}),
        **box_columns(face.box),
        "landmarks": text(landmarks_to(face.landmarks)),
        "quality": text(quality_to(face.quality)),
        "grade": face.quality.grade,
    }
