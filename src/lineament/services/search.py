"""The search: gate, probe, every permitted face, ledger, and only then the list. No ledger, no result (R40)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property

from lineament.errors import InvalidValue, MixedModels
from lineament.model.accounts import Permission
from lineament.model.agencies import month_of
from lineament.model.cases import Case
from lineament.model.events.searches import ListRead
from lineament.model.faces import Template
from lineament.model.fusion import damping, fuse
from lineament.model.proposals import Threshold
from lineament.model.rates import ErrorRates
from lineament.model.reasons import Reason
from lineament.model.search import Mode, Probe, SearchEntry, SearchRequest, SearchResult
from lineament.model.sources import Source
from lineament.services import gate
from lineament.services.cases.access import case_of_search, probe_in, seen_case
from lineament.services.gallery.indexes import Gallery, GallerySearch
from lineament.services.gallery.model_in_use import require_model
from lineament.services.keyholder import case_key
from lineament.services.listing import ChangedMeanwhileError, Compared, Listing
from lineament.services.needs import needs
from lineament.services.probes import chosen_face
from lineament.services.record import Record
from lineament.store.db import Tx
from lineament.store.ring import KeyRing
from lineament.store.searches import StoredSearch

MOST_FUSED = 10
"""Most photographs of one person in a search."""
SPARE = 4
"""Factor by which more faces are requested than entries listed, because pictures that are alike share an entry."""
MOST_GROUPED = 1200
"""Most faces that are requested if so many are alike that the list would be short."""


class Search:
    """Runs searches and reads earlier ones."""

    def __init__(
        self,
        record: Record,
        keys: KeyRing,
        gallery: Callable[[], Gallery],
        rates: Callable[[], ErrorRates],
        *,
        damped: Callable[[], bool],
    ) -> None:
        """Prepare. ``damped``: whether the scores of fused probes are damped, as models without a centre need."""
        self._record = record
        self._keys = keys
        self._open_gallery = gallery
        self._read_rates = rates
        self._needs_damping = damped
        self._listing = Listing(record, keys, lambda: self._gallery, lambda: self._rates)

    @cached_property
    def _gallery(self) -> Gallery:
        return self._open_gallery()

    @cached_property
    def _damped(self) -> bool:
        return self._needs_damping()

    @cached_property
    def _rates(self) -> ErrorRates:
        return self._read_rates()

    @needs(Permission.SEARCH, in_case=True)
    def run(self, probe_id: str, request: SearchRequest, face: int | None = None) -> SearchResult:
        """Compare one face of a probe with every face of the permitted sources.

        With ``request.others`` the templates of these faces, of the same person, are fused with it. Raises Refused (by
        the gate), MixedModels, ThresholdUntrusted, LedgerUnavailable, or NoFace, SeveralFaces or NotFound for the face.
        """
        while True:
            with suppress(ChangedMeanwhileError):
                return self._run(probe_id, request, face)

    def _run(self, probe_id: str, request: SearchRequest, face: int | None) -> SearchResult:
        probes, sources, in_force = self._admit(probe_id, request)
        faces = [chosen_face(probes[0], face)]
        faces += [chosen_face(probe, other.face) for probe, other in zip(probes[1:], request.others, strict=True)]
        for chosen in faces:
            if chosen.template.model != self._rates.model:
                raise MixedModels(first=self._rates.model, second=chosen.template.model)
        if not self._gallery.is_open(sources, self._rates.model):
            self._gallery.open(sources, [self._rates.model])
        began = time.perf_counter()
        vectors = [chosen.template.vector for chosen in faces]
        template = Template(self._rates.model, fuse(vectors))
        grade = max(chosen.quality.grade for chosen in faces)
        damped = damping(vectors) if self._damped else 1.0
        days, today = (request.since, request.until), self._record.today
        most = SPARE * request.limit
        compared = self._gallery.search(sources, template, most, today, days)
        threshold = self._score_for(request, in_force, grade, damped, compared)
        groups = self._listing.group(compared.hits, threshold)
        if len(groups) == most and len(set(groups.values())) < request.limit:
            compared = self._gallery.search(sources, template, MOST_GROUPED, today, days)
            groups = self._listing.group(compared.hits, threshold)
        if not compared.whole and request.mode is Mode.IDENTIFICATION:  # it would promise what it does not keep
            return self._run(probe_id, replace(request, mode=Mode.INVESTIGATION), face)
        self._listing.require_known([hit.face_id for hit in compared.hits if hit.score >= threshold], groups)
        found = Compared(
            probes=tuple(probes),
            face=probes[0].faces.index(faces[0]) + 1,
            grade=grade,
            damping=damped,
            sources=tuple(sources),
            compared=compared,
            in_force=in_force,
            threshold=threshold,
            groups=groups,
            seconds=time.perf_counter() - began,
        )
        return self._listing.record(request, found)

    @needs(Permission.SEARCH, in_case=True)
    def admit(self, request: SearchRequest) -> None:
        """Raise Refused if the gate would stop this search; to be called before a probe is added for it.

        The indexes are opened at once: the nets may still be loading, and the search would wait for them anyway.
        """
        with self._record.read() as tx:
            case = seen_case(tx, self._record, request.case)
            sources = gate.chosen(tx, self._record, request.sources)
            gate.admit(gate.attempt(tx, self._record, case, sources, request.reason))
        self._gallery.open(sources, [self._rates.model])

    @needs(Permission.READ_CASES, in_case=True)
    def read(self, search_id: str) -> StoredSearch:
        """Return a search whose list is about to be read, and record that (R39)."""
        with self._record.change() as change:
            case, stored = case_of_search(change.tx, self._record, search_id)
            change.concerns(case)
            change.record(ListRead(case=case.ref, search=search_id))
            return stored

    @needs(Permission.READ_CASES, in_case=True)
    def get(self, search_id: str) -> SearchResult:
        """Return a search. Raises NotFound if it is not visible."""
        return self.stored(search_id).result

    @needs(Permission.READ_CASES, in_case=True)
    def stored(self, search_id: str) -> StoredSearch:
        """Return a search with its examiner, without erased candidates. Raises NotFound if it is not visible."""
        with self._record.read() as tx:
            return case_of_search(tx, self._record, search_id)[1]

    @needs(Permission.READ_CASES, in_case=True)
    def entry(self, search_id: str) -> SearchEntry:
        """Return the ledger entry of a search; its number only to those who read the ledger (R46)."""
        stored = self.stored(search_id)
        numbered = self._record.official.may(Permission.READ_LEDGER)
        return SearchEntry(number=stored.result.ledger_entry if numbered else None, commitment=stored.commitment)

    @needs(Permission.READ_CASES, in_case=True)
    def why_not(self, case_name: str | None, sources: Sequence[str] = (), probe_id: str | None = None) -> list[Reason]:
        """Return every reason why a search in this case (with that probe) may not run now; None: in any case."""
        with self._record.read() as tx:
            case = None if case_name is None else seen_case(tx, self._record, case_name)
            probes = None if probe_id is None or case is None else [self._probe(tx, case, probe_id)]
            found = gate.chosen(tx, self._record, sources)
            return gate.reasons_against(gate.attempt(tx, self._record, case, found, gate.UNSAID, probes=probes))

    @needs(Permission.SEARCH)
    def left(self) -> int | None:
        """Return how many more searches the agency's licence allows this month; None if it has no limit."""
        with self._record.read() as tx:
            agency = tx.agencies.get(self._record.official.agency_id)
            if agency.home or agency.licence is None:
                return None
            used = tx.searches.count_of(agency.id, *month_of(self._record.today))
            return max(0, agency.licence.searches_a_month - used)

    @needs(Permission.READ_SOURCES)
    def gallery_faces(self, sources: Sequence[str] = ()) -> int:
        """Return the number of faces that a search of these sources would compare now."""
        with self._record.read() as tx:
            found = gate.chosen(tx, self._record, sources)
            today = self._record.today
            return sum(tx.faces.count(source.id, self._rates.model, source.kept_since(today)) for source in found)

    def _admit(self, probe_id: str, request: SearchRequest) -> tuple[list[Probe], list[Source], Threshold | None]:
        with self._record.read() as tx:
            require_model(tx, self._rates.model)
            case = seen_case(tx, self._record, request.case)
            sources = gate.chosen(tx, self._record, request.sources)
            ids = (probe_id, *(other.probe_id for other in request.others))
            if len(ids) > MOST_FUSED:
                why = f"at most {MOST_FUSED} photographs of one person are fused"
                raise InvalidValue(what="The choice of photographs", value=len(ids), why=why, field="other")
            probes = [self._probe(tx, case, id_) for id_ in ids]
            if len({probe.sha256 for probe in probes}) < len(probes):
                why = "a photograph counts once, however it was edited"
                raise InvalidValue(what="The choice of photographs", value=len(ids), why=why, field="other")
            gate.admit(gate.attempt(tx, self._record, case, sources, request.reason, probes=probes))
            return probes, sources, self._listing.in_force(tx, request)

    def _probe(self, tx: Tx, case: Case, probe_id: str) -> Probe:
        probe_in(tx, probe_id, case)
        return tx.probes.get(probe_id, case_key(tx, self._keys, case))

    def _score_for(
        self, request: SearchRequest, in_force: Threshold | None, grade: int, damped: float, compared: GallerySearch
    ) -> float:
        if in_force is None:
            return -1.0 if request.min_score is None else request.min_score
        return min(1.0, self._rates.score_for(in_force.strangers, grade, compared.compared_by_grade) / damped)
