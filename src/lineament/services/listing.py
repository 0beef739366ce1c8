"""Turns what was compared into a candidate list, and commits it with its ledger entry. No ledger, no list (R40)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

import lineament
from lineament.model.events.searches import SearchRun
from lineament.model.faces import FaceId
from lineament.model.grouping import group_faces
from lineament.model.proposals import Threshold
from lineament.model.rates import ErrorRates
from lineament.model.search import Hit, Mode, SearchRequest, SearchResult
from lineament.observe.stages import Stage, timed
from lineament.services import gate
from lineament.services.cases.access import seen_case
from lineament.services.compared import Compared
from lineament.services.gallery.indexes import Gallery
from lineament.services.gallery.model_in_use import require_model
from lineament.services.keyholder import source_keys
from lineament.services.record import Change, Record
from lineament.services.threshold.in_force import origin_of, threshold_in_force
from lineament.store.db import Tx
from lineament.store.ring import KeyRing

UNRECORDED = -1
"""The ledger entry of a search that has none yet: the entry commits to the search, so the search comes first."""


class ChangedMeanwhileError(Exception):
    """The threshold or a face was changed while a search was compared; it is made again."""


class Listing:
    """Groups, describes and records what was compared, in the name of one official."""

    def __init__(
        self, record: Record, keys: KeyRing, gallery: Callable[[], Gallery], rates: Callable[[], ErrorRates]
    ) -> None:
        """``gallery`` and ``rates`` are called when they are needed first: they load indexes and a model pack."""
        self._record = record
        self._keys = keys
        self._open_gallery = gallery
        self._read_rates = rates

    @cached_property
    def _gallery(self) -> Gallery:
        return self._open_gallery()

    @cached_property
    def _rates(self) -> ErrorRates:
        return self._read_rates()

    def group(self, hits: Sequence[Hit], threshold: float) -> dict[FaceId, int]:
        """Number the groups of alike faces among the hits that reach the threshold; two sources share none."""
        ids = [hit.face_id for hit in hits if hit.score >= threshold]
        groups: dict[FaceId, int] = {}
        if not ids:
            return groups
        with self._record.read() as tx:
            graded = tx.faces.graded(ids)
            keys = source_keys(tx, self._keys, tx.sources.of_ids(list(graded)))
            wanted = [(source_id, np.array(list(grades)), keys[source_id]) for source_id, grades in graded.items()]
            found, vectors = tx.faces.intact_of(wanted, self._rates.model)
        places = {face_id: place for place, face_id in enumerate(found.tolist())}
        by_rank = {face_id: rank for rank, face_id in enumerate(ids)}
        first = 0
        for grades in graded.values():
            faces = sorted(grades.keys() & places.keys(), key=by_rank.__getitem__)
            its = vectors[[places[face_id] for face_id in faces]]
            numbers = group_faces(its, [grades[face_id] for face_id in faces], self._rates)
            groups |= {face_id: first + number for face_id, number in zip(faces, numbers, strict=True)}
            first += len(set(numbers))
        return groups

    def in_force(self, tx: Tx, request: SearchRequest) -> Threshold | None:
        """Return the threshold in force if this search uses it. Raises ThresholdUntrusted."""
        if request.mode is not Mode.IDENTIFICATION:
            return None
        return threshold_in_force(tx, self._record.ledger.public_key, self._rates.model)

    def require_known(self, listed: Sequence[FaceId], known: Container[FaceId]) -> None:
        """Raise ChangedMeanwhileError unless every face is known; those that are not are set aside."""
        if unknown := [face_id for face_id in listed if face_id not in known]:
            self._gallery.set_aside(unknown)
            raise ChangedMeanwhileError

    @timed(Stage.COMMIT)
    def record(
        self,
        request: SearchRequest,
        found: Compared,
        also: Callable[[Change, SearchResult], None] = lambda *_: None,
    ) -> SearchResult:
        """Check the gate again, describe the candidates, and commit the list with its ledger entry.

        It is returned whole, for the services: readers get it through ``review/seen.py``. ``also`` is called in the
        same transaction. Raises Refused, LedgerUnavailable, or ChangedMeanwhileError.
        """
        faces, after = found.faces, found.after
        threshold, in_force = found.threshold, found.in_force
        with self._record.change() as change:
            tx = change.tx
            require_model(tx, self._rates.model)
            sources = tx.sources.as_now(found.sources)
            case = seen_case(tx, self._record, request.case)
            change.concerns(case)
            unattended = found.watch is not None
            attempt = gate.attempt(
                tx, self._record, case, sources, request.reason, probes=found.every_probe, unattended=unattended
            )
            gate.admit(attempt)
            if self.in_force(tx, request) != in_force:
                raise ChangedMeanwhileError
            candidates = found.candidates(tx, request.limit, self._rates, self.require_known)
            people = found.others(self._rates, request.mode)
            search_id, official = secrets.token_hex(8), self._record.official
            probe = found.probes[0]
            chosen = found.chosen
            names = tuple(source.name for source in sources)
            result = SearchResult(
                search_id=search_id,
                case=case.ref,
                case_key=case.key,
                reason=request.reason,
                made_at=change.at,
                model=self._rates.model,
                gallery_faces=faces,
                sources=names,
                mode=request.mode,
                threshold=threshold,
                since=request.since,
                until=request.until,
                limit=request.limit,
                probe_id=probe.id,
                probe_sha256=probe.sha256,
                face=found.face,
                face_box=chosen.box,
                quality=chosen.quality,
                candidates=candidates,
                seconds=found.seconds,
                ledger_entry=UNRECORDED,
                others=request.others,
                probe_part=probe.part,
                probe_parts=probe.parts,
                probe_incomplete=probe.incomplete,
                probe_missing=probe.missing,
                probe_edits=probe.edits,
                probe_kind=probe.kind,
                probe_origin=probe.origin,
                strangers=None if in_force is None else in_force.strangers,
                signed=None if in_force is None else origin_of(in_force),
                missed=found.missed(self._rates, request.mode),
                uncompared=found.uncompared,
                altered=found.altered,
                together=found.together,
                people=people,
                newest_face=found.newest_face,
                after=None if after is None else replace(after, whole_faces=found.compared.gallery),
                watch=found.watch,
                whole_faces=None if found.watch is None else found.compared.gallery,
            )
            bound = tx.searches.bind(result, case.id, agency_id=official.agency_id, examiner=official.name)
            entry = change.record(
                SearchRun(
                    search=search_id,
                    case=case.ref,
                    reason=request.reason,
                    probe=probe.sha256,
                    kind=probe.kind.value,
                    face=found.face,
                    others=tuple((other.probe_id, other.face) for other in request.others),
                    model=self._rates.model,
                    sources=names,
                    since=request.since,
                    until=request.until,
                    mode=request.mode.value,
                    threshold=threshold,
                    damping=found.damping,
                    limit=request.limit,
                    gallery_faces=faces,
                    candidates=tuple((item.rank, item.face_id, item.score) for item in candidates),
                    strangers=None if in_force is None else in_force.strangers,
                    change=None if in_force is None else in_force.number,
                    uncompared=found.uncompared,
                    altered=found.altered,
                    together=None if found.together is None else found.together.value,
                    people=tuple((person.number, person.probe_id, person.face, person.threshold) for person in people),
                    persons=tuple(item.person for item in candidates if item.person is not None),
                    after=None if after is None else after.search_id,
                    after_face=None if after is None else after.face,
                    newest_face=found.newest_face,
                    shown=bound.shown,
                    twins=bound.twins,
                    nth=case.searches + 1,
                    version=lineament.__version__,
                    watch=found.watch,
                    whole_faces=result.whole_faces,
                ),
                {f"searches/{search_id}": bound.digest},
            )
            result = replace(result, ledger_entry=entry)
            tx.searches.add(result, case.id, agency_id=official.agency_id, examiner=official.name)
            if candidates:
                tx.reviews.open_list(search_id, case.id, change.at)
                if official.account_id is not None:
                    tx.reviews.set_turn(search_id, official.account_id, change.at)
            also(change, result)
        return result
