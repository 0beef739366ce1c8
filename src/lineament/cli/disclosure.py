"""``lineament case disclose`` and ``lineament case vics``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from lineament.cli.cases import Ref
from lineament.cli.terminal import (
    AsJson,
    checked_writable,
    needs,
    print_json,
    progress,
    say,
    workspace,
    write_private,
)
from lineament.errors import WorkspaceExists
from lineament.model.accounts import Permission
from lineament.model.exports import DataModel
from lineament.model.jobs import JobProgress
from lineament.views.disclosures import disclosure_json, export_json
from lineament.views.values import counted


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("disclose")(disclose)
    app.command("vics")(export_vics)


@needs(Permission.MANAGE_CASES)
def disclose(
    context: typer.Context,
    ref: Ref,
    file: Annotated[Path, typer.Argument(metavar="OUT", help="Where to write the ZIP file; nothing may be there yet.")],
    sharp: Annotated[
        bool,
        typer.Option("--sharp/--blurred", help="Show pictures marked as distressing sharp, or blur them."),
    ] = True,
    regions: Annotated[
        bool, typer.Option("--regions", help="Mark the faces of each original in an XMP file beside it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write everything about a case as one signed file for the court and the defence; on the record."""
    with workspace(context) as desk, progress() as bar:
        if file.exists():
            raise WorkspaceExists(path=file)
        checked_writable(file)
        shown = bar.add_task("Disclosing", total=None, rate="")

        def report(now: JobProgress) -> None:
            bar.update(shown, completed=now.done, total=now.total, description=now.words or "Disclosing")

        made = desk.disclosure.make(ref, sharp=sharp, regions=regions, report=report)
        write_private(file, made.zipped)
    if as_json:
        print_json(disclosure_json(made.paper))
        return
    say(f"The disclosure pack is at {file}, for its owner alone. SHA-256: {made.paper.sha256}")
    say(f"Whoever gets it verifies it with: python3 -I verify.py {file.name} --key KEY")


@needs(Permission.MANAGE_CASES)
def export_vics(
    context: typer.Context,
    ref: Ref,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder to make; nothing may be there yet.")],
    data_model: Annotated[DataModel, typer.Option(help="The version of VICS.")] = DataModel.NEWER,
    as_json: AsJson = False,
) -> None:
    """Export a case's photographs and leads for forensic suites (VICS); on the record."""
    with workspace(context) as desk, progress() as bar, _new_folder(folder) as unfinished:
        shown = bar.add_task("Exporting", total=None, rate="")

        def put(name: str, content: bytes) -> None:
            path = unfinished / name
            path.parent.mkdir(mode=0o700, exist_ok=True)
            write_private(path, content)

        def report(now: JobProgress) -> None:
            bar.update(shown, completed=now.done, description=now.words or "Exporting")

        made = desk.case_export.make(ref, data_model, put, report)
    if as_json:
        print_json(export_json(made))
        return
    held = f"{counted(made.photographs, 'photograph')} and {counted(made.leads, 'lead')}"
    say(f"The export is at {folder}, for its owner alone: {held}. SHA-256 of its list: {made.sha256}")
    for why, many in sorted(made.left_out.items()):
        say(f"Not in it: {many:,} {why}.")


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Make a folder beside the given one; it gets its name once all that is written in the block is complete.

    Raises WorkspaceExists if something is there, or InvalidValue if no folder can be made there.
    """
    if folder.exists() or folder.is_symlink():
        raise WorkspaceExists(path=folder)
    checked_writable(folder)
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    unfinished.mkdir(mode=0o700)
    try:
        yield unfinished
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
