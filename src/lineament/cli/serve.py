"""``lineament serve``."""

from __future__ import annotations

import os
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

        signal.signal(signal.SIGTERM, _Leaving())
        with machine(context) as desk, WorkerBeside(desk.settings.home) if worker else nullcontext():
            run_pages(desk.workspace, host, port, _announce)


class _Leaving:
    """Ends in order at the first SIGTERM, and the worker with the pages; at the next one the process ends at once."""

    def __init__(self) -> None:
        self._asked = False

    def __call__(self, number: int, _: object) -> None:
        """Leave, with 0: it was asked for."""
        if self._asked:
            os._exit(128 + number)
        self._asked = True
        sys.exit(0)


def _announce(url: str) -> None:
    once = " The link works once; the next one follows here." if "?token=" in url else ""
    say(f"Open {url} in a browser on this machine; stop with Ctrl-C.{once}")
