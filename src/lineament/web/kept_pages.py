"""Pages that answer a form, kept for a few minutes at an address of their own.

A browser that reloads such a page, or comes back to it, only asks for it again: the form is not sent a second time, so
that no second link or set of codes replaces the one that somebody has just copied.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import HTMLResponse

from lineament.errors import NoLongerShown
from lineament.model.accounts import Permission
from lineament.web.pages import Pages, site_of
from lineament.web.security import BrowserSession

pages = Pages()

KEPT_SECONDS = 600.0
_MOST = 200
_MOST_BYTES = 2**26
"""Of all pages together: reports hold their pictures."""


@dataclass(frozen=True, slots=True)
class KeptPage:
    """A page, and its Content-Security-Policy if it has one of its own."""

    html: bytes
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    owner: str
    page: KeptPage
    until: float


class KeptPages:
    """The pages, in memory only: some hold a link or codes that are stored nowhere."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0

    def keep(self, owner: str, html: bytes, policy: str | None = None) -> str:
        """Keep a page for the session whose secret ``owner`` is; return the page's address."""
        token, now, page = secrets.token_urlsafe(24), time.monotonic(), KeptPage(html, policy)
        with self._lock:
            while self._pages and (self._full(page) or next(iter(self._pages.values())).until < now):
                self._bytes -= len(self._pages.popitem(last=False)[1].page.html)
            self._pages[token] = _Kept(owner, page, now + KEPT_SECONDS)
            self._bytes += len(page.html)
        return f"/answers/{token}"

    def _full(self, page: KeptPage) -> bool:
        return len(self._pages) >= _MOST or self._bytes + len(page.html) > _MOST_BYTES

    def find(self, owner: str, token: str) -> KeptPage:
        """Return a page. Raises NoLongerShown if it is gone, or is another session's."""
        with self._lock:
            kept = self._pages.get(token)
        if kept is None or kept.until < time.monotonic() or not secrets.compare_digest(kept.owner, owner):
            raise NoLongerShown(minutes=round(KEPT_SECONDS / 60))
        return kept.page


@pages.page("/answers/{token}", access=Permission.PUBLIC)
def answer(request: Request, token: str) -> HTMLResponse:
    """The page that answered a form a moment ago, for the browser that sent it, even if its session ended with that."""
    kept: KeptPages = request.app.state.kept_pages
    cookie = request.cookies.get(site_of(request).cookie_name(request.headers), "")
    page = kept.find(BrowserSession(cookie).csrf, token)
    return HTMLResponse(page.html, headers=None if page.policy is None else {"content-security-policy": page.policy})
