"""Single pictures by their address, fetched under the same policy as a crawl (``permission.policy``)."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpcore

from lineament.errors import FileTooLarge, HostRefused, NotRead, Reserved
from lineament.sandbox.files import printable
from lineament.sandbox.limited_http import LimitedNetwork
from lineament.sources.addresses import absolute, uri_key
from lineament.sources.crawl.plan import user_agent
from lineament.sources.media_types import UNKNOWN, is_picture, media_type, not_a_picture
from lineament.sources.permission import reservations
from lineament.sources.permission.hosts import Hosts
from lineament.sources.permission.policy import FAILED, AskNow, HostPolicy, ReadFile, outcome_of
from lineament.sources.permission.reading import MOST_REDIRECTS, REDIRECTS, FileReply
from lineament.sources.permission.rules import LARGEST
from lineament.sources.status import why_not_whole
from lineament.sources.webarchive.bodies import decode_body

TRIES = 3
"""How often a picture is requested if its host is busy or does not answer."""
LONGEST_WAIT = 120.0
"""The longest pause in seconds that a host may ask for; for a longer one its pictures are refused."""
_TO_CONNECT = 15.0  # seconds
_NO_ANSWER = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError)


class HostFetcher:
    """Fetches pictures from the hosts that a source lists; one request at a time."""

    def __init__(
        self, hosts: Hosts, contact: str, max_bytes: int, *, delay: float = 1.0, seconds: float = 60.0
    ) -> None:
        """``delay``: seconds between two requests to a host, at least; ``seconds``: for one response, at most.

        Raises InvalidValue if ``contact`` is neither an e-mail address nor a URL.
        """
        self._hosts, self._max_bytes, self._seconds = hosts, max_bytes, seconds
        self._policy = HostPolicy(hosts, delay)
        self._headers = [("User-Agent", user_agent(contact)), ("Accept-Encoding", "gzip")]
        self._headers += [("From", contact)] if "@" in contact else []
        self._network = LimitedNetwork(hosts.addresses)  # which connects only to addresses that were checked
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl.create_default_context(),
            network_backend=self._network,
            max_connections=8,
            max_keepalive_connections=4,
            keepalive_expiry=15.0,
        )
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close all connections; the next ``fetch`` opens new ones."""
        self._pool.close()

    def fetch(self, uri: str) -> bytes:
        """Return the untrusted bytes at ``uri``.

        Raises:
            HostRefused: It, or where it is redirected to, is not on the list.
            Reserved: Its publisher does not permit it.
            FileTooLarge: It has too many bytes.
            NotRead: It cannot be fetched, or is no picture.
        """
        with self._lock:
            return self._follow(uri)

    def _follow(self, uri: str) -> bytes:
        url = uri_key(uri)
        if url is None:
            raise NotRead(why="it is not an http or https address")
        for _ in range(MOST_REDIRECTS + 1):
            found = self._ask(url)
            if isinstance(found, bytes):
                return found
            url = found
        raise NotRead(why="it is redirected too many times")

    def _ask(self, url: str) -> bytes | str:
        """Return the picture, or the address to which it is redirected."""
        why = ""
        for _ in range(TRIES):
            host = self._wait_for_permission(url)
            try:
                with self._request(host, url, "image/*,*/*;q=0.5") as answer:
                    if not answer.outcome.failed:
                        return self._picture(url, answer)
                    why = f"its host answers with {answer.status}"
            except _NO_ANSWER as error:
                why = f"its host does not answer as it should ({type(error).__name__})"
        raise NotRead(why=f"{why}, after {TRIES} tries")

    def _picture(self, url: str, answer: _FetchAnswer) -> bytes | str:
        if answer.status in REDIRECTS:
            target = absolute(url, answer.header("location") or "")
            if target is None:
                raise NotRead(why="its redirect has no target")
            return target
        why = why_not_whole(answer.status, answer.header("content-range"))
        if why is not None:
            raise NotRead(why=why)
        reservation = reservations.in_headers(answer.headers, now=datetime.now(UTC))
        if reservation is not None:
            raise Reserved(reservation=reservation)
        kind = media_type(answer.header("content-type"))
        body = answer.plain_body(self._max_bytes)
        if kind in UNKNOWN or kind.startswith("image/") or is_picture(body):
            return body
        raise NotRead(why=f"it is not a picture: {not_a_picture(body)}, and its host says that it is {printable(kind)}")

    # ------------------------------------------------------------ permission

    def _wait_for_permission(self, url: str) -> str:
        """Take the steps of the policy until ``url`` may be requested; return its host."""
        while True:
            step = self._policy.step(url, time.time())
            if isinstance(step, AskNow):
                return step.origin.host
            if isinstance(step, ReadFile):
                self._read_file(step)
                continue
            if step.seconds > LONGEST_WAIT:
                raise NotRead(why=f"its host asks for a pause of {step.seconds:.0f} seconds; try again later")
            time.sleep(step.seconds)

    def _read_file(self, file: ReadFile) -> None:
        try:
            with self._request(file.host, file.url, "*/*") as answer:
                body = b"" if answer.status in REDIRECTS else answer.plain_body(LARGEST)
                reply = FileReply(status=answer.status, body=body, location=answer.header("location"))
        except (HostRefused, NotRead, FileTooLarge, *_NO_ANSWER):
            self._policy.file_failed(file.origin, time.time())
        else:
            self._policy.file_answered(file.origin, reply, time.time())

    @contextmanager
    def _request(self, host: str, url: str, accept: str) -> Iterator[_FetchAnswer]:
        """Send a request and yield the head of its response."""
        self._network.allow(seconds=self._seconds, size=max(self._max_bytes, LARGEST))
        timeout = {"connect": _TO_CONNECT, "write": _TO_CONNECT, "pool": _TO_CONNECT}
        headers = [*self._headers, ("Accept", accept)]
        outcome = FAILED
        self._policy.start(host, time.time())
        try:
            with self._pool.stream("GET", url, headers=headers, extensions={"timeout": timeout}) as response:
                answer = _FetchAnswer(response)
                outcome = answer.outcome
                yield answer
        except _NO_ANSWER:
            outcome = FAILED
            raise
        finally:
            self._policy.finish(host, outcome, time.time())


class _FetchAnswer:
    """The head of a response, and its body on demand."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response
        self.status = response.status
        self.headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers]
        self.outcome = outcome_of(self.status, self.header("retry-after"), time.time())

    def header(self, lower: str) -> str | None:
        """Return the first header of that name, which is in lower case."""
        return next((value for name, value in self.headers if name.lower() == lower), None)

    def plain_body(self, limit: int) -> bytes:
        """Return the whole body, decoded. Raises FileTooLarge over ``limit`` bytes, or NotRead if it is damaged."""
        return decode_body(self._body(limit), None, self.header("content-encoding"), limit)

    def _body(self, limit: int) -> bytes:
        length = self.header("content-length") or ""
        if length.isascii() and length.isdigit() and int(length[:18]) > limit:
            raise FileTooLarge(size=length[:18], limit=limit)
        parts, size = [], 0
        for part in self._response.iter_stream():
            parts.append(part)
            size += len(part)
            if size > limit:
                raise FileTooLarge(size=f"more than {limit}", limit=limit)
        return b"".join(parts)
