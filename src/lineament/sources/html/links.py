"""The links of a page that a crawl may follow: no form is sent, no script is run, and a “nofollow” is obeyed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress

from lxml import etree

from lineament.sources.addresses import absolute
from lineament.sources.html.pages import MOST_TAGS

MOST = 5000
"""Links of one page."""
_FOLLOWED = {"a": "href", "area": "href", "iframe": "src", "frame": "src", "link": "href"}
_RELATED = frozenset({"next", "prev", "previous", "canonical", "alternate"})  # what <link> may lead to
_TEXTS = frozenset({"", "text/html", "application/xhtml+xml"})
_NOFOLLOW = re.compile(r"(?:^|[\s,:])(?:nofollow|none)(?:$|[\s,])", re.IGNORECASE)


def outgoing_links(html: bytes, charset: str, uri: str) -> list[str]:
    """Where the page at ``uri`` leads, each address once, as ``uri_key`` writes it."""
    if charset != "utf-8":
        html = html.decode(charset, "replace").encode("utf-8", "replace")
    reader = _LinkCollector(uri)
    parser = etree.HTMLParser(target=reader, encoding="utf-8", no_network=True, recover=True)
    with suppress(etree.LxmlError, _TooManyLinksError):  # what came before counts
        etree.fromstring(html, parser)
    return list(reader.found)


def forbids_following(directives: Iterable[tuple[str, str]]) -> bool:
    """Whether a header or a meta element for robots forbids to follow the links of a page, whomever it names."""
    return any(name.lower() in {"x-robots-tag", "robots", "lineament"} and _NOFOLLOW.search(value)
               for name, value in directives)  # fmt: skip


class _TooManyLinksError(Exception):
    """The page has more than is looked at."""


class _LinkCollector:
    """Takes the tags of a page one by one."""

    def __init__(self, uri: str) -> None:
        self._base, self._based = uri, False
        self._tags = 0
        self.found: dict[str, None] = {}

    def start(self, tag: str, said: dict[str, str]) -> None:
        self._tags += 1
        if self._tags > MOST_TAGS or len(self.found) >= MOST:
            raise _TooManyLinksError
        if tag == "base" and not self._based and "href" in said:
            self._based = True
            self._base = absolute(self._base, said["href"]) or self._base
        if tag in _FOLLOWED and _follows(tag, said):
            address = absolute(self._base, said.get(_FOLLOWED[tag]) or "")
            if address is not None:
                self.found[address] = None

    def end(self, tag: str) -> None:
        """Nothing ends here."""

    def close(self) -> None:
        """Nothing is made; ``found`` is asked afterwards."""


def _follows(tag: str, said: dict[str, str]) -> bool:
    related = set((said.get("rel") or "").lower().split())
    if related & {"nofollow", "noindex"}:
        return False
    if tag == "link":
        return bool(related & _RELATED) and (said.get("type") or "").lower() in _TEXTS
    return bool(said.get(_FOLLOWED[tag]))
