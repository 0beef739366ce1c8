"""Scrapy's HTTP client with limits on all that a host can send besides a body: headers, interim answers, framing.

Scrapy limits the bytes of a body. Its parser keeps headers without end, and reads interim responses and the extensions
of chunks without counting them. One more than a limit closes the connection at once.
"""

# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
    _LenientHTTPClientParser,
)
from scrapy.crawler import Crawler
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web._newclient import DONE
from twisted.web.client import ResponseFailed
from twisted.web.http import _DataLoss

HEADER_BYTES = 2**17
"""Bytes of the headers of a response, with those of its interim responses."""
HEADER_LINES = 1000
"""Lines of the same."""
FRAMING = 2**20
"""Bytes of a body that are not its content: the sizes and extensions of chunks, and trailers."""
_PATIENCE = 5.0  # seconds after the time of a response until its connection is cut, whatever state it is in


class SendsTooMuch(Exception):
    """A host sends more than a response may have; the message says what, to complete “it is not read: …”."""


class CrowdedOut(Exception):
    """A response was stopped because all that are being received have too many bytes together."""


class _Parser(_LenientHTTPClientParser):
    """Parses a response within the limits. Attributes of the class are its state at the beginning."""

    transit: InTransit
    _lines = 0
    _head = 0
    _raw = 0
    _content = 0

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 - as Twisted calls it
        self._lines += 1
        self._head += len(line) + 1
        if self._lines > HEADER_LINES:
            raise SendsTooMuch(f"its headers have more than {HEADER_LINES} lines")
        if self._head > HEADER_BYTES:
            raise SendsTooMuch(f"its headers have more than {HEADER_BYTES} bytes")
        super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: ARG002, N802 - as Twisted calls it
        raise SendsTooMuch(f"one of its headers has more than {self.MAX_LENGTH} bytes")

    def switchToBodyMode(self, decoder: Any) -> None:  # noqa: N802 - as Twisted calls it
        deliver = decoder.dataCallback

        def counted(data: bytes) -> None:
            self._content += len(data)
            self.transit.add(self, len(data))
            deliver(data)

        decoder.dataCallback = counted
        super().switchToBodyMode(decoder)

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802 - as Twisted calls it
        self._raw += len(data)
        super().rawDataReceived(data)
        if self._raw - self._content > FRAMING:
            raise SendsTooMuch(f"its body comes in chunks with more than {FRAMING} bytes around its content")


class InTransit:
    """The bytes of all bodies that are being received: beyond a limit, the largest is stopped, and the others go on."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._sizes: dict[_Parser, int] = {}
        self._connections: dict[_Parser, _Protocol] = {}

    def begin(self, parser: _Parser, connection: _Protocol) -> None:
        """Note that a response is being received."""
        self._sizes[parser], self._connections[parser] = 0, connection

    def end(self, parser: _Parser) -> None:
        """Note that a response is received, or given up."""
        self._sizes.pop(parser, None)
        self._connections.pop(parser, None)

    def add(self, parser: _Parser, size: int) -> None:
        """Count bytes of a body. Raises CrowdedOut if it is the one to be stopped."""
        if parser not in self._sizes:
            return
        self._sizes[parser] += size
        while sum(self._sizes.values()) > self._most and len(self._sizes) > 1:
            largest = max(self._sizes, key=self._sizes.__getitem__)
            if largest is parser:
                raise CrowdedOut
            self._connections[largest].give_up(Failure(CrowdedOut()))


class _Protocol(_LenientHTTP11ClientProtocol):
    """A connection that is cut, not closed politely, if its host sends too much or takes too long."""

    transit: InTransit
    seconds: float
    _deadline: Any = None
    _receiving: _Parser | None = None

    def request(self, request: Any) -> Any:
        from twisted.internet import reactor

        clock: Any = reactor

        sent = super().request(request)
        parser: Any = self._parser
        assert parser is not None  # noqa: S101 - Scrapy's own client relies on it
        parser.__class__ = _Parser  # as Scrapy does: the class of the parser cannot be chosen
        parser.transit = self.transit
        self._receiving = parser
        self.transit.begin(parser, self)
        self._deadline = clock.callLater(self.seconds + _PATIENCE, self._cut)
        return sent

    def give_up(self, reason: Failure) -> None:
        """Cut the connection and report why."""
        self._over()
        self._cut()
        parser: Any = self._parser
        if parser.bodyDecoder is not None:  # or else a body without a stated length would pass for a whole one
            parser.bodyDecoder, parser.state = None, DONE
            parser.response._bodyDataFinished(Failure(ResponseFailed([reason, Failure(_DataLoss())])))  # noqa: SLF001
        self._disconnectParser(reason)

    def abort(self) -> Any:
        self._cut()
        return super().abort()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - as Twisted calls it
        if self._parser is None:  # nothing was asked for, or it was given up
            self._cut()
            return
        try:
            self._parser.dataReceived(data)
        except Exception:  # noqa: BLE001 - whatever a parser finds wrong
            self.give_up(Failure())

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - as Twisted calls it
        self._over()
        super().connectionLost(reason)

    def _finishResponse(self, rest: bytes) -> None:  # noqa: N802 - as Twisted calls it
        self._over()
        super()._finishResponse(rest)

    def _over(self) -> None:
        if self._receiving is not None:
            self.transit.end(self._receiving)
            self._receiving = None
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()

    def _cut(self) -> None:
        if self.transport is not None:
            self.transport.abortConnection()


class _Factory(_LenientHTTP11ClientFactory):
    """Builds the connections of one crawl; their limits are set after it was made, as Twisted makes it."""

    transit: InTransit
    seconds: float

    def buildProtocol(self, addr: IAddress | None) -> _Protocol:  # noqa: ARG002, N802 - as Twisted calls it
        made = _Protocol(self._quiescentCallback)
        made.transit, made.seconds = self.transit, self.seconds
        return made


class LimitedHandler(HTTP11DownloadHandler):
    """Downloads within the limits; Scrapy's handler for http and https."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        transit = InTransit(crawler.settings.getint("DOWNLOAD_MAXSIZE"))
        seconds = crawler.settings.getfloat("DOWNLOAD_TIMEOUT")

        def factory(*arguments: Any) -> _Factory:
            made = _Factory(*arguments)
            made.transit, made.seconds = transit, seconds
            return made

        pool: Any = self._pool
        pool._factory = factory  # noqa: SLF001 - as Scrapy does


def limit_exceeded(error: BaseException | None) -> SendsTooMuch | CrowdedOut | None:
    """Return the limit that ended a download, however its error is wrapped; None if it was none."""
    return next((found for found in _causes(error) if isinstance(found, SendsTooMuch | CrowdedOut)), None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    pending = [error]
    while pending:
        found = pending.pop()
        if found is not None:
            yield found
            pending.append(found.__cause__)
            pending += [reason.value for reason in getattr(found, "reasons", [])]
