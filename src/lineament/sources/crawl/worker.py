"""The worker process of a crawl: Scrapy sends the requests; the gate and the policy decide which, and when.

The plan and the key come over standard input, which then stays open; when it closes, the crawl stops. Everything that
Scrapy would do by itself (cookies, redirects, retries, proxies, robots.txt, throttling, remote control) is off.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import sqlite3
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scrapy import Request, Spider, signals
from scrapy.core.scheduler import BaseScheduler
from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.exceptions import DownloadCancelledError, StopDownload
from scrapy.http import Headers, Response
from scrapy.settings import default_settings as usual
from scrapy.utils.misc import load_object
from twisted.python.failure import Failure

import lineament
from lineament.sandbox.confine import Limits, filter_crawler, give_up, needed_guards
from lineament.sandbox.files import NO_ROOM
from lineament.sandbox.launch import readable_by_libraries
from lineament.sources.crawl.answers import AnswerHandler, CrawlReply, refused_by_headers, refused_by_start
from lineament.sources.crawl.gate import ForbiddenRequest, Gate
from lineament.sources.crawl.kept import KeptCrawl, try_lock
from lineament.sources.crawl.limited import CrowdedOut, LimitedHandler, limit_exceeded
from lineament.sources.crawl.plan import BROKEN, FULL, TAKEN, UNGUARDED, Crawl, crawl_from_json, user_agent
from lineament.sources.crawl.queue import CrawlQueue
from lineament.sources.crawl.rows import QueuedAddress, RefusalReason
from lineament.sources.crawl.state import CrawlState
from lineament.sources.crawl.wire import ASK, BODY, HEADERS, OWN, PinnedResolver, exchange, header, pairs
from lineament.sources.media_types import START
from lineament.sources.permission.policy import FAILED, HostPolicy, RequestOutcome, outcome_of
from lineament.sources.permission.rules import LARGEST
from lineament.sources.webarchive.writer import WarcWriter

_MEMORY = 2**32  # bytes of address space
_OFF = (
    *("COOKIES", "COMPRESSION", "HTTPPROXY", "METAREFRESH", "REDIRECT", "REFERER", "REMOTE_CONTROL", "RETRY"),
    *("TELNETCONSOLE", "MEMUSAGE", "HTTPCACHE"),
)
_TOO_LARGE = "it has too many bytes"
_CROWDED = "it is large, and other answers were being received beside it"
_DIED = "the crawling process ended repeatedly while reading it; it may be hostile"


def main(folder: str) -> None:
    """Crawl into ``folder`` until nothing is left to request, a limit is reached, or standard input closes."""
    os.umask(0o077)
    crawl, key = crawl_from_json(sys.stdin.buffer.readline()), bytes.fromhex(sys.stdin.buffer.readline().decode())
    if try_lock(Path(folder)) is None:
        sys.exit(TAKEN)
    _warm()
    resolvers = _confine(Path(folder), crawl.hosts_at_once)
    logging.basicConfig(stream=sys.stderr)
    logging.disable(logging.WARNING)  # errors only: logs must not list addresses of pages
    process = AsyncCrawlerProcess(_settings(crawl))
    process.crawl(SiteSpider, run=CrawlRun(crawl, KeptCrawl(Path(folder), key), resolvers))
    process.start()


def _warm() -> None:
    """Import now what Scrapy imports later, when the compiled modules can no longer be kept for the next process."""
    parts = (usual.EXTENSIONS_BASE, usual.DOWNLOADER_MIDDLEWARES_BASE, usual.SPIDER_MIDDLEWARES_BASE)
    names = {name for part in parts for name in part} | {usual.LOG_FORMATTER, usual.STATS_CLASS, usual.DOWNLOADER}
    for name in {*names, usual.DOWNLOAD_HANDLERS_BASE["https"]}:
        load_object(name)


def _confine(folder: Path, threads: int) -> ThreadPoolExecutor:
    """Give up all files but those of the crawl, and everything but requests; end this process if that fails.

    Returns threads that resolve names; the process starts no more.
    """
    present = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    needed, readable = needed_guards(), [path for path in readable_by_libraries() if path not in folder.parents]
    limits = Limits(memory=present + _MEMORY, file_bytes=None)
    guards = give_up(limits, read=readable, write=[folder], connects=True)
    resolvers, all_started = ThreadPoolExecutor(threads), threading.Barrier(threads)
    list(resolvers.map(lambda _: all_started.wait(), range(threads)))
    guards += filter_crawler()
    if missing := needed & ~guards:
        os._exit(UNGUARDED + missing)
    return resolvers


def _settings(crawl: Crawl) -> dict[str, Any]:
    module = f"{__name__}."
    return {
        **{f"{name}_ENABLED": False for name in _OFF},
        "ROBOTSTXT_OBEY": False,  # the gate obeys more than robots.txt
        "USER_AGENT": user_agent(crawl.contact),
        "DEFAULT_REQUEST_HEADERS": {},
        "SCHEDULER": f"{module}SiteScheduler",
        "DOWNLOADER_MIDDLEWARES": {
            f"{Gate.__module__}.Gate": 50,
            "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
            "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware": None,
        },
        "SPIDER_MIDDLEWARES": {
            "scrapy.spidermiddlewares.httperror.HttpErrorMiddleware": None,
            "scrapy.spidermiddlewares.depth.DepthMiddleware": None,
            "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,
        },
        "DOWNLOAD_HANDLERS": {
            **dict.fromkeys(("data", "file", "ftp", "s3")),
            **dict.fromkeys(("http", "https"), f"{LimitedHandler.__module__}.{LimitedHandler.__name__}"),
        },
        "CONCURRENT_REQUESTS": crawl.hosts_at_once,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
        "DOWNLOAD_DELAY": 0,  # the policy keeps the pauses
        "DOWNLOAD_TIMEOUT": crawl.limits.seconds,
        "DOWNLOAD_MAXSIZE": crawl.limits.answer,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "LOG_INSTALL_ROOT_HANDLER": False,
        "LOGSTATS_INTERVAL": 0,
        "STATS_DUMP": False,
    }


class CrawlRun:
    """The objects that the parts of one run share."""

    def __init__(self, crawl: Crawl, kept: KeptCrawl, resolvers: Executor) -> None:
        self.crawl, self.hosts, self.resolvers = crawl, crawl.allowed(), resolvers
        self.state = CrawlState(kept, write=True)
        software = f"Lineament/{lineament.__version__}"
        self.warc = WarcWriter(kept.folder, kept.seal, largest=crawl.limits.file, software=software)
        self.warc.resume(*self.state.written())
        self.state.start_run(time.time() - crawl.again_after)
        self.answers = AnswerHandler(crawl, self.hosts, self.state, self.warc)
        self.answers.add_start()
        self.policy = HostPolicy(self.hosts, crawl.delay)
        self.queue = CrawlQueue(self.state, self.policy)
        self.pinned: dict[tuple[str, int], tuple[float, list[str]]] = {}
        self.spider: SiteSpider

    def limit_reached(self) -> str | None:
        """Return the limit that is reached, or None."""
        limits = self.crawl.limits
        if self.state.number("requests") >= limits.requests:
            return f"{limits.requests} requests"
        if self.state.number("bytes") >= limits.total:
            return f"{limits.total} bytes"
        if self.state.number("seconds") >= limits.hours * 3600:
            return f"{limits.hours} hours"
        return None

    def close(self, *, finished: bool) -> None:
        """Report limits and hosts given up, and close the files; ``finished`` ends the run, so that none resumes it."""
        limit = self.limit_reached()
        if limit is not None:
            waiting = self.state.progress().waiting
            text = f"the crawl reached its limit of {limit}; {waiting} addresses wait for the next run"
            self.state.report(self.crawl.start[0], RefusalReason(kind="read", text=text))
        for host in self.queue.given_up:
            why = "it did not answer several times in a row; the rest of it waits for the next run"
            self.state.report(host, RefusalReason.of_host(host, why))
        if finished:
            self.state.end_run()
        self.warc.close()
        self.state.close()

    def finish(self, ask: QueuedAddress, outcome: RequestOutcome | None) -> None:
        """Record the outcome of an address; None if it was never requested."""
        if outcome is not None:
            self.policy.finish(ask.host, outcome, time.time())
        self.queue.came_back(ask.host)

    def request(self, ask: QueuedAddress) -> Request:
        """Return the request for an address."""
        headers = {"Accept": "image/*,*/*;q=0.5" if ask.kind else "text/html,application/xhtml+xml,image/*;q=0.8"}
        if ask.etag:
            headers["If-None-Match"] = ask.etag
        if ask.modified:
            headers["If-Modified-Since"] = ask.modified
        return self._request(ask.url, ask.host, headers, {ASK: ask})

    def own_request(self, url: str, host: str) -> Request:
        """Return the request for a well-known file."""
        return self._request(url, host, {"Accept": "*/*"}, {OWN: True, "download_maxsize": LARGEST})

    def _request(self, url: str, host: str, headers: dict[str, str], meta: dict[str, Any]) -> Request:
        contact = self.crawl.contact
        complete = {**headers, "Accept-Encoding": "gzip", **({"From": contact} if "@" in contact else {})}
        spider = self.spider
        meta |= {"download_slot": host, "dont_cache": True}
        if ASK in meta:
            return Request(url, spider.answered, headers=complete, meta=meta, dont_filter=True, errback=spider.failed)
        return Request(url, headers=complete, meta=meta, dont_filter=True)


class SiteScheduler(BaseScheduler):
    """Hands out addresses through Scrapy's interface."""

    def __init__(self, run: CrawlRun) -> None:
        self._run = run

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> SiteScheduler:
        """Create it for Scrapy."""
        return cls(_run_of(crawler))

    def has_pending_requests(self) -> bool:
        """Return whether the crawl continues."""
        return self._run.queue.has_more() and self._run.limit_reached() is None

    def enqueue_request(self, request: Request) -> bool:  # noqa: ARG002 - as Scrapy calls it
        """Accept nothing: addresses come from the queue."""
        return False

    def next_request(self) -> Request | None:
        """Return the next request, or None if none may be sent now."""
        while self._run.limit_reached() is None:
            ask = self._run.queue.next()
            if ask is None:
                return None
            if ask.tries <= self._run.crawl.limits.tries:
                return self._run.request(ask)
            self._run.answers.refuse(ask, RefusalReason(kind="read", text=_DIED))
            self._run.finish(ask, None)
        return None


class SiteSpider(Spider):
    """Passes responses to their handlers."""

    name = "site"

    def __init__(self, run: CrawlRun) -> None:
        super().__init__()
        self.run = run
        run.spider = self

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> SiteSpider:
        """Create it for Scrapy."""
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.look, signals.headers_received)
        crawler.signals.connect(spider.look_at_start, signals.bytes_received)
        return spider

    async def start(self) -> AsyncIterator[Request]:
        """Yield nothing: addresses come from the scheduler."""
        from twisted.internet import reactor

        reactor.installNameResolver(PinnedResolver(self.run.pinned))
        loop = asyncio.get_running_loop()
        loop.set_default_executor(self.run.resolvers)
        loop.add_reader(sys.stdin.fileno(), self._on_input)
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request

    def _on_input(self) -> None:
        """Stop when standard input closes; nothing is written to it after the key."""
        loop = asyncio.get_running_loop()
        if not os.read(sys.stdin.fileno(), 4096):
            loop.remove_reader(sys.stdin.fileno())
            self._stopping = loop.create_task(self.crawler.engine.close_spider_async(reason="unwanted"))

    def look(self, headers: Headers, body_length: int, request: Request) -> None:
        """Stop the download of a body that is reserved, too large or useless."""
        if OWN not in request.meta:
            length = body_length if isinstance(body_length, int) else None
            if refused_by_headers(pairs(headers), length, self.run.crawl.limits.answer) is not None:
                raise StopDownload(fail=True)
            request.meta[HEADERS], request.meta[BODY] = list(pairs(headers)), b""

    def look_at_start(self, data: bytes, request: Request) -> None:
        """Stop the download of a body that is neither page nor picture, as its first bytes show."""
        if HEADERS in request.meta:
            request.meta[BODY] += data[:START]
            if len(request.meta[BODY]) < START:
                return
            if refused_by_start(request.meta.pop(HEADERS), request.meta.pop(BODY)) is not None:
                raise StopDownload(fail=True)

    def answered(self, response: Response) -> None:
        """Handle a response."""
        with _or_end():
            self._take(response, whole=True)

    def failed(self, failure: Failure) -> None:
        """Handle a missing or incomplete response."""
        with _or_end():
            self._report_failure(failure)

    def _report_failure(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, sqlite3.Error) or (isinstance(error, OSError) and error.errno in NO_ROOM):
            raise error
        request: Request = failure.request  # type: ignore[attr-defined]
        ask: QueuedAddress = request.meta[ASK]
        if isinstance(error, StopDownload) and error.response is not None:
            self._take(error.response.replace(request=request), whole=False)
            return
        outcome: RequestOutcome | None = None
        limit = limit_exceeded(error)
        if limit is not None:
            outcome = FAILED
            if isinstance(limit, CrowdedOut):
                self.run.answers.failed(ask, _CROWDED)
            else:
                self.run.answers.refuse_answer(ask, str(limit))
        elif isinstance(error, ForbiddenRequest):
            self.run.answers.refuse(ask, error.why)
        elif isinstance(error, DownloadCancelledError):
            self.run.answers.refuse(ask, RefusalReason(kind="read", text=_TOO_LARGE))
            outcome = RequestOutcome(failed=False)
        else:
            self.run.answers.failed(ask, f"its host does not answer as it should ({type(error).__name__})")
            outcome = FAILED
        self.run.finish(ask, outcome)

    def _take(self, response: Response, *, whole: bool) -> None:
        assert response.request is not None  # noqa: S101 - Scrapy sets it
        ask: QueuedAddress = response.request.meta[ASK]
        self.run.answers.take(ask, CrawlReply(exchange=exchange(response.request, response), whole=whole))
        self.run.finish(ask, outcome_of(response.status, header(response, "Retry-After"), time.time()))

    def closed(self, reason: str) -> None:
        """Close the run, finished or interrupted."""
        self.run.close(finished=reason == "finished")


@contextmanager
def _or_end() -> Iterator[None]:
    """End the process immediately, as if killed, if something cannot be kept: nothing is left half done."""
    try:
        yield
    except Exception as error:
        logging.getLogger(__name__).exception("An answer could not be kept")
        no_room = isinstance(error, OSError) and error.errno in NO_ROOM
        sys.stderr.flush()
        os._exit(FULL if no_room or "disk is full" in str(error) else BROKEN)


def _run_of(crawler: Crawler) -> CrawlRun:
    assert isinstance(crawler.spider, SiteSpider)  # noqa: S101 - the only spider
    return crawler.spider.run


if __name__ == "__main__":
    main(*sys.argv[1:])
