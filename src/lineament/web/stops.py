"""One calm control that stops searching: all of it, or that of the own agency (R12)."""

from __future__ import annotations

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.errors import InvalidValue, NotAllowed, Refused
from lineament.model.accounts import Permission
from lineament.model.agencies import StopScope
from lineament.services.people.stops import OPERATOR
from lineament.web.pages import Form, Here, Pages, Visit, go_on_to

pages = Pages()


@pages.page("/stop", access=Permission.OWN_ACCOUNT)
def stop(here: Here) -> HTMLResponse:
    """What is stopped, since when, by whom and why; with the controls of whoever may stop and resume."""
    return _page(here)


@pages.act("/stop/everything", access=Permission.OPERATE)
def stop_everything(here: Here, sent: Form) -> HTMLResponse | RedirectResponse:
    """Stops all searching, of every agency."""
    try:
        here.desk.stops.stop_everything(sent.text("reason"))
    except InvalidValue as wrong:
        return _page(here, "everything", wrong)
    return go_on_to("/stop")


@pages.act("/stop/everything/resume", access=Permission.OPERATE)
def resume_everything(here: Here, sent: Form) -> HTMLResponse | RedirectResponse:  # noqa: ARG001
    """Lets everybody search again."""
    try:
        here.desk.stops.resume_everything()
    except Refused as wrong:
        return _page(here, "everything", wrong)
    return go_on_to("/stop")


@pages.act("/stop/agency", access=Permission.STOP_AGENCY)
def stop_agency(here: Here, sent: Form) -> HTMLResponse | RedirectResponse:
    """Stops the searching of the own agency."""
    try:
        here.desk.stops.stop_agency(sent.text("reason"))
    except (InvalidValue, NotAllowed) as wrong:
        return _page(here, "agency", wrong)
    return go_on_to("/stop")


@pages.act("/stop/agency/resume", access=Permission.STOP_AGENCY)
def resume_agency(here: Here, sent: Form) -> HTMLResponse | RedirectResponse:  # noqa: ARG001
    """Lets the own agency search again."""
    try:
        here.desk.stops.resume_agency()
    except (Refused, NotAllowed) as wrong:
        return _page(here, "agency", wrong)
    return go_on_to("/stop")


def _page(here: Visit, form: str = "", wrong: InvalidValue | Refused | NotAllowed | None = None) -> HTMLResponse:
    official, found = here.desk.official, here.desk.stops.in_force()
    standing = {stop.scope: stop for stop in found}
    everything, agency = standing.get(StopScope.EVERYTHING), standing.get(StopScope.AGENCY)
    operates = official.may(Permission.OPERATE)
    stops_agency = official.may(Permission.STOP_AGENCY)
    return here.page(
        "stop.html",
        status=200 if wrong is None else 422 if isinstance(wrong, InvalidValue) else 403,
        everything=everything,
        agency=agency,
        operates=operates,
        stops_agency=stops_agency,
        lifts_agency=stops_agency and agency is not None and (operates or agency.by != OPERATOR),
        form=form,
        wrong="" if wrong is None else str(wrong),
    )
