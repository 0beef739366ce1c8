"""Probes: the images asked about. The original is sealed under the key of its case and never changes (R14)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from lineament.errors import BadPicture, InvalidValue, NoFace, NotAllowed, NotFound, ProbeErased, Refused, SeveralFaces
from lineament.model.accounts import Permission
from lineament.model.cases import Case
from lineament.model.edits import face_at, moved
from lineament.model.events.searches import ProbeAdded, ProbeApproved, ProbeRemoved, ProbeReplayed
from lineament.model.faces import Box, Face, common_quarters
from lineament.model.reasons import Reason, ReasonCode
from lineament.model.search import DECLARED, NO_PROBES, CopyOrigin, Edit, EditKind, Probe, ProbeKind
from lineament.services.cases.access import case_for, case_of_probe, may_in, require_open
from lineament.services.copying import why_not_again
from lineament.services.gallery.shred import Shredder
from lineament.services.keyholder import case_key, require_current_case
from lineament.services.needs import needs
from lineament.services.people.policies import policy_for
from lineament.services.record import Record
from lineament.store.blobs import Blobs
from lineament.store.db import Tx
from lineament.store.keys import DataKey
from lineament.store.ring import KeyRing
from lineament.store.values import edit_to
from lineament.vision.analyse import Analyser, Analysis, face_crop, screen_picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """The result of repeating a probe's edits."""

    steps: tuple[tuple[str, str], ...]  # digests, recorded and recomputed: as decoded, then after each edit
    edits: tuple[Edit, ...]
    as_before: bool = False  # decoded as versions up to 0.2 did, which recorded the probe

    @property
    def same(self) -> bool:
        """Whether every step gives the recorded pixels."""
        return len(self.steps) == len(self.edits) + 1 and all(recorded == now for recorded, now in self.steps)

    @property
    def decoded_otherwise(self) -> bool:
        """Whether the difference begins with the decoding, before any edit.

        The original is the one that was stored: it is sealed, and would not open if a byte of it had changed. So this
        version reads it differently, or the record was changed.
        """
        return bool(self.steps) and self.steps[0][0] != self.steps[0][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class _AdmittedCase:
    """An open case that accepts a probe of that kind, with its key."""

    case: Case
    kind: ProbeKind
    key: DataKey
    origin: CopyOrigin | None = None  # of a copy


class Probes:
    """Stores probes, finds their faces, and returns their pictures."""

    def __init__(self, record: Record, keys: KeyRing, blobs: Blobs, analyser: Callable[[], Analyser]) -> None:
        self._record = record
        self._keys = keys
        self._blobs = blobs
        self._load = analyser

    @cached_property
    def _analyser(self) -> Analyser:
        return self._load()

    @needs(Permission.OPEN_CASES, in_case=True)
    def take(
        self,
        case_name: str,
        untrusted: bytes,
        edits: Sequence[Edit] | None = None,
        kind: ProbeKind | None = None,
        part: int | None = None,
    ) -> Probe:
        """Store a probe in its case and find all its faces, largest first; there may be none.

        ``edits``: None turns the photograph upright if most of its faces are turned alike, which is an edit too.
        ``part`` is which picture of the file, from 1; None: the first that shows a face, or else the first. The same
        bytes with the same edits and kind are one probe of that case. Raises Refused if the case is closed, if the
        policy wants the kind declared, and for kinds that are no photographs of a face (R13); NotFound if the file does
        not hold so many pictures.
        """
        return self._take(self._admit(case_name, kind), untrusted, edits, part)

    @needs(Permission.OPEN_CASES, in_case=True)
    def take_face(self, case_name: str, untrusted: bytes, kind: ProbeKind, least_score: float = 0.0) -> Probe:
        """Store a probe as it is, not turned upright. Raises as ``take`` does, and NoFace, which keeps nothing.

        ``least_score``: of the detector, 0 to 1; a face of it has to reach that.
        """
        admitted = self._admit(case_name, kind)
        sha256 = hashlib.sha256(untrusted).hexdigest()
        if (known := self._find_equal(admitted, sha256, (), None)) is not None:
            return known
        seen = self._analyser.analyse(untrusted, digests=True)
        sure = [face for face in seen.faces if face.quality.detector_score >= least_score]
        face_of(sure, 1 if sure else None, width=seen.picture.width, height=seen.picture.height)
        known = self._find_equal(admitted, sha256, (), seen.picture.part)
        return known or self._store(admitted, untrusted, seen, ())

    @needs(Permission.OPEN_CASES, in_case=True)
    def require_kind(self, case_name: str, kind: ProbeKind | None) -> None:
        """Raise as ``take`` does if the case is closed, or takes no photograph of that kind."""
        self._admit(case_name, kind)

    @needs(Permission.OPEN_CASES, in_case=True)
    def copy(
        self, case_name: str, untrusted: bytes, origin: CopyOrigin, box: Box, part: int | None = None
    ) -> tuple[Probe, int]:
        """Store a copy of a candidate's picture; return it with the number of the face that is in the box.

        A face that is not found there by itself is looked for as if the box were drawn. Raises Refused or NotFound if
        the picture was barred or erased meanwhile, or NoFace.
        """
        probe = self._take(self._admit(case_name, ProbeKind.GALLERY, origin), untrusted, None, part)
        if probe.edits:
            sideways = probe.edits[0].degrees % 180
            before = (probe.height, probe.width) if sideways else (probe.width, probe.height)
            box = moved(box, probe.edits[0], before)
        if number := face_at([face.box for face in probe.faces], box):
            return probe, number
        drawn = self.draw(probe.id, box)
        return drawn, len(drawn.faces)

    def _take(self, admitted: _AdmittedCase, untrusted: bytes, edits: Sequence[Edit] | None, part: int | None) -> Probe:
        sha256 = hashlib.sha256(untrusted).hexdigest()
        if (known := self._find_equal(admitted, sha256, None if edits is None else tuple(edits), part)) is not None:
            return known
        made = tuple(edits or ())
        seen = self._analyser.analyse(untrusted, edits=made, digests=True, part=part)
        if edits is None and (turned := self._turn_upright(untrusted, seen)) is not None:
            made, seen = turned
        if (known := self._find_equal(admitted, sha256, made, seen.picture.part)) is not None:
            return known
        return self._store(admitted, untrusted, seen, made)

    @needs(Permission.OPEN_CASES, in_case=True)
    def turn_to(self, probe_id: str, part: int) -> Probe:
        """Create another probe from another picture of the same file, as it is added first. Raises NotFound."""
        probe = self.get(probe_id)
        return self._take(self._admit_again(probe), self._original(probe), None, part)

    @needs(Permission.OPEN_CASES, in_case=True)
    def edit(self, probe_id: str, edits: Sequence[Edit]) -> Probe:
        """Create another probe from the same original, with these edits in place of the previous ones."""
        probe = self.get(probe_id)
        return self._take(self._admit_again(probe), self._original(probe), tuple(edits), probe.part)

    @needs(Permission.READ_CASES, in_case=True)
    def replay(self, probe_id: str) -> Replay:
        """Repeat a probe's edits from its original, compare the digests of every step (R14), and record it."""
        probe = self.get(probe_id)
        replay = self._replayed(probe)
        with self._record.change() as change:
            case = case_of_probe(change.tx, self._record, probe_id)
            change.concerns(case)
            change.record(ProbeReplayed(case=case.ref, probe=probe_id, same=replay.same))
        return replay

    @needs(Permission.APPROVE, in_case=True)
    def approve(self, probe_id: str) -> None:
        """Approve searches with a photograph (R11). The gate counts only approvals by others than the searcher."""
        account = self._record.official.account_id
        with self._record.change() as change:
            case = case_of_probe(change.tx, self._record, probe_id)
            if account is None or not may_in(change.tx, self._record, case, Permission.APPROVE):
                raise NotAllowed(what=Permission.APPROVE.value)
            require_open(case)
            change.concerns(case)
            change.tx.members.approve(probe_id, account, change.at)
            change.record(ProbeApproved(case=case.ref, probe=probe_id))

    @needs(Permission.READ_CASES, in_case=True)
    def approvers(self, probe_id: str) -> dict[str, str]:
        """Return the account ids and names of those who approved the probe, in order."""
        with self._record.read() as tx:
            case_of_probe(tx, self._record, probe_id)
            return {account_id: tx.accounts.get(account_id).name for account_id in tx.members.approvers(probe_id)}

    @needs(Permission.OPEN_CASES, in_case=True)
    def draw(self, probe_id: str, box: Box) -> Probe:
        """Create a probe whose last face is the one in the box that the examiner drew. Raises NoFace."""
        probe = self.get(probe_id)
        untrusted = self._original(probe)
        drawn = self._analyser.analyse_region(untrusted, box, edits=probe.edits, digests=True, part=probe.part)
        return self._store(self._admit_again(probe), untrusted, drawn, probe.edits, earlier=probe.faces)

    @needs(Permission.OPEN_CASES, in_case=True)
    def remove(self, probe_id: str) -> None:
        """Destroy a photograph that was the wrong one: the original, and every probe that was made of it in its case.

        Raises Refused if a search used it, or if the case is closed or on legal hold.
        """
        with self._record.change() as change:
            case = case_of_probe(change.tx, self._record, probe_id)
            if not may_in(change.tx, self._record, case, Permission.OPEN_CASES):
                raise NotAllowed(what=f"{Permission.OPEN_CASES.value}, in this case")
            require_open(case)
            change.concerns(case)
            if (why := self._why_kept(change.tx, case, probe_id)) is not None:
                raise Refused(why)
            sha256 = change.tx.probes.sha256(probe_id)
            ids = change.tx.probes.of_photograph(case.id, sha256)
            blobs = {change.tx.probes.blob(removed) for removed in ids}
            change.tx.probes.delete(ids)
            change.tx.deletions.add(sorted(blobs))
            change.record(ProbeRemoved(case=case.ref, probe=probe_id, sha256=sha256, probes=len(ids)))
        Shredder(self._record, self._blobs).finish()

    @needs(Permission.READ_CASES, in_case=True)
    def why_kept(self, probe_id: str) -> Reason | None:
        """Return why a photograph cannot be removed, None if it can."""
        with self._record.read() as tx:
            return self._why_kept(tx, case_of_probe(tx, self._record, probe_id), probe_id)

    @staticmethod
    def _why_kept(tx: Tx, case: Case, probe_id: str) -> Reason | None:
        if case.hold_because is not None:
            return ReasonCode.PROBE_HELD.reason(ref=case.ref)
        ids = tx.probes.of_photograph(case.id, tx.probes.sha256(probe_id))
        return ReasonCode.PROBE_SEARCHED.reason() if tx.probes.is_searched(ids) else None

    @needs(Permission.READ_CASES, in_case=True)
    def get(self, probe_id: str) -> Probe:
        """Return a probe. Raises NotFound if it is in no visible case."""
        with self._record.read() as tx:
            case = case_of_probe(tx, self._record, probe_id)
            return tx.probes.get(probe_id, case_key(tx, self._keys, case))

    @needs(Permission.READ_CASES, in_case=True)
    def picture(self, probe_id: str) -> bytes:
        """Return the probe as JPEG for the screen, edits applied, long side at most 1600 pixels."""
        probe = self.get(probe_id)
        return screen_picture(self._analyser.decode(self._original(probe), probe.edits, probe.part))

    @needs(Permission.READ_CASES, in_case=True)
    def crop(self, probe_id: str, face: int) -> bytes:
        """Return one face of the probe as JPEG; faces count from 1."""
        probe = self.get(probe_id)
        chosen = chosen_face(probe, face)
        picture = self._analyser.decode(self._original(probe), probe.edits, probe.part)
        return face_crop(picture, chosen.box, chosen.quality.quarters)

    def _admit_again(self, probe: Probe) -> _AdmittedCase:
        return self._admit(probe.case_key, probe.kind, probe.origin)

    def _admit(self, case_name: str, kind: ProbeKind | None, origin: CopyOrigin | None = None) -> _AdmittedCase:
        with self._record.read() as tx:
            case = case_for(tx, self._record, case_name, Permission.OPEN_CASES)
            require_open(case)
            if kind is None and policy_for(tx, self._record.official.agency_id).probe_kind:
                why = f"declare one: {', '.join(DECLARED)}"
                raise InvalidValue(what="The kind of photograph", value="", why=why, field="kind")
            declared = kind or ProbeKind.OTHER
            if declared in NO_PROBES:
                raise Refused(ReasonCode.PROBE_KIND.reason(kind=declared, why=NO_PROBES[declared]))
            if (declared is ProbeKind.GALLERY) != (origin is not None):
                why = "a photograph of this kind is made from a candidate: search with its face"
                raise InvalidValue(what="The kind of photograph", value=declared.value, why=why, field="kind")
            return _AdmittedCase(case=case, kind=declared, key=case_key(tx, self._keys, case), origin=origin)

    def _turn_upright(self, untrusted: bytes, seen: Analysis) -> tuple[tuple[Edit, ...], Analysis] | None:
        """Return the turn that shows most faces upright, with what is seen then; None if none is needed, or helps."""
        quarters = common_quarters(seen.faces)
        if not quarters:
            return None
        turn = (Edit(kind=EditKind.ROTATE, degrees=90 * (4 - quarters), automatic=True),)
        turned = self._analyser.analyse(untrusted, edits=turn, digests=True, part=seen.picture.part)
        if len(turned.faces) < len(seen.faces) or common_quarters(turned.faces):
            return None
        return turn, turned

    def _replayed(self, probe: Probe) -> Replay:
        """Repeat the edits; as older versions decoded the original if only that gives what was recorded."""
        original = self._original(probe)
        again = self._analyser.replay_edits(original, probe.edits, probe.part)
        replay = Replay(steps=tuple(zip(probe.digests, again, strict=False)), edits=probe.edits)
        if not replay.decoded_otherwise or probe.part != 1:
            return replay
        with suppress(BadPicture):
            again = self._analyser.replay_edits(original, probe.edits, as_before=True)
            older = Replay(steps=tuple(zip(probe.digests, again, strict=False)), edits=probe.edits, as_before=True)
            if not older.decoded_otherwise:
                return older
        return replay

    def _find_equal(
        self, admitted: _AdmittedCase, sha256: str, edits: tuple[Edit, ...] | None, part: int | None
    ) -> Probe | None:
        """Return an equal probe. Without ``part`` only that of a file with a single picture is equal for certain."""
        with self._record.read() as tx:
            same = tx.probes.same(admitted.case.id, sha256, self._analyser.model, admitted.key)
        of_kind = [probe for probe in same if probe.kind is admitted.kind and probe.origin == admitted.origin]
        equal = (probe for probe in of_kind if _is_made_by(edits, probe))
        return next((probe for probe in equal if probe.part == part or (part is None and probe.parts == 1)), None)

    def _original(self, probe: Probe) -> bytes:
        with self._record.read() as tx:
            key = case_key(tx, self._keys, case_of_probe(tx, self._record, probe.id))
            return self._blobs.get(key, tx.probes.blob(probe.id))

    def _store(
        self,
        admitted: _AdmittedCase,
        untrusted: bytes,
        seen: Analysis,
        edits: Sequence[Edit],
        earlier: tuple[Face, ...] = (),
    ) -> Probe:
        blob = self._blobs.put(admitted.key, untrusted)
        self._blobs.flush()
        with self._record.change() as change:
            case = case_for(change.tx, self._record, admitted.case.key, Permission.OPEN_CASES)
            change.concerns(case)
            require_open(case)
            require_current_case(change.tx, self._keys, case, admitted.key)
            origin = admitted.origin
            if origin is not None and (why := why_not_again(change.tx, self._record, origin)) is not None:
                raise Refused(why)
            probe = Probe(
                id=secrets.token_hex(8),
                case=case.ref,
                case_key=case.key,
                sha256=seen.sha256,
                media_type=seen.picture.media_type,
                width=seen.picture.width,
                height=seen.picture.height,
                faces=(*earlier, *seen.faces),
                made_at=change.at,
                edits=tuple(edits),
                digests=seen.digests,
                kind=admitted.kind,
                part=seen.picture.part,
                parts=seen.picture.parts,
                incomplete=seen.picture.incomplete,
                missing=seen.picture.missing,
                origin=origin,
            )
            change.tx.probes.add(probe, case.id, blob, admitted.key)
            change.record(
                ProbeAdded(
                    case=case.ref,
                    probe=probe.id,
                    sha256=probe.sha256,
                    kind=probe.kind.value,
                    faces=len(probe.faces),
                    part=probe.part,
                    digests=probe.digests,
                    edits=tuple(map(edit_to, edits)),
                    search=None if origin is None else origin.search_id,
                    candidate=None if origin is None else origin.face_id,
                    capture=None if origin is None else origin.capture_id,
                    source=None if origin is None else origin.source,
                )
            )
        return probe


def _is_made_by(edits: tuple[Edit, ...] | None, probe: Probe) -> bool:
    """Return whether ``take`` makes a probe with these edits; None: with those that it makes by itself, or none."""
    if edits is None:
        return all(edit.automatic for edit in probe.edits) and not common_quarters(probe.faces)
    return probe.edits == edits


def chosen_face(probe: Probe, number: int | None) -> Face:
    """Return face ``number`` (from 1) of a probe, or the only one.

    Raises NoFace, SeveralFaces, NotFound, or ProbeErased.
    """
    if probe.erased_at is not None:
        when = f"{probe.erased_at:%Y-%m-%d %H:%M}"
        raise ProbeErased(what="photograph", name=probe.id, at=probe.erased_at, when=when)
    return face_of(probe.faces, number, width=probe.width, height=probe.height)


def face_of(faces: Sequence[Face], number: int | None, *, width: int, height: int) -> Face:
    """Return face ``number`` (from 1) of a picture of that size in pixels, or the only one if ``number`` is None.

    Raises:
        NoFace: The picture shows none.
        SeveralFaces: It shows several and ``number`` is None; ``boxes`` of its details says where they are.
        NotFound: There is no face of that number.
    """
    if not faces:
        raise NoFace(looked=f"{width} × {height} pixels were looked through")
    if number is None and len(faces) > 1:
        raise SeveralFaces(count=len(faces), boxes=tuple(face.box for face in faces))
    if number is not None and not 1 <= number <= len(faces):
        raise NotFound(what="face", name=number, hint=f"numbers 1 to {len(faces)}")
    return faces[(number or 1) - 1]
