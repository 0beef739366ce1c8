"""The threshold in force, and the changes that are proposed, with the error rates before and after (R28)."""

from __future__ import annotations

from typing import Any

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.errors import ThresholdUntrusted
from lineament.model.accounts import Permission
from lineament.views.proposals import meaning_words, who_words
from lineament.web.pages import CurrentVisit, Form, Pages, Visit, redirect

pages = Pages()


@pages.page("/threshold", access=Permission.OWN_ACCOUNT)
def threshold(visit: CurrentVisit) -> HTMLResponse:
    """The threshold in force and what it means; proposed changes with the error rates before and after, by group."""
    try:
        values = _values(visit)
    except ThresholdUntrusted as error:
        values = {"untrusted": str(error)}
    return visit.page("threshold.html", **values)


def _values(visit: Visit) -> dict[str, Any]:
    proposals, official = visit.desk.proposals, visit.desk.official
    in_force = proposals.in_force()
    changes = official.may(Permission.CHANGE_THRESHOLD)
    listed = proposals.list() if changes else ()
    return {
        "untrusted": None,
        "in_force": in_force,
        "who": who_words(in_force.threshold),
        "meaning": meaning_words(in_force.threshold.strangers),
        "changes": changes,
        "waiting": [proposal for proposal in listed if proposal.waits],
        "past": [proposal for proposal in listed if not proposal.waits],
        "decides": [proposal.number for proposal in listed if proposals.may_decide(proposal)] if changes else [],
        "key": visit.desk.audit.public_key,
    }


@pages.act("/threshold/{number}/approve", access=Permission.CHANGE_THRESHOLD, page=threshold)
def approve(visit: CurrentVisit, number: int, form: Form) -> RedirectResponse:
    """Approve a change that somebody else proposed; a threshold holds from the next search on."""
    visit.desk.proposals.approve(number, form.text("reason"))
    return redirect("/threshold")


@pages.act("/threshold/{number}/decline", access=Permission.CHANGE_THRESHOLD, page=threshold)
def decline(visit: CurrentVisit, number: int, form: Form) -> RedirectResponse:
    """Decline a change that somebody else proposed."""
    visit.desk.proposals.decline(number, form.text("reason"))
    return redirect("/threshold")


@pages.act("/threshold/{number}/withdraw", access=Permission.CHANGE_THRESHOLD, page=threshold)
def withdraw(visit: CurrentVisit, number: int, form: Form) -> RedirectResponse:  # noqa: ARG001 - its token was checked
    """Withdraw a change that I proposed."""
    visit.desk.proposals.withdraw(number)
    return redirect("/threshold")
