"""``python -m lineament`` and the command ``lineament``: where the rooms of the top floor meet."""

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
    """Return all commands, ``lineament serve`` included; made once, since each making would register them again."""
    return terminal.application(_pages)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command, by default that of the command line."""
    gc.set_threshold(200_000)  # what imports make stays: looking for garbage in it takes a tenth of a short command
    terminal.run(application(), arguments)


def _pages(workspace: Workspace, host: str, port: int, announce: Callable[[str], None]) -> None:
    from lineament.web.serve import serve

    workspace.warm()
    serve(workspace, host, port, announce)


if __name__ == "__main__":
    main()
