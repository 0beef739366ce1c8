"""What the law of a jurisdiction adds: the packs, each line with its source."""

from __future__ import annotations

from fastapi.responses import HTMLResponse

from lineament.model.accounts import Permission
from lineament.model.jurisdictions import NOTICE, Topic, pack_named, packs
from lineament.views.jurisdictions import acts, where
from lineament.web.pages import CurrentVisit, Pages

pages = Pages()


@pages.page("/jurisdictions", access=Permission.OWN_ACCOUNT)
def jurisdictions(visit: CurrentVisit) -> HTMLResponse:
    """The jurisdictions for which there is a pack, with what each makes Lineament do."""
    listed = [(pack, where(pack), list(acts(pack))) for pack in packs().values()]
    return visit.page("jurisdictions.html", listed=listed, notice=NOTICE)


@pages.page("/jurisdictions/{code}", access=Permission.OWN_ACCOUNT)
def jurisdiction(visit: CurrentVisit, code: str) -> HTMLResponse:
    """What the law of a jurisdiction adds, line by line with act, section, address and the day it was read."""
    pack = pack_named(code)
    sections = [(topic.value, pack.about(topic)) for topic in Topic if pack.about(topic)]
    return visit.page(
        "jurisdiction.html", pack=pack, where=where(pack), acts=list(acts(pack)), sections=sections, notice=NOTICE
    )
