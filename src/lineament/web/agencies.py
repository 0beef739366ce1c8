"""Agencies, for operators: the register, the vetting, the licence, the policy and the stop of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.errors import AlreadyThere, InvalidValue, LineamentError, Refused
from lineament.model.accounts import Permission
from lineament.model.agencies import Agency, AgencyTerms, Licence, LicenceKind, Usage, VettingOutcome
from lineament.model.reasons import ReasonCode
from lineament.services.people.agencies import Grounds
from lineament.web.forms import Sent
from lineament.web.own import settings_lines, wished
from lineament.web.pages import Form, Here, Pages, Visit, go_on_to
from lineament.web.people import invitation_page

pages = Pages()

Choice = TypeVar("Choice", VettingOutcome, LicenceKind)

ON_A_PAGE = 50
SOON_DAYS = 30
"""A licence or a vetting that ends within so many days is marked."""
_WRONG = (InvalidValue, AlreadyThere, Refused)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
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


def standing(agency: Agency, today: date, *, stopped: bool) -> tuple[str, str, str]:
    """A word for how an agency stands, how loud the page is about it, and why."""
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


def _line(usage: Usage, today: date, stopped: set[str]) -> Line:
    word, level, why = standing(usage.agency, today, stopped=usage.agency.id in stopped)
    licence = usage.agency.licence
    left = None if licence is None else licence.days_left(today)
    return Line(usage=usage, word=word, level=level, why=why, days_left=left)


@pages.page("/agencies", access=Permission.OPERATE)
def agencies(here: Here, q: str = "", page: int = 1) -> HTMLResponse:
    """Every agency with its vetting, its licence and what it uses; or those whose name holds the words looked for."""
    today = here.desk.clock().date()
    stopped = {agency.id for agency, _ in here.desk.stops.of_agencies()}
    every = here.desk.agencies.usage()
    words = q.casefold().split()
    found = [one for one in every if all(word in _looked_in(one.agency) for word in words)]
    last = max(1, -(-len(found) // ON_A_PAGE))
    number = min(max(page, 1), last)
    shown = found[(number - 1) * ON_A_PAGE : number * ON_A_PAGE]
    return here.page(
        "agencies.html",
        lines=[_line(one, today, stopped) for one in shown],
        every=len(every),
        found=len(found),
        first=(number - 1) * ON_A_PAGE + 1,
        number=number,
        last=last,
        month=every[0].month,
        q=q.strip(),
    )


def _looked_in(agency: Agency) -> str:
    return f"{agency.name} {agency.terms.jurisdiction}".casefold()


@pages.page("/agencies/new", access=Permission.OPERATE)
def new_agency(here: Here) -> HTMLResponse:
    """The form that registers an agency."""
    return here.page("agency_new.html", typed={}, wrong="")


@pages.act("/agencies", access=Permission.OPERATE)
def register(here: Here, sent: Form) -> HTMLResponse | RedirectResponse:
    """Registers an agency, which is vetted next."""
    try:
        made = here.desk.agencies.register(_terms(sent))
    except _WRONG as wrong:
        return here.page("agency_new.html", status=_status(wrong), typed=_typed(sent), wrong=str(wrong))
    return _to(made.id)


@pages.page("/agencies/{agency_id}", access=Permission.OPERATE)
def agency(here: Here, agency_id: str) -> HTMLResponse:
    """An agency: what was decided about it, what it uses, and what may be done."""
    return _agency(here, agency_id)


@pages.act("/agencies/{agency_id}/rename", access=Permission.OPERATE)
def rename(here: Here, agency_id: str, sent: Form) -> HTMLResponse | RedirectResponse:
    """Says what the agency is called that runs this workspace."""
    try:
        if not here.desk.agencies.get(agency_id).home:
            raise Refused(ReasonCode.AGENCY_KEEPS_NAME.reason())
        here.desk.agencies.rename_home(_terms(sent))
    except _WRONG as wrong:
        return _agency(here, agency_id, sent, "rename", wrong)
    return _to(agency_id)


@pages.act("/agencies/{agency_id}/vet", access=Permission.OPERATE)
def vet(here: Here, agency_id: str, sent: Form) -> HTMLResponse | RedirectResponse:
    """Records the vetting of an agency."""
    try:
        here.desk.agencies.vet(
            agency_id,
            Grounds(
                outcome=_chosen(VettingOutcome, sent, "outcome"),
                legal_restrictions=sent.text("legal-restrictions"),
                human_rights_record=sent.text("human-rights-record"),
                renew_on=day_in(sent, "renew-on"),
                by=sent.text("by"),
            ),
        )
    except _WRONG as wrong:
        return _agency(here, agency_id, sent, "vet", wrong)
    return _to(agency_id)


@pages.act("/agencies/{agency_id}/license", access=Permission.OPERATE)
def license_agency(here: Here, agency_id: str, sent: Form) -> HTMLResponse | RedirectResponse:
    """Licenses an agency, on trial or in full."""
    try:
        here.desk.agencies.license(
            agency_id,
            Licence(
                kind=_chosen(LicenceKind, sent, "kind"),
                first_day=day_in(sent, "first-day"),
                last_day=day_in(sent, "last-day"),
                seats=sent.whole("seats"),
                searches_a_month=sent.whole("searches-a-month"),
                price=sent.text("price"),
                reference=sent.text("reference"),
            ),
        )
    except _WRONG as wrong:
        return _agency(here, agency_id, sent, "license", wrong)
    return _to(agency_id)


@pages.act("/agencies/{agency_id}/invite", access=Permission.OPERATE)
def invite(here: Here, agency_id: str, sent: Form) -> HTMLResponse:
    """Invites the first administrator of an agency; of the one that runs this workspace, an operator."""
    register = here.desk.agencies
    try:
        if register.get(agency_id).home:
            made = register.invite_operator(sent.text("email"), sent.text("name"))
        else:
            made = register.invite_administrator(agency_id, sent.text("email"), sent.text("name"))
    except _WRONG as wrong:
        return _agency(here, agency_id, sent, "invite", wrong)
    return invitation_page(here, made, [("Agencies", "/agencies")], f"/agencies/{agency_id}")


@pages.act("/agencies/{agency_id}/policy", access=Permission.OPERATE)
def tighten(here: Here, agency_id: str, sent: Form) -> HTMLResponse | RedirectResponse:
    """Makes the policy of an agency stricter."""
    try:
        here.desk.agencies.tighten(wished(sent, here.desk.agencies.rules_of(agency_id)), agency_id)
    except _WRONG as wrong:
        return _agency(here, agency_id, sent, "policy", wrong)
    return _to(agency_id)


@pages.act("/agencies/{agency_id}/stop", access=Permission.OPERATE)
def stop(here: Here, agency_id: str, sent: Form) -> HTMLResponse | RedirectResponse:
    """Stops all searching of an agency."""
    try:
        here.desk.stops.stop_agency(sent.text("reason"), agency_id)
    except _WRONG as wrong:
        return _agency(here, agency_id, sent, "stop", wrong)
    return _to(agency_id)


@pages.act("/agencies/{agency_id}/resume", access=Permission.OPERATE)
def resume(here: Here, agency_id: str, sent: Form) -> RedirectResponse:  # noqa: ARG001 - the form is checked
    """Lets an agency search again."""
    here.desk.stops.resume_agency(agency_id)
    return _to(agency_id)


# ---------------------------------------------------------------- the page, and what its forms sent


def _agency(
    here: Visit, agency_id: str, sent: Sent | None = None, form: str = "", wrong: LineamentError | None = None
) -> HTMLResponse:
    today = here.desk.clock().date()
    usage = here.desk.agencies.usage_of(agency_id)
    stops = {found.id: stop for found, stop in here.desk.stops.of_agencies()}
    stopped = stops.get(usage.agency.id)
    rules = here.desk.agencies.rules_of(usage.agency.id)
    return here.page(
        "agency.html",
        status=200 if wrong is None else _status(wrong),
        line=_line(usage, today, set(stops)),
        agency=usage.agency,
        usage=usage,
        stopped=stopped,
        rules=rules,
        settings=settings_lines(rules, sent if form == "policy" else None),
        today=today,
        suggested={
            "renew-on": today + timedelta(days=365),
            "first-day": today,
            "last-day": today + timedelta(days=30),
        },
        typed={} if sent is None else _typed(sent),
        form=form,
        wrong="" if wrong is None else str(wrong),
    )


def _to(agency_id: str) -> RedirectResponse:
    return go_on_to(f"/agencies/{agency_id}")


def _terms(sent: Sent) -> AgencyTerms:
    return AgencyTerms(name=sent.text("name"), jurisdiction=sent.text("jurisdiction").upper())


def _typed(sent: Sent) -> dict[str, str]:
    return {name: sent.text(name) for name in sent.texts if name != "csrf"}


def _status(wrong: LineamentError) -> int:
    return 422 if isinstance(wrong, InvalidValue) else 409 if isinstance(wrong, AlreadyThere) else 403


def day_in(sent: Sent, name: str) -> date:
    """A field that has to hold a day."""
    found = sent.day(name)
    if found is None:
        raise InvalidValue(what=f"The field “{name.replace('-', ' ')}”", value="", why="write it as 2026-11-21")
    return found


def _chosen(kind: type[Choice], sent: Sent, name: str) -> Choice:
    text = sent.text(name)
    try:
        return kind(text)
    except ValueError:
        listed = " or ".join(one.value for one in kind)
        raise InvalidValue(what=f"The field “{name}”", value=text[:40], why=f"it is {listed}") from None
