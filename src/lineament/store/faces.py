"""Faces and their sealed templates (R48); the associated data of a template binds source, face and model."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from itertools import repeat
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import Damaged, MixedModels, NotFound
from lineament.model.faces import Box, Capture, CaptureId, EnrolledFace, Face, FaceId, FaceIds, SourceId, Vectors
from lineament.store.captures import capture_from
from lineament.store.columns import among
from lineament.store.guard import checked, is_altered
from lineament.store.keys import NONCE_BYTES, OVERHEAD, Cipher, DataKey, Vault, damaged
from lineament.store.meta import new_ids
from lineament.store.raw import BINARY, COPIED, batched, fetched
from lineament.store.sources import count
from lineament.store.tables import captures, faces, templates
from lineament.store.tally import COLUMNS, TallyRows, read_rows
from lineament.store.values import box_columns, landmarks_from, landmarks_to, quality_from, quality_to, text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_EPOCH = date(1970, 1, 1)
_MOST = 10_000
"""Most ids in one statement."""
_MAPPED = "mapped"
_MAP_BYTES = 2**31 - 65536
"""The most of the file that SQLite maps. 500 scattered templates take 2.2 ms mapped, 2.6 ms otherwise (ADR 0002)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFace:
    """A face before it has an id."""

    face: Face
    crop: str  # blob address
    drawn: bool = False  # its box, by hand

    @property
    def comparable(self) -> bool:
        """Whether a template is stored."""
        return self.face.comparable


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedFace:
    """A face with the capture that shows it."""

    face: EnrolledFace
    capture: Capture


def template_about(source_id: int, face_id: int, model: str) -> bytes:
    """Return the associated data of a template: it opens for this face, source and model only."""
    return b"template|%d|%d|%s" % (source_id, face_id, model.encode())


class FaceRows:
    """The faces of all sources."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    def add(
        self, capture_id: CaptureId, source_id: SourceId, new: Sequence[NewFace], key: DataKey, captured_day: int
    ) -> list[FaceId]:
        """Add the faces of one capture and return their ids, ascending. ``captured_day``: days since 1970-01-01 UTC."""
        return self.add_all(source_id, [(capture_id, captured_day, new)], key)

    def add_all(
        self, source_id: SourceId, batch: Iterable[tuple[CaptureId, int, Sequence[NewFace]]], key: DataKey
    ) -> list[FaceId]:
        """Add the faces of many captures of one source, (capture, day of capture, faces); return all ids, ascending."""
        new = [(capture_id, day, face) for capture_id, day, faces_of_capture in batch for face in faces_of_capture]
        if not new:
            return []
        ids = new_ids(self._connection, "face", len(new))
        rows, sealed = [], []
        for face_id, (capture_id, day, face) in zip(ids, new, strict=True):
            rows.append(_row(face_id, source_id, face) | {"capture_id": capture_id, "captured_day": day})
            if face.comparable:
                sealed.append(sealed_row(face_id, source_id, face.face, key))
        self._connection.execute(sa.insert(faces), rows, execution_options={COPIED: True})
        if sealed:
            self._connection.execute(sa.insert(templates), sealed, execution_options={COPIED: True})
        count(self._connection, source_id, faces=len(ids), last_face=ids[-1])
        tallied = [[row[column.name] for column in COLUMNS] for row in rows]
        TallyRows(self._connection).add(source_id, tallied, key)
        return [FaceId(face_id) for face_id in ids]

    def get(self, face_id: FaceId) -> EnrolledFace:
        """Return a face. Raises NotFound if there is none with that id."""
        row = self._connection.execute(sa.select(faces).where(faces.c.id == face_id)).mappings().one_or_none()
        if row is None:
            raise NotFound(what="face", name=face_id, hint="lineament search (it may be erased)")
        return self._face(row)

    def of_capture(self, capture_id: CaptureId, *, to_erase: bool = False) -> list[EnrolledFace]:
        """Return the faces of a capture, in the order of their ids.

        ``to_erase``: also those that were changed from outside. Raises AccessAltered.
        """
        query = sa.select(faces).where(faces.c.capture_id == capture_id).order_by(faces.c.id)
        rows = self._connection.execute(query).mappings()
        return [_face(row) if to_erase else self._face(row) for row in rows]

    def describe(self, ids: Iterable[int]) -> dict[FaceId, DescribedFace]:
        """Return faces with their captures, all that a candidate needs; what is erased or was changed is left out."""
        wanted = [int(face_id) for face_id in ids]
        if not wanted:
            return {}
        query = sa.select(faces).where(among(faces.c.id, wanted)).order_by(faces.c.id)
        rows = self._connection.execute(query).mappings()
        found = [_face(row) for row in rows if not is_altered(self._connection, self._vault, "faces", row)]
        shown = sa.select(captures).where(among(captures.c.id, {face.capture_id for face in found}))
        by_id = {
            row["id"]: capture_from(row)
            for row in self._connection.execute(shown).mappings()
            if not is_altered(self._connection, self._vault, "captures", row)
        }
        return {
            face.id: DescribedFace(face=face, capture=by_id[face.capture_id])
            for face in found
            if face.capture_id in by_id  # else somebody pointed it to a picture that is not there
        }

    def _face(self, row: RowMapping) -> EnrolledFace:
        checked(self._connection, self._vault, "faces", row)
        return _face(row)

    def graded(self, ids: Iterable[int]) -> dict[SourceId, dict[FaceId, int]]:
        """Return the grades of the templates of faces, by source; erased faces are left out."""
        query = sa.select(faces.c.source_id, faces.c.id, faces.c.grade).where(among(faces.c.id, list(map(int, ids))))
        found: dict[SourceId, dict[FaceId, int]] = {}
        for row in self._connection.execute(query):
            found.setdefault(SourceId(row.source_id), {})[FaceId(row.id)] = row.grade
        return found

    def newest(self, source_id: SourceId, limit: int) -> list[EnrolledFace]:
        """Return the newest faces of a source whose pictures are not barred, newest first."""
        shown = faces.c.capture_id.in_(sa.select(captures.c.id).where(~captures.c.barred))
        query = sa.select(faces).where(faces.c.source_id == source_id, shown)
        rows = self._connection.execute(query.order_by(faces.c.id.desc()).limit(limit)).mappings()
        return [self._face(row) for row in rows]

    def count_newer(self, source_id: SourceId, face_id: FaceId, most: int) -> int:
        """Count the faces of a source that are newer than one, up to ``most``."""
        newer = sa.select(faces.c.id).where(faces.c.source_id == source_id, faces.c.id > face_id).limit(most)
        return int(self._connection.scalar(sa.select(sa.func.count()).select_from(newer.subquery())) or 0)

    def not_comparable(self, source_id: SourceId, after: int, limit: int) -> list[EnrolledFace]:
        """Return faces without a template and with ids above ``after``, in the order of their ids."""
        query = sa.select(faces).where(faces.c.source_id == source_id, faces.c.id > after, ~faces.c.comparable)
        rows = self._connection.execute(query.order_by(faces.c.id).limit(limit)).mappings()
        return [self._face(row) for row in rows]

    def count_not_comparable(self, source_id: SourceId) -> int:
        """Count the faces of a source without a template."""
        query = sa.select(sa.func.count()).select_from(faces)
        query = query.where(faces.c.source_id == source_id, ~faces.c.comparable)
        return int(self._connection.scalar(query) or 0)

    def set_crop(self, face_id: FaceId, crop: str) -> None:
        """Replace the crop of a face."""
        self._connection.execute(sa.update(faces).where(faces.c.id == face_id).values(crop=crop))

    def erase(self, source_id: SourceId, ids: Iterable[int], key: DataKey) -> None:
        """Delete faces of a source and their templates; ids that do not exist are ignored."""
        for some in batched(map(int, ids), _MOST):
            its = (faces.c.source_id == source_id, among(faces.c.id, some))
            erased = read_rows(self._connection, *its)
            self._connection.execute(sa.delete(faces).where(*its))  # the templates cascade
            count(self._connection, source_id, faces=-len(erased))
            TallyRows(self._connection).remove(source_id, erased, key)

    # ------------------------------------------------------------ for the indexes: rows as the driver returns them

    def ids(self, source_id: SourceId, model: str) -> FaceIds:
        """Return the ids of all faces of a source that have a template of one model, ascending."""
        query = sa.select(faces.c.id).where(faces.c.source_id == source_id, faces.c.model == model, faces.c.comparable)
        return _column(self._raw(query.order_by(faces.c.id)), 0)

    def all_ids(self, source_id: SourceId) -> FaceIds:
        """Return the ids of all faces of a source, whatever the model, also those without a template, ascending."""
        query = sa.select(faces.c.id).where(faces.c.source_id == source_id)
        return _column(self._raw(query.order_by(faces.c.id)), 0)

    def count(self, source_id: SourceId, model: str, since: date | None = None) -> int:
        """Count the faces of a source with templates of one model, captured on the day ``since`` or later."""
        query = sa.select(sa.func.count()).where(faces.c.source_id == source_id, faces.c.model == model)
        query = query.where(faces.c.comparable)
        if since is not None:
            query = query.where(faces.c.captured_day >= (since - _EPOCH).days)
        return int(self._connection.scalar(query) or 0)

    def count_others(self, source_id: SourceId, model: str, *, after: int = 0, up_to: int | None = None) -> int:
        """Count the faces of a source without a template of this model, with ids above ``after``, at most ``up_to``."""
        others = sa.or_(faces.c.model != model, ~faces.c.comparable)
        query = sa.select(sa.func.count()).where(faces.c.source_id == source_id, others, faces.c.id > after)
        return int(self._connection.scalar(query if up_to is None else query.where(faces.c.id <= up_to)) or 0)

    def grades(self, source_id: SourceId, model: str) -> dict[int, int]:
        """Count the faces of a source with templates of one model, by their grade."""
        query = sa.select(faces.c.grade, sa.func.count()).group_by(faces.c.grade)
        query = query.where(faces.c.source_id == source_id, faces.c.model == model, faces.c.comparable)
        return {int(grade): int(many) for grade, many in self._connection.execute(query)}

    def days(self, source_id: SourceId, after_id: int = 0) -> tuple[FaceIds, NDArray[np.int32]]:
        """Return ids above ``after_id``, ascending, and the days of capture (days since 1970-01-01 UTC)."""
        import numpy as np

        query = sa.select(faces.c.id, faces.c.captured_day).where(faces.c.source_id == source_id, faces.c.id > after_id)
        rows = self._raw(query.where(faces.c.comparable).order_by(faces.c.id))
        return _column(rows, 0), _column(rows, 1).astype(np.int32)

    def after(
        self, source_id: SourceId, model: str, last_id: int, key: DataKey, batch: int = 4096
    ) -> Iterator[tuple[FaceIds, Vectors]]:
        """Yield ids above ``last_id`` and their vectors in batches, ascending. Raises Damaged if one does not open."""
        query = (
            sa.select(templates.c.face_id, templates.c.sealed, sa.literal(int(source_id)), sa.literal(model))
            .join(faces, faces.c.id == templates.c.face_id)
            .where(faces.c.source_id == source_id, faces.c.model == model, faces.c.comparable)
            .order_by(faces.c.id)
            .limit(batch)
        )
        while rows := self._raw(query.where(faces.c.id > last_id)):
            ids, vectors = _open_templates(rows, repeat(key.templates))
            yield ids, vectors
            last_id = int(ids[-1])

    def vectors(self, ids: FaceIds, key: DataKey) -> tuple[FaceIds, Vectors]:
        """Return the ids that still exist, in the order given, and their vectors, shape (n, d).

        Raises Damaged if one is not of the source of ``key``, MixedModels if they are of several models.
        """
        import numpy as np

        requested = np.asarray(ids, dtype=np.int64)
        parts: list[tuple[FaceIds, Vectors]] = []
        models: set[str] = set()
        for start in range(0, len(requested), _MOST):
            if rows := self._looked_up(requested[start : start + _MOST].tolist()):
                parts.append(_open_templates(rows, repeat(key.templates)))
                models.add(rows[0][3])
        if len(models) > 1:
            raise MixedModels(first=min(models), second=max(models))
        if not parts:
            return np.empty(0, dtype=np.int64), np.empty((0, 0), dtype=np.float32)
        found = np.concatenate([part[0] for part in parts])
        vectors = np.concatenate([part[1] for part in parts]) if len(parts) > 1 else parts[0][1]
        order = np.argsort(found)
        places = np.minimum(np.searchsorted(found, requested, sorter=order), len(found) - 1)
        found_mask = found[order[places]] == requested
        return requested[found_mask], vectors[order[places[found_mask]]]

    def intact(self, ids: FaceIds, source_id: SourceId, model: str, key: DataKey) -> tuple[FaceIds, Vectors]:
        """Return those of ``ids`` whose templates of one source and model are there and open, in that order.

        Also their vectors, shape (n, d).
        """
        return self.intact_of([(source_id, ids, key)], model)

    def intact_of(self, wanted: Sequence[tuple[SourceId, FaceIds, DataKey]], model: str) -> tuple[FaceIds, Vectors]:
        """Look up faces of several sources as ``intact`` does, all of them at once."""
        every = sorted(face_id for _, ids, _ in wanted for face_id in ids.tolist())
        rows = {row[0]: row for some in batched(every, _MOST) for row in self._looked_up(some)}
        found: list[_SealedRow] = []
        ciphers: list[Cipher] = []
        for source_id, ids, key in wanted:
            its = [row for face_id in ids.tolist() if (row := rows.get(face_id)) and row[2:] == (source_id, model)]
            found += its
            ciphers += [key.templates] * len(its)
        return _open_intact(found, ciphers)

    def check_templates(self, source_id: SourceId, key: DataKey) -> Iterator[tuple[FaceIds, list[int]]]:
        """Yield the ids of faces that should have a template, in batches, and those of them whose does not open."""
        import numpy as np

        query = sa.select(faces.c.id, faces.c.model).where(faces.c.source_id == source_id, faces.c.comparable)
        models: dict[str, list[int]] = {}
        for face_id, model in self._raw(query.order_by(faces.c.id)):
            models.setdefault(model, []).append(face_id)
        for model, ids in models.items():
            for some in batched(ids, _MOST):
                wanted = np.array(some, dtype=np.int64)
                yield wanted, np.setdiff1d(wanted, self.intact(wanted, source_id, model, key)[0]).tolist()

    def _looked_up(self, ids: list[int]) -> list[Any]:
        if self._connection.dialect.name == "sqlite":  # one parameter, so that the statement stays prepared
            self._map()
            requested: tuple[object] = (str(ids),)
            source = "json_each(?) AS requested CROSS JOIN templates ON face_id = requested.value"
            sealed = "CAST(sealed AS BLOB)"  # somebody may have stored a text, even one that cannot be decoded
        else:
            requested, sealed = (ids,), "sealed"
            source = "unnest(%s::bigint[]) AS requested(id) JOIN templates ON face_id = requested.id"
        result = self._connection.exec_driver_sql(
            f"SELECT face_id, {sealed}, source_id, model FROM {source}",  # noqa: S608 - one of the two above
            requested,
            execution_options={BINARY: True},
        )
        return fetched(result)

    def _map(self) -> None:
        """Map the database file into memory; only here, so that a process that only writes stays small."""
        if not self._connection.info.get(_MAPPED):
            self._connection.exec_driver_sql(f"PRAGMA mmap_size = {_MAP_BYTES}").close()
            self._connection.info[_MAPPED] = True

    def _raw(self, query: sa.Select[Any]) -> list[Any]:
        return fetched(self._connection.execute(query, execution_options={BINARY: True}))


_SealedRow = tuple[int, bytes, int, str]
"""Face id, sealed template, source id, model."""


def _column(rows: Sequence[Sequence[Any]], number: int) -> FaceIds:
    import numpy as np

    return np.fromiter((row[number] for row in rows), dtype=np.int64, count=len(rows))


def _open_templates(rows: Sequence[_SealedRow], ciphers: Iterable[Cipher]) -> tuple[FaceIds, Vectors]:
    """Return ids and vectors of sealed templates, all of one model, each with the cipher of its source."""
    import numpy as np

    _, first, _, model = rows[0]
    length = max(0, len(first) - OVERHEAD)
    plain = bytearray(length * len(rows))
    view = memoryview(plain)
    about = b""
    at = 0
    try:
        for (face_id, sealed, source_id, of), cipher in zip(rows, ciphers, strict=False):
            if of != model:
                raise MixedModels(first=model, second=of)
            about = template_about(source_id, face_id, of)
            try:
                cipher.aead.decrypt_into(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about, view[at : at + length])
            except InvalidTag:
                view[at : at + length] = cipher.open(sealed, about)  # if its key is being rotated, under the one before
            at += length
    except (InvalidTag, ValueError, TypeError):  # another type than bytes, which SQLite lets somebody store
        raise damaged(about) from None
    return _column(rows, 0), np.frombuffer(plain, dtype="<f4").reshape(len(rows), -1)


def _open_intact(rows: Sequence[_SealedRow], ciphers: Sequence[Cipher]) -> tuple[FaceIds, Vectors]:
    """Return ids and vectors of those sealed templates, all of one model, that open."""
    import numpy as np

    with suppress(Damaged):
        if rows:
            return _open_templates(rows, ciphers)
    parts = []
    for row, cipher in zip(rows, ciphers, strict=True):
        with suppress(Damaged):
            parts.append(_open_templates([row], [cipher]))
    if not parts:
        return np.empty(0, dtype=np.int64), np.empty((0, 0), dtype=np.float32)
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def sealed_row(face_id: int, source_id: int, face: Face, key: DataKey) -> dict[str, Any]:
    """Return the sealed template of a face as a row."""
    import numpy as np

    template = face.template
    plain = np.ascontiguousarray(template.vector, dtype="<f4").tobytes()
    sealed = key.templates.seal(plain, template_about(source_id, face_id, template.model))
    return {"face_id": face_id, "source_id": source_id, "model": template.model, "sealed": sealed}


def _row(face_id: int, source_id: int, new: NewFace) -> dict[str, Any]:
    face = new.face
    return {
        "id": face_id,
        "source_id": source_id,
        "model": face.template.model,
        **box_columns(face.box),
        "landmarks": text(landmarks_to(face.landmarks)),
        "quality": text(quality_to(face.quality)),
        "crop": new.crop,
        "comparable": new.comparable,
        "grade": face.quality.grade,
        "drawn": new.drawn,
    }


def _face(row: RowMapping) -> EnrolledFace:
    return EnrolledFace(
        id=FaceId(row["id"]),
        capture_id=CaptureId(row["capture_id"]),
        source_id=SourceId(row["source_id"]),
        box=Box(x=row["x"], y=row["y"], width=row["width"], height=row["height"]),
        landmarks=landmarks_from(json.loads(row["landmarks"])),
        quality=quality_from(json.loads(row["quality"])),
        model=row["model"],
        crop=row["crop"],
        comparable=row["comparable"],
        drawn=row["drawn"],
    )
