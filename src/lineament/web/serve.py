"""Serves the pages on this machine's loopback until stopped; the agency's TLS proxy may stand in front of it."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from contextlib import closing
from ipaddress import ip_address

import uvicorn

from lineament.errors import InvalidValue
from lineament.web.app import create_app
from lineament.workspace import Workspace


def serve(workspace: Workspace, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve until interrupted; ``announce`` is called with the address once the port is bound.

    While the workspace is solo, the address has the token of this run; officials with accounts sign in instead.
    Port 0 takes any free port. Raises InvalidValue if ``host`` is not the loopback, or the port is in use.
    """
    token = secrets.token_urlsafe(24)
    with closing(listening(host, port)) as listener:
        announce(entrance(workspace, host, listener.getsockname()[1], token))
        server(workspace, token).run(sockets=[listener])


def entrance(workspace: Workspace, host: str, port: int, token: str) -> str:
    """Return the address to open."""
    if workspace.desk_at_the_machine().official.solo:
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/?token={token}"
    return f"{workspace.settings.public_url or f'http://localhost:{port}'}/"  # passkeys want a name


def server(workspace: Workspace, token: str) -> uvicorn.Server:
    """Make the server. It writes no access log, because addresses name cases, and trusts no proxy's headers."""
    return uvicorn.Server(
        uvicorn.Config(
            create_app(workspace, token),
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=5,
        )
    )


def listening(host: str, port: int) -> socket.socket:
    """Return a socket on the loopback. Raises InvalidValue if ``host`` is anything else, or the port cannot be bound.

    The protocol is given explicitly: asyncio disables Nagle's algorithm only on sockets that say they are TCP, and
    without that every page waits 40 ms for an acknowledgement.
    """
    if host != "localhost" and not _is_loopback(host):
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
    """Return whether it is one of the two addresses that are served: see ``security.LOOPBACK``."""
    try:
        return str(ip_address(host)) in {"127.0.0.1", "::1"}
    except ValueError:
        return False
