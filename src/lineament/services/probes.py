"""Probes: the images asked about. The original is sealed with its case and never changes (R14)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from lineament.errors import NoFace as NoFaceFound
from lineament.errors import NotFound, Refused, SeveralFaces
from lineament.ledger.log import Action
from lineament.model.cases import CaseState
from lineament.model.faces import Box, Face
from lineament.model.search import Edit, Probe
from lineament.services.keyholder import case_key
from lineament.services.record import Record
from lineament.store.blobs import Blobs
from lineament.store.keys import KeyRing
from lineament.vision.analyse import Analyser, Analysis, face_crop, screen_picture


class Probes:
    """Takes probes in, finds their faces, and shows them."""

    def __init__(self, record: Record, keys: KeyRing, blobs: Blobs, analyser: Analyser) -> None:
        self._record = record
        self._keys = keys
        self._blobs = blobs
        self._analyser = analyser

    def take(self, case_ref: str, untrusted: bytes, edits: Sequence[Edit] = ()) -> Probe:
        """Store a probe with its case and find all its faces, the largest first; there may be none.

        The same bytes with the same edits are one probe of that case. Refused where the case is closed.
        """
        sha256 = hashlib.sha256(untrusted).hexdigest()
        if (known := self._known(case_ref, sha256, tuple(edits))) is not None:
            return known
        return self._store(case_ref, untrusted, self._analyser.analyse(untrusted, edits=edits), edits)

    def edit(self, probe_id: str, edits: Sequence[Edit]) -> Probe:
        """The same original with these edits instead of those it had; a probe of its own."""
        probe = self.get(probe_id)
        return self.take(probe.case, self._original(probe), edits)

    def draw(self, probe_id: str, box: Box) -> Probe:
        """A probe of the same picture whose last face is the one in the box that the examiner drew; NoFace if none."""
        probe = self.get(probe_id)
        untrusted = self._original(probe)
        drawn = self._analyser.analyse_region(untrusted, box, edits=probe.edits)
        return self._store(probe.case, untrusted, drawn, probe.edits, earlier=probe.faces)

    def get(self, probe_id: str) -> Probe:
        """One probe; NotFound where there is none."""
        with self._record.store.read() as tx:
            return tx.probes.get(probe_id, partial(case_key, tx, self._keys))

    def picture(self, probe_id: str) -> bytes:
        """The probe as JPEG for the screen, edits applied, long side at most 1600 pixels."""
        probe = self.get(probe_id)
        return screen_picture(self._analyser.decoded(self._original(probe), probe.edits))

    def crop(self, probe_id: str, face: int) -> bytes:
        """One face of the probe as JPEG; faces count from 1."""
        probe = self.get(probe_id)
        chosen = chosen_face(probe, face)
        return face_crop(self._analyser.decoded(self._original(probe), probe.edits), chosen.box)

    def _known(self, case_ref: str, sha256: str, edits: tuple[Edit, ...]) -> Probe | None:
        with self._record.store.read() as tx:
            case = tx.cases.get(case_ref)
            if case.state is not CaseState.OPEN:
                raise Refused(reasons=f"the case {case.ref} is {case.state.value}")
            same = tx.probes.same(case.id, sha256, self._analyser.model, case_key(tx, self._keys, case))
        return next((probe for probe in same if probe.edits == edits), None)

    def _original(self, probe: Probe) -> bytes:
        with self._record.store.read() as tx:
            key = case_key(tx, self._keys, tx.cases.get(probe.case))
            return self._blobs.get(key, tx.probes.blob(probe.id))

    def _store(
        self,
        case_ref: str,
        untrusted: bytes,
        seen: Analysis,
        edits: Sequence[Edit],
        earlier: tuple[Face, ...] = (),
    ) -> Probe:
        with self._record.store.read() as tx:
            key = case_key(tx, self._keys, tx.cases.get(case_ref))
        blob = self._blobs.put(key, untrusted)
        self._blobs.flush()
        with self._record.change() as change:
            case = change.tx.cases.get(case_ref)
            if case.state is not CaseState.OPEN:
                raise Refused(reasons=f"the case {case.ref} is {case.state.value}")
            probe = Probe(
                id=secrets.token_hex(8),
                case=case.ref,
                sha256=seen.sha256,
                media_type=seen.picture.media_type,
                width=seen.picture.width,
                height=seen.picture.height,
                faces=(*earlier, *seen.faces),
                made_at=change.at,
                edits=tuple(edits),
            )
            change.tx.probes.add(probe, case.id, blob, key)
            change.record(
                Action.PROBE_ADDED,
                case=case.ref,
                probe=probe.id,
                sha256=probe.sha256,
                faces=len(probe.faces),
                edits=[_edit_record(edit) for edit in edits],
            )
        return probe


def _edit_record(edit: Edit) -> dict[str, str | int | list[float] | None]:
    box = None if edit.box is None else [float(side) for side in asdict(edit.box).values()]
    return {"kind": edit.kind.value, "degrees": edit.degrees, "box": box}


def chosen_face(probe: Probe, face: int | None) -> Face:
    """Face number ``face`` (from 1), or the only one there is; NoFace, SeveralFaces or NotFound otherwise."""
    if not probe.faces:
        raise NoFaceFound(looked=f"{probe.width} × {probe.height} pixels were looked through")
    if face is None:
        if len(probe.faces) > 1:
            raise SeveralFaces(count=len(probe.faces), faces=_listed(probe.faces))
        return probe.faces[0]
    if not 1 <= face <= len(probe.faces):
        raise NotFound(what="face", name=face, hint=f"numbers 1 to {len(probe.faces)}")
    return probe.faces[face - 1]


def _listed(faces: Sequence[Face], most: int = 12) -> str:
    shown = [
        f"{number} at ({face.box.x:.0f}, {face.box.y:.0f}), {face.box.height:.0f} px high"
        for number, face in enumerate(faces[:most], start=1)
    ]
    return "; ".join(shown) + ("; …" if len(faces) > most else "")
