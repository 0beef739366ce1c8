"""``lineament serve``."""

from __future__ import annotations

from typing import Annotated

import typer

from lineament.cli.terminal import say, workspace


def register(app: typer.Typer) -> None:
    """Put the command on ``app``."""
    app.command()(serve)


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="A loopback address.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8471,
) -> None:
    """Open the pages in the browser; this machine only, with a token in the address."""
    from lineament.web.serve import serve as run

    with workspace(context) as opened:
        run(
            opened,
            host,
            port,
            announce=lambda url: say(f"Open {url} in a browser on this machine; stop with Ctrl-C."),
        )
