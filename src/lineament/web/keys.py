"""Keys with which programs act: one's own, and for administrators those of the agency."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.errors import InvalidValue, NotFound
from lineament.model.accounts import Permission
from lineament.model.api_keys import IN_A_CASE, LONGEST_NAME, MOST_PER_MINUTE, PER_MINUTE, USUAL_DAYS, KeyTerms
from lineament.model.cases import Case, CaseState
from lineament.web.forms import SentForm
from lineament.web.pages import CurrentVisit, Form, Pages, Visit, redirect

pages = Pages()

MOST_CASES = 200
"""Most open cases to choose from."""
_OWN = Permission.OWN_ACCOUNT
_MEANINGS = {
    Permission.READ_SOURCES: "names, bases and figures of sources",
    Permission.MANAGE_SOURCES: "register and feed sources, suspend, withdraw and erase",
    Permission.READ_CASES: "cases with their searches and candidates",
    Permission.TAKE_PART: "messages, notes and files in cases",
    Permission.OPEN_CASES: "open and close cases, add photographs",
    Permission.SEARCH: "each search is recorded in your name",
    Permission.REVIEW: "decide about candidates in your name",
    Permission.READ_LEDGER: "the entries of your agency",
    Permission.READ_USAGE: "searches and seats of your agency",
}
_IN_THE_CASE = {
    Permission.READ_CASES: "the case with its searches and candidates",
    Permission.TAKE_PART: "messages, notes and files in the case",
    Permission.OPEN_CASES: "add photographs to the case, and close it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RightChoice:
    """A right that can be chosen for a new key."""

    right: Permission
    meaning: str
    not_now: str  # why it cannot be chosen; empty if it can


# ---------------------------------------------------------------- one's own


@pages.page("/account/keys", access=_OWN)
def own_keys(visit: CurrentVisit) -> HTMLResponse:
    """My keys: what each lets a program do, until when, and when it was last used."""
    keys = visit.desk.api_keys
    return visit.page("api_keys.html", keys=keys.own(), most_days=keys.most_days())


@pages.page("/account/keys/new", access=_OWN)
def new_key(visit: CurrentVisit, case: str = "") -> HTMLResponse:
    """The form that makes a key, with the purpose and legal basis of the case in which it searches."""
    keys = visit.desk.api_keys
    keys.require_proof()
    chosen, cases = _open_case(visit, visit.typed("case", case)), []
    if chosen is None and visit.desk.official.may(Permission.READ_CASES):
        cases = visit.desk.casework.page(states=(CaseState.OPEN,), limit=MOST_CASES)
    today = visit.desk.clock().date()
    return visit.page(
        "api_key_new.html",
        bound=chosen,
        cases=cases,
        choices=_choices(visit, chosen),
        sources=[source for source in visit.desk.sources.list() if source.why_closed(today) is None],
        most_days=keys.most_days(),
        usual_days=USUAL_DAYS,
        per_minute=PER_MINUTE,
        most_per_minute=MOST_PER_MINUTE,
        longest_name=LONGEST_NAME,
    )


@pages.act("/account/keys/new", access=_OWN, page=new_key)
def make_key(visit: CurrentVisit, form: Form) -> HTMLResponse:
    """Make a key; it is shown for ten minutes and never again."""
    made = visit.desk.api_keys.make(_terms(form))
    case = None if made.case is None else visit.desk.casework.get(form.text("case"))
    return visit.page("api_key_made.html", made=made, bound=case, origin=visit.origin)


@pages.act("/account/keys/{key_id}/revoke", access=_OWN, page=own_keys)
def revoke_own_key(visit: CurrentVisit, key_id: str, form: Form) -> RedirectResponse:  # noqa: ARG001 - its token was checked
    """Revoke a key: from now on it opens nothing."""
    visit.desk.api_keys.revoke(key_id)
    return redirect("/account/keys")


def _open_case(visit: Visit, ref: str) -> Case | None:
    """Return the case named, if the visitor may see it and it is open."""
    try:
        case = visit.desk.casework.get(ref) if ref and visit.desk.official.may(Permission.READ_CASES) else None
    except (NotFound, InvalidValue):
        return None
    return case if case is not None and case.state is CaseState.OPEN else None


def _choices(visit: Visit, case: Case | None) -> list[RightChoice]:
    may = frozenset() if case is None else visit.desk.casework.outlook(case.key).may
    meanings, choices = _MEANINGS if case is None else _MEANINGS | _IN_THE_CASE, []
    for right in visit.desk.api_keys.grantable():
        not_now = ""
        if right is Permission.SEARCH and case is None:
            not_now = "choose a case first: a key that searches is bound to one"
        elif right is Permission.SEARCH and right not in may:
            not_now = "you do not search in this case"
        elif case is not None and right not in IN_A_CASE:
            not_now = "it reaches beyond the case"
        choices.append(RightChoice(right=right, meaning=meanings[right], not_now=not_now))
    return choices


def _terms(form: SentForm) -> KeyTerms:
    return KeyTerms(
        name=form.text("name"),
        rights=frozenset(form.choices("right", Permission)),
        days=form.whole("days"),
        case=form.text("case") or None,
        reason=form.text("reason"),
        sources=form.all("source"),
        per_minute=form.whole("per_minute"),
        signs=bool(form.text("signs")),
    )


# ---------------------------------------------------------------- of the agency


@pages.page("/keys", access=Permission.MANAGE_PEOPLE)
def keys_of_agency(visit: CurrentVisit) -> HTMLResponse:
    """Every key of the agency, without the cases, which administrators do not see."""
    return visit.page("api_keys_of_agency.html", keys=visit.desk.api_keys.of_agency())


@pages.act("/keys/{key_id}/revoke", access=Permission.MANAGE_PEOPLE, page=keys_of_agency)
def revoke_key(visit: CurrentVisit, key_id: str, form: Form) -> RedirectResponse:  # noqa: ARG001 - its token was checked
    """Revoke a key of the agency."""
    visit.desk.api_keys.revoke(key_id)
    return redirect("/keys")
