"""Sentences about leads: their evidence and their reports."""

from __future__ import annotations

from markupsafe import Markup

from lineament.model.events import leads as events
from lineament.web.sentences.base import NOTHING, Names, because, count, quoted, sentence_of, tell


@sentence_of.register
def _(event: events.EvidenceRecorded, names: Names) -> Markup:
    lead = names.search(event.search, "a lead")
    again = NOTHING if event.replaces is None else tell(", in place of an earlier piece{}", because(event.because))
    within = names.within(event.case)
    return tell("recorded independent evidence for {}{}: {}, {}{}", lead, within, event.kind, quoted(event.text), again)


@sentence_of.register
def _(event: events.LeadReportWritten, names: Names) -> Markup:
    rests = count(len(event.evidence), "piece")
    lead = names.search(event.search, "a lead")
    return tell("wrote the report of {}{}, which rests on {} of evidence", lead, names.within(event.case), rests)
