"""The record of processing, the impact assessment, the report of a year and the published figures: JSON and words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lineament.model.accountability import Counts
from lineament.model.figures import Figures, told
from lineament.model.jurisdictions import NOTICE, Topic, law_of
from lineament.model.policy import SETTINGS
from lineament.model.sources import Source
from lineament.services.accountability.documents import AnnualReport, Processing
from lineament.services.accountability.publication import PublicationStanding, PublicFigures
from lineament.services.standalone import page_template
from lineament.store.publications import Publication
from lineament.views.values import counted, iso, kind_words

_RETENTION = ("case_days", "probe_days", "audit_days")
_MEASURES = (
    "Pictures, templates and names of people and agencies are sealed (AES-256-GCM); keys are held apart from the data.",
    "Templates of a source or a case are destroyed by destroying its key.",
    "Every act is an entry of a Merkle log in the same transaction, or it does not happen; its checkpoints are signed.",
    "Pictures of strangers are decoded in a limited process without network.",
    "An agency sees only its own cases, people and counts, and those that it was invited to.",
    "A weekly report looks for misuse; its findings are answered on the record.",
)
"""Technical measures that are in force without any setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a document: what is known, line by line, or that it is still to be written."""

    title: str
    rows: Sequence[tuple[str, str]] = ()
    items: Sequence[str] = ()
    to_write: str = ""  # what the controller has to say here


def section_json(section: Section) -> dict[str, Any]:
    """Return a part of a document."""
    return {
        "title": section.title,
        "rows": dict(section.rows),
        "items": list(section.items),
        "to_be_written": section.to_write or None,
    }


# ---------------------------------------------------------------- record of processing


def processing_sections(found: Processing) -> list[Section]:
    """Return the record of processing: GDPR 30, LED 24."""
    return [
        Section(
            title="Controller",
            rows=(("Name", found.agency.name), ("Jurisdiction", found.agency.terms.jurisdiction)),
            to_write="Contact, representative and data protection officer.",
        ),
        Section(
            title="Purposes",
            rows=(("Purpose", "finding candidates for the face of one person in one case; a person decides"),),
            items=(
                "People sought: suspects, unknown people of stated facts, missing people, victims, the dead",
                "Refused: immigration enforcement, protected activity, protected class, untargeted search",
            ),
            to_write="The law that the tasks of the agency rest on.",
        ),
        Section(
            title="People and data",
            items=(
                "People in the pictures of sources: pictures, faces, templates, where and when they were found",
                "People in photographs of cases: pictures, faces, templates",
                "Officials: names, addresses, roles, training, what they did",
            ),
        ),
        Section(title="Sources", items=[_source_line(source) for source in found.sources] or ["None is registered."]),
        Section(
            title="Recipients",
            rows=(("Other agencies in its cases", counted(found.guests, "agency", "agencies")),),
            to_write="Courts, defence and others who are given reports and disclosures; transfers to third countries.",
        ),
        Section(title="Retention", rows=_retention(found)),
        Section(title="Officials", rows=[(role, f"{number:,}") for role, number in found.people.items() if number]),
        Section(title="Security", items=_measures(found)),
    ]


def _source_line(source: Source) -> str:
    terms = source.terms
    kept = "" if terms.retention_days is None else f", each picture kept {terms.retention_days:,} days"
    until = "" if terms.expires_on is None else f", until {terms.expires_on}"
    basis = f"{terms.controller}; {terms.basis}; {terms.jurisdiction}"
    return f"{source.name}: {basis}{until}{kept}; {counted(source.faces, 'face')}"


def _retention(found: Processing) -> list[tuple[str, str]]:
    words = {"case_days": "Closed cases", "probe_days": "Unsearched photographs", "audit_days": "Details of the ledger"}
    return [(words[name], counted(getattr(found.policy, name), "day")) for name in _RETENTION]


def _measures(found: Processing) -> list[str]:
    strict = [setting for setting in SETTINGS if getattr(found.policy, setting.name) is True]
    witnessed = (
        f"The ledger is witnessed from outside by {found.witnesses}."
        if found.witnesses
        else ("Nobody outside witnesses the ledger.")
    )
    return [*_MEASURES, *(setting.metadata["meaning"] for setting in strict), witnessed]


# ---------------------------------------------------------------- impact assessment


def impact_sections(found: Processing) -> list[Section]:
    """Return the skeleton of the impact assessment: GDPR 35(7), LED 27, EU AI Act 27."""
    faces = sum(source.faces for source in found.sources)
    return [
        Section(
            title="What is done",
            rows=(
                ("Gallery", f"{counted(faces, 'face')} of {counted(len(found.sources), 'source')}"),
                ("Model", found.model),
                ("A list is cut where", f"{found.strangers:g} strangers are expected, or by hand, or not at all"),
                ("Who decides", "a person, about candidates; the software names nobody"),
            ),
        ),
        Section(title="Why it is needed, and why nothing milder does", to_write="Necessity and proportionality."),
        Section(
            title="Risks to people",
            items=(
                "A stranger becomes a candidate: the list says how many strangers are expected",
                "Errors differ by group: measure them on your own pictures (lineament evaluate)",
                "Misuse by officials: the weekly report looks for it",
                "A source goes beyond its permission: it ends on its last day, and reservations remove what was taken",
            ),
            to_write="How likely and how grave each is here, and risks that are not listed.",
        ),
        Section(
            title="Error rates",
            rows=(("Measured on", found.model_origin),),
            to_write="What your own evaluation found, for everybody and by group.",
        ),
        Section(title="Measures", items=_measures(found)),
        Section(title="Retention", rows=_retention(found)),
        Section(title="Legal bases of the sources", items=[_source_line(source) for source in found.sources]),
        Section(title="Views of the people concerned", to_write="Whom you asked, and what they said."),
        Section(title="Advice of the data protection officer", to_write="The advice, and what became of it."),
        Section(title="Fundamental rights", to_write="EU AI Act 27(1)(a) to (f): where, how long, whom, which harm."),
        Section(title="Decision", to_write="Who decided, when, and when it is looked at again."),
    ]


def processing_json(found: Processing, document: str) -> dict[str, Any]:
    """Return the record of processing, or the impact assessment."""
    sections = impact_sections(found) if document == "impact" else processing_sections(found)
    return {
        "document": document,
        "agency": found.agency.name,
        "made_at": iso(found.made_at),
        "sections": [section_json(section) for section in sections],
    }


# ---------------------------------------------------------------- report of a year


def annual_sections(report: AnnualReport) -> list[Section]:
    """Return the report of a year: EU AI Act 26(10), and what the law of the agency's jurisdiction asks for."""
    counts = report.counts
    guests = ("by people of other agencies, in cases of this one", f"{counts.by_guests:,}")
    return [
        Section(title="Searches", rows=(("by the people of this agency", f"{counts.searches:,}"), guests)),
        Section(title="By who was sought", rows=_rows(counts.by_purpose)),
        Section(title="By offence", rows=_offence_rows(counts)),
        Section(title="By outcome", rows=_rows(counts.by_outcome)),
        Section(title="By photograph", rows=[(kind_words(kind), count) for kind, count in _rows(counts.by_photograph)]),
        Section(title="By model", rows=_rows(counts.by_model)),
        Section(title="Sources searched; a search may look into several", rows=_rows(counts.sources)),
        Section(title="What else was done", rows=_rows(counts.others, by_size=False)),
        *_law_sections(report),
        Section(title="What the figures mean", to_write="What the searches led to, and what the agency changed."),
    ]


def _offence_rows(counts: Counts) -> list[tuple[str, str]]:
    rows = _rows(counts.by_offence)
    return [(name, f"{count}, {counts.listed.get(name, 0):,} with candidates") for name, count in rows]


def _law_sections(report: AnnualReport) -> list[Section]:
    """Return what the law of the agency's jurisdiction asks of the report, and what of it is still to be written."""
    law = law_of(report.agency.terms.jurisdiction)
    lines = law.about(Topic.REPORT)
    if not lines:
        return []
    section = Section(
        title=f"What the law asks for: {law.name}",
        rows=[("Last day", f"{line.due} {report.year + 1}") for line in lines if line.due],
        items=[*(f"{line.words} {line.source}" for line in lines), f"{NOTICE}."],
        to_write=" ".join(line.to_write for line in lines if line.to_write),
    )
    return [section]


def _rows(counted_: Mapping[str, int], *, by_size: bool = True) -> list[tuple[str, str]]:
    items = sorted(counted_.items(), key=lambda item: -item[1]) if by_size else list(counted_.items())
    return [(name, f"{count:,}") for name, count in items]


def annual_json(report: AnnualReport) -> dict[str, Any]:
    """Return the report of a year."""
    return {
        "document": "annual",
        "agency": report.agency.name,
        "year": report.year,
        "whole_year": report.whole,
        "details_kept_since": iso(report.kept_since),
        "made_at": iso(report.made_at),
        "law": [section_json(section) for section in _law_sections(report)],
        **counts_json(report.counts),
    }


def counts_json(counts: Counts) -> dict[str, Any]:
    """Return counts."""
    return {
        "searches": counts.searches,
        "searches_by_guests": counts.by_guests,
        "by_purpose": dict(counts.by_purpose),
        "by_offence": dict(counts.by_offence),
        "by_outcome": dict(counts.by_outcome),
        "by_photograph": dict(counts.by_photograph),
        "by_model": dict(counts.by_model),
        "listed_by_offence": dict(counts.listed),
        "sources": dict(counts.sources),
        "others": dict(counts.others),
    }


# ---------------------------------------------------------------- published figures


def figures_json(public: PublicFigures) -> dict[str, Any]:
    """Return what was published, as it was stored; each number is the ten below the true count."""
    return {
        "agency": public.agency,
        "published_since": iso(public.since.date()),
        "rounded_down_to": 10,
        "quarters": [figures.to_json() for figures in public.quarters],
    }


def quarter_words(figures: Figures) -> str:
    """Return a quarter in words, as “July to September 2026”."""
    months = ("January to March", "April to June", "July to September", "October to December")
    return f"{months[(figures.quarter.month - 1) // 3]} {figures.quarter.year}"


def figure_rows(table: Mapping[str, int]) -> list[tuple[str, str]]:
    """Return the rows of a table of figures."""
    return [(kind_words(cell), told(count)) for cell, count in table.items()]


def document_page(title: str, agency: str, made_at: datetime, sections: Sequence[Section]) -> str:
    """Return a document as a page of its own, to be printed or kept."""
    values = {"title": title, "agency": agency, "made_at": f"{made_at:%Y-%m-%d %H:%M}", "sections": sections}
    return page_template("lineament.views", "document.html.j2").render(**values)


def made_json(made: Mapping[str, Any]) -> dict[str, Any]:
    """Return of how many quarters figures were made."""
    return dict(made)


def standing_json(standing: PublicationStanding) -> dict[str, Any]:
    """Return what is published."""
    return {"workspace": _publication_json(standing.workspace), "agency": _publication_json(standing.own)}


def _publication_json(publication: Publication | None) -> dict[str, Any] | None:
    if publication is None:
        return None
    return {"since": iso(publication.at), "by": publication.by, "reason": publication.reason}
