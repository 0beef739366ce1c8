"""Pages that answer a form, kept for a few minutes at an address of their own.

A browser that reloads such a page, or comes back to it, only asks for it again: the form is not sent a second time, so
that no second link or set of codes replaces the one that somebody has just copied.
"""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from lineament.model.accounts import Permission
from lineament.services.kept_pages import KeptPages, PagesInMemory, PagesInStore
from lineament.web.pages import Pages, site_of
from lineament.web.security import BrowserSession
from lineament.workspace import Workspace

pages = Pages()


def kept_for(workspace: Workspace) -> KeptPages:
    """Return where the pages are kept: where other processes find them too, if there may be any."""
    several = workspace.store.dialect == "postgresql"
    return PagesInStore(workspace.store, workspace.clock) if several else PagesInMemory()


@pages.page("/answers/{token}", access=Permission.PUBLIC)
def answer(request: Request, token: str) -> HTMLResponse:
    """The page that answered a form a moment ago, for the browser that sent it, even if its session ended with that."""
    kept: KeptPages = request.app.state.kept_pages
    cookie = request.cookies.get(site_of(request).cookie_name(request.headers), "")
    page = kept.find(BrowserSession(cookie).csrf, token)
    return HTMLResponse(page.html, headers=None if page.policy is None else {"content-security-policy": page.policy})
