"""What is done with an answer: a page gives addresses, a picture is found, and everything else says why it is not.

Nothing is asked here, so that it can be tried without any network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from lineament.errors import FileTooLarge, HostRefused, NotRead
from lineament.sources.addresses import absolute, uri_key
from lineament.sources.crawl.plan import Crawl
from lineament.sources.crawl.rows import AddressKind, CrawledPage, KeptAnswer, NewAddress, QueuedAddress, RefusalReason
from lineament.sources.crawl.state import CrawlState
from lineament.sources.html.links import forbids_following, outgoing_links
from lineament.sources.html.pages import LARGEST_PAGE, Page, charset_of, parse_page
from lineament.sources.permission import reservations
from lineament.sources.permission.hosts import Hosts, origin_of
from lineament.sources.permission.policy import BUSY
from lineament.sources.permission.reading import REDIRECTS
from lineament.sources.webarchive.bodies import decode_body
from lineament.sources.webarchive.writer import Exchange, WarcWriter, WrittenRecord

PAGES = frozenset({"text/html", "application/xhtml+xml"})
UNKNOWN = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/unknown"})
_LOG_IN = frozenset({401, 407})
_NO_PICTURE = "it is neither a page nor a picture"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlReply:
    """What a host answered."""

    exchange: Exchange
    whole: bool  # False where the body was not taken, after a look at the headers

    def header(self, name: str) -> str | None:
        """The first header of that name, in lower case."""
        return next((value for one, value in self.exchange.answer if one.lower() == name), None)


def media_type(content_type: str | None) -> str:
    """The type without its parameters."""
    return (content_type or "").partition(";")[0].strip().lower()[:100]


def refused_by_headers(headers: Iterable[tuple[str, str]], length: int | None, most: int) -> RefusalReason | None:
    """Why the body of an answer that succeeds is not taken, as far as its headers tell."""
    headers = list(headers)
    reserved = reservations.in_headers(headers, now=datetime.now(UTC))
    if reserved is not None:
        return RefusalReason(kind="reserved", text=reserved)
    said = next((value for name, value in headers if name.lower() == "content-type"), None)
    kind = media_type(said)
    if kind not in PAGES | UNKNOWN and not kind.startswith("image/"):
        return RefusalReason(kind="read", text=f"{_NO_PICTURE} ({kind})")
    if length is not None and length > most:
        return RefusalReason(kind="read", text=f"it has {length} bytes, more than the {most} that are taken")
    return None


class AnswerHandler:
    """Writes down what the answers of hosts say."""

    def __init__(self, crawl: Crawl, hosts: Hosts, state: CrawlState, warc: WarcWriter) -> None:
        self._crawl, self._hosts, self._state, self._warc = crawl, hosts, state, warc

    def begin(self) -> None:
        """Remember where the crawl begins."""
        with self._state.together():
            for one in self._crawl.begin:
                url = uri_key(one)
                assert url is not None  # noqa: S101 - the crawl has checked it
                self._add(NewAddress(url=url, host=origin_of(url).host))

    def take(self, ask: QueuedAddress, reply: CrawlReply) -> None:
        """Deal with an answer."""
        with self._keeping():
            self._state.spent(len(reply.exchange.body))
            self._taken(ask, reply)

    def keep(self, exchange: Exchange) -> None:
        """Keep an answer of which nothing else is to be done."""
        with self._keeping():
            self._warc.exchange(exchange)

    @contextmanager
    def _keeping(self) -> Iterator[None]:
        """Records are written, and with what is made of them it is remembered how far the file counts."""
        if self._warc.ready():
            self._remember_size()
        with self._state.together():
            yield
            self._remember_size()

    def _remember_size(self) -> None:
        self._state.set("warc", self._warc.name)
        self._state.set("warc size", self._warc.size)

    def failed(self, ask: QueuedAddress, why: str) -> None:
        """There was no answer; after some tries it is given up."""
        with self._state.together():
            self._state.spent(0)
            self._again(ask, why)

    def refused(self, ask: QueuedAddress, why: RefusalReason) -> None:
        """It may not be asked for, or its answer was not taken."""
        with self._state.together():
            self._state.refused(ask, why)

    # ------------------------------------------------------------ by status

    def _taken(self, ask: QueuedAddress, reply: CrawlReply) -> None:
        status = reply.exchange.status
        if status in BUSY:
            self._again(ask, f"its host answers with {status}, too busy")
        elif status == 304 and ask.before is not None:
            self._state.revisited(ask.before, self._warc.revisit(reply.exchange, ask.before, not_modified=True))
            self._state.done(ask)
        elif status in REDIRECTS:
            self._redirected(ask, reply)
        elif status == 200:
            self._succeeded(ask, reply)
        elif status >= 500 or status == 408:
            self._again(ask, f"its host answers with {status}")
        else:
            self._state.refused(
                ask, RefusalReason(kind="read", text=_words_for(status)), told=ask.kind == AddressKind.PICTURE
            )

    def _again(self, ask: QueuedAddress, why: str) -> None:
        if ask.tries >= self._crawl.limits.tries:
            self._state.refused(ask, RefusalReason(kind="read", text=f"{why}, after {ask.tries} tries"))

    def _redirected(self, ask: QueuedAddress, reply: CrawlReply) -> None:
        target = absolute(ask.url, reply.header("location") or "")
        if target is None or ask.hops >= self._crawl.limits.redirects:
            why = "it is redirected to nowhere" if target is None else "it is redirected again and again"
            self._state.refused(ask, RefusalReason(kind="read", text=why))
            return
        try:
            origin = self._hosts.allows(target)
        except HostRefused as error:
            self._state.refused(ask, _why(error))
            return
        self._warc.exchange(reply.exchange)
        self._state.done(ask)
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

    def _succeeded(self, ask: QueuedAddress, reply: CrawlReply) -> None:
        exchange = reply.exchange
        why = refused_by_headers(exchange.answer, None, self._crawl.limits.answer)
        if why is None and not reply.whole:
            why = RefusalReason(
                kind="read", text=f"it has more than the {self._crawl.limits.answer} bytes that are taken"
            )
        if why is not None:
            self._state.refused(ask, why, told=why.kind == "reserved" or ask.kind == AddressKind.PICTURE)
            return
        kind = media_type(reply.header("content-type"))
        limit = LARGEST_PAGE if kind in PAGES else self._crawl.limits.answer
        try:
            payload = decode_body(exchange.body, None, reply.header("content-encoding"), limit)
        except FileTooLarge:
            self._state.refused(ask, RefusalReason(kind="read", text=f"it unpacks to more than {limit} bytes"))
            return
        except NotRead as error:
            self._state.refused(ask, RefusalReason(kind="read", text=str(error.details["why"])))
            return
        if kind in PAGES:
            self._page(ask, reply, payload)
        else:
            self._picture(ask, reply, payload)

    # ------------------------------------------------------------ pictures

    def _picture(self, ask: QueuedAddress, reply: CrawlReply, payload: bytes) -> None:
        if not is_picture(payload):
            self._state.refused(ask, RefusalReason(kind="read", text=_NO_PICTURE), told=ask.kind == AddressKind.PICTURE)
            return
        sha256 = hashlib.sha256(payload).hexdigest()
        if ask.before is not None and sha256 == ask.sha256:
            self._state.revisited(ask.before, self._warc.revisit(reply.exchange, ask.before, not_modified=False))
            self._state.done(ask, _had(reply, sha256, ask.before))
            return
        had = _had(reply, sha256, self._warc.exchange(reply.exchange))
        self._state.done(ask, had)
        self._state.picture(ask, had)

    # ------------------------------------------------------------ pages

    def _page(self, ask: QueuedAddress, reply: CrawlReply, html: bytes) -> None:
        charset = charset_of(html, _charset(reply.header("content-type")))
        page = parse_page(html, charset, ask.url)
        reserved = reservations.in_meta(page.meta, now=datetime.now(UTC))
        if reserved is None:
            self._kept(ask, reply, html, page)
        else:
            self._state.refused(ask, RefusalReason(kind="reserved", text=reserved))
            self._reserve(ask, page, f"{reserved}, on the page {ask.url}")
        if not forbids_following([*reply.exchange.answer, *page.meta]) and ask.depth < self._crawl.limits.depth:
            for url in outgoing_links(html, charset, ask.url):
                self._found(url, ask, None, None)

    def _kept(self, ask: QueuedAddress, reply: CrawlReply, html: bytes, page: Page) -> None:
        sha256 = hashlib.sha256(html).hexdigest()
        record = self._warc.exchange(reply.exchange)
        self._state.done(ask, _had(reply, sha256, record))
        number = self._state.page(CrawledPage(uri=ask.url, title=page.title, record=record, sha256=sha256))
        for link in page.links:
            self._found(link.uri, ask, number, link.words)

    def _reserve(self, ask: QueuedAddress, page: Page, why: str) -> None:
        for link in page.links:
            try:
                self._state.reserve(
                    link.uri, self._hosts.allows(link.uri).host, ask.url, RefusalReason(kind="reserved", text=why)
                )
            except HostRefused:
                continue

    def _found(self, url: str, ask: QueuedAddress, page: int | None, words: str | None) -> None:
        """An address on a page: of a picture where ``page`` is given, or else of another page."""
        try:
            host = self._hosts.allows(url).host
        except HostRefused as error:
            self._state.told(url if page is not None else str(error.details["host"]), _why(error))
            return
        if page is None:
            self._add(NewAddress(url=url, host=host, depth=ask.depth + 1))
        else:
            new = NewAddress(
                url=url, host=host, kind=AddressKind.PICTURE, depth=ask.depth, page=page, shown_by=ask.url, words=words
            )
            self._add(new)

    def _add(self, one: NewAddress) -> None:
        if self._state.addresses() < self._crawl.limits.addresses:
            self._state.add(one, alike=self._crawl.limits.alike)


def is_picture(data: bytes) -> bool:
    """By its first bytes: a picture of a kind that the decoder may know."""
    starts = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM", b"II*\0", b"MM\0*")
    return data.startswith(starts) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP") or data[4:8] == b"ftyp"


def _had(reply: CrawlReply, sha256: str, record: WrittenRecord) -> KeptAnswer:
    return KeptAnswer(
        at=reply.exchange.at,
        etag=_short(reply.header("etag")),
        modified=_short(reply.header("last-modified")),
        sha256=sha256,
        record=record,
    )


def _short(value: str | None) -> str | None:
    """What can be sent back in a header."""
    return value if value and len(value) <= 500 and value.isascii() and value.isprintable() else None


def _charset(content_type: str | None) -> str | None:
    _, found, said = (content_type or "")[:500].lower().partition("charset=")
    return said.partition(";")[0].strip() if found else None


def _why(error: HostRefused) -> RefusalReason:
    return RefusalReason(kind="host", text=f"{error.details['host']}\n{error.details['why']}")


def _words_for(status: int) -> str:
    if status in _LOG_IN:
        return f"its host asks for a log-in ({status}), and there is none"
    if status in {404, 410}:
        return f"there is nothing at this address any more ({status})"
    return f"its host answers with {status}"
