"""``lineament source warc``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lineament.cli.terminal import AsJson, needs, print_json, progress, say, workspace
from lineament.model.accounts import Permission
from lineament.views.sources import taken_out_json
from lineament.views.values import counted


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("warc")(take_out)


@needs(Permission.MANAGE_SOURCES)
def take_out(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the source.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it: a new file, as crawl.warc.gz.")],
    as_json: AsJson = False,
) -> None:
    """Export what was crawled for a source as one WARC file, unsealed and without what was erased; on the record."""
    with workspace(context) as desk, progress() as bar:
        shown = bar.add_task(f"Writing {file.name}, kB", total=None, rate="")
        exported = desk.takeout.warc(
            name, file, lambda done, total: bar.update(shown, completed=done // 1000, total=total // 1000)
        )
    if as_json:
        print_json(taken_out_json(exported))
        return
    parts = f"{counted(exported.exchanges, 'exchange')}, {counted(exported.bytes, 'byte')}"
    say(f"{parts} are in {file}, for its owner alone; keep it safe.")
