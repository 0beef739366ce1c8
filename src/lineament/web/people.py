"""The people of the own agency, for its administrators."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.errors import AlreadyThere, InvalidValue, LineamentError, NotAllowed, NotFound, Refused
from lineament.model.accounts import SEPARATED, AccountState, Permission, Role
from lineament.services.people.invitations import Invitation
from lineament.web.forms import Sent
from lineament.web.pages import Form, Here, Pages, Visit, go_on_to

pages = Pages()

ROLES = {
    Role.EXAMINER: "opens cases and searches in those they work on",
    Role.REVIEWER: "reads the cases they work on, and approves photographs",
    Role.SUPERVISOR: "sees every case of the agency, records authorisations and stops searching",
    Role.AUDITOR: "reads every case and the ledger, and changes nothing",
    Role.ADMINISTRATOR: "manages accounts and the policy, and reads no case",
    Role.OPERATOR: "vets and licenses agencies and keeps the sources, and reads no case",
}
"""What a role is trusted with, in words."""
_WRONG = (InvalidValue, AlreadyThere, Refused, NotAllowed)


@pages.page("/people", access=Permission.MANAGE_PEOPLE)
def people(here: Here, closed: bool = False) -> HTMLResponse:
    """Everybody of the agency: roles, training, when last seen, and how the account stands."""
    return _people(here, closed=closed)


@pages.act("/people", access=Permission.MANAGE_PEOPLE)
def invite(here: Here, sent: Form) -> HTMLResponse:
    """Invites somebody; the link is shown this once, or sent where there is a mail server."""
    try:
        roles, sure = roles_in(sent), bool(sent.text("sure"))
        made = here.desk.people.invite(sent.text("email"), sent.text("name"), roles, sure=sure)
    except _WRONG as wrong:
        return _people(here, sent=sent, wrong=wrong)
    return invitation_page(here, made, [("People", "/people")], f"/people/{made.account.id}")


@pages.page("/people/{account_id}", access=Permission.MANAGE_PEOPLE)
def person(here: Here, account_id: str) -> HTMLResponse:
    """An account: roles, training, sessions, and what may be done."""
    return _person(here, account_id)


@pages.act("/people/{account_id}/roles", access=Permission.MANAGE_PEOPLE)
def set_roles(here: Here, account_id: str, sent: Form) -> HTMLResponse | RedirectResponse:
    """Trusts somebody with other roles."""
    try:
        here.desk.people.set_roles(account_id, roles_in(sent))
    except _WRONG as wrong:
        return _person(here, account_id, wrong)
    return _to(account_id)


@pages.act("/people/{account_id}/training", access=Permission.MANAGE_PEOPLE)
def train(here: Here, account_id: str, sent: Form) -> HTMLResponse | RedirectResponse:
    """Records until when the training of somebody counts; without a day, that it does not."""
    try:
        here.desk.people.train(account_id, sent.day("until"))
    except _WRONG as wrong:
        return _person(here, account_id, wrong)
    return _to(account_id)


@pages.act("/people/{account_id}/reset", access=Permission.MANAGE_PEOPLE)
def reset(here: Here, account_id: str, sent: Form) -> HTMLResponse:  # noqa: ARG001 - the form is checked
    """Lets somebody in again who lost everything, by a new link."""
    try:
        made = here.desk.people.reset(account_id)
    except _WRONG as wrong:
        return _person(here, account_id, wrong)
    return invitation_page(here, made, [("People", "/people")], f"/people/{account_id}")


@pages.act("/people/{account_id}/{event}", access=Permission.MANAGE_PEOPLE)
def change(here: Here, account_id: str, event: str, sent: Form) -> HTMLResponse | RedirectResponse:
    """Suspends, restores, closes or unlocks an account, or ends its sessions. Closing is for good, so it is ticked."""
    managed = here.desk.people
    steps = {
        "suspend": managed.suspend,
        "restore": managed.restore,
        "close": managed.close,
        "unlock": managed.unlock,
        "end-sessions": managed.end_sessions,
    }
    if event not in steps:
        raise NotFound(what="step", name=event, hint=", ".join(steps))
    try:
        if event == "close" and not sent.text("sure"):
            raise InvalidValue(what="The close", value="", why="tick that it is meant, for it is for good")
        steps[event](account_id)
    except _WRONG as wrong:
        return _person(here, account_id, wrong)
    return go_on_to("/people") if event == "close" else _to(account_id)


# ---------------------------------------------------------------- the pages, and what their forms sent


def roles_in(sent: Sent) -> list[Role]:
    """The roles that were ticked."""
    known = {role.value for role in Role}
    for one in sent.all("role"):
        if one not in known:
            raise InvalidValue(what="The role", value=one[:40], why=f"there is {', '.join(sorted(known))}")
    return [Role(one) for one in sent.all("role")]


def invitation_page(here: Visit, made: Invitation, trail: Sequence[tuple[str, str]], back: str) -> HTMLResponse:
    """The one page that shows the link; opened again it is gone."""
    link = made.link
    if link is not None and here.desk.settings.public_url is None:
        link = here.origin + urlsplit(link).path
    return here.page("invitation.html", made=made, link=link, trail=trail, back=back)


def _people(
    here: Visit, *, closed: bool = False, sent: Sent | None = None, wrong: LineamentError | None = None
) -> HTMLResponse:
    listed = here.desk.people.list(closed=True)
    open_ones = [one for one in listed if one.state is not AccountState.CLOSED]
    return here.page(
        "people.html",
        status=200 if wrong is None else _status(wrong),
        people=listed if closed else open_ones,
        closed=closed,
        gone=len(listed) - len(open_ones),
        last_alone=here.desk.official.solo and len(open_ones) == 1,
        today=here.desk.clock().date(),
        roles=_givable(here),
        separated=[why for _, _, why in SEPARATED],
        ticked=set() if sent is None else set(sent.all("role")),
        typed={name: "" if sent is None else sent.text(name) for name in ("email", "name")},
        wrong="" if wrong is None else str(wrong),
    )


def _givable(here: Visit, held: Iterable[Role] = ()) -> dict[str, str]:
    """The roles that whoever is here may give, with what each is trusted with."""
    operates = here.desk.official.may(Permission.OPERATE)
    return {
        role.value: words
        for role, words in ROLES.items()
        if role is not Role.OPERATOR or operates or Role.OPERATOR in held
    }


def _person(here: Visit, account_id: str, wrong: LineamentError | None = None) -> HTMLResponse:
    found = here.desk.people.get(account_id)
    return here.page(
        "person.html",
        status=200 if wrong is None else _status(wrong),
        person=found,
        account=found.account,
        roles=_givable(here, found.account.roles),
        separated=[why for _, _, why in SEPARATED],
        today=here.desk.clock().date(),
        wrong="" if wrong is None else str(wrong),
    )


def _status(wrong: LineamentError) -> int:
    return 422 if isinstance(wrong, InvalidValue) else 409 if isinstance(wrong, AlreadyThere) else 403


def _to(account_id: str) -> RedirectResponse:
    return go_on_to(f"/people/{account_id}")
