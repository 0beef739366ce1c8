"""The report of a search, for the case file and for the defence: what it says, and one HTML file of it.

The PDF (``views/report_pdf.py``) is made from the same content, so that neither says more than the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import lineament
from lineament.errors import NotFound, Refused
from lineament.model.accounts import Permission
from lineament.model.cases import Case
from lineament.model.events.searches import ReportWritten
from lineament.model.faces import DRAWN
from lineament.model.parts import incomplete_words, part_words
from lineament.model.search import (
    Candidate,
    CopyOrigin,
    Edit,
    Mode,
    Probe,
    SearchResult,
    expected_words,
    interval_words,
    missed_words,
    strangers_words,
    threshold_words,
    uncompared_words,
)
from lineament.model.together import Together, people_words, together_words
from lineament.services.needs import needs
from lineament.services.people.policies import require_step_up
from lineament.services.pictures import Pictures
from lineament.services.probes import Probes
from lineament.services.record import Record
from lineament.services.review.seen import seen_search
from lineament.services.standalone import data_uri, page_template
from lineament.store.searches import StoredSearch

CAVEAT = "Two trained people compare the pictures before anything follows from them."
NO_CANDIDATE = (
    "No face of the gallery reaches the threshold. That is an answer: the person may not be in these sources."
)
ALIKE = "Pictures of one source that show faces which are alike stand together. That tells nothing about who they show."
VERIFIABLE = "The entry in the ledger can be verified by anyone with the exported log."


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedCandidate:
    """A candidate with its picture."""

    candidate: Candidate
    crop: bytes | None  # JPEG; None if it was erased
    first: int | None  # the rank of the best picture of its group, if that is another
    together: bool = False  # its group is a picture that shows several people

    @property
    def page(self) -> str | None:
        """The address of its page, if it can be followed."""
        page = self.candidate.page_uri
        return page if page is not None and page.startswith(("http://", "https://")) else None

    @property
    def place(self) -> tuple[str, ...]:
        """The title of its page, if known, and the whole address; nothing if it was erased."""
        shown = (self.candidate.page_title, self.candidate.page_uri or self.candidate.uri)
        return () if self.crop is None else tuple(filter(None, shown))

    def error_lines(self) -> Iterator[str]:
        """Return what the score means, in words."""
        candidate = self.candidate
        words = f"{expected_words(candidate.expected_false)} strangers expected to score this high"
        if candidate.extrapolated:
            words += f" ({interval_words(candidate)}, beyond what was counted)"
        yield words
        if candidate.person is not None:
            yield f"Compared with person {candidate.person}" + (
                f", in the picture of candidate {self.first}" if self.together and self.first is not None else ""
            )
        if self.together:
            return
        if self.first is not None:
            yield f"A further picture of the face of candidate {self.first}"
        elif candidate.unlisted:
            yield f"{candidate.unlisted} or more pictures of this face are not listed"

    def facts(self) -> Iterator[str]:
        """Return where its picture comes from, line by line; nothing if it was erased."""
        candidate = self.candidate
        if self.crop is None:
            return
        found = [candidate.source]
        if candidate.captured_at:
            found.append(f"captured {candidate.captured_at:%Y-%m-%d %H:%M}")
        found.append(f"face {candidate.face_id}")
        if candidate.near_duplicates:
            found.append(f"{len(candidate.near_duplicates)} near-identical folded in")
        yield " · ".join(found)
        part = part_words(candidate.part, candidate.parts, candidate.time_code)
        yield f"SHA-256 {candidate.sha256}{f', {part}' if part else ''}"
        if candidate.drawn:
            yield f"Note: {DRAWN}."
        if candidate.incomplete:
            yield f"Note: {incomplete_words(True, candidate.missing)}."


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenReport:
    """What a report says, whether as HTML or as PDF."""

    case: Case
    stored: StoredSearch
    asked: Probe
    number: int | None  # of the ledger entry, for those who may read the ledger
    probe: bytes | None  # the face, as JPEG; None if it was erased
    candidates: tuple[ReportedCandidate, ...]
    written_at: datetime
    written_by: str
    why_blurred: str  # which pictures are blurred and why, as sentences; empty if none is
    version: str = lineament.__version__

    @property
    def result(self) -> SearchResult:
        """The search itself."""
        return self.stored.result

    @property
    def blurred(self) -> bool:
        """Whether pictures are blurred."""
        return bool(self.why_blurred)

    @property
    def cautions(self) -> tuple[str, ...]:
        """What stands above everything else: the warnings that the law of the case words, and what has to follow."""
        return (*(line.words for line in self.case.law.warnings), CAVEAT)

    @property
    def uncompared(self) -> str:
        """Why the answer is incomplete; empty if it is not."""
        return uncompared_words(self.result)

    @property
    def grouped(self) -> bool:
        """Whether further pictures of a face stand below its best one."""
        return any(shown.first is not None and not shown.together for shown in self.candidates)

    @property
    def heading(self) -> str:
        """How many candidates there are, as on the page of the search, and how many pictures if there are more."""
        pictures = len(self.candidates)
        many = sum(shown.first is None for shown in self.candidates)
        if not pictures:
            return "Candidates" if self.stored.erased else "No candidate"
        if self.result.together is Together.ALL:
            return f"{many} picture{'' if many == 1 else 's'} that show{'s' if many == 1 else ''} all"
        words = f"{many} candidate{'' if many == 1 else 's'}"
        return words if many == pictures else f"{words} in {pictures} pictures"

    @property
    def erased(self) -> str:
        """How many candidates were erased since, in words; empty if none was."""
        many = len(self.stored.erased)
        were = "was" if many == 1 else "were"
        return f"{many} more {were} on the list and erased from the gallery since." if many else ""

    @property
    def nothing(self) -> str:
        """What an empty list means; empty if it is not empty, or was not when it was made."""
        return "" if self.candidates or self.stored.erased else NO_CANDIDATE

    def facts(self) -> list[tuple[str, str]]:
        """Return the facts of the search as names and values."""
        terms, result, asked = self.case.terms, self.result, self.asked
        basis = f"{terms.basis}, authorised by {terms.authorised_by}" if terms.authorised_by else terms.basis
        number = "" if self.number is None else f"{self.number}, "
        facts = [
            ("Case", self.case.ref),
            ("Offence", terms.offence),
            ("Purpose", terms.purpose),
            ("Legal basis", basis),
            ("Reason", result.reason),
            ("Searched", f"{_moment(result.made_at)} by {self.stored.examiner}"),
            ("Compared", _compared(result)),
            ("New since", since_words(result)),
            ("List shows", how_cut(result)),
            ("People", people_lines(result)),
            ("Probe", _probe(result, asked)),
            ("Copied from", origin_words(result.probe_origin)),
            ("Edited", ", ".join(map(_edit, asked.edits)) or "not at all"),
            ("Fused", _fused(result)),
            ("Quality", _quality(result)),
            ("Missing", missed_words(result)),
            ("Model", result.model),
            ("Search", result.search_id),
            ("Ledger", f"entry {number}commitment {self.stored.commitment}"),
            ("Report", f"written {_moment(self.written_at)} by {self.written_by}, with Lineament {self.version}"),
        ]
        return [(name, value) for name, value in facts if value]


class Report:
    """Writes reports."""

    def __init__(self, record: Record, pictures: Pictures, probes: Callable[[], Probes]) -> None:
        self._record = record
        self._pictures = pictures
        self._probes = probes

    @needs(Permission.READ_CASES, in_case=True)
    def write(self, search_id: str, *, sharp: bool = True) -> WrittenReport:
        """Record that the report of a search is written, and return it.

        Pictures of a distressing case, and those of a distressing source, are blurred unless ``sharp``. Raises
        NotFound if there is no such search, or StepUpNeeded (R49).
        """
        with self._record.change() as change:
            seen = seen_search(change.tx, self._record, search_id)
            case, stored = seen.case, seen.shown
            seen.require_open()
            require_step_up(change.tx, self._record.official, change.at)
            change.concerns(case)
            change.record(ReportWritten(case=case.ref, search=search_id))
            written_at = change.at
            listed = {candidate.source for candidate in stored.result.candidates}
            named = [source.name for source in change.tx.sources.of_names(sorted(listed)) if source.is_distressing]
        result, official = stored.result, self._record.official
        all_blurred = case.terms.is_distressing and not sharp
        some = frozenset() if sharp else frozenset(named)
        return WrittenReport(
            case=case,
            stored=stored,
            asked=self._probes().get(result.probe_id),
            number=result.ledger_entry if official.may(Permission.READ_LEDGER) else None,
            probe=None
            if result.probe_erased
            else _shown(self._probes().crop(result.probe_id, result.face), blurred=all_blurred),
            candidates=tuple(
                ReportedCandidate(
                    candidate=candidate,
                    crop=self._crop(search_id, candidate, blurred=all_blurred or candidate.source in some),
                    first=None if candidate is listed.candidate else listed.candidate.rank,
                    together=result.together is Together.ALL,
                )
                for listed in result.entries
                for candidate in (listed.candidate, *listed.further)
            ),
            written_at=written_at,
            written_by=official.name,
            why_blurred=_why_blurred(all_blurred, sorted(some)),
        )

    @needs(Permission.READ_CASES, in_case=True)
    def html(self, search_id: str) -> str:
        """Return the report of a search as HTML, with sharp pictures. Raises as ``write`` does."""
        return report_html(self.write(search_id))

    def _crop(self, search_id: str, candidate: Candidate, *, blurred: bool) -> bytes | None:
        try:
            return _shown(self._pictures.crop(search_id, str(candidate.rank)), blurred=blurred)
        except (NotFound, Refused):  # erased meanwhile, or known as abuse material since
            return None


def report_html(report: WrittenReport) -> str:
    """Return a report as one HTML file that needs nothing else."""
    return page_template("lineament.services", "report.html.j2").render(
        report=report,
        made=_moment(report.result.made_at),
        data_uri=data_uri,
        cautions=report.cautions,
        alike=ALIKE,
        verifiable=VERIFIABLE,
    )


def how_cut(result: SearchResult) -> str:
    """Return how the list was cut, in words."""
    if result.together is not None:
        return _how_cut_together(result, result.together)
    if result.mode is Mode.INVESTIGATION:
        return f"investigation: the best {result.limit}, whatever their score"
    if result.mode is Mode.MANUAL:
        return f"a threshold set by hand: score {result.threshold:.3f} and above"
    expected = f"{strangers_words(result)} in the gallery searched"
    if result.after is not None:
        expected = f"{strangers_words(result)} in the whole gallery of {result.expected_among:,} faces, new or not"
    return f"score {result.threshold:.3f} and above, where {expected} ({threshold_words(result)})"


def _how_cut_together(result: SearchResult, together: Together) -> str:
    """Return how the list of several people was cut."""
    which = people_words(together, len(result.people) + 1)
    if result.mode is Mode.INVESTIGATION:
        return f"{which}: the best {result.limit}, whatever their score"
    scores = ", ".join(f"{score:.3f}" for score in (result.threshold, *(one.threshold for one in result.people)))
    if result.mode is Mode.MANUAL or result.strangers is None:
        return f"{which}; thresholds set by hand: scores {scores} and above"
    expected = together_words(together, len(result.people) + 1, result.strangers)
    return f"{which}; scores {scores} and above, by person; {expected} ({threshold_words(result)})"


def people_lines(result: SearchResult) -> str:
    """Return the faces of several people, by number; empty if one was searched."""
    others = (
        f"person {one.number}: photograph {one.probe_id}, face {one.face}, SHA-256 {one.sha256}, score "
        f"{one.threshold:.3f} and above"
        for one in result.people
    )
    first = f"person 1: this photograph, face {result.face}, score {result.threshold:.3f} and above"
    return "; ".join((first, *others)) if result.people else ""


def since_words(result: SearchResult) -> str:
    """Return what a search of what is new compared; empty if it compared everything."""
    if result.after is None:
        return ""
    return (
        f"only {result.gallery_faces:,} faces enrolled since search {result.after.search_id} of "
        f"{result.after.at:%Y-%m-%d %H:%M} UTC, of {result.after.whole_faces:,} in the gallery"
    )


def _shown(jpeg: bytes, *, blurred: bool) -> bytes:
    from lineament.vision.veil import blur

    return blur(jpeg) if blurred else jpeg


def _why_blurred(everything: bool, sources: Sequence[str]) -> str:
    """Return what is blurred and why; ``sources`` are those that are marked."""
    if everything:
        why = "The pictures are blurred, because the case is marked as distressing."
    elif sources:
        marked = "this source is" if len(sources) == 1 else "these sources are"
        why = f"The pictures from {', '.join(sources)} are blurred, because {marked} marked as distressing."
    else:
        return ""
    return f"{why} Whoever writes the report can choose to show them sharp."


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _compared(result: SearchResult) -> str:
    every = ", every one," if result.whole else ""
    words = f"{result.gallery_faces:,} faces{every} of {', '.join(result.sources)}"
    if result.since or result.until:
        words += f", captured {result.since or 'any time'} to {result.until or 'now'}"
    return words


def _probe(result: SearchResult, asked: Probe) -> str:
    words = f"declared as: {asked.kind.value}; SHA-256 {result.probe_sha256}"
    if asked.parts > 1:
        words += f", {part_words(asked.part, asked.parts)}"
    words += f", face {result.face}"
    return f"{words}; {incomplete_words(True, asked.missing)}" if asked.incomplete else words


def origin_words(origin: CopyOrigin | None) -> str:
    """Return in words where a copy of a candidate's picture comes from; empty if it is none."""
    if origin is None:
        return ""
    candidate = "a face that a program named"
    if origin.search_id is not None:
        candidate = f"a candidate of search {origin.search_id}"
    if origin.face_id is None:
        return f"{candidate}; its picture was erased from the gallery, and the copy with it"
    return f"{candidate}: face {origin.face_id}, picture {origin.capture_id} of {origin.source}"


def _edit(edit: Edit) -> str:
    words = edit.kind.value
    if edit.degrees:
        words += f" by {edit.degrees}°"
    if edit.automatic:
        words += " (automatically, to show its faces upright)"
    return f"{words} by {edit.stops} stops" if edit.stops else words


def _fused(result: SearchResult) -> str:
    if not result.others:
        return ""
    fused = "; ".join(f"{other.probe_id}, face {other.face}" for other in result.others)
    return f"with {len(result.others)} more photographs of the same person: {fused}"


def _quality(result: SearchResult) -> str:
    quality = result.quality
    reasons = "; ".join(reason.value for reason in quality.reasons)
    tilt = f", {quality.tilt}" if quality.tilt else ""
    return f"{f'not reliable: {reasons}' if reasons else 'reliable'} ({quality.face_height:.0f} px high{tilt})"
