"""Serves the pages on this machine's loopback until stopped; the agency's TLS proxy may stand in front of it."""

from __future__ import annotations

import asyncio
import math
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from ipaddress import ip_address
from types import FrameType
from urllib.parse import urlsplit

import uvicorn

from lineament.errors import InvalidValue
from lineament.observe.notify import Notifier
from lineament.setting_values import Address
from lineament.settings import LogFormat, Settings, service_manager
from lineament.web.app import create_app, declared
from lineament.web.health import Readiness
from lineament.workspace import Workspace
from lineament.workspace.observing import Observing


@dataclass(frozen=True, slots=True)
class OneOfSeveral:
    """One of several processes that serve at one socket, which its first process has bound (``processes.py``)."""

    number: int  # from 1
    listener: int  # the descriptor of the socket


def serve(
    workspace: Workspace, host: str, port: int, announce: Callable[[str], None], one: OneOfSeveral | None = None
) -> None:
    """Serve until interrupted; ``announce`` is called with the address once the port is bound.

    With ``one`` it serves at that socket, announces nothing, and ends when its standard input closes. Its metrics are
    at the port of the settings and so many behind it.

    While the workspace is solo, the address has a token that is good for one sign-in, and ``announce`` is called with
    the next one after each; officials with accounts sign in instead. Port 0 takes any free port. Raises InvalidValue if
    ``host`` is not the loopback, the port is in use, or the proxy of a public address names no clients.
    """
    settings = workspace.settings
    require_clients(settings)
    token = secrets.token_urlsafe(24)
    metrics = settings.metrics if one is None else _next_address(settings.metrics, one.number - 1)
    observing = Observing(settings, "serve", metrics, frozenset(route.path for route in declared()))
    found = listening(host, port) if one is None else socket.socket(fileno=one.listener)
    with observing, closing(found) as listener:
        observing.workspace = workspace
        bound = listener.getsockname()[1]
        if one is None:
            announce(entrance(workspace, host, bound, token))
        made = server(workspace, token, lambda token: announce(_link(host, bound, token)))
        made.ends_with_input = one is not None
        made.run(sockets=[listener])


def _next_address(address: Address | None, by: int) -> Address | None:
    """Return the address with a port that is higher by so many; port 0 takes any free one each time."""
    return address and replace(address, port=address.port and address.port + by)


def require_clients(settings: Settings) -> None:
    """Raise InvalidValue if clients cannot be told apart: one of them could then use up the sign-in of all."""
    host = urlsplit(settings.public_url or "http://localhost").hostname or ""
    if settings.client_header is None and not _is_loopback(host):
        why = "name the header in which your TLS proxy writes the client's address: X-Real-IP, as in deploy/nginx.conf"
        raise InvalidValue(what="LINEAMENT_CLIENT_HEADER, beside LINEAMENT_PUBLIC_URL,", value="", why=why)


def entrance(workspace: Workspace, host: str, port: int, token: str) -> str:
    """Return the address to open."""
    if workspace.desk_at_the_machine().official.solo:
        return _link(host, port, token)
    return f"{workspace.settings.public_url or f'http://localhost:{port}'}/"  # passkeys want a name


def _link(host: str, port: int, token: str) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/?token={token}"


class StoppableServer(uvicorn.Server):
    """A server that ends in order when it is asked to, and at once when it is asked again.

    At the first SIGTERM it says that it is stopping, takes no new connection, and waits for the requests that are under
    way; at a second one the process ends. It tells the service manager how it stands.
    """

    def __init__(self, config: uvicorn.Config, readiness: Readiness) -> None:
        super().__init__(config)
        self._readiness = readiness
        self._notifier = Notifier(*service_manager())
        self.ends_with_input = False
        """Whether it is asked to end by closing its standard input."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so."""
        await super().startup(sockets)
        if self.ends_with_input:
            asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._stop)
        self._notifier.ready()

    async def on_tick(self, counter: int) -> bool:
        """Do what is due; called ten times a second, as long as the loop works."""
        self._notifier.alive()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End in order, whatever asked for it; answers that go on end at the next moment."""
        self._readiness.stopping = True
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop, or end the process if it is stopping already."""
        if self._readiness.stopping and sig == signal.SIGTERM:
            os._exit(128 + sig)
        self._note_stop()
        super().handle_exit(sig, frame)

    def _stop(self) -> None:
        """Begin to stop, whether it was asked before or not."""
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        self._note_stop()
        self.should_exit = True

    def _note_stop(self) -> None:
        self._readiness.stopping = True
        self._notifier.stopping()


def server(workspace: Workspace, token: str, announce: Callable[[str], None] = lambda _: None) -> StoppableServer:
    """Make the server; ``announce`` is called with each token that replaces a used one.

    It writes no access log, because addresses name cases. The proxy's header with the client's address is read by
    ``SiteAddress.client`` alone.
    """
    app, settings = create_app(workspace, token, announce), workspace.settings
    return StoppableServer(
        uvicorn.Config(
            app,
            log_config=None if settings.log is LogFormat.JSON else uvicorn.config.LOGGING_CONFIG,
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=math.ceil(settings.stop_seconds),
        ),
        app.state.readiness,
    )


def listening(host: str, port: int) -> socket.socket:
    """Return a socket on the loopback. Raises InvalidValue if ``host`` is anything else, or the port cannot be bound.

    The protocol is given explicitly: asyncio disables Nagle's algorithm only on sockets that say they are TCP, and
    without that every page waits 40 ms for an acknowledgement.
    """
    if not _is_loopback(host):
        why = "these pages are for this machine only; use 127.0.0.1, ::1 or localhost"
        raise InvalidValue(what="The host", value=host, why=why)
    address = "127.0.0.1" if host == "localhost" else host
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(128)
    except (OSError, OverflowError) as refusal:
        listener.close()
        why = f"it cannot be listened on ({getattr(refusal, 'strerror', None) or refusal}); choose another with --port"
        raise InvalidValue(what="The port", value=port, why=why) from refusal
    return listener


def _is_loopback(host: str) -> bool:
    """Return whether it is one of the names of this machine that are served: see ``security.LOOPBACK``."""
    try:
        return host == "localhost" or str(ip_address(host)) in {"127.0.0.1", "::1"}
    except ValueError:
        return False
