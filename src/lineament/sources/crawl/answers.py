"""Handles responses: a page yields addresses, a picture is a finding, and everything else is refused with a reason.

Nothing is requested here, so it can be tested without a network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from lineament.errors import FileTooLarge, HostRefused, LineamentError, NotRead
from lineament.sandbox.files import printable
from lineament.sources.addresses import absolute, uri_key
from lineament.sources.crawl.plan import Crawl
from lineament.sources.crawl.rows import AddressKind, CrawledPage, KeptAnswer, NewAddress, QueuedAddress, RefusalReason
from lineament.sources.crawl.state import CrawlState
from lineament.sources.html.embedded import embedded_address, picture_in
from lineament.sources.html.links import MOST as MOST_FOLLOWED
from lineament.sources.html.links import OutgoingLinks, forbids_following, outgoing_links
from lineament.sources.html.pages import MOST_LINKS, MOST_TAGS, Page, charset_of, parse_page
from lineament.sources.media_types import PAGES, START, UNKNOWN, is_picture, is_video, media_type
from lineament.sources.permission import reservations
from lineament.sources.permission.hosts import Hosts, origin_of
from lineament.sources.permission.policy import BUSY
from lineament.sources.permission.reading import REDIRECTS
from lineament.sources.status import why_not_whole
from lineament.sources.webarchive.bodies import beginning, decode_body
from lineament.sources.webarchive.writer import Exchange, WarcWriter, WrittenRecord

_NO_PICTURE = "it is neither a page nor a picture"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlReply:
    """A response in a crawl."""

    exchange: Exchange
    whole: bool  # False if the headers led to its body not being taken

    def header(self, name: str) -> str | None:
        """Return the first header of that name, which is in lower case."""
        return next((value for other, value in self.exchange.answer if other.lower() == name), None)


def refused_by_headers(headers: Iterable[tuple[str, str]], length: int | None, most: int) -> RefusalReason | None:
    """Return why the body of a successful response is not taken, as far as its headers tell; None if it is."""
    headers = list(headers)
    reserved = reservations.in_headers(headers, now=datetime.now(UTC))
    if reserved is not None:
        return RefusalReason(kind="reserved", text=reserved)
    if length is not None and length > most:
        return RefusalReason(kind="read", text=f"it has {length} bytes, more than the limit of {most}")
    return None


def refused_by_start(headers: Iterable[tuple[str, str]], start: bytes) -> RefusalReason | None:
    """Return why the body of a successful response is not taken, as far as its first bytes tell; None if it is.

    Pages, images and what has no known type are taken; anything else is taken only if it begins as a picture does.
    """
    named = {name.lower(): value for name, value in headers}
    kind = media_type(named.get("content-type"))
    if kind in PAGES | UNKNOWN or kind.startswith("image/"):
        return None
    first = beginning(start, None, named.get("content-encoding"))
    if is_picture(first):
        return None
    text = "it is a video; download it and ingest the file" if is_video(first) else f"{_NO_PICTURE} ({printable(kind)})"
    return RefusalReason(kind="read", text=text)


class AnswerHandler:
    """Records what the responses of hosts contain."""

    def __init__(self, crawl: Crawl, hosts: Hosts, state: CrawlState, warc: WarcWriter) -> None:
        self._crawl, self._hosts, self._state, self._warc = crawl, hosts, state, warc

    def add_start(self) -> None:
        """Remember where the crawl starts."""
        with self._state.transaction():
            for address in self._crawl.start:
                url = uri_key(address)
                assert url is not None  # noqa: S101 - the plan has checked it
                self._add(NewAddress(url=url, host=origin_of(url).host))

    def take(self, ask: QueuedAddress, reply: CrawlReply) -> None:
        """Handle a response."""
        with self._keeping():
            self._state.count_answer(len(reply.exchange.body))
            self._by_status(ask, reply)

    def keep(self, exchange: Exchange) -> None:
        """Archive a response, and do nothing else with it."""
        with self._keeping():
            self._warc.exchange(exchange)

    @contextmanager
    def _keeping(self) -> Iterator[None]:
        """Commit the changes for records together with the valid size of their file."""
        if self._warc.ready():
            self._remember_size()
        with self._state.transaction():
            yield
            self._remember_size()

    def _remember_size(self) -> None:
        self._state.set("warc", self._warc.name)
        self._state.set("warc size", self._warc.size)

    def failed(self, ask: QueuedAddress, why: str) -> None:
        """Note that there was no response; after some tries the address is given up."""
        with self._state.transaction():
            self._state.count_answer(0)
            self._retry(ask, why)

    def refuse_answer(self, ask: QueuedAddress, why: str) -> None:
        """Note that the response was stopped and is not asked for again."""
        with self._state.transaction():
            self._state.count_answer(0)
            self._state.refuse(ask, RefusalReason(kind="read", text=why))

    def refuse(self, ask: QueuedAddress, why: RefusalReason) -> None:
        """Note that an address may not be requested, or that its response was refused."""
        with self._state.transaction():
            self._state.refuse(ask, why)

    # ------------------------------------------------------------ by status

    def _by_status(self, ask: QueuedAddress, reply: CrawlReply) -> None:
        status = reply.exchange.status
        if status in BUSY:
            self._retry(ask, f"its host answers with {status}, too busy")
        elif status == 304 and ask.before is not None:
            self._take_unchanged(ask, ask.before, reply)
        elif status in REDIRECTS:
            self._take_redirect(ask, reply)
        elif (why := why_not_whole(status, reply.header("content-range"))) is None:
            self._take_success(ask, reply)
        elif status >= 500 or status == 408:
            self._retry(ask, f"its host answers with {status}")
        else:
            self._state.refuse(ask, RefusalReason(kind="read", text=why), report=ask.kind == AddressKind.PICTURE)

    def _take_unchanged(self, ask: QueuedAddress, before: WrittenRecord, reply: CrawlReply) -> None:
        why = refused_by_headers(reply.exchange.answer, None, self._crawl.limits.answer)
        if why is not None and why.kind == "reserved":  # the bytes are the same, but not what may be done with them
            self._state.refuse(ask, why)
            return
        self._state.add_revisit(before, self._warc.revisit(reply.exchange, before, not_modified=True))
        self._state.mark_answered(ask)

    def _retry(self, ask: QueuedAddress, why: str) -> None:
        if ask.tries >= self._crawl.limits.tries:
            self._state.refuse(ask, RefusalReason(kind="read", text=f"{why}, after {ask.tries} tries"))

    def _take_redirect(self, ask: QueuedAddress, reply: CrawlReply) -> None:
        target = absolute(ask.url, reply.header("location") or "")
        if target is None or ask.hops >= self._crawl.limits.redirects:
            why = "its redirect has no target" if target is None else "it is redirected too many times"
            self._state.refuse(ask, RefusalReason(kind="read", text=why))
            return
        try:
            origin = self._hosts.allows(target)
        except HostRefused as error:
            self._state.refuse(ask, RefusalReason.of_host(**error.details))
            return
        self._warc.exchange(reply.exchange)
        self._state.mark_answered(ask)
        self._state.count_without()
        new = NewAddress(
            url=target,
            host=origin.host,
            kind=ask.kind,
            depth=ask.depth,
            hops=ask.hops + 1,
            page=ask.page,
            words=ask.words,
        )
        self._add(new)

    def _take_success(self, ask: QueuedAddress, reply: CrawlReply) -> None:
        exchange = reply.exchange
        why = refused_by_headers(exchange.answer, None, self._crawl.limits.answer)
        why = why or refused_by_start(exchange.answer, exchange.body[:START])
        if why is None and not reply.whole:
            why = RefusalReason(kind="read", text=f"it has more than the limit of {self._crawl.limits.answer} bytes")
        if why is not None:
            self._state.refuse(ask, why, report=why.kind == "reserved" or ask.kind == AddressKind.PICTURE)
            return
        kind = media_type(reply.header("content-type"))
        limit = min(self._crawl.limits.page if kind in PAGES else self._crawl.limits.answer, self._crawl.limits.answer)
        try:
            payload = decode_body(exchange.body, None, reply.header("content-encoding"), limit)
        except FileTooLarge:
            self._state.refuse(ask, RefusalReason(kind="read", text=f"it unpacks to more than {limit} bytes"))
            return
        except NotRead as error:
            self._state.refuse(ask, RefusalReason(kind="read", text=str(error.details["why"])))
            return
        if kind in PAGES and not is_picture(payload):
            self._page(ask, reply, payload)
        else:
            self._picture(ask, reply, payload)

    # ------------------------------------------------------------ pictures

    def _picture(self, ask: QueuedAddress, reply: CrawlReply, payload: bytes) -> None:
        if not is_picture(payload):
            self._state.refuse(
                ask, RefusalReason(kind="read", text=_NO_PICTURE), report=ask.kind == AddressKind.PICTURE
            )
            return
        sha256 = hashlib.sha256(payload).hexdigest()
        if ask.before is not None and sha256 == ask.sha256:
            self._state.add_revisit(ask.before, self._warc.revisit(reply.exchange, ask.before, not_modified=False))
            self._state.mark_answered(ask, _kept_answer(reply, sha256, ask.before))
            return
        kept = _kept_answer(reply, sha256, self._warc.exchange(reply.exchange))
        self._state.mark_answered(ask, kept)
        self._state.add_picture(ask, kept)

    # ------------------------------------------------------------ pages

    def _page(self, ask: QueuedAddress, reply: CrawlReply, html: bytes) -> None:
        charset = charset_of(html, _charset(reply.header("content-type")))
        page = parse_page(html, charset, ask.url)
        reserved = reservations.in_meta(page.meta, now=datetime.now(UTC))
        if reserved is None:
            self._keep_page(ask, reply, html, page)
        else:
            self._state.refuse(ask, RefusalReason(kind="reserved", text=reserved))
            self._reserve(ask, page, f"{reserved}, on the page {ask.url}")
        if not forbids_following([*reply.exchange.answer, *page.meta]) and ask.depth < self._crawl.limits.depth:
            self._follow(ask, outgoing_links(html, charset, ask.url))

    def _follow(self, ask: QueuedAddress, links: OutgoingLinks) -> None:
        for url in links.addresses:
            self._take_up(url, ask, None, None)
        if links.more:
            why = f"the page has {links.more} more links than the {MOST_FOLLOWED} that are followed"
            self._state.report(f"{ask.url}#links", RefusalReason(kind="read", text=why))

    def _keep_page(self, ask: QueuedAddress, reply: CrawlReply, html: bytes, page: Page) -> None:
        sha256 = hashlib.sha256(html).hexdigest()
        record = self._warc.exchange(reply.exchange)
        kept = _kept_answer(reply, sha256, record)
        self._state.mark_answered(ask, kept)
        self._state.count_without()
        number = self._state.add_page(CrawledPage(uri=ask.url, title=page.title, record=record, sha256=sha256))
        for link in page.links:
            self._take_up(link.uri, ask, number, link.words)
        if page.more:
            why = f"the page shows {page.more} more pictures than the {MOST_LINKS} of which the addresses are requested"
            self._state.report(ask.url, RefusalReason(kind="read", text=why))
        if page.cut:
            why = f"the page has more than {MOST_TAGS} elements, and what follows them was not read"
            self._state.report(f"{ask.url}#rest", RefusalReason(kind="read", text=why))
        self._keep_embedded(ask, page, number, kept)

    def _keep_embedded(self, ask: QueuedAddress, page: Page, number: int, kept: KeptAnswer) -> None:
        """Note the pictures that a page holds as “data:” addresses as findings."""
        for place, embedded in enumerate(page.embedded, 1):
            uri = embedded_address(ask.url, place)
            try:
                untrusted = picture_in(embedded.data, self._crawl.limits.answer)
            except LineamentError as error:
                why = str(error.details.get("why") or error)
                self._state.report(uri, RefusalReason(kind="read", text=why))
                continue
            if untrusted is None:
                self._state.count_without()
            else:
                digest = hashlib.sha256(untrusted).hexdigest()
                self._state.add_embedded(uri, number, kept, digest, embedded.words)
        if page.more_embedded:
            why = f"the page holds {page.more_embedded} more “data:” addresses than the most that are read"
            self._state.report(f"{ask.url}#data", RefusalReason(kind="read", text=why))

    def _reserve(self, ask: QueuedAddress, page: Page, why: str) -> None:
        for link in page.links:
            try:
                self._state.reserve(
                    link.uri, self._hosts.allows(link.uri).host, ask.url, RefusalReason(kind="reserved", text=why)
                )
            except HostRefused:
                continue

    def _take_up(self, url: str, ask: QueuedAddress, page: int | None, words: str | None) -> None:
        """Queue an address found on a page: of a picture if ``page`` is given, else of another page."""
        try:
            host = self._hosts.allows(url).host
        except HostRefused as error:
            self._state.report(
                url if page is not None else str(error.details["host"]), RefusalReason.of_host(**error.details)
            )
            return
        if page is None:
            self._add(NewAddress(url=url, host=host, depth=ask.depth + 1))
        else:
            new = NewAddress(
                url=url, host=host, kind=AddressKind.PICTURE, depth=ask.depth, page=page, shown_by=ask.url, words=words
            )
            self._add(new)

    def _add(self, new: NewAddress) -> None:
        if self._state.addresses() < self._crawl.limits.addresses:
            self._state.add(new, alike=self._crawl.limits.alike)
        else:
            why = f"{self._crawl.limits.addresses} addresses are known, the most that are; no further one is requested"
            self._state.report(f"{self._crawl.start[0]}#addresses", RefusalReason(kind="read", text=why))


def _kept_answer(reply: CrawlReply, sha256: str, record: WrittenRecord) -> KeptAnswer:
    return KeptAnswer(
        at=reply.exchange.at,
        etag=_short(reply.header("etag")),
        modified=_short(reply.header("last-modified")),
        sha256=sha256,
        record=record,
    )


def _short(value: str | None) -> str | None:
    """Return a value that can be sent back in a header, or None."""
    return value if value and len(value) <= 500 and value.isascii() and value.isprintable() else None


def _charset(content_type: str | None) -> str | None:
    _, found, charset = (content_type or "")[:500].lower().partition("charset=")
    return charset.partition(";")[0].strip() if found else None
