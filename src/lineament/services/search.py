"""The search: gate, probe, every permitted face, ledger, and only then the list. No ledger, no result (R40)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from lineament.errors import InvalidValue, Refused
from lineament.model.accounts import Permission
from lineament.model.agencies import month_of
from lineament.model.cases import Case
from lineament.model.events.searches import ListRead
from lineament.model.faces import FaceId
from lineament.model.proposals import Threshold
from lineament.model.rates import ErrorRates
from lineament.model.reasons import Reason, ReasonCode
from lineament.model.search import Mode, Probe, ProbeFace, SearchEntry, SearchRequest, SearchResult
from lineament.model.sources import Source
from lineament.model.together import EnrolledSince, Together
from lineament.observe.stages import Stage, Total, count, timed
from lineament.services import gate
from lineament.services.cases.access import case_of_probe, probe_in, seen_case
from lineament.services.cases.refusals import refusals_recorded
from lineament.services.compared import Compared, FoundPerson, SearchedPerson
from lineament.services.gallery.answers import Filling, GallerySearch
from lineament.services.gallery.indexes import Gallery
from lineament.services.gallery.model_in_use import require_model
from lineament.services.keyholder import case_key
from lineament.services.listing import ChangedMeanwhileError, Listing
from lineament.services.needs import needs
from lineament.services.new_since import MANY, ToRepeat, enrolled_since, is_as_asked, request_again
from lineament.services.record import Record
from lineament.services.review.seen import seen_search
from lineament.store.db import Tx
from lineament.store.ring import KeyRing
from lineament.store.searches import StoredSearch

MOST_FUSED = 10
"""Most photographs of one person in a search."""
_SPARE, _ALIKE = 2, 50
"""Pictures that are alike share an entry of a list, so that more faces are requested than entries: by this factor, and
at least by so many."""
MOST_TOGETHER = 20_000
"""Most faces above the threshold of one person, if pictures are wanted that show several."""
MOST_GROUPED = 1200
"""Most faces that are requested if so many are alike that the list would be short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Admitted:
    """What the gate let through."""

    people: Sequence[SearchedPerson]
    sources: Sequence[Source]
    in_force: Threshold | None
    newest_face: FaceId  # the highest number that a face has now
    after: EnrolledSince | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSearch:
    """A search as an official may see it, and its entry in the ledger."""

    stored: StoredSearch
    entry: SearchEntry


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
    @timed(Stage.SEARCH)
    def run(self, probe_id: str, request: SearchRequest, face: int | None = None) -> SearchResult:
        """Compare one face of a probe with every face of the permitted sources, and return the list as it may be seen.

        With ``request.others`` the templates of these faces, of the same person, are fused with it. Raises Refused (by
        the gate), MixedModels, ThresholdUntrusted, LedgerUnavailable, or NoFace, SeveralFaces or NotFound for the face.
        """
        return self._run_shown(probe_id, request, face).stored.result

    @needs(Permission.SEARCH, in_case=True)
    @timed(Stage.SEARCH)
    def run_shown(self, probe_id: str, request: SearchRequest, face: int | None = None) -> ShownSearch:
        """Search as ``run`` does, and return all that its examiner may see of the search, read once."""
        return self._run_shown(probe_id, request, face)

    def _run_shown(self, probe_id: str, request: SearchRequest, face: int | None) -> ShownSearch:
        while True:
            with suppress(ChangedMeanwhileError), refusals_recorded(self._record, request.case, [request.reason]):
                return self.shown(self._run(probe_id, request, face))

    def _run(self, probe_id: str, request: SearchRequest, face: int | None) -> str:
        admitted = self._admit(probe_id, request, face)
        sources, in_force = admitted.sources, admitted.in_force
        if not self._gallery.is_open(sources, self._rates.model):
            self._gallery.load(sources, self._rates.model)
        began = time.perf_counter()
        captures: dict[FaceId, int] = {}
        if request.together is Together.ALL:
            answers = [self._every_face(wanted, request, admitted) for wanted in admitted.people]
            captures = self._captures([hit.face_id for answer in answers for hit in answer.above])
        else:
            answers = [self._best_faces(wanted, request, admitted) for wanted in admitted.people]
        first, *others = answers
        found = Compared(
            probes=first.probes,
            face=first.face,
            grade=first.grade,
            damping=first.damping,
            compared=first.compared,
            threshold=first.threshold,
            groups=first.groups,
            sources=tuple(sources),
            in_force=in_force,
            seconds=time.perf_counter() - began,
            people=tuple(others),
            together=request.together,
            captures=captures,
            newest_face=_newest(admitted.newest_face, answers),
            after=admitted.after,
        )
        count(Total.COMPARED, found.faces)
        if (found.uncompared or found.altered) and request.mode is Mode.IDENTIFICATION:
            if request.together is Together.ALL:
                raise Refused(ReasonCode.NOT_EVERY_FACE.reason())
            # it would promise what it does not keep
            return self._run(probe_id, replace(request, mode=Mode.INVESTIGATION), face)
        return self._listing.record(request, found).search_id

    def _best_faces(self, wanted: SearchedPerson, request: SearchRequest, admitted: _Admitted) -> FoundPerson:
        """Return the best faces for one person, enough for a list."""
        most = faces_for(request.limit)
        compared = self._compare(wanted, request, admitted, most)
        threshold = self._score_for(request, admitted.in_force, wanted, compared)
        groups = self._listing.group(compared.hits, threshold)
        if len(groups) == most and len(set(groups.values())) < request.limit:
            compared = self._compare(wanted, request, admitted, MOST_GROUPED)
            groups = self._listing.group(compared.hits, threshold)
        self._listing.require_known([hit.face_id for hit in compared.hits if hit.score >= threshold], groups)
        return _answer(wanted, compared, threshold, groups)

    def _every_face(self, wanted: SearchedPerson, request: SearchRequest, admitted: _Admitted) -> FoundPerson:
        """Return every face that reaches the threshold of one person. Raises InvalidValue if there are too many."""
        most = faces_for(request.limit)
        while True:
            compared = self._compare(wanted, request, admitted, most)
            threshold = self._score_for(request, admitted.in_force, wanted, compared)
            if len(compared.hits) < most or compared.hits[-1].score < threshold:
                break
            if most >= MOST_TOGETHER:
                why = f"more than {MOST_TOGETHER:,} faces reach it for one person; set a higher one"
                raise InvalidValue(what="The score", value=threshold, why=why, field="min_score")
            most = min(4 * most, MOST_TOGETHER)
        above = [hit.face_id for hit in compared.hits if hit.score >= threshold]
        return _answer(wanted, compared, threshold, dict.fromkeys(above, 0))

    def _compare(self, wanted: SearchedPerson, request: SearchRequest, admitted: _Admitted, most: int) -> GallerySearch:
        days, today = (request.since, request.until), self._record.today
        after = 0 if admitted.after is None else admitted.after.face
        return self._gallery.search(admitted.sources, wanted.template, most, today, days, after=after)

    def _captures(self, ids: Sequence[FaceId]) -> dict[FaceId, int]:
        """Return the pictures that show these faces; an erased face ends the search."""
        with self._record.read() as tx:
            found = tx.places.captures_of(ids)
        self._listing.require_known(ids, found)
        return found

    @needs(Permission.SEARCH, in_case=True)
    def made(self, request: SearchRequest, sha256: str, *, face: int | None, part: int | None) -> str | None:
        """Return the newest search of the case that was made of a photograph with these settings; None if none was."""
        with self._record.read() as tx:
            case = seen_case(tx, self._record, request.case)
            names = {source.name for source in gate.chosen(tx, self._record, request.sources)}
            found = tx.searches.of_photograph(case.id, sha256)
        same = (made for made in found if set(made.sources) == names and is_as_asked(made, request, face, part))
        return next((made.search_id for made in same), None)

    @needs(Permission.SEARCH, in_case=True)
    def made_since(self, probe_id: str, request: SearchRequest, face: int | None, since: datetime | None) -> str | None:
        """Return the newest search of a face of a probe, as asked, that was made then or later; None if none was."""
        with self._record.read() as tx:
            case = case_of_probe(tx, self._record, probe_id)
            found = tx.searches.of_photograph(case.id, tx.probes.sha256(probe_id))
        same = (made for made in found if made.probe_id == probe_id and is_as_asked(made, request, face, None))
        return next((made.search_id for made in same if since is None or made.made_at >= since), None)

    @needs(Permission.SEARCH, in_case=True)
    def repeat(self, search_id: str, reason: str) -> SearchResult:
        """Make a search again, of the faces that were enrolled since it. Raises as ``run`` does."""
        with self._record.read() as tx:
            earlier = seen_search(tx, self._record, search_id).whole.result
        return self.run(earlier.probe_id, request_again(earlier, reason), earlier.face)

    @needs(Permission.SEARCH, in_case=True)
    def to_repeat(self, search_id: str) -> ToRepeat:
        """Return a search, without its candidates, and how many faces were enrolled in its sources since."""
        with self._record.read() as tx:
            earlier = seen_search(tx, self._record, search_id).whole.result
            known, found = earlier.newest_face, tx.sources.of_names(earlier.sources)
            new = None if known is None else sum(tx.faces.count_newer(source.id, known, MANY) for source in found)
        return ToRepeat(search=replace(earlier, candidates=()), new_faces=new)

    @needs(Permission.SEARCH, in_case=True)
    def admit(self, request: SearchRequest) -> None:
        """Raise Refused if the gate would stop this search; to be called before a probe is added for it.

        The indexes are opened at once: the nets may still be loading, and the search would wait for them anyway.
        """
        with refusals_recorded(self._record, request.case, [request.reason]), self._record.read() as tx:
            case = seen_case(tx, self._record, request.case)
            sources = gate.chosen(tx, self._record, request.sources)
            gate.admit(gate.attempt(tx, self._record, case, sources, request.reason))
        self._gallery.load(sources, self._rates.model)

    @needs(Permission.READ_CASES)
    def filling(self) -> list[Filling]:
        """Return how far the indexes are that a search would compare in part, because they are still being filled."""
        return self._gallery.filling()

    @needs(Permission.READ_CASES, in_case=True)
    def read(self, search_id: str) -> StoredSearch:
        """Return a search whose list is about to be read, and record that (R39)."""
        with self._record.change() as change:
            seen = seen_search(change.tx, self._record, search_id)
            change.concerns(seen.case)
            change.record(ListRead(case=seen.case.ref, search=search_id))
            return seen.shown

    @needs(Permission.READ_CASES, in_case=True)
    def get(self, search_id: str) -> SearchResult:
        """Return a search. Raises NotFound if it is not visible."""
        return self.stored(search_id).result

    @needs(Permission.READ_CASES, in_case=True)
    def stored(self, search_id: str) -> StoredSearch:
        """Return a search with its examiner, without erased candidates. Raises NotFound if it is not visible."""
        with self._record.read() as tx:
            return seen_search(tx, self._record, search_id).shown

    @needs(Permission.READ_CASES, in_case=True)
    def entry(self, search_id: str) -> SearchEntry:
        """Return the ledger entry of a search, numbered only for those who read the ledger (R46), and the warnings."""
        return self.shown(search_id).entry

    @needs(Permission.READ_CASES, in_case=True)
    def shown(self, search_id: str) -> ShownSearch:
        """Return a search as ``stored`` does, and its ledger entry. Raises NotFound if it is not visible."""
        with self._record.read() as tx:
            seen = seen_search(tx, self._record, search_id)
        numbered = self._record.official.may(Permission.READ_LEDGER)
        entry = SearchEntry(
            number=seen.shown.result.ledger_entry if numbered else None,
            commitment=seen.shown.commitment,
            warnings=tuple(line.words for line in seen.case.law.warnings),
        )
        return ShownSearch(stored=seen.shown, entry=entry)

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

    @timed(Stage.GATE)
    def _admit(self, probe_id: str, request: SearchRequest, face: int | None) -> _Admitted:
        with self._record.read() as tx:
            require_model(tx, self._rates.model)
            case = seen_case(tx, self._record, request.case)
            sources = gate.chosen(tx, self._record, request.sources)
            asked = (ProbeFace(probe_id=probe_id, face=face or 0), *request.others)
            if len(asked) > MOST_FUSED:
                why = f"at most {MOST_FUSED} photographs of one person are fused"
                raise InvalidValue(what="The choice of photographs", value=len(asked), why=why, field="other")
            every = (*asked, *request.people)
            probes = {other.probe_id: self._probe(tx, case, other.probe_id) for other in every}
            if len({probes[other.probe_id].sha256 for other in asked}) < len(asked):
                why = "a photograph counts once, however it was edited"
                raise InvalidValue(what="The choice of photographs", value=len(asked), why=why, field="other")
            gate.admit(gate.attempt(tx, self._record, case, sources, request.reason, probes=list(probes.values())))
            after = None if request.after is None else enrolled_since(tx, case, request.after)
            in_force = self._listing.in_force(tx, request)
            newest = FaceId(tx.meta.last_id("face"))
        people = [
            self._wanted([probes[other.probe_id] for other in asked], [face, *(other.face for other in request.others)])
        ]
        people += [self._wanted([probes[other.probe_id]], [other.face]) for other in request.people]
        chosen = [(wanted.probes[0].sha256, wanted.face) for wanted in people]
        chosen += [(probes[other.probe_id].sha256, other.face) for other in request.others]
        if request.people and len(set(chosen)) < len(chosen):
            why = "each person needs a face of their own"
            raise InvalidValue(what="The choice of people", value=len(people), why=why, field="person")
        return _Admitted(people=people, sources=sources, in_force=in_force, newest_face=newest, after=after)

    def _wanted(self, probes: Sequence[Probe], faces: Sequence[int | None]) -> SearchedPerson:
        return SearchedPerson.of(probes, faces, self._rates.model, damped=self._damped)

    def _probe(self, tx: Tx, case: Case, probe_id: str) -> Probe:
        probe_in(tx, probe_id, case)
        return tx.probes.get(probe_id, case_key(tx, self._keys, case))

    def _score_for(
        self, request: SearchRequest, in_force: Threshold | None, wanted: SearchedPerson, compared: GallerySearch
    ) -> float:
        if in_force is None:
            return -1.0 if request.min_score is None else request.min_score
        score = self._rates.score_for(in_force.strangers, wanted.grade, compared.compared_by_grade)
        return min(1.0, score / wanted.damping)


def faces_for(entries: int) -> int:
    """Return how many faces are requested for a list of so many entries."""
    return max(_SPARE * entries, entries + _ALIKE)


def _newest(newest: FaceId, answers: Sequence[FoundPerson]) -> FaceId:
    """Return the highest number up to which every face was compared, if no index was behind its store."""
    read_to = [answer.compared.read_to for answer in answers if answer.compared.read_to is not None]
    return FaceId(min([int(newest), *read_to]))


def _answer(
    wanted: SearchedPerson, compared: GallerySearch, threshold: float, groups: Mapping[FaceId, int]
) -> FoundPerson:
    return FoundPerson(
        probes=wanted.probes,
        face=wanted.face,
        grade=wanted.grade,
        damping=wanted.damping,
        compared=compared,
        threshold=threshold,
        groups=groups,
    )
