"""HTTP connections with a limit on all that arrives and on the time it takes, whatever a server sends, and how slowly.

httpcore limits the headers of one response, and the time until the next bytes. It reads interim responses, chunk
extensions and drops of bytes without end.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import httpcore
import httpx
from httpcore import NetworkBackend, NetworkStream, SyncBackend

BESIDES = 2**20
"""Bytes that a response may have besides its body: headers, interim responses, the sizes of chunks."""


class LimitedNetwork(NetworkBackend):
    """Connects within the limits that were set last; they count for all of its connections together."""

    def __init__(self, addresses: Callable[[str, int], Sequence[str]] | None = None) -> None:
        """``addresses`` returns those that a host may be reached at; None: the resolver decides."""
        self._addresses, self._inner = addresses, SyncBackend()
        self._until = self._left = 0.0

    def allow(self, *, seconds: float, size: int) -> None:
        """Let a response arrive: ``size`` bytes of body, and everything besides it, within ``seconds`` from now."""
        self._until, self._left = time.monotonic() + seconds, size + BESIDES

    def time_left(self, most: float | None = None) -> float:
        """Return the seconds left, but at most ``most``. Raises ReadTimeout if there are none."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("it takes too long")
        return left if most is None else min(most, left)

    def count(self, size: int) -> None:
        """Count bytes that arrived. Raises RemoteProtocolError for more than there may be."""
        self._left -= size
        if self._left < 0:
            raise httpcore.RemoteProtocolError("it sends more than a response may have")

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        """Connect to a host, as httpcore asks. Raises what ``addresses`` raises."""
        why: Exception = httpcore.ConnectError("there is no address")
        for address in [host] if self._addresses is None else self._addresses(host, port):
            patience = self.time_left(timeout)
            try:
                stream = self._inner.connect_tcp(address, port, patience, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                why = error
            else:
                return _LimitedStream(stream, self)
        raise why

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        """Connect to a Unix socket, as httpcore asks."""
        return _LimitedStream(self._inner.connect_unix_socket(path, self.time_left(timeout), socket_options), self)


class _LimitedStream(NetworkStream):
    """A connection of a LimitedNetwork."""

    def __init__(self, inner: NetworkStream, network: LimitedNetwork) -> None:
        self._inner, self._network = inner, network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return some bytes. Raises ReadTimeout or RemoteProtocolError at a limit."""
        data = self._inner.read(max_bytes, self._network.time_left(timeout))
        self._network.count(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of ``buffer``."""
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        """Close the connection."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        """Return the connection encrypted, within the same limits."""
        patience = self._network.time_left(timeout)
        return _LimitedStream(self._inner.start_tls(ssl_context, server_hostname, patience), self._network)

    def get_extra_info(self, info: str) -> Any:
        """Return what the connection knows under a name."""
        return self._inner.get_extra_info(info)


def limited_client(network: LimitedNetwork, *, timeout: float, socket: Path | None = None) -> httpx.Client:
    """Return a client over ``network``, without redirects, proxies and environment.

    Args:
        network: Sets the limits.
        timeout: As httpx has it.
        socket: The Unix socket through which everything is sent; None: TCP.
    """
    trust = ssl.create_default_context()
    transport = httpx.HTTPTransport(verify=trust, trust_env=False)
    transport._pool = httpcore.ConnectionPool(  # noqa: SLF001 - no other way
        ssl_context=trust, network_backend=network, uds=None if socket is None else str(socket)
    )
    return httpx.Client(timeout=timeout, trust_env=False, follow_redirects=False, transport=transport)


def client_for_one_response(*, seconds: float, size: int, socket: Path | None = None) -> httpx.Client:
    """Return a client that lets one response arrive: ``size`` bytes of body, within ``seconds`` from now."""
    network = LimitedNetwork()
    network.allow(seconds=seconds, size=size)
    return limited_client(network, timeout=seconds, socket=socket)
