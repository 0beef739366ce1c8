"""Who works on a case, and the room in which they tell and give each other things."""

from __future__ import annotations

from urllib.parse import quote

from fastapi.responses import HTMLResponse, RedirectResponse, Response

from lineament.errors import InvalidValue
from lineament.model.accounts import Permission
from lineament.model.cases import CaseRole
from lineament.services.cases.room import LARGEST
from lineament.web.addresses import case_address, unslug
from lineament.web.cases import framed, tried
from lineament.web.forms import Sent
from lineament.web.pages import Form, Here, Pages, Visit, go_on_to

pages = Pages()

NEWEST = 200
"""Papers on the page of a room."""
_FIELDS = ("account", "email", "role", "until", "text", "to")
_FILE_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""For a stranger's bytes: they are saved, and nothing in them runs."""


# ---------------------------------------------------------------- people


@pages.page("/cases/{ref}/people", access=Permission.READ_CASES)
def people(here: Here, ref: str) -> HTMLResponse:
    """Who works on a case, in which role and until when, and who is invited."""
    return _people(here, ref, dict.fromkeys(_FIELDS, ""))


@pages.act("/cases/{ref}/members", access=Permission.MANAGE_CASES)
def add(here: Here, ref: str, sent: Form) -> HTMLResponse | RedirectResponse:
    """Adds an official of the case's agency, or changes role or end."""

    def act() -> str:
        here.desk.members.add(unslug(ref), sent.text("account"), _role(sent), sent.day("until"))
        return f"{case_address(unslug(ref))}/people"

    return tried(act, lambda wrong, status: _people(here, ref, _typed(sent), wrong=wrong, status=status))


@pages.act("/cases/{ref}/members/{account_id}/remove", access=Permission.MANAGE_CASES)
def remove(here: Here, ref: str, account_id: str, sent: Form) -> RedirectResponse:  # noqa: ARG001 - checked
    """Takes somebody out of a case, at once."""
    here.desk.members.remove(unslug(ref), account_id)
    return go_on_to(f"{case_address(unslug(ref))}/people")


@pages.act("/cases/{ref}/invitations", access=Permission.MANAGE_CASES)
def invite(here: Here, ref: str, sent: Form) -> HTMLResponse | RedirectResponse:
    """Invites an official of another agency, until a day."""

    def act() -> str:
        here.desk.members.invite(unslug(ref), sent.text("email"), _role(sent), sent.day("until"))
        return f"{case_address(unslug(ref))}/people"

    return tried(act, lambda wrong, status: _people(here, ref, _typed(sent), wrong=wrong, status=status))


@pages.act("/cases/{ref}/invitations/{invitation_id}/withdraw", access=Permission.MANAGE_CASES)
def withdraw(here: Here, ref: str, invitation_id: str, sent: Form) -> RedirectResponse:  # noqa: ARG001 - checked
    """Takes an invitation back."""
    here.desk.members.withdraw(unslug(ref), invitation_id)
    return go_on_to(f"{case_address(unslug(ref))}/people")


@pages.act("/invitations/{invitation_id}/take", access=Permission.READ_CASES)
def take_up(here: Here, invitation_id: str, sent: Form) -> RedirectResponse:  # noqa: ARG001 - checked
    """Takes up an invitation to a case of another agency."""
    return go_on_to(case_address(here.desk.members.take(invitation_id).key))


def _role(sent: Sent) -> CaseRole:
    roles = {one.value: one for one in CaseRole}
    if sent.text("role") not in roles:
        raise InvalidValue(what="The role", value=sent.text("role")[:40], why=f"choose one of {', '.join(roles)}")
    return roles[sent.text("role")]


def _typed(sent: Sent) -> dict[str, str]:
    return {name: sent.text(name) for name in _FIELDS}


def _people(here: Visit, ref: str, typed: dict[str, str], *, wrong: str = "", status: int = 200) -> HTMLResponse:
    found, frame = framed(here, ref, "people")
    members = here.desk.members
    return here.page(
        "case_people.html",
        status=status,
        wrong=wrong,
        typed=typed,
        members=members.of(found.key),
        invitations=members.invitations(found.key) if frame["can"](Permission.MANAGE_CASES.value) else [],
        roles=[one.value for one in CaseRole],
        today=here.desk.clock().date(),
        **frame,
    )


# ---------------------------------------------------------------- the room


@pages.page("/cases/{ref}/room", access=Permission.READ_CASES)
def room(here: Here, ref: str) -> HTMLResponse:
    """Messages, files and the notes of one's own agency."""
    return _room(here, ref, dict.fromkeys(_FIELDS, ""))


@pages.act("/cases/{ref}/messages", access=Permission.TAKE_PART)
def write(here: Here, ref: str, sent: Form) -> HTMLResponse | RedirectResponse:
    """Writes a message to everybody in the room, or a note for one's own agency alone."""

    def act() -> str:
        say = here.desk.room.note if sent.text("to") == "agency" else here.desk.room.say
        say(unslug(ref), sent.text("text"))
        return f"{case_address(unslug(ref))}/room"

    return tried(act, lambda wrong, status: _room(here, ref, _typed(sent), wrong=wrong, status=status))


@pages.act("/cases/{ref}/files", access=Permission.TAKE_PART)
def put(here: Here, ref: str, sent: Form) -> HTMLResponse | RedirectResponse:
    """Puts a file into the room; it is kept as it is, sealed, and never opened here."""

    def act() -> str:
        here.desk.room.file(unslug(ref), sent.names.get("file", ""), sent.files.get("file", b""))
        return f"{case_address(unslug(ref))}/room"

    return tried(act, lambda wrong, status: _room(here, ref, _typed(sent), wrong=wrong, status=status))


@pages.page("/cases/{ref}/files/{paper_id}", access=Permission.READ_CASES)
def get(here: Here, ref: str, paper_id: str) -> Response:
    """A file of the room, to be saved; that it was opened is on the record before a byte is given."""
    untrusted, paper = here.desk.room.open(unslug(ref), paper_id)
    return Response(
        untrusted,
        media_type="application/octet-stream",
        headers={
            "content-disposition": f"attachment; filename*=UTF-8''{quote(paper.text, safe='')}",
            "content-security-policy": _FILE_POLICY,
        },
    )


def _room(here: Visit, ref: str, typed: dict[str, str], *, wrong: str = "", status: int = 200) -> HTMLResponse:
    found, frame = framed(here, ref, "room")
    papers = here.desk.room.papers(found.key, limit=NEWEST)
    largest = min(LARGEST, here.desk.settings.max_file_bytes)
    return here.page("case_room.html", status=status, wrong=wrong, typed=typed, papers=papers, largest=largest, **frame)
