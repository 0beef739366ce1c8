"""Checks each request just before it is sent: its host, its IP addresses, reservations and pauses."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from lineament.errors import HostRefused, LineamentError, Reserved
from lineament.sources.crawl.rows import RefusalReason
from lineament.sources.crawl.wire import OWN, exchange, header
from lineament.sources.permission.hosts import Origin
from lineament.sources.permission.policy import FAILED, AskNow, ReadFile, Wait, outcome_of
from lineament.sources.permission.reading import REDIRECTS, FileReply
from lineament.sources.permission.rules import LARGEST
from lineament.sources.webarchive.bodies import decode_body

if TYPE_CHECKING:
    from lineament.sources.crawl.worker import CrawlRun

_NAMES_FRESH = 300.0  # seconds for which the addresses of a name count


class ForbiddenRequest(IgnoreRequest):
    """The address may not be requested."""

    def __init__(self, why: RefusalReason) -> None:
        super().__init__(why.text)
        self.why = why


class Gate:
    """Lets a request pass when the policy permits it; a downloader middleware."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._run: CrawlRun = crawler.spider.run  # type: ignore[union-attr]

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Gate:
        """Create it for Scrapy."""
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Let the request pass. Raises ForbiddenRequest if it must not be sent, OSError if its host has no address."""
        try:
            origin = self._run.hosts.allows(request.url)
            await self._pin(origin)
            if OWN not in request.meta:
                await self._permit(request.url, origin)
        except HostRefused as error:
            raise ForbiddenRequest(RefusalReason.of_host(**error.details)) from None
        except Reserved as error:
            kind = "reserved" if error.details["stated"] else "doubt"
            raise ForbiddenRequest(RefusalReason(kind=kind, text=str(error.details["reservation"]))) from None

    async def _pin(self, origin: Origin) -> None:
        """Find and check the addresses of a host; only these will be connected to."""
        key = (origin.host, origin.port)
        known = self._run.pinned.get(key)
        if known is None or known[0] < time.monotonic():
            found = await asyncio.to_thread(self._run.hosts.addresses, *key)
            self._run.pinned[key] = (time.monotonic() + _NAMES_FRESH, found)

    async def _permit(self, url: str, origin: Origin) -> None:
        """Take the steps of the policy until ``url`` may be requested. Raises HostRefused or Reserved."""
        policy = self._run.policy
        self._recall(origin)
        while not isinstance(step := policy.step(url, time.time()), AskNow):
            if isinstance(step, Wait):
                await asyncio.sleep(step.seconds)
                self._recall(origin)
            else:
                await self._read(step)
                self._keep(origin)
        policy.start(origin.host, time.time())

    def _keep(self, origin: Origin) -> None:
        """Store the well-known files once all of them are read, for when they are forgotten, and the next process."""
        policy = self._run.policy
        if policy.rules(origin, time.time()) is not None and (learned := policy.learned(origin)) is not None:
            self._run.state.remember_files(str(origin), *learned)

    def _recall(self, origin: Origin) -> None:
        """Load the well-known files that were read before, perhaps by an earlier process, unless they are known."""
        policy = self._run.policy
        if policy.learned(origin) is None and (kept := self._run.state.files_of(str(origin))) is not None:
            policy.learn(origin, kept[1], kept[0])

    async def _read(self, file: ReadFile) -> None:
        """Request a well-known file, and report the outcome."""
        policy, request = self._run.policy, self._run.own_request(file.url, file.host)
        policy.start(file.host, time.time())
        try:
            response = await self._crawler.engine.download_async(request)
        except Exception as error:  # noqa: BLE001 - after any error the content of the file is unknown
            logging.getLogger(__name__).info("%s: %s", file.url, type(error).__name__)
            policy.finish(file.host, FAILED, time.time())
            policy.file_failed(file.origin, time.time())
            return
        policy.finish(file.host, outcome_of(response.status, header(response, "Retry-After"), time.time()), time.time())
        reply = self._reply(request, response)
        if reply is None:
            policy.file_failed(file.origin, time.time())
        else:
            policy.file_answered(file.origin, reply, time.time())

    def _reply(self, request: Request, response: Response) -> FileReply | None:
        """Archive the response and return it as a reply; None if it is unusable."""
        if response.status in REDIRECTS:
            return FileReply(status=response.status, location=header(response, "Location"))
        self._run.answers.keep(exchange(request, response))
        try:
            body = decode_body(response.body, None, header(response, "Content-Encoding"), LARGEST)
        except LineamentError:
            return None
        return FileReply(status=response.status, body=body)
