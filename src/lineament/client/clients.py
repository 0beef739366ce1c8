"""The two clients: the same nouns, for programs that wait and for those that await."""

from __future__ import annotations

import ipaddress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

from lineament.client.answers import Key
from lineament.client.batches import Batches
from lineament.client.cases import Cases, Probes
from lineament.client.evaluations import Evaluations
from lineament.client.gallery import Sources
from lineament.client.jobs import Jobs
from lineament.client.ledger import Ledger
from lineament.client.nouns import Noun, Transport, asked
from lineament.client.requests import Request, get, place
from lineament.client.reviews import Reviews
from lineament.client.searches import Searches
from lineament.client.steps import Patience
from lineament.client.transports import AwaitingTransport, Connection, WaitingTransport
from lineament.client.uploads import Uploads
from lineament.client.watches import Watches

TIMEOUT = 60.0
"""Seconds without a byte after which a request is given up, and repeated."""
PATIENCE = Patience()


class _Nouns(Noun[Transport]):
    """What a server has, for both clients."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.sources = Sources(transport)
        self.uploads = Uploads(transport)
        self.jobs = Jobs(transport)
        self.cases = Cases(transport)
        self.probes = Probes(transport)
        self.searches = Searches(transport)
        self.batches = Batches(transport)
        self.reviews = Reviews(transport)
        self.watches = Watches(transport)
        self.ledger = Ledger(transport)
        self.evaluations = Evaluations(transport)

    @asked
    def key(self) -> Request[Key]:
        """Return the key with which this program acts, and what it may do."""
        return get(Key, place("key"))


class Client(_Nouns[WaitingTransport]):
    """A client of one server, for programs that wait for each answer; threads may share it."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = TIMEOUT,
        patience: Patience = PATIENCE,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """``url`` is where ``lineament serve`` answers, ``key`` from: lineament key add.

        ``transport`` is how httpx connects: with a certificate authority of your own, for example
        ``httpx.HTTPTransport(verify=ssl.create_default_context(cafile="agency.pem"))``.

        Raises ValueError for an address to which the key would travel readably.
        """
        super().__init__(WaitingTransport(_connection(url, key, timeout, patience), transport))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the server."""
        self._transport.close()


class AsyncClient(_Nouns[AwaitingTransport]):
    """A client of one server, for programs of asyncio."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = TIMEOUT,
        patience: Patience = PATIENCE,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Take arguments like ``Client``; ``transport`` is an ``httpx.AsyncHTTPTransport``."""
        super().__init__(AwaitingTransport(_connection(url, key, timeout, patience), transport))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections to the server."""
        await self._transport.close()


def _connection(url: str, key: str, timeout: float, patience: Patience) -> Connection:
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("write the address of the server, such as https://lineament.example")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_this_machine(parts.hostname)):
        raise ValueError("use https, so that nobody on the way can read the key; http is for this machine alone")
    if not key.isascii() or not key.isprintable() or not key.strip():
        raise ValueError("this is no key; make one with: lineament key add")
    return Connection(url=url.rstrip("/"), key=key.strip(), timeout=timeout, patience=patience)


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
