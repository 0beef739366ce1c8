"""The control that stops all searching, or that of one's own agency (R12)."""

from __future__ import annotations

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.model.accounts import Permission
from lineament.model.agencies import StopScope
from lineament.web.obstacles import may_lift
from lineament.web.pages import CurrentVisit, Form, Pages, redirect

pages = Pages()


@pages.page("/stop", access=Permission.OWN_ACCOUNT)
def stop(visit: CurrentVisit) -> HTMLResponse:
    """What is stopped, since when, by whom and why; with the controls, for those who may use them."""
    official = visit.desk.official
    in_force = {stop.scope: stop for stop in visit.desk.stops.in_force()}
    agency = in_force.get(StopScope.AGENCY)
    operates = official.may(Permission.OPERATE)
    stops_agency = official.may(Permission.STOP_AGENCY)
    return visit.page(
        "stop.html",
        everything=in_force.get(StopScope.EVERYTHING),
        agency=agency,
        operates=operates,
        stops_agency=stops_agency,
        lifts_agency=stops_agency and agency is not None and may_lift(official, agency),
    )


@pages.act("/stop/everything", access=Permission.OPERATE, page=stop)
def stop_everything(visit: CurrentVisit, form: Form) -> RedirectResponse:
    """Stop all searching, by every agency."""
    visit.desk.stops.stop_everything(form.text("reason"))
    return redirect("/stop")


@pages.act("/stop/everything/resume", access=Permission.OPERATE, page=stop)
def resume_everything(visit: CurrentVisit, form: Form) -> RedirectResponse:  # noqa: ARG001 - its token was checked
    """Let everybody search again."""
    visit.desk.stops.resume_everything()
    return redirect("/stop")


@pages.act("/stop/agency", access=Permission.STOP_AGENCY, page=stop)
def stop_agency(visit: CurrentVisit, form: Form) -> RedirectResponse:
    """Stop all searching by my agency."""
    visit.desk.stops.stop_agency(form.text("reason"))
    return redirect("/stop")


@pages.act("/stop/agency/resume", access=Permission.STOP_AGENCY, page=stop)
def resume_agency(visit: CurrentVisit, form: Form) -> RedirectResponse:  # noqa: ARG001 - its token was checked
    """Let my agency search again."""
    visit.desk.stops.resume_agency()
    return redirect("/stop")
