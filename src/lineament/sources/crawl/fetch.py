"""Single pictures by their address, asked for as a crawl asks: listed hosts, what their publishers permit, politely."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpcore
from httpcore import NetworkBackend, NetworkStream, SyncBackend

from lineament.errors import FileTooLarge, HostRefused, NotRead, Reserved
from lineament.sources.crawl.answers import BUSY, PAGES, UNKNOWN, media_type, rest
from lineament.sources.crawl.plan import user_agent
from lineament.sources.html.pages import absolute, uri_key
from lineament.sources.manifest.fetching import Fetched
from lineament.sources.permission import reservations
from lineament.sources.permission.hosts import Hosts, Origin
from lineament.sources.permission.rules import AI, ASK_AGAIN, FILES, FRESH, LARGEST, ROBOTS, TDMREP, Answer, Rules
from lineament.sources.webarchive.bodies import decoded

MOST_REDIRECTS = 5
TRIES = 3
"""How often a picture is asked for whose host is busy or does not answer."""
LONGEST_WAIT = 120.0
"""Seconds that a host may ask to be left alone before its pictures are refused instead."""
_TO_CONNECT = 15.0  # seconds
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class HostFetcher:
    """Fetches pictures from the hosts that a source lists; one request at a time, with a pause for each host."""

    def __init__(
        self,
        hosts: Hosts,
        contact: str,
        max_bytes: int,
        *,
        delay: float = 1.0,
        seconds: float = 60.0,
    ) -> None:
        """``delay`` is the least time between two requests to a host, ``seconds`` the most for one answer.

        InvalidValue where ``contact`` is neither an e-mail address nor a URL.
        """
        self._hosts, self._max_bytes, self._delay, self._seconds = hosts, max_bytes, delay, seconds
        self._headers = [("User-Agent", user_agent(contact)), ("Accept-Encoding", "gzip")]
        self._headers += [("From", contact)] if "@" in contact else []
        self._network = _Pinned(hosts)
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl.create_default_context(),
            network_backend=self._network,
            max_connections=8,
            max_keepalive_connections=4,
            keepalive_expiry=15.0,
        )
        self._rules: dict[str, tuple[float, Rules]] = {}
        self._next: dict[str, float] = {}  # when each host may be asked again, monotonic
        self._lock = threading.Lock()

    def close(self) -> None:
        """Hang up."""
        self._pool.close()

    def fetch(self, uri: str) -> Fetched:
        """What is at ``uri``.

        Raises:
            HostRefused: It, or where it is redirected to, is not on the list.
            Reserved: Its publisher does not permit it.
            FileTooLarge: It has more bytes than are taken.
            NotRead: It cannot be had.
        """
        with self._lock:
            return self._fetched(uri)

    def _fetched(self, uri: str) -> Fetched:
        url = uri_key(uri)
        if url is None:
            raise NotRead(why="it is no http or https address")
        for _ in range(MOST_REDIRECTS + 1):
            origin = self._hosts.allows(url)
            reserved = self._rules_of(origin).refusal(url)
            if reserved is not None:
                raise Reserved(reservation=reserved)
            found = self._asked(origin, url)
            if isinstance(found, Fetched):
                return found
            url = found
        raise NotRead(why="it is redirected again and again")

    def _asked(self, origin: Origin, url: str) -> Fetched | str:
        """The picture, or the address to which it is redirected."""
        why = ""
        for tried in range(TRIES):
            try:
                with self._answer(origin, url, "image/*,*/*;q=0.5") as answer:
                    if answer.status in BUSY or answer.status >= 500:
                        why = f"its host answers with {answer.status}"
                        self._leave_alone(origin, max(rest(answer.header("retry-after")), self._back_off(tried)))
                        continue
                    return self._taken(url, answer)
            except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
                why = f"its host does not answer as it should ({type(error).__name__})"
                self._leave_alone(origin, self._back_off(tried))
        raise NotRead(why=f"{why}, after {TRIES} tries")

    def _taken(self, url: str, answer: _Answer) -> Fetched | str:
        if answer.status in _REDIRECTS:
            target = absolute(url, answer.header("location") or "")
            if target is None:
                raise NotRead(why="it is redirected to nowhere")
            return target
        if answer.status in {401, 407}:
            raise NotRead(why=f"its host asks for a log-in ({answer.status}), and there is none")
        if answer.status != 200:
            raise NotRead(why=f"its host answers with {answer.status}")
        reserved = reservations.in_headers(answer.headers, now=datetime.now(UTC))
        if reserved is not None:
            raise Reserved(reservation=reserved)
        kind = media_type(answer.header("content-type"))
        if kind in PAGES or (kind not in UNKNOWN and not kind.startswith("image/")):
            raise NotRead(why=f"it is no picture ({kind})")
        body = decoded(answer.body(self._max_bytes), None, answer.header("content-encoding"), self._max_bytes)
        headers = {name.lower(): value for name, value in answer.headers}
        return Fetched(untrusted=body, uri=url, headers=headers)

    # ------------------------------------------------------------ what hosts reserve

    def _rules_of(self, origin: Origin) -> Rules:
        known = self._rules.get(str(origin))
        if known is not None and known[0] > time.monotonic():
            return known[1]
        files = {ROBOTS: self._file(origin, ROBOTS)}
        alone = Rules({**files, TDMREP: Answer(404), AI: Answer(404)})
        for name in FILES[1:]:
            allowed = files[ROBOTS].known and alone.refusal(f"{origin}{name}") is None
            files[name] = self._file(origin, name) if allowed else Answer(None)
        rules = Rules(files)
        fresh = FRESH if all(one.known for one in files.values()) else ASK_AGAIN
        self._rules[str(origin)] = (time.monotonic() + fresh, rules)
        return rules

    def _file(self, origin: Origin, name: str) -> Answer:
        url = f"{origin}{name}"
        try:
            for _ in range(MOST_REDIRECTS + 1):
                with self._answer(self._hosts.allows(url), url, "*/*") as answer:
                    if answer.status not in _REDIRECTS:
                        body = decoded(answer.body(LARGEST), None, answer.header("content-encoding"), LARGEST)
                        return Answer(answer.status, body)
                    url = absolute(url, answer.header("location") or "") or ""
        except (HostRefused, NotRead, FileTooLarge):
            return Answer(None)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError):
            return Answer(None)
        return Answer(None)

    # ------------------------------------------------------------ politeness

    @contextmanager
    def _answer(self, origin: Origin, url: str, accept: str) -> Iterator[_Answer]:
        """The head of an answer, when it is the host's turn."""
        due = self._next.get(origin.host, 0.0) - time.monotonic()
        if due > LONGEST_WAIT:
            raise NotRead(why=f"its host asks to be left alone for {due:.0f} seconds; try again later")
        time.sleep(max(due, 0.0))
        began = time.monotonic()
        self._network.until = began + self._seconds
        timeout = {"connect": _TO_CONNECT, "write": _TO_CONNECT, "pool": _TO_CONNECT}
        try:
            with self._pool.stream(
                "GET", url, headers=[*self._headers, ("Accept", accept)], extensions={"timeout": timeout}
            ) as response:
                yield _Answer(response)
        finally:
            took = time.monotonic() - began
            pace = self._rules[str(origin)][1].delay if str(origin) in self._rules else 0.0
            self._leave_alone(origin, max(self._delay, pace, min(took, LONGEST_WAIT)))

    def _leave_alone(self, origin: Origin, seconds: float) -> None:
        self._next[origin.host] = max(self._next.get(origin.host, 0.0), time.monotonic() + seconds)

    def _back_off(self, tried: int) -> float:
        return float(max(self._delay, 0.1) * 2**tried)


class _Answer:
    """The head of an answer, whose body may be taken."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response
        self.status = response.status
        self.headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers]

    def header(self, name: str) -> str | None:
        """The first of that name, in lower case."""
        return next((value for one, value in self.headers if one.lower() == name), None)

    def body(self, limit: int) -> bytes:
        """All of it; FileTooLarge."""
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


class _Pinned(NetworkBackend):
    """Connects to the addresses that were checked, and to no other."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts, self._inner = hosts, SyncBackend()
        self.until = 0.0  # when an answer must be whole, monotonic

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        """As httpcore wants it; HostRefused where an address is not to be connected to."""
        why: Exception = httpcore.ConnectError("there is no address")
        for address in self._hosts.addresses(host, port):
            try:
                stream = self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                why = error
            else:
                return _Timed(stream, self)
        raise why


class _Timed(NetworkStream):
    """A connection on which an answer takes no longer than it may, however slowly its bytes drip."""

    def __init__(self, inner: NetworkStream, network: _Pinned) -> None:
        self._inner, self._network = inner, network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - as httpcore calls it
        """Some bytes; ReadTimeout when the time is up."""
        left = self._network.until - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("it takes too long")
        return self._inner.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes."""
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        """Hang up."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        """The same, encrypted."""
        return _Timed(self._inner.start_tls(ssl_context, server_hostname, timeout), self._network)

    def get_extra_info(self, info: str) -> Any:
        """What the connection knows."""
        return self._inner.get_extra_info(info)
