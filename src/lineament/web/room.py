"""Who works on a case, and the room in which they exchange messages and files."""

from __future__ import annotations

from fastapi.responses import HTMLResponse, RedirectResponse, Response

from lineament.model.accounts import Permission
from lineament.model.cases import CaseRole
from lineament.services.cases.room import LARGEST
from lineament.web.addresses import case_address, unslug
from lineament.web.cases import read_case
from lineament.web.pages import CurrentVisit, Form, Pages, download, redirect

pages = Pages()

NEWEST = 200
"""Most papers on the page of a room."""


# ---------------------------------------------------------------- people


@pages.page("/cases/{ref}/people", access=Permission.READ_CASES)
def people(visit: CurrentVisit, ref: str) -> HTMLResponse:
    """Who works on a case, in which role and until when, and who is invited."""
    case, frame = read_case(visit, ref, "people")
    members = visit.desk.members
    return visit.page(
        "case_people.html",
        members=members.of(case.key),
        invitations=members.invitations(case.key) if frame["can"](Permission.MANAGE_CASES.value) else [],
        roles=[role.value for role in CaseRole],
        today=visit.desk.clock().date(),
        **frame,
    )


@pages.act("/cases/{ref}/members", access=Permission.MANAGE_CASES, page=people)
def add(visit: CurrentVisit, ref: str, form: Form) -> RedirectResponse:
    """Add an official of the case's agency, or change a member's role or last day."""
    visit.desk.members.add(unslug(ref), form.text("account"), form.choice("role", CaseRole), form.day("until"))
    return _to(ref, "people")


@pages.act("/cases/{ref}/members/{account_id}/remove", access=Permission.MANAGE_CASES, page=people)
def remove(visit: CurrentVisit, ref: str, account_id: str, form: Form) -> RedirectResponse:  # noqa: ARG001
    """Remove a member from a case immediately."""
    visit.desk.members.remove(unslug(ref), account_id)
    return _to(ref, "people")


@pages.act("/cases/{ref}/invitations", access=Permission.MANAGE_CASES, page=people)
def invite(visit: CurrentVisit, ref: str, form: Form) -> RedirectResponse:
    """Invite an official of another agency, until a given day."""
    visit.desk.members.invite(unslug(ref), form.text("email"), form.choice("role", CaseRole), form.day("until"))
    return _to(ref, "people")


@pages.act("/cases/{ref}/invitations/{invitation_id}/withdraw", access=Permission.MANAGE_CASES, page=people)
def withdraw(visit: CurrentVisit, ref: str, invitation_id: str, form: Form) -> RedirectResponse:  # noqa: ARG001
    """Withdraw an invitation."""
    visit.desk.members.withdraw(unslug(ref), invitation_id)
    return _to(ref, "people")


# ---------------------------------------------------------------- the room


@pages.page("/cases/{ref}/room", access=Permission.READ_CASES)
def room(visit: CurrentVisit, ref: str) -> HTMLResponse:
    """Messages, files and the notes of one's own agency."""
    case, frame = read_case(visit, ref, "room")
    papers = visit.desk.room.papers(case.key, limit=NEWEST)
    largest = min(LARGEST, visit.desk.settings.max_file_bytes)
    return visit.page("case_room.html", papers=papers, largest=largest, **frame)


@pages.act("/cases/{ref}/messages", access=Permission.TAKE_PART, page=room)
def write(visit: CurrentVisit, ref: str, form: Form) -> RedirectResponse:
    """Write a message to everybody in the room, or a note for one's own agency only."""
    write_paper = visit.desk.room.note if form.text("to") == "agency" else visit.desk.room.say
    write_paper(unslug(ref), form.text("text"))
    return _to(ref, "room")


@pages.act("/cases/{ref}/files", access=Permission.TAKE_PART, page=room)
def add_file(visit: CurrentVisit, ref: str, form: Form) -> RedirectResponse:
    """Add a file to the room; it is kept as it is, sealed, and never opened here."""
    visit.desk.room.file(unslug(ref), form.file_names.get("file", ""), form.files.get("file", b""))
    return _to(ref, "room")


@pages.page("/cases/{ref}/files/{paper_id}", access=Permission.READ_CASES)
def save_file(visit: CurrentVisit, ref: str, paper_id: str) -> Response:
    """Save a file of the room; the opening is recorded before a byte is sent."""
    untrusted, paper = visit.desk.room.open(unslug(ref), paper_id)
    return download(untrusted, paper.text)


def _to(ref: str, part: str) -> RedirectResponse:
    return redirect(f"{case_address(unslug(ref))}/{part}")
