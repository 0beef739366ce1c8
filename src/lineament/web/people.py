"""The people of one's own agency, for its administrators."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse, RedirectResponse
from markupsafe import Markup

from lineament.errors import InvalidValue, NotFound
from lineament.identity.totp import qr_svg
from lineament.model.accounts import SEPARATED, AccountState, Permission, Role
from lineament.services.people.invitations import Invitation
from lineament.web.pages import CurrentVisit, Form, Pages, Visit, redirect

pages = Pages()

ROLES = {
    Role.EXAMINER: "opens cases and searches in those they work on",
    Role.REVIEWER: "reads the cases they work on, and approves photographs",
    Role.SUPERVISOR: "sees every case of the agency, records authorisations and stops searching",
    Role.AUDITOR: "reads every case and the ledger, and changes nothing",
    Role.ADMINISTRATOR: "manages accounts and the policy, and reads no case",
    Role.OPERATOR: "vets and licenses agencies and keeps the sources, and reads no case",
}
"""What each role may do, in words."""


@pages.page("/people", access=Permission.MANAGE_PEOPLE)
def people(visit: CurrentVisit, closed: bool = False) -> HTMLResponse:
    """Everybody of the agency: roles, training, when last seen, and the state of the account."""
    every = visit.desk.people.list(closed=True)
    not_closed = [account for account in every if account.state is not AccountState.CLOSED]
    return visit.page(
        "people.html",
        people=every if closed else not_closed,
        closed=closed,
        gone=len(every) - len(not_closed),
        last_alone=visit.desk.official.solo and len(not_closed) == 1,
        today=visit.desk.clock().date(),
        roles=_givable(visit),
        separated=[why for _, _, why in SEPARATED],
    )


@pages.act("/people", access=Permission.MANAGE_PEOPLE, page=people)
def invite(visit: CurrentVisit, form: Form) -> HTMLResponse:
    """Invite somebody; the link is shown for ten minutes, or sent if there is a mail server."""
    sure = bool(form.text("sure"))
    invitation = visit.desk.people.invite(form.text("email"), form.text("name"), form.choices("role", Role), sure=sure)
    return invitation_page(visit, invitation, [("People", "/people")], f"/people/{invitation.account.id}")


@pages.page("/people/{account_id}", access=Permission.MANAGE_PEOPLE)
def person(visit: CurrentVisit, account_id: str) -> HTMLResponse:
    """An account: roles, training, sessions, and what can be done."""
    found = visit.desk.people.get(account_id)
    return visit.page(
        "person.html",
        person=found,
        account=found.account,
        roles=_givable(visit, found.account.roles),
        separated=[why for _, _, why in SEPARATED],
        today=visit.desk.clock().date(),
    )


@pages.act("/people/{account_id}/roles", access=Permission.MANAGE_PEOPLE, page=person)
def set_roles(visit: CurrentVisit, account_id: str, form: Form) -> RedirectResponse:
    """Replace the roles of an account."""
    visit.desk.people.set_roles(account_id, form.choices("role", Role))
    return _to(account_id)


@pages.act("/people/{account_id}/training", access=Permission.MANAGE_PEOPLE, page=person)
def train(visit: CurrentVisit, account_id: str, form: Form) -> RedirectResponse:
    """Record until when somebody's training counts; without a day it no longer counts."""
    visit.desk.people.train(account_id, form.day("until"))
    return _to(account_id)


@pages.act("/people/{account_id}/reset", access=Permission.MANAGE_PEOPLE, page=person)
def reset(visit: CurrentVisit, account_id: str, form: Form) -> HTMLResponse:  # noqa: ARG001 - its token was checked
    """Reset the account of somebody who lost every credential, with a new link."""
    invitation = visit.desk.people.reset(account_id)
    return invitation_page(visit, invitation, [("People", "/people")], f"/people/{account_id}")


@pages.act("/people/{account_id}/{event}", access=Permission.MANAGE_PEOPLE, page=person)
def change(visit: CurrentVisit, account_id: str, event: str, form: Form) -> RedirectResponse:
    """Suspend, restore, close or unlock an account, or end its sessions. Closing is final, so it must be ticked."""
    managed = visit.desk.people
    changes = {
        "suspend": managed.suspend,
        "restore": managed.restore,
        "close": managed.close,
        "unlock": managed.unlock,
        "end-sessions": managed.end_sessions,
    }
    if event not in changes:
        raise NotFound(what="step", name=event, hint=", ".join(changes))
    if event == "close" and not form.text("sure"):
        raise InvalidValue(what="Closing", value="", why="tick the box, because this cannot be undone", field="sure")
    changes[event](account_id)
    return redirect("/people") if event == "close" else _to(account_id)


# ---------------------------------------------------------------- pages and fields


def invitation_page(visit: Visit, invitation: Invitation, trail: Sequence[tuple[str, str]], back: str) -> HTMLResponse:
    """Show the link of an invitation, also as a QR code for a phone; no other page shows it."""
    link = invitation.link
    if link is not None and visit.desk.settings.public_url is None:
        link = visit.origin + urlsplit(link).path
    code = None if link is None else Markup(qr_svg(link))  # noqa: S704 - drawn by us: the link is in it only as squares
    return visit.page("invitation.html", invitation=invitation, link=link, code=code, trail=trail, back=back)


def _givable(visit: Visit, current: Iterable[Role] = ()) -> dict[str, str]:
    """Return the roles that the visitor may give, each with what it may do."""
    operates = visit.desk.official.may(Permission.OPERATE)
    return {
        role.value: words
        for role, words in ROLES.items()
        if role is not Role.OPERATOR or operates or Role.OPERATOR in current
    }


def _to(account_id: str) -> RedirectResponse:
    return redirect(f"/people/{account_id}")
