"""The links of a page that a crawl may follow: no form is sent, no script runs, and “nofollow” is obeyed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from lxml import etree

from lineament.sources.addresses import absolute
from lineament.sources.html.pages import MOST_TAGS, to_utf8

MOST = 5000
"""Links of one page."""
_FOLLOWED = {"a": "href", "area": "href", "iframe": "src", "frame": "src", "link": "href"}
_RELATED = frozenset({"next", "prev", "previous", "canonical", "alternate"})  # relations of <link> that are followed
_TEXTS = frozenset({"", "text/html", "application/xhtml+xml"})
_NOFOLLOW = re.compile(r"(?:^|[\s,:])(?:nofollow|none)(?:$|[\s,])", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingLinks:
    """The links of a page."""

    addresses: list[str]  # each once, as uri_key() writes it
    more: int  # links beyond MOST, which may name the same address several times


def outgoing_links(html: bytes, charset: str, uri: str) -> OutgoingLinks:
    """Return the addresses that the page at ``uri`` links to."""
    collector = _LinkCollector(uri)
    parser = etree.HTMLParser(target=collector, encoding="utf-8", no_network=True, recover=True)
    with suppress(etree.LxmlError, _TooManyLinksError):  # what came before counts
        etree.fromstring(to_utf8(html, charset), parser)
    return OutgoingLinks(addresses=list(collector.found), more=collector.more)


def forbids_following(directives: Iterable[tuple[str, str]]) -> bool:
    """Return whether a header or meta element for robots forbids following the links, whomever it addresses."""
    return any(name.lower() in {"x-robots-tag", "robots", "lineament"} and _NOFOLLOW.search(value)
               for name, value in directives)  # fmt: skip


class _TooManyLinksError(Exception):
    """The page has more elements than are read."""


class _LinkCollector:
    """The target of the parser: collects the links of a page."""

    def __init__(self, uri: str) -> None:
        self._base, self._based = uri, False
        self._tags = 0
        self.found: dict[str, None] = {}
        self.more = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._tags += 1
        if self._tags > MOST_TAGS:
            raise _TooManyLinksError
        if tag == "base" and not self._based and "href" in attributes:
            self._based = True
            self._base = absolute(self._base, attributes["href"]) or self._base
        if tag in _FOLLOWED and _follows(tag, attributes):
            self._add(absolute(self._base, attributes.get(_FOLLOWED[tag]) or ""))

    def _add(self, address: str | None) -> None:
        if address is None or address in self.found:
            return
        if len(self.found) < MOST:
            self.found[address] = None
        else:
            self.more += 1

    def end(self, tag: str) -> None:
        """Ignore the end of an element."""

    def close(self) -> None:
        """Return nothing; ``found`` has the result."""


def _follows(tag: str, attributes: dict[str, str]) -> bool:
    related = set((attributes.get("rel") or "").lower().split())
    if related & {"nofollow", "noindex"}:
        return False
    if tag == "link":
        return bool(related & _RELATED) and (attributes.get("type") or "").lower() in _TEXTS
    return bool(attributes.get(_FOLLOWED[tag]))
