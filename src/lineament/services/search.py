"""The search: gate, probe, every permitted face, ledger, and only then the list. No ledger, no result (R40)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from lineament.errors import InvalidValue, MixedModels
from lineament.ledger.log import Action
from lineament.model.rates import FalseMatchTable
from lineament.model.search import (
    EXPECTED_FALSE,
    Candidate,
    Hit,
    Mode,
    Probe,
    SearchRequest,
    SearchResult,
    folded,
)
from lineament.model.sources import Source
from lineament.services import gate
from lineament.services.gallery import Compared, Gallery
from lineament.services.keyholder import case_key
from lineament.services.probes import chosen_face
from lineament.services.record import Record
from lineament.store.db import Tx
from lineament.store.keys import KeyRing
from lineament.store.searches import StoredSearch

SPARE = 4
"""The gallery is asked for so many times the limit, so that folding near-duplicates does not shorten the list."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What is known before the record is written."""

    probe: Probe
    face: int  # from 1
    sources: tuple[Source, ...]
    compared: Compared
    seconds: float


class Search:
    """Runs searches and shows those that were run."""

    def __init__(self, record: Record, keys: KeyRing, gallery: Gallery, rates: FalseMatchTable) -> None:
        self._record = record
        self._keys = keys
        self._gallery = gallery
        self._rates = rates

    def run(self, probe_id: str, request: SearchRequest, face: int | None = None) -> SearchResult:
        """Compare one face of a probe with every face of the permitted sources.

        Errors: Refused by the gate; NoFace, SeveralFaces, NotFound for the face; MixedModels; LedgerUnavailable.
        """
        probe, sources = self._admitted(probe_id, request)
        chosen = chosen_face(probe, face)
        if chosen.template.model != self._rates.model:
            raise MixedModels(one=self._rates.model, other=chosen.template.model)
        self._gallery.open(sources)
        began = time.perf_counter()
        days = (request.since, request.until)
        compared = self._gallery.search(sources, chosen.template.vector, SPARE * request.limit, days)
        seconds = time.perf_counter() - began
        found = _Found(probe, probe.faces.index(chosen) + 1, tuple(sources), compared, seconds)
        return self._recorded(request, found)

    def admit(self, request: SearchRequest) -> None:
        """Refused where the gate would not let this search run; asked before a probe is taken in for it."""
        today = self._record.clock().date()
        with self._record.store.read() as tx:
            case = tx.cases.get(request.case)
            gate.admit(case, gate.chosen(tx, request.sources, today), request.reason, today)

    def get(self, search_id: str) -> SearchResult:
        """A search that was run; NotFound where there is none."""
        with self._record.store.read() as tx:
            return tx.searches.get(search_id)

    def stored(self, search_id: str) -> StoredSearch:
        """The same with who made it, and with what is left of the candidates that were erased since."""
        with self._record.store.read() as tx:
            return tx.searches.stored(search_id)

    def why_not(self, case_ref: str, sources: Sequence[str] = ()) -> list[str]:
        """Every reason for which a search in this case could not run now."""
        today = self._record.clock().date()
        with self._record.store.read() as tx:
            return gate.reasons_against(tx.cases.get(case_ref), gate.chosen(tx, sources, today), "asked", today)

    def gallery_faces(self, sources: Sequence[str] = ()) -> int:
        """How many faces a search of these sources would compare now."""
        with self._record.store.read() as tx:
            return sum(source.faces for source in gate.chosen(tx, sources, self._record.clock().date()))

    def _admitted(self, probe_id: str, request: SearchRequest) -> tuple[Probe, list[Source]]:
        today = self._record.clock().date()
        with self._record.store.read() as tx:
            case = tx.cases.get(request.case)
            sources = gate.chosen(tx, request.sources, today)
            gate.admit(case, sources, request.reason, today)
            probe = tx.probes.get(probe_id, partial(case_key, tx, self._keys))
        if probe.case != request.case:
            why = f"it belongs to another case than {request.case}"
            raise InvalidValue(what="The probe", value=probe_id, why=why)
        return probe, sources

    def _threshold(self, request: SearchRequest, faces: int) -> float:
        if request.mode is Mode.MANUAL and request.min_score is not None:
            return request.min_score
        if request.mode is Mode.INVESTIGATION:
            return -1.0
        return self._rates.score_for(EXPECTED_FALSE, faces)

    def _recorded(self, request: SearchRequest, found: _Found) -> SearchResult:
        """Pass the gate again, describe the candidates, and commit list and ledger entry together."""
        faces = found.compared.faces
        threshold = self._threshold(request, faces)
        above = [hit for hit in found.compared.hits if hit.score >= threshold]
        with self._record.change() as change:
            tx = change.tx
            sources = [tx.sources.by_id(source.id) for source in found.sources]
            case = tx.cases.get(request.case)
            gate.admit(case, sources, request.reason, change.at.date())
            candidates = folded(self._described(tx, above, sources, faces), request.limit)
            search_id = secrets.token_hex(8)
            chosen = found.probe.faces[found.face - 1]
            names = tuple(source.name for source in sources)
            entry = change.record(
                Action.SEARCH,
                search=search_id,
                case=case.ref,
                reason=request.reason,
                probe=found.probe.sha256,
                face=found.face,
                model=self._rates.model,
                sources=list(names),
                since=str(request.since) if request.since else None,
                until=str(request.until) if request.until else None,
                mode=request.mode.value,
                threshold=threshold,
                limit=request.limit,
                gallery_faces=faces,
                candidates=[[one.rank, one.face_id, one.score] for one in candidates],
            )
            result = SearchResult(
                search_id=search_id,
                case=case.ref,
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
                probe_id=found.probe.id,
                probe_sha256=found.probe.sha256,
                face=found.face,
                face_box=chosen.box,
                quality=chosen.quality,
                candidates=candidates,
                seconds=found.seconds,
                ledger_entry=entry,
            )
            tx.searches.add(result, case.id, self._record.actor)
        return result

    def _described(self, tx: Tx, hits: Sequence[Hit], sources: Sequence[Source], faces: int) -> list[Candidate]:
        names = {source.id: source.name for source in sources}
        described = tx.faces.described([hit.face_id for hit in hits])
        found: list[Candidate] = []
        for hit in hits:
            known = described.get(hit.face_id)
            if known is None:  # erased since the index answered
                continue
            capture = known.capture
            found.append(
                Candidate(
                    rank=len(found) + 1,
                    score=hit.score,
                    expected_false=self._rates.expected_false(hit.score, faces),
                    face_id=hit.face_id,
                    capture_id=capture.id,
                    source=names[capture.source_id],
                    uri=capture.provenance.uri,
                    page_uri=capture.provenance.page_uri,
                    page_title=capture.provenance.page_title,
                    captured_at=capture.provenance.captured_at,
                    sha256=capture.sha256,
                    phash=capture.phash,
                    box=known.face.box,
                    width=capture.width,
                    height=capture.height,
                )
            )
        return found
