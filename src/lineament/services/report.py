"""The report of a search: one HTML file that needs nothing else, for the case file and for the defence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import lineament
from lineament.errors import NotFound
from lineament.model.accounts import Permission
from lineament.model.events.searches import ReportWritten
from lineament.model.faces import DRAWN
from lineament.model.parts import incomplete_words, part_words
from lineament.model.search import (
    Candidate,
    Mode,
    SearchResult,
    interval_words,
    missed_words,
    strangers_words,
    threshold_words,
    uncompared_words,
)
from lineament.services.cases.access import case_of_search
from lineament.services.needs import needs
from lineament.services.people.policies import require_step_up
from lineament.services.pictures import Pictures
from lineament.services.probes import Probes
from lineament.services.record import Record
from lineament.services.standalone import data_uri, page_template


@dataclass(frozen=True, slots=True)
class _CandidateWithCrop:
    """A candidate with its picture."""

    candidate: Candidate
    crop: str | None  # a data URI; None if it was erased
    first: int | None  # the rank of the best picture of its group, if that is another


class Report:
    """Writes reports."""

    def __init__(self, record: Record, pictures: Pictures, probes: Callable[[], Probes]) -> None:
        self._record = record
        self._pictures = pictures
        self._probes = probes

    @needs(Permission.READ_CASES, in_case=True)
    def html(self, search_id: str) -> str:
        """Return the report of a search as HTML. Raises NotFound if there is no such search, or StepUpNeeded (R49)."""
        with self._record.change() as change:
            case, stored = case_of_search(change.tx, self._record, search_id)
            result = stored.result
            require_step_up(change.tx, self._record.official, change.at)
            change.concerns(case)
            change.record(ReportWritten(case=case.ref, search=search_id))
        return page_template("lineament.services", "report.html.j2").render(
            result=result,
            number=result.ledger_entry if self._record.official.may(Permission.READ_LEDGER) else None,
            commitment=stored.commitment,
            asked=self._probes().get(result.probe_id),
            case=case,
            cut=how_cut(result),
            missed=missed_words(result),
            uncompared=uncompared_words(result),
            part_words=part_words,
            incomplete_words=incomplete_words,
            probe=data_uri(self._probes().crop(result.probe_id, result.face)),
            erased=len(stored.erased),
            interval_words=interval_words,
            drawn=DRAWN,
            candidates=[
                _CandidateWithCrop(
                    candidate,
                    self._crop(search_id, candidate.rank),
                    None if candidate is listed.candidate else listed.candidate.rank,
                )
                for listed in result.entries
                for candidate in (listed.candidate, *listed.further)
            ],
            version=lineament.__version__,
        )

    def _crop(self, search_id: str, rank: int) -> str | None:
        try:
            return data_uri(self._pictures.crop(search_id, rank))
        except NotFound:
            return None


def how_cut(result: SearchResult) -> str:
    """Return how the list was cut, in words."""
    if result.mode is Mode.INVESTIGATION:
        return f"investigation: the best {result.limit}, whatever their score"
    if result.mode is Mode.MANUAL:
        return f"a threshold set by hand: score {result.threshold:.3f} and above"
    expected = f"{strangers_words(result)} in the gallery searched"
    return f"score {result.threshold:.3f} and above, where {expected} ({threshold_words(result)})"
