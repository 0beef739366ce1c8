"""``python -m lineament`` and the command ``lineament``: connect the commands to the pages."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from lineament.cli import main as terminal

if TYPE_CHECKING:
    from typer.core import TyperGroup

    from lineament.workspace import Workspace


@cache
def application() -> TyperGroup:
    """Return all commands, ``lineament serve`` included; built once, because building registers them again."""
    return terminal.application(_pages)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command, by default that of the command line."""
    gc.set_threshold(200_000)  # what is imported stays alive; searching it for garbage takes a tenth of a short command
    terminal.run(application(), arguments)


def _pages(workspace: Workspace, host: str, port: int, announce: Callable[[str], None]) -> None:
    from lineament.web.serve import serve

    workspace.warm()
    serve(workspace, host, port, announce)


if __name__ == "__main__":
    main()
