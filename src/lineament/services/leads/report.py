"""The report of a lead: everything that led to it, and what it does not tell; refused without evidence (R21).

Its sections are made once; the page and the PDF (``views/lead_pdf.py``) show them, so that neither says more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import lineament
from lineament.errors import NotFound, Refused
from lineament.model.accounts import Permission
from lineament.model.ages import UNMEASURED
from lineament.model.defence import DefenceNotice
from lineament.model.events.leads import LeadReportWritten
from lineament.model.evidence import Evidence
from lineament.model.faces import EnrolledFace, Face
from lineament.model.jurisdictions import NOTICE
from lineament.model.reasons import ReasonCode
from lineament.model.review import Assessment, CandidateDecision, Feature
from lineament.model.search import Probe, ProbeKind, expected_words, missed_words
from lineament.services.leads.leads import Lead, find_lead
from lineament.services.needs import needs
from lineament.services.people.policies import require_step_up
from lineament.services.pictures import Pictures
from lineament.services.probes import Probes
from lineament.services.record import Record
from lineament.services.report import ReportedCandidate, WrittenReport
from lineament.services.review.seen import seen_search
from lineament.services.standalone import data_uri, page_template
from lineament.store.ring import KeyRing

LEVELLED = (
    "Both pictures are turned, scaled and moved so that the eyes stand in the same places. Nothing else is changed; "
    "what a picture does not show is grey."
)
BLIND = "Each decided without knowing what the other had decided, or that they had."
ALONE = "One person decided: the policy of this workspace asks for no second review."
INDEPENDENT = (
    "Whoever recorded it states that it was found without this search, and not by showing this picture to anybody. A "
    "line-up with this picture is not independent."
)
VERIFIABLE = "The entries in the ledger can be verified by anyone with the exported log."
_LONG_GAP = 5
"""Years between two pictures from which a report points at the gap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTable:
    """A table of a report."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...]  # shares


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadSection:
    """A section of a report: texts, then names and values, then a table, as far as there are any."""

    heading: str
    texts: tuple[str, ...] = ()
    rows: tuple[tuple[str, str], ...] = ()
    table: ReportTable | None = None
    quiet: tuple[str, ...] = ()  # texts below


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenLead:
    """What the report of a lead says, whether as HTML or as PDF."""

    lead: Lead
    asked: Probe
    search: WrittenReport  # of its search, without the list
    probe: bytes | None  # JPEG, its eyes level; None if it was erased
    found: bytes | None
    measured: Sequence[tuple[str, str]]  # groups by age, with their error rates at the threshold in use (R24)
    written_at: datetime
    written_by: str
    why_blurred: str  # empty if nothing is
    version: str = lineament.__version__

    @property
    def title(self) -> str:
        """The title of the report."""
        return f"Lead in case {self.lead.case.ref}"

    @property
    def cautions(self) -> tuple[str, ...]:
        """The warnings in the wording of the law."""
        return tuple(line.words for line in self.lead.case.law.warnings)

    @property
    def law(self) -> str:
        """Where that wording comes from."""
        warnings = self.lead.case.law.warnings
        return f"{'; '.join(dict.fromkeys(line.source for line in warnings))}. {NOTICE}."

    @property
    def captions(self) -> tuple[str, str]:
        """What stands below the two pictures."""
        candidate = self.lead.candidate
        taken = f", captured {candidate.captured_at:%Y-%m-%d}" if candidate.captured_at else ", day not known"
        kind = "CCTV" if self.asked.kind is ProbeKind.CCTV else self.asked.kind.value
        return f"The probe: {kind}, face {self.search.result.face}", f"The candidate: {candidate.source}{taken}"

    def sections(self) -> Iterator[LeadSection]:
        """Return the sections, in their order."""
        yield self._outcome()
        yield self._evidence()
        yield self._reviews()
        if replaced := self._replaced():
            yield replaced
        yield LeadSection(heading="The candidate", rows=tuple(self._candidate()))
        yield self._errors()
        yield LeadSection(heading="The search", rows=tuple(self.search.facts()))
        yield LeadSection(heading="Every step", rows=tuple(self._steps()), quiet=(VERIFIABLE,))
        if defence := self._defence():
            yield defence

    # ------------------------------------------------------------ sections

    def _defence(self) -> LeadSection | None:
        """Return what the defence is to be told by law, and what it was told; None if there is neither."""
        told = self.lead.defence
        if not (told.asked or told.recorded):
            return None
        texts = [f"{line.words} {line.time_limit}." for line in told.asked]
        if told.is_due:
            texts.append("No notice to the defence is recorded yet.")
        rows = tuple(notice_row(notice, stands=notice in told.given) for notice in told.recorded)
        sources = tuple(line.source for line in told.asked)
        return LeadSection(heading="Due to the defence", texts=tuple(texts), rows=rows, quiet=sources)

    def _outcome(self) -> LeadSection:
        review = self.lead.review
        people = " and ".join(decision.reviewer for decision in review.standing)
        texts = [f"Lead, by {people}. {BLIND if review.reviewers > 1 else ALONE}"]
        outcomes = {decision.outcome for decision in review.decisions}
        if len(outcomes) > 1:
            texts.append("They did not always agree, or somebody decided otherwise first; see the earlier decisions.")
        return LeadSection(heading="What was decided", texts=tuple(texts))

    def _evidence(self) -> LeadSection:
        standing = self.lead.evidence
        rows = []
        for piece in (*standing, *(piece for piece in self.lead.recorded if piece not in standing)):
            words = f"{piece.text} (filed under {piece.reference}). {_recorded(piece)}."
            if piece not in standing:
                words = f"Replaced since: {words}"
            if piece.replaces is not None:
                words += f" It stands in place of an earlier piece: {piece.because}."
            rows.append((piece.kind.value.capitalize(), words))
        return LeadSection(heading="Independent evidence", rows=tuple(rows), quiet=(INDEPENDENT,))

    def _reviews(self) -> LeadSection:
        standing = self.lead.review.standing
        rows = []
        for decision in standing:
            told = " It was made when both could read each other's." if decision.informed else ""
            again = f" It replaces an earlier decision: {decision.because}." if decision.because else ""
            words = (
                f"{decision.outcome.value}, {moment(decision.at)}.{again}{told} Grounds: {decision.grounds or 'none'}"
            )
            rows.append((decision.reviewer, words))
        features = tuple(
            (feature.value.capitalize(), *(decision.checklist[feature].value for decision in standing))
            for feature in Feature
        )
        head = ("Feature", *(decision.reviewer for decision in standing))
        table = ReportTable(head=head, rows=features, widths=(2, *(1 for _ in standing)))
        return LeadSection(heading="Both reviews" if len(standing) > 1 else "The review", rows=tuple(rows), table=table)

    def _replaced(self) -> LeadSection | None:
        standing = {decision.id for decision in self.lead.review.standing}
        earlier = [decision for decision in self.lead.review.decisions if decision.id not in standing]
        if not earlier:
            return None
        rows = tuple((f"{decision.reviewer}, {moment(decision.at)}", _in_full(decision)) for decision in earlier)
        return LeadSection(heading="Earlier decisions, which were replaced", rows=rows)

    def _candidate(self) -> Iterator[tuple[str, str]]:
        shown = ReportedCandidate(candidate=self.lead.candidate, crop=self.found or b"", first=None)
        yield "Place in the list", f"{self.lead.candidate.rank} of {self.search.result.listed}"
        yield "Score", f"{self.lead.candidate.score:.3f}; {'; '.join(shown.error_lines())}"
        for line in shown.place:
            yield "Found at", line
        for line in shown.facts():
            yield "Picture", line

    def _errors(self) -> LeadSection:
        result, candidate = self.search.result, self.lead.candidate
        among = f"among the {result.expected_among:,} faces of the gallery"
        expected = expected_words(candidate.expected_false)
        texts = [f"By chance, {expected} strangers are expected to score as high {among}."]
        texts += [f"{missed}." for missed in [missed_words(result)] if missed]
        if candidate.captured_at is not None:
            years = (result.made_at - candidate.captured_at).days / 365.25
            if years >= _LONG_GAP:
                texts.append(f"The candidate's picture was captured {years:.0f} years before the search.")
        rows = tuple(self.measured)
        if not rows:
            texts.append(f"{UNMEASURED} (Model {result.model}.)")
        return LeadSection(heading="How often this goes wrong", texts=tuple(texts), rows=rows)

    def _steps(self) -> Iterator[tuple[str, str]]:
        result, asked = self.search.result, self.asked
        steps = [(asked.made_at, "The photograph was added to the case")]
        steps += [(result.made_at, f"Searched by {self.search.stored.examiner}")]
        for decision in self.lead.review.decisions:
            steps.append((decision.at, f"{decision.reviewer} decided: {decision.outcome.value}"))
        for piece in self.lead.recorded:
            steps.append((piece.at, f"{piece.recorded_by} recorded evidence: {piece.kind.value}"))
        for notice in self.lead.defence.recorded:
            steps.append((notice.at, f"{notice.recorded_by} recorded notice to the defence: {notice.given_to}"))
        steps += [(report.at, f"{report.by} wrote a report of this lead") for report in self.lead.reports]
        steps.append((self.written_at, f"{self.written_by} wrote this report, with Lineament {self.version}"))
        for at, words in sorted(steps, key=lambda step: step[0]):
            yield moment(at), words


class LeadReports:
    """Writes the reports of leads."""

    def __init__(
        self,
        record: Record,
        keys: KeyRing,
        pictures: Pictures,
        probes: Callable[[], Probes],
        measured: Callable[[], Sequence[tuple[str, str]]],
    ) -> None:
        self._record = record
        self._keys = keys
        self._pictures = pictures
        self._probes = probes
        self._measured = measured

    @needs(Permission.READ_CASES, in_case=True)
    def write(self, search_id: str, name: str, *, sharp: bool = True) -> WrittenLead:
        """Record that the report of a lead is written, and return it.

        Pictures of a distressing case, or of a distressing source, are blurred unless ``sharp``.

        Raises:
            Refused: It is no lead, or no independent evidence is recorded (R21).
            Undecided: Others of the list wait for the reader's decision, so that ranks and scores are hidden.
            NotFound: There is no such picture, or its case is not seen.
            StepUpNeeded: The second factor was not shown recently (R49).
        """
        with self._record.change() as change:
            lead = find_lead(change.tx, self._record, self._keys, search_id, name)
            if change.tx.reviews.known_of(search_id):
                raise Refused(ReasonCode.NO_LEAD_OF_KNOWN.reason())
            lead.require_evidence()
            seen_search(change.tx, self._record, search_id).require_open()
            require_step_up(change.tx, self._record.official, change.at)
            change.concerns(lead.case)
            rests = tuple(piece.id for piece in lead.evidence)
            change.record(LeadReportWritten(case=lead.case.ref, search=search_id, entry=lead.entry, evidence=rests))
            written_at = change.at
            source = change.tx.sources.of_names([lead.candidate.source])
        distressing = lead.case.terms.is_distressing
        of_source = any(each.is_distressing for each in source)
        return self._written(lead, written_at, veil=(distressing or of_source) and not sharp)

    def _written(self, lead: Lead, at: datetime, *, veil: bool) -> WrittenLead:
        result, official = lead.stored.result, self._record.official
        asked = self._probes().get(result.probe_id)
        shown = WrittenReport(
            case=lead.case,
            stored=lead.stored,
            asked=asked,
            number=result.ledger_entry if official.may(Permission.READ_LEDGER) else None,
            probe=None,
            candidates=(),
            written_at=at,
            written_by=official.name,
            why_blurred="",
        )
        why = "The pictures are blurred, because the case or the source is marked as distressing." if veil else ""
        return WrittenLead(
            lead=lead,
            asked=asked,
            search=shown,
            probe=None if result.probe_erased else self._probe(asked, result.face, veil=veil),
            found=self._found(result.search_id, lead.name, veil=veil),
            measured=self._measured(),
            written_at=at,
            written_by=official.name,
            why_blurred=why,
        )

    def _probe(self, asked: Probe, face: int, *, veil: bool) -> bytes:
        return _level(self._probes().crop(asked.id, face), asked.faces[face - 1], veil=veil)

    def _found(self, search_id: str, name: str, *, veil: bool) -> bytes | None:
        try:
            crop, face = self._pictures.crop(search_id, name), self._pictures.face(search_id, name)
        except (NotFound, Refused):  # erased meanwhile, or known as abuse material since
            return None
        return _level(crop, face, veil=veil)


def lead_html(report: WrittenLead) -> str:
    """Return the report of a lead as one HTML file that needs nothing else."""
    return page_template("lineament.services.leads", "lead.html.j2").render(
        report=report, written=moment(report.written_at), levelled=LEVELLED, data_uri=data_uri
    )


def moment(at: datetime) -> str:
    """Return a moment as reports write it."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _level(crop: bytes, face: Face | EnrolledFace, *, veil: bool) -> bytes:
    from lineament.vision.level import level, levelled
    from lineament.vision.veil import blur

    turned = levelled(crop, level(face.box, face.landmarks))
    return blur(turned) if veil else turned


def notice_row(notice: DefenceNotice, *, stands: bool) -> tuple[str, str]:
    """Return the day of a notice to the defence, and what was told to whom, how and by whom."""
    words = f"To {notice.given_to}, {notice.way.value}: {notice.text.removesuffix('.')}."
    words += f" Recorded by {notice.recorded_by}, {moment(notice.at)}."
    if notice.replaces is not None:
        words += f" It stands in place of an earlier record: {notice.because}."
    return f"Told on {notice.given_on}", words if stands else f"Replaced since: {words}"


def _recorded(piece: Evidence) -> str:
    return f"Recorded by {piece.recorded_by}, {moment(piece.at)}"


def _in_full(decision: CandidateDecision) -> str:
    """Return a decision with its whole checklist, as a text."""
    found = [(assessment, decision.found(assessment)) for assessment in Assessment]
    features = "; ".join(f"{assessment.value}: {', '.join(listed)}" for assessment, listed in found if listed)
    again = f" Because: {decision.because}." if decision.because else ""
    return f"{decision.outcome.value}.{again} Grounds: {decision.grounds or 'none'}. {features.capitalize()}"
