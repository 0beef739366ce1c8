"""``lineament erase``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.terminal import AsJson, Yes, leave_unless_scrubbed, needs, print_json, say, workspace
from lineament.errors import InvalidValue
from lineament.model.accounts import Permission
from lineament.model.faces import CaptureId, FaceId
from lineament.model.texts import require_said
from lineament.views.erasures import erasure_json
from lineament.views.values import counted

if TYPE_CHECKING:
    from lineament.model.sources import Source
    from lineament.workspace import Desk


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(erase)


@needs(Permission.MANAGE_SOURCES)
def erase(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    face: Annotated[int | None, typer.Option(metavar="ID", help="Erase this face.")] = None,
    capture: Annotated[int | None, typer.Option(metavar="ID", help="Erase this capture with its faces.")] = None,
    source: Annotated[str | None, typer.Option(metavar="NAME", help="Withdraw this source, with all it gave.")] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Erase for good: rows, templates, pictures and codes go; the ledger keeps that it happened."""
    if sum(given is not None for given in (face, capture, source)) != 1:
        raise InvalidValue(what="What to erase", value="", why="give one of --face, --capture and --source")
    require_said(reason, "The reason")
    with workspace(context) as desk:
        if not yes:
            typer.confirm(_question(desk, face, capture, source), abort=True)
        if face is not None:
            done = desk.erase.face(FaceId(face), reason)
        elif capture is not None:
            done = desk.erase.capture(CaptureId(capture), reason)
        else:
            done = desk.erase.source(source or "", reason)
    if as_json:
        print_json(erasure_json(done))
        leave_unless_scrubbed(done.scrubbed)
        return
    erased = f"{counted(len(done.faces), 'face')} of {done.source} {'is' if len(done.faces) == 1 else 'are'} erased"
    say(f"{erased} (ledger entry {done.ledger_entry}).")
    leave_unless_scrubbed(done.scrubbed)


def withdrawal_question(source: Source) -> str:
    """Return the question before a source is withdrawn."""
    contents = f"{counted(source.captures, 'capture')} and {counted(source.faces, 'face')}"
    return f"Destroy the key, {contents} of {source.name}?"


def _question(desk: Desk, face: int | None, capture: int | None, source: str | None) -> str:
    """Return the question before anything is destroyed. Raises NotFound if there is no such source."""
    if source is not None:
        return withdrawal_question(desk.sources.get(source))
    return f"Destroy capture {capture} with all its faces?" if face is None else f"Destroy face {face}?"
