"""``lineament serve``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.terminal import machine, needs, say
from lineament.model.accounts import Permission

if TYPE_CHECKING:
    from lineament.workspace import Workspace

RunPages = Callable[["Workspace", str, int, Callable[[str], None]], None]
"""Serves the pages of a workspace on a host and port until it is stopped, and announces their address."""


def register(app: typer.Typer, run_pages: RunPages) -> None:
    """Put the command on ``app``."""

    @app.command()
    @needs(Permission.MACHINE)
    def serve(
        context: typer.Context,
        host: Annotated[str, typer.Option(help="A loopback address.")] = "127.0.0.1",
        port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8471,
    ) -> None:
        """Open the pages in the browser; this machine only, with a token in the address."""
        with machine(context) as opened:
            run_pages(opened.workspace, host, port, _announce)


def _announce(url: str) -> None:
    say(f"Open {url} in a browser on this machine; stop with Ctrl-C.")
