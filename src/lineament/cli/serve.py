"""``lineament serve``."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.terminal import machine, needs, say
from lineament.model.accounts import Permission

if TYPE_CHECKING:
    from lineament.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Where and how the pages are to be served."""

    host: str
    port: int
    processes: int
    process: int  # the number of this one of several, which serves at the socket ``listener``; 0: it is the first
    listener: int
    announce: Callable[[str], None]  # is called with their address


RunPages = Callable[["Workspace", Serving], None]
"""Serves the pages of a workspace until it is stopped."""


def register(app: typer.Typer, run_pages: RunPages) -> None:
    """Add the command to ``app``."""

    @app.command()
    @needs(Permission.MACHINE)
    def serve(
        context: typer.Context,
        host: Annotated[str, typer.Option(help="A loopback address.")] = "127.0.0.1",
        port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8471,
        processes: Annotated[
            int, typer.Option(min=1, max=64, help="How many processes serve them; more than one needs PostgreSQL.")
        ] = 1,
        worker: Annotated[
            bool, typer.Option("--worker/--no-worker", help="Run a worker for jobs beside the pages.")
        ] = True,
        process: Annotated[int, typer.Option(hidden=True)] = 0,
        listener: Annotated[int, typer.Option(hidden=True)] = 0,
    ) -> None:
        """Open the pages in the browser; this machine only, with a token in the address that works once."""
        from lineament.cli.beside import WorkerBeside

        signal.signal(signal.SIGTERM, _Leaving())
        with machine(context) as desk, WorkerBeside(desk.settings.home) if worker else nullcontext():
            asked = Serving(
                host=host, port=port, processes=processes, process=process, listener=listener, announce=_announce
            )
            run_pages(desk.workspace, asked)


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
