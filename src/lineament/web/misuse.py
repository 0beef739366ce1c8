"""The weekly report of misuse, and the faces that are searched only with a supervisor (R44)."""

from __future__ import annotations

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.errors import InvalidValue, NotFound
from lineament.model.accounts import Permission
from lineament.model.cases import GONE
from lineament.model.misuse.findings import KIND_WORDS
from lineament.model.misuse.reports import FindingState, GuardedKind
from lineament.views.misuse import headline, outcome, people
from lineament.web.forms import read_day
from lineament.web.pages import CurrentVisit, Form, Pages, redirect

pages = Pages()


@pages.page("/misuse", access=Permission.READ_MISUSE)
def misuse(visit: CurrentVisit, week: str = "") -> HTMLResponse:
    """The report of misuse of a week, or the newest; that it was read is recorded."""
    if visit.rejected is not None and isinstance(visit.rejected.error, NotFound):
        raise visit.rejected.error  # nothing is read, so nothing is recorded
    try:
        day = read_day(week) if week else None
    except ValueError:
        raise InvalidValue(
            what="The week", value=week[:40], why="write its Monday as 2026-11-23", field="week"
        ) from None
    shown = visit.desk.misuse.read(day)
    report = shown.report
    found = [kept.finding.kind for kept in shown.findings]
    return visit.page(
        "misuse.html",
        shown=shown,
        report=report,
        headline=headline(shown),
        titles=KIND_WORDS,
        people={kept.id: people(shown, kept) for kept in (*shown.findings, *(each for _, each in shown.waiting))},
        looked_at=[]
        if report is None
        else [(line, outcome(line, found.count(line.kind))) for line in report.looked_at],
        gone={number for number, case in shown.cases.items() if case.state in GONE},
        answers=(FindingState.EXPLAINED, FindingState.PASSED_ON),
    )


@pages.act("/misuse/findings/{finding_id}/answer", access=Permission.READ_MISUSE, page=misuse)
def answer(visit: CurrentVisit, finding_id: str, form: Form) -> RedirectResponse:
    """Explain a finding, or say that it was passed on, with a reason."""
    state = form.choice("answer", FindingState)
    if state is FindingState.OPEN:
        raise InvalidValue(what="The answer", value=state, why="explain it or pass it on", field="answer")
    visit.desk.misuse.answer(finding_id, state, form.text("reason"))
    return redirect("/misuse")


@pages.page("/misuse/faces", access=Permission.READ_MISUSE)
def faces(visit: CurrentVisit) -> HTMLResponse:
    """The faces that are searched only with a supervisor: whose, why, and who put them on the list."""
    return visit.page("misuse_faces.html", faces=visit.desk.guarded.list(), kinds=GuardedKind)


@pages.act("/misuse/faces", access=Permission.MANAGE_CASES, page=faces)
def guard(visit: CurrentVisit, form: Form) -> RedirectResponse:
    """Put the face that a photograph shows on the list; the photograph is not kept."""
    kind = form.choice("kind", GuardedKind)
    visit.desk.guarded.add(form.files.get("photograph", b""), form.text("name"), form.text("reason"), kind)
    return redirect("/misuse/faces")


@pages.act("/misuse/faces/{guarded_id}/remove", access=Permission.MANAGE_CASES, page=faces)
def unguard(visit: CurrentVisit, guarded_id: str, form: Form) -> RedirectResponse:
    """Take a face off the list, with a reason; its template is destroyed."""
    visit.desk.guarded.remove(guarded_id, form.text("reason"))
    return redirect("/misuse/faces")
