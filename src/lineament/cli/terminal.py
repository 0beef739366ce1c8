"""What all commands share: the workspace that they open, and how they print."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from lineament.cli.kept import kept_key
from lineament.errors import FactorNeeded, FileTooLarge, InvalidValue, NoSuchFile, SessionLocked, SignInNeeded
from lineament.model.accounts import Permission
from lineament.services.people.sessions import Standing
from lineament.settings import Settings
from lineament.workspace import Desk, Workspace

Command = TypeVar("Command", bound=Callable[..., Any])

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]

WIDE = 160
"""Columns of a table that goes into a file or a pipe."""

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDE)
"""Answers."""
aside = Console(stderr=True, highlight=False)
"""Progress and complaints."""


def complain(message: str) -> None:
    """One line on standard error."""
    typer.echo(f"lineament: {message}", err=True)


def settings_for(context: typer.Context) -> Settings:
    """The settings, with the folder of the command line before that of the environment."""
    home: Path | None = context.find_root().obj
    return Settings() if home is None else Settings(home=home)


def needs(permission: Permission) -> Callable[[Command], Command]:
    """Declares what a command needs, beside it; a test lists them all."""

    def declared(command: Command) -> Command:
        command.__dict__["needs"] = permission
        return command

    return declared


def needed(command: object) -> Permission:
    """What a command was declared to need."""
    found = getattr(command, "needs", None)
    if not isinstance(found, Permission):
        raise TypeError(f"{command!r} does not say what it needs")
    return found


@contextmanager
def workspace(context: typer.Context) -> Iterator[Desk]:
    """The desk of whoever runs this command, if the command is theirs; the workspace is closed at its end."""
    permission = needed(context.command.callback)
    with Workspace.open(settings_for(context)) as opened:
        desk = _desk(opened)
        desk.record.require(permission)
        yield desk


def _desk(opened: Workspace) -> Desk:
    """The machine's own desk in a solo workspace; else that of whoever signed in at this terminal."""
    desk = opened.desk_at_the_machine()
    if desk.official.solo:
        return desk
    session = opened.sign_in.session(kept_key(opened) or "")
    if session is None:
        raise SignInNeeded
    if session.standing is Standing.LOCKED:
        raise SessionLocked
    if session.standing is not Standing.OPEN:
        raise FactorNeeded
    return opened.desk(session.official)


@contextmanager
def machine(context: typer.Context, *, suspect: bool = False) -> Iterator[Desk]:
    """The desk of whoever is at the machine, for upkeep; ``suspect`` opens a workspace with a broken ledger too."""
    with Workspace.open(settings_for(context), suspect=suspect) as opened:
        yield opened.desk_at_the_machine()


def print_json(answer: Any) -> None:
    """One JSON object, its keys in the order in which they were put in."""
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=2))


def say(message: str) -> None:
    """A line for a person; nothing in it is taken as markup."""
    out.print(escape(message))


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table without lines; the columns in ``right`` are set flush right."""
    made = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def print_facts(facts: Mapping[str, object]) -> None:
    """One thing, a line for each of its facts."""
    shown = table("", "")
    shown.show_header = False
    for name, value in facts.items():
        said = ("yes" if value else "no") if isinstance(value, bool) else "" if value is None else str(value)
        shown.add_row(name.replace("_", " "), escape(said))
    out.print(shown)


def when(moment: datetime | None) -> str:
    """A moment as a person reads it, UTC."""
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M")


def iso(moment: datetime | None) -> str | None:
    """A moment for JSON."""
    return None if moment is None else moment.isoformat()


def progress() -> Progress:
    """A bar with rate and time left, on standard error, gone when it is done."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=aside,
        transient=True,
        disable=not aside.is_terminal,
    )


def counted(many: int, one: str) -> str:
    """A number with its noun, whose plural ends in s."""
    return f"{many:,} {one}{'' if many == 1 else 's'}"


def checked_new(path: Path) -> Path:
    """A file that can be written; InvalidValue where it cannot, before anything is done for which it is to stand."""
    if path.is_dir() or not path.parent.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InvalidValue(what="The file", value=path, why="nothing can be written there; name another place")
    return path


def picture_bytes(path: Path, most: int) -> bytes:
    """The bytes of a picture that was named on the line; NoSuchFile or FileTooLarge."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise NoSuchFile(path=path)
        if size > most:
            raise FileTooLarge(size=size, limit=most)
        return path.read_bytes()
    except OSError:
        raise NoSuchFile(path=path) from None
