"""``lineament serve``."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.terminal import machine, needs, say
from lineament.model.accounts import Permission

if TYPE_CHECKING:
    from lineament.workspace import Workspace

RunPages = Callable[["Workspace", str, int, Callable[[str], None]], None]
"""Serves the pages of a workspace on a host and port until it is stopped, and announces their address."""


def register(app: typer.Typer, run_pages: RunPages) -> None:
    """Add the command to ``app``."""

    @app.command()
    @needs(Permission.MACHINE)
    def serve(
        context: typer.Context,
        host: Annotated[str, typer.Option(help="A loopback address.")] = "127.0.0.1",
        port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8471,
        worker: Annotated[
            bool, typer.Option("--worker/--no-worker", help="Run a worker for jobs beside the pages.")
        ] = True,
    ) -> None:
        """Open the pages in the browser; this machine only, with a token in the address that works once."""
        from lineament.cli.beside import WorkerBeside

        signal.signal(signal.SIGTERM, _leave)
        with machine(context) as desk, WorkerBeside(desk.settings.home) if worker else nullcontext():
            run_pages(desk.workspace, host, port, _announce)


def _leave(number: int, _: object) -> None:
    """End in order at SIGTERM, and the worker with the pages."""
    sys.exit(128 + number)


def _announce(url: str) -> None:
    once = " The link works once; the next one follows here." if "?token=" in url else ""
    say(f"Open {url} in a browser on this machine; stop with Ctrl-C.{once}")
