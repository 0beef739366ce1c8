"""Pages that answer a form, kept for some minutes: in memory, or sealed in the database for the other processes."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from lineament.errors import Damaged, NoLongerShown
from lineament.store.db import Store
from lineament.store.keys import Cipher, subkey

KEPT_SECONDS = 600.0
_MOST = 200
_MOST_BYTES = 2**26
"""Of all pages together: reports hold their pictures."""
_MOST_STORED = 2**28
"""The same in the database."""
_ABOUT = b"kept page"


@dataclass(frozen=True, slots=True)
class KeptPage:
    """A page, and its Content-Security-Policy if it has one of its own."""

    html: bytes
    policy: str | None = None


class KeptPages(Protocol):
    """Keeps pages, each for the session whose secret ``owner`` is."""

    def keep(self, owner: str, html: bytes, policy: str | None = None) -> str:
        """Keep a page; return the token by which its owner finds it."""

    def find(self, owner: str, token: str) -> KeptPage:
        """Return a page. Raises NoLongerShown if it is gone, or is another session's."""


@dataclass(frozen=True, slots=True)
class _Kept:
    owner: str
    page: KeptPage
    until: float


class PagesInMemory:
    """The pages of one process, in memory only: some hold a link or codes that are stored nowhere."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0

    def keep(self, owner: str, html: bytes, policy: str | None = None) -> str:
        """Keep a page; see KeptPages."""
        token, now, page = _new_token(), time.monotonic(), KeptPage(html, policy)
        with self._lock:
            while self._pages and (self._full(page) or next(iter(self._pages.values())).until < now):
                self._bytes -= len(self._pages.popitem(last=False)[1].page.html)
            self._pages[token] = _Kept(owner, page, now + KEPT_SECONDS)
            self._bytes += len(page.html)
        return token

    def _full(self, page: KeptPage) -> bool:
        return len(self._pages) >= _MOST or self._bytes + len(page.html) > _MOST_BYTES

    def find(self, owner: str, token: str) -> KeptPage:
        """Return a page; see KeptPages."""
        with self._lock:
            kept = self._pages.get(token)
        if kept is None or kept.until < time.monotonic() or not secrets.compare_digest(kept.owner, owner):
            raise _gone()
        return kept.page


class PagesInStore:
    """The pages of all processes, in the database.

    Each is sealed under a key that follows from its address and from the secret of its browser, neither of which is
    stored: whoever has the database and the workspace's keys opens none.
    """

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def keep(self, owner: str, html: bytes, policy: str | None = None) -> str:
        """Keep a page; see KeptPages."""
        token, now = _new_token(), self._clock()
        content = _cipher(owner, token).seal(json.dumps(policy).encode() + b"\n" + html, _ABOUT)
        until = now + timedelta(seconds=KEPT_SECONDS)
        with self._store.begin_aside() as tx:
            tx.short_lived.keep_page(_digest(token), content, now, until, _MOST_STORED)
        return token

    def find(self, owner: str, token: str) -> KeptPage:
        """Return a page; see KeptPages."""
        with self._store.read() as tx:  # upkeep: a page has no owner but its browser
            content = tx.short_lived.page(_digest(token), self._clock())
        if content is None:
            raise _gone()
        try:
            policy, _, html = _cipher(owner, token).open(content, _ABOUT).partition(b"\n")
        except Damaged:
            raise _gone() from None
        return KeptPage(html, json.loads(policy))


def _new_token() -> str:
    return secrets.token_urlsafe(24)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def _cipher(owner: str, token: str) -> Cipher:
    secret = hashlib.sha256(f"{owner}|{token}".encode(errors="surrogatepass")).digest()
    return Cipher(subkey(secret, "kept page"))


def _gone() -> NoLongerShown:
    return NoLongerShown(minutes=round(KEPT_SECONDS / 60))
