"""Agencies, for operators: the register, the vetting, the licence, the policy and the stop of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.errors import Refused
from lineament.model.accounts import Permission
from lineament.model.agencies import Agency, AgencyTerms, Licence, LicenceKind, Usage, VettingOutcome
from lineament.model.reasons import ReasonCode
from lineament.services.people.agencies import VettingGrounds
from lineament.web.forms import SentForm
from lineament.web.own import changed_settings, policy_settings
from lineament.web.pages import CurrentVisit, Form, Pages, redirect
from lineament.web.people import invitation_page

pages = Pages()

ON_A_PAGE = 50
SOON_DAYS = 30
"""Days before the end of a licence or a vetting from which it is marked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyRow:
    """An agency in the table."""

    usage: Usage
    word: str
    level: str
    why: str
    days_left: int | None

    @property
    def agency(self) -> Agency:
        """The agency itself."""
        return self.usage.agency


def agency_state(agency: Agency, today: date, *, stopped: bool) -> tuple[str, str, str]:
    """Return the state of an agency in a word, its level (calm, warn or stop), and the reason."""
    if stopped:
        return "stopped", "stop", ""
    if agency.home:
        return "runs this workspace", "calm", ""
    if agency.vetting is None:
        return "to be vetted", "warn", ""
    if agency.licence is None and agency.vetting.outcome is VettingOutcome.OPEN:
        return "to be licensed", "warn", ""
    if against := agency.why_closed(today):
        return "shut out", "stop", "; ".join(reason.words for reason in against)
    ends = agency.vetting.renew_on if agency.licence is None else min(agency.vetting.renew_on, agency.licence.last_day)
    return ("ends soon", "warn", "") if (ends - today).days <= SOON_DAYS else ("open", "calm", "")


def _row(usage: Usage, today: date, stopped: set[str]) -> AgencyRow:
    word, level, why = agency_state(usage.agency, today, stopped=usage.agency.id in stopped)
    licence = usage.agency.licence
    days_left = None if licence is None else licence.days_left(today)
    return AgencyRow(usage=usage, word=word, level=level, why=why, days_left=days_left)


@pages.page("/agencies", access=Permission.OPERATE)
def agencies(visit: CurrentVisit, q: str = "", page: int = 1) -> HTMLResponse:
    """Every agency with its vetting, licence and usage, or those whose name or country contains ``q``."""
    today = visit.desk.clock().date()
    stopped = {agency.id for agency, _ in visit.desk.stops.of_agencies()}
    every = visit.desk.agencies.usage()
    words = q.casefold().split()
    found = [usage for usage in every if all(word in _searched_text(usage.agency) for word in words)]
    last = max(1, -(-len(found) // ON_A_PAGE))
    number = min(max(page, 1), last)
    shown = found[(number - 1) * ON_A_PAGE : number * ON_A_PAGE]
    return visit.page(
        "agencies.html",
        rows=[_row(usage, today, stopped) for usage in shown],
        every=len(every),
        found=len(found),
        first=(number - 1) * ON_A_PAGE + 1,
        number=number,
        last=last,
        month=every[0].month,
        q=q.strip(),
    )


def _searched_text(agency: Agency) -> str:
    return f"{agency.name} {agency.terms.jurisdiction}".casefold()


@pages.page("/agencies/new", access=Permission.OPERATE)
def new_agency(visit: CurrentVisit) -> HTMLResponse:
    """The form that registers an agency."""
    return visit.page("agency_new.html")


@pages.act("/agencies", access=Permission.OPERATE, page=new_agency)
def register(visit: CurrentVisit, form: Form) -> RedirectResponse:
    """Register an agency; it is vetted next."""
    return _to(visit.desk.agencies.register(_terms(form)).id)


@pages.page("/agencies/{agency_id}", access=Permission.OPERATE)
def agency(visit: CurrentVisit, agency_id: str) -> HTMLResponse:
    """An agency: its vetting, licence and usage, and what can be done."""
    today = visit.desk.clock().date()
    usage = visit.desk.agencies.usage_of(agency_id)
    stops = {agency.id: stop for agency, stop in visit.desk.stops.of_agencies()}
    rules = visit.desk.agencies.rules_of(usage.agency.id)
    return visit.page(
        "agency.html",
        row=_row(usage, today, set(stops)),
        agency=usage.agency,
        usage=usage,
        stopped=stops.get(usage.agency.id),
        rules=rules,
        settings=policy_settings(rules),
        today=today,
        suggested={
            "renew-on": today + timedelta(days=365),
            "first-day": today,
            "last-day": today + timedelta(days=30),
        },
    )


@pages.act("/agencies/{agency_id}/rename", access=Permission.OPERATE, page=agency)
def rename(visit: CurrentVisit, agency_id: str, form: Form) -> RedirectResponse:
    """Rename the agency that runs this workspace."""
    if not visit.desk.agencies.get(agency_id).home:
        raise Refused(ReasonCode.AGENCY_KEEPS_NAME.reason())
    visit.desk.agencies.rename_home(_terms(form))
    return _to(agency_id)


@pages.act("/agencies/{agency_id}/vet", access=Permission.OPERATE, page=agency)
def vet(visit: CurrentVisit, agency_id: str, form: Form) -> RedirectResponse:
    """Record the vetting of an agency."""
    visit.desk.agencies.vet(
        agency_id,
        VettingGrounds(
            outcome=form.choice("outcome", VettingOutcome),
            legal_restrictions=form.text("legal-restrictions"),
            human_rights_record=form.text("human-rights-record"),
            renew_on=form.required_day("renew-on"),
            by=form.text("by"),
        ),
    )
    return _to(agency_id)


@pages.act("/agencies/{agency_id}/license", access=Permission.OPERATE, page=agency)
def license_agency(visit: CurrentVisit, agency_id: str, form: Form) -> RedirectResponse:
    """License an agency, on trial or in full."""
    visit.desk.agencies.license(
        agency_id,
        Licence(
            kind=form.choice("kind", LicenceKind),
            first_day=form.required_day("first-day"),
            last_day=form.required_day("last-day"),
            seats=form.whole("seats"),
            searches_a_month=form.whole("searches-a-month"),
            price=form.text("price"),
            reference=form.text("reference"),
        ),
    )
    return _to(agency_id)


@pages.act("/agencies/{agency_id}/invite", access=Permission.OPERATE, page=agency)
def invite(visit: CurrentVisit, agency_id: str, form: Form) -> HTMLResponse:
    """Invite the first administrator of an agency, or an operator of the one that runs this workspace."""
    register = visit.desk.agencies
    if register.get(agency_id).home:
        invitation = register.invite_operator(form.text("email"), form.text("name"))
    else:
        invitation = register.invite_administrator(agency_id, form.text("email"), form.text("name"))
    return invitation_page(visit, invitation, [("Agencies", "/agencies")], f"/agencies/{agency_id}")


@pages.act("/agencies/{agency_id}/policy", access=Permission.OPERATE, page=agency)
def tighten(visit: CurrentVisit, agency_id: str, form: Form) -> RedirectResponse:
    """Make the policy of an agency stricter."""
    visit.desk.agencies.tighten(changed_settings(form, visit.desk.agencies.rules_of(agency_id)), agency_id)
    return _to(agency_id)


@pages.act("/agencies/{agency_id}/stop", access=Permission.OPERATE, page=agency)
def stop(visit: CurrentVisit, agency_id: str, form: Form) -> RedirectResponse:
    """Stop all searching by an agency."""
    visit.desk.stops.stop_agency(form.text("reason"), agency_id)
    return _to(agency_id)


@pages.act("/agencies/{agency_id}/resume", access=Permission.OPERATE, page=agency)
def resume(visit: CurrentVisit, agency_id: str, form: Form) -> RedirectResponse:  # noqa: ARG001 - its token was checked
    """Let an agency search again."""
    visit.desk.stops.resume_agency(agency_id)
    return _to(agency_id)


def _to(agency_id: str) -> RedirectResponse:
    return redirect(f"/agencies/{agency_id}")


def _terms(form: SentForm) -> AgencyTerms:
    return AgencyTerms(name=form.text("name"), jurisdiction=form.text("jurisdiction").upper())
