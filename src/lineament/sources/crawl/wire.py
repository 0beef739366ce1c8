"""Around Scrapy: exchanges as sent and received, and the addresses to connect to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from scrapy import Request
from scrapy.http import Headers, Response
from scrapy.resolver import HostResolution
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IHostnameResolver
from zope.interface import implementer

from lineament.sources.webarchive.writer import Exchange

ASK, OWN = "lineament_ask", "lineament_own"
"""Keys in a request's meta: its queued address, and whether it is for a well-known file."""
HEADERS, BODY = "lineament_headers", "lineament_body"
"""Keys in a request's meta until the first bytes have been looked at: the headers of the response, and those bytes."""


@implementer(IHostnameResolver)
class PinnedResolver:
    """Resolves names only to the addresses that the gate has checked."""

    def __init__(self, pinned: dict[tuple[str, int], tuple[float, list[str]]]) -> None:
        self._pinned = pinned

    def resolveHostName(  # noqa: N802 - as Twisted calls it
        self,
        resolutionReceiver: Any,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: object = None,  # noqa: ARG002, N803
        transportSemantics: str = "TCP",  # noqa: ARG002, N803
    ) -> HostResolution:
        """Report the addresses of a host as Twisted asks; none if the gate has not checked it."""
        resolution = HostResolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        for address in self._pinned.get((hostName.rstrip(".").lower(), portNumber), (0.0, []))[1]:
            kind = IPv6Address if ":" in address else IPv4Address
            resolutionReceiver.addressResolved(kind("TCP", address, portNumber))
        resolutionReceiver.resolutionComplete()
        return resolution


def exchange(request: Request, response: Response) -> Exchange:
    """Return a request and its response as they are kept in the archive."""
    return Exchange(
        uri=response.url,
        at=datetime.now(UTC),
        request=list(pairs(request.headers)),
        status=response.status,
        reason=_reason(response.status),
        answer=list(pairs(response.headers)),
        body=response.body,
        address=None if response.ip_address is None else str(response.ip_address),
    )


def pairs(headers: Headers) -> Iterable[tuple[str, str]]:
    """Yield every header with each of its values."""
    for name, values in headers.items():
        for value in values:
            yield name.decode("latin-1"), value.decode("latin-1")


def header(response: Response, name: str) -> str | None:
    """Return one header of a response, or None."""
    value = response.headers.get(name)
    return None if value is None else value.decode("latin-1")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
