"""The weekly report of misuse and the list of guarded faces, as JSON and in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineament.model.misuse.findings import KIND_WORDS, LookedAt
from lineament.model.misuse.reports import FindingState, GuardedFace, KeptFinding
from lineament.services.misuse.reports import ShownReport
from lineament.views.values import counted, iso


def headline(shown: ShownReport) -> str:
    """Return the most important thing first: how many findings wait for an answer."""
    if shown.report is None:
        return "No week has been reported yet."
    waiting = sum(1 for kept in shown.findings if kept.state is FindingState.OPEN) + len(shown.waiting)
    if waiting:
        return f"{counted(waiting, 'finding')} {'waits' if waiting == 1 else 'wait'} for an answer."
    if shown.findings:
        answered = "it was" if len(shown.findings) == 1 else "all were"
        return f"{counted(len(shown.findings), 'finding')}, and {answered} answered."
    return "Nothing stood out in this week."


def people(shown: ShownReport, kept: KeptFinding) -> list[str]:
    """Return the names of whom a finding is about, the most involved first."""
    return [shown.names.get(who, "somebody whose account is gone") for who in kept.finding.who]


def outcome(line: LookedAt, found: int) -> str:
    """Return what became of what was looked at, in words."""
    parts = [f"{line.ordinary:,} ordinary"]
    if found:
        parts.append(f"{found:,} stood out")
    if line.too_little:
        parts.append(f"of {line.too_little:,} too little is known")
    return ", ".join(parts)


def report_json(shown: ShownReport) -> dict[str, Any]:
    """Return a report."""
    report = shown.report
    return {
        "week": None if report is None else iso(report.week),
        "made_at": None if report is None else iso(report.made_at),
        "findings": [finding_json(shown, kept) for kept in shown.findings],
        "waiting": [{"week": iso(week), **finding_json(shown, kept)} for week, kept in shown.waiting],
        "known": 0 if report is None else report.repeated,
        "looked_at": [] if report is None else [_line_json(line) for line in report.looked_at],
        "weeks": [iso(week) for week in shown.weeks],
    }


def finding_json(shown: ShownReport, kept: KeptFinding) -> dict[str, Any]:
    """Return a finding."""
    finding, answer = kept.finding, kept.answer
    return {
        "finding": kept.id,
        "kind": finding.kind.value,
        "title": KIND_WORDS[finding.kind],
        "who": people(shown, kept),
        "what": finding.what,
        "why": finding.why,
        "ordinary": finding.ordinary,
        "since": iso(finding.since),
        "until": iso(finding.until),
        "cases": [shown.cases[number].ref for number in finding.cases if number in shown.cases],
        "searches": list(finding.searches),
        "numbers": dict(finding.numbers),
        "state": kept.state.value,
        "answer": None if answer is None else {"by": answer.by, "at": iso(answer.at), "reason": answer.reason},
    }


def answered_json(kept: KeptFinding) -> dict[str, Any]:
    """Return what became of a finding."""
    return {"finding": kept.id, "state": kept.state.value}


def made_json(made: Mapping[str, Any]) -> dict[str, Any]:
    """Return how many reports were made."""
    return dict(made)


def unguarded_json(face_id: str) -> dict[str, Any]:
    """Return that a face is guarded no more."""
    return {"face": face_id, "removed": True}


def _line_json(line: LookedAt) -> dict[str, Any]:
    return {
        "kind": line.kind.value,
        "of": line.of,
        "looked_at": line.looked_at,
        "ordinary": line.ordinary,
        "too_little": line.too_little,
        "note": line.note,
    }


def guarded_json(faces: list[GuardedFace]) -> dict[str, Any]:
    """Return the list of guarded faces, without templates."""
    return {"faces": [guarded_face_json(face) for face in faces]}


def guarded_face_json(face: GuardedFace) -> dict[str, Any]:
    """Return a guarded face, without its template."""
    return {
        "face": face.id,
        "name": face.name,
        "kind": face.kind.value,
        "because": face.because,
        "added_by": face.added_by,
        "added_at": iso(face.added_at),
        "model": face.template.model,
    }
