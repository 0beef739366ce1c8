"""``python -m lineament`` and the command ``lineament``: connect the commands to the pages."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from lineament.cli import main as terminal

if TYPE_CHECKING:
    from typer.core import TyperGroup

    from lineament.cli.serve import Serving
    from lineament.workspace import Workspace


@cache
def application() -> TyperGroup:
    """Return all commands, ``lineament serve`` included; built once, because building registers them again."""
    return terminal.application(_pages)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command, by default that of the command line."""
    gc.set_threshold(200_000)  # what is imported stays alive; searching it for garbage takes a tenth of a short command
    terminal.run(application(), arguments)


def _pages(workspace: Workspace, asked: Serving) -> None:
    from lineament.web import processes, serve

    workspace.processes = asked.processes
    if asked.processes > 1 and not asked.process:
        processes.serve_in_processes(workspace, asked.host, asked.port, asked.processes, asked.announce)
        return
    workspace.warm()
    with workspace.store.read() as tx:  # upkeep: the indexes of all sources, of which the machine's own desk sees none
        sources = tx.sources.all()
    workspace.gallery.stay(sources)
    one = serve.OneOfSeveral(asked.process, asked.listener) if asked.process else None
    serve.serve(workspace, asked.host, asked.port, asked.announce, one)


if __name__ == "__main__":
    main()
