"""The list of faces that are not to be searched without a supervisor: colleagues who agree, and public persons.

A search of one is a finding of the weekly report, not a refusal: a refusal would tell who is on the list. The
photograph is not kept; the template is sealed under a key of its own, which goes with its row.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from lineament.errors import NotFound
from lineament.model.accounts import Permission
from lineament.model.events.oversight import FaceGuarded, FaceUnguarded
from lineament.model.misuse.reports import GuardedFace, GuardedKind
from lineament.model.texts import checked_reason, require_said
from lineament.services.needs import needs
from lineament.services.probes import face_of
from lineament.services.record import Record
from lineament.store.db import Tx
from lineament.store.ring import KeyRing
from lineament.vision.analyse import Analyser


def about_guarded(face_id: str) -> str:
    """Return the associated data of the key of a guarded face."""
    return f"guarded face/{face_id}"


def guarded_faces(tx: Tx, keys: KeyRing, agency_id: str) -> list[GuardedFace]:
    """Return the faces on the list of an agency, oldest first."""
    rows = tx.guarded.of_agency(agency_id)
    return [tx.guarded.opened(row, keys.unwrap(wrapped, about_guarded(row["id"]))) for row, wrapped in rows]


class GuardedFaces:
    """Adds, lists and removes the faces of the official's agency."""

    def __init__(self, record: Record, keys: KeyRing, analyser: Callable[[], Analyser]) -> None:
        self._record = record
        self._keys = keys
        self._analyser = analyser

    @needs(Permission.READ_MISUSE)
    def list(self) -> list[GuardedFace]:
        """Return the faces on the list, oldest first."""
        with self._record.read() as tx:
            return guarded_faces(tx, self._keys, self._record.official.agency_id)

    @needs(Permission.MANAGE_CASES)
    def add(self, untrusted: bytes, name: str, because: str, kind: GuardedKind, face: int | None = None) -> GuardedFace:
        """Put the face that a photograph shows on the list; the photograph is not kept.

        Raises NoFace, SeveralFaces if it shows several and no number is given, or InvalidValue for a text.
        """
        require_said(name, "The name", "name")
        name, reason = " ".join(name.split())[:100], checked_reason(because)
        analyser = self._analyser()
        seen = analyser.analyse(untrusted)
        chosen = face_of(seen.faces, face, width=seen.picture.width, height=seen.picture.height)
        with self._record.change() as change:
            added = GuardedFace(
                id=secrets.token_hex(8),
                agency_id=self._record.official.agency_id,
                name=name,
                kind=kind,
                because=reason,
                added_by=self._record.official.name,
                added_at=change.at,
                template=chosen.template,
                grade=chosen.quality.grade,
            )
            wrapped = self._keys.new_data_key(about_guarded(added.id))
            change.tx.guarded.add(added, self._keys.unwrap(wrapped, about_guarded(added.id)), wrapped)
            change.record(FaceGuarded(face=added.id, name=name, kind=kind.value, because=reason))
        return added

    @needs(Permission.MANAGE_CASES)
    def remove(self, face_id: str, reason: str) -> None:
        """Take a face off the list and destroy its template. Raises NotFound."""
        because = checked_reason(reason)
        with self._record.change() as change:
            tx, agency_id = change.tx, self._record.official.agency_id
            named = {face.id: face.name for face in guarded_faces(tx, self._keys, agency_id)}
            if face_id not in named:
                raise NotFound(what="guarded face", name=face_id, hint="lineament misuse faces")
            tx.guarded.remove(face_id, agency_id)
            tx.deletions.note_erased()
            change.record(FaceUnguarded(face=face_id, name=named[face_id], reason=because))
        self._record.store.scrub()
