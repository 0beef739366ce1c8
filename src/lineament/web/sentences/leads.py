"""Sentences about leads: their evidence, their reports, and notice to the defence."""

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


@sentence_of.register
def _(event: events.DefenceNotified, names: Names) -> Markup:
    again = NOTHING if event.replaces is None else tell(", in place of an earlier record{}", because(event.because))
    told = tell("recorded that {} was told of the searches{}", event.given_to, names.within(event.case))
    return told + tell(" on {}, {}{}", event.given_on, event.way, again)
