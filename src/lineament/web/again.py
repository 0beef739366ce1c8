"""A search again, for what is new since it: the same faces, sources and settings, with a reason of its own."""

from __future__ import annotations

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.errors import InvalidValue
from lineament.model.accounts import Permission
from lineament.web.addresses import search_address
from lineament.web.obstacles import obstacles
from lineament.web.pages import CurrentVisit, Form, Pages, redirect
from lineament.web.phrases import distressing

pages = Pages()


@pages.page("/searches/{search_id}/new", access=Permission.SEARCH)
def what_is_new(visit: CurrentVisit, search_id: str) -> HTMLResponse:
    """How many faces are new since a search, and the form that searches them."""
    asked = visit.desk.search.to_repeat(search_id)
    case = visit.desk.casework.get(asked.search.case_key)
    here = f"{search_address(search_id)}/new"
    return visit.page(
        "search_new.html",
        case=case,
        search=asked.search,
        new_faces=asked.new_faces,
        against=obstacles(visit.desk, case.key, back=here, probe_id=asked.search.probe_id),
        veiled=distressing(case),
    )


@pages.act("/searches/{search_id}/new", access=Permission.SEARCH, page=what_is_new)
def search_what_is_new(visit: CurrentVisit, search_id: str, form: Form) -> RedirectResponse:
    """Make the same search again, of the faces that were enrolled since."""
    if not form.text("reason"):
        why = "say why this face is searched again; the reason is recorded"
        raise InvalidValue(what="The reason", value="", why=why, field="reason")
    return redirect(search_address(visit.desk.search.repeat(search_id, form.text("reason")).search_id))
