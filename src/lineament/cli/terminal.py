"""Functions shared by all commands: opening a workspace, and printing."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from lineament.cli.kept import kept_key
from lineament.errors import (
    FactorNeeded,
    FileTooLarge,
    InvalidValue,
    LineamentError,
    NoSuchFile,
    NotScrubbed,
    SessionLocked,
    SignInNeeded,
)
from lineament.model.accounts import Permission

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.console import Console, RenderableType
    from rich.progress import Progress

    from lineament.settings import Settings
    from lineament.workspace import Desk, Workspace

Command = TypeVar("Command", bound=Callable[..., Any])

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask again.")]


def _known_kind(kind: str | None) -> str | None:
    from lineament.sources.registry import registrations

    if kind is not None and kind not in registrations():
        raise InvalidValue(what="--as", value=kind[:40], why=f"it is one of {', '.join(registrations())}")
    return kind


AsKind = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="KIND",
        callback=_known_kind,
        help="Say what it is: folder, archive, manifest, warc, video, site, itl, vics, persons, compreface.",
    ),
]

Parsed = TypeVar("Parsed", bound=date)


def _parse(text: str, kind: type[Parsed], example: str) -> Parsed:
    try:
        return kind.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a day; write it as {example}.") from None


def day(text: str | date) -> date:
    """Parse the value of an option as a day."""
    return text if isinstance(text, date) else _parse(text, date, "2027-06-30")


def moment(text: str | datetime) -> datetime:
    """Parse the value of an option as a day, perhaps with a time; in the zone of this machine unless it names one."""
    return text if isinstance(text, datetime) else _parse(text, datetime, "2027-06-30 or 2027-06-30T16:45")


WIDE = 160
"""Columns of a table that goes into a file or a pipe."""

_UNPRINTED = dict.fromkeys(
    [
        *(code for code in range(0x20) if chr(code) not in "\t\n"),
        *range(0x7F, 0xA0),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    ]
)
"""Control characters that are left out, because other people's text must not control the terminal or reorder a line."""


def _printable(text: str) -> str:
    return _encodable(text.translate(_UNPRINTED))


def _encodable(text: str) -> str:
    """Return the text with lone surrogates escaped as in JSON; file names that are not UTF-8 are decoded to them."""
    return text.encode(errors="backslashreplace").decode()


def complain(message: str) -> None:
    """Print one line on standard error."""
    say(f"lineament: {message}", err=True)


def explain(error: LineamentError, message: str | None = None) -> None:
    """Print an error on standard error, with the commands that remedy a refusal or the faces that can be chosen.

    ``message`` replaces that of the error.
    """
    from lineament.views.errors import face_rows, remedy_lines

    complain(message or str(error))
    for line in remedy_lines(error):
        say(line, err=True)
    if rows := face_rows(error):
        faces = table("face", "left, top", "width × height", right=("face", "left, top", "width × height"))
        for row in rows:
            faces.add_row(*row)
        print_table(faces, err=True)


def settings_for(context: typer.Context) -> Settings:
    """Return the settings; the folder given on the command line goes before that of the environment."""
    from lineament.settings import Settings

    home: Path | None = context.find_root().obj
    return Settings() if home is None else Settings(home=home)


def needs(permission: Permission) -> Callable[[Command], Command]:
    """Declare the permission that a command needs; a test lists them all."""

    def declared(command: Command) -> Command:
        command.__dict__["needs"] = permission
        return command

    return declared


def needed(command: object) -> Permission:
    """Return the permission that a command declares. Raises TypeError if it declares none."""
    found = getattr(command, "needs", None)
    if not isinstance(found, Permission):
        raise TypeError(f"{command!r} does not say what it needs")
    return found


@contextmanager
def workspace(context: typer.Context, *, nets: bool = False) -> Iterator[Desk]:
    """Open the workspace and yield the desk of whoever runs this command. Raises NotAllowed if they may not run it.

    ``nets`` loads the nets while the workspace opens.
    """
    from lineament.workspace import Workspace

    permission = needed(context.command.callback)
    with Workspace.open(settings_for(context), nets=nets) as opened:
        desk = _desk(opened)
        desk.record.require(permission)
        yield desk


def _desk(opened: Workspace) -> Desk:
    """Return the machine's own desk in a solo workspace; else that of whoever signed in at this terminal."""
    desk = opened.desk_at_the_machine()
    if desk.official.solo:
        return desk
    from lineament.services.people.sessions import SessionKeeper, SessionState

    session = SessionKeeper(desk.record).find(kept_key(opened) or "")
    if session is None:
        raise SignInNeeded
    if session.standing is SessionState.LOCKED:
        raise SessionLocked
    if session.standing is not SessionState.OPEN:
        raise FactorNeeded
    return opened.desk(session.official)


@contextmanager
def machine(context: typer.Context, *, suspect: bool = False) -> Iterator[Desk]:
    """Yield the desk of the machine, for upkeep; ``suspect`` opens a workspace with a broken ledger too."""
    from lineament.workspace import Workspace

    with Workspace.open(settings_for(context), suspect=suspect) as opened:
        yield opened.desk_at_the_machine()


def print_json(answer: Any) -> None:
    """Print one JSON object, its keys in the order in which they were added."""
    typer.echo(_encodable(json.dumps(answer, ensure_ascii=False, indent=2)))


def print_json_line(answer: Any) -> None:
    """Print one JSON object on one line, as one of several (JSON Lines)."""
    typer.echo(_encodable(json.dumps(answer, ensure_ascii=False)))


def say(message: str, *, err: bool = False) -> None:
    """Print a line for a person, on standard error if ``err``, without control characters."""
    typer.echo(_printable(message), err=err)


@dataclass(slots=True)
class Table:
    """Rows under a header, without lines; the columns in ``right`` are set flush right. Nothing is read as markup."""

    columns: tuple[str, ...]
    right: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list)
    header: bool = True

    def add_row(self, *cells: str) -> None:
        """Add a row, one cell for each column."""
        self.rows.append(cells)


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """Return an empty table."""
    return Table(columns, right)


def print_table(table: Table, *, err: bool = False) -> None:
    """Print a table, as wide as the terminal or ``WIDE``, without control characters; long cells wrap.

    ``err`` prints it on standard error.
    """
    from rich.table import Table as Drawn
    from rich.text import Text

    drawn = Drawn(box=None, header_style="bold", pad_edge=False, show_header=table.header)
    for column in table.columns:
        drawn.add_column(column, justify="right" if column in table.right else "left", overflow="fold")
    for row in table.rows:
        drawn.add_row(*(Text(_printable(cell)) for cell in row))
    print_drawing(drawn, err=err)


def print_drawing(drawing: RenderableType, *, err: bool = False) -> None:
    """Print what Rich draws."""
    from rich.console import Console

    width = None if (sys.stderr if err else sys.stdout).isatty() else WIDE
    Console(highlight=False, soft_wrap=True, width=width, stderr=err).print(drawing)


def print_facts(facts: Mapping[str, object]) -> None:
    """Print a line for each fact that is known; moments (``…_at``, ``…_since``) to the minute, UTC."""
    shown = Table(("", ""), header=False)
    for name, value in facts.items():
        if value not in (None, "", [], ()):
            shown.add_row(name.replace("_", " "), _words(name, value))
    print_table(shown)


def _words(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and name.endswith(("_at", "_since")):
        return when(datetime.fromisoformat(value))
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def when(moment: datetime | None) -> str:
    """Return a moment for people, to the minute, UTC."""
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M")


def progress() -> Progress:
    """Return a progress bar with rate and time left; it is on standard error, and cleared at its end."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    console = _aside()
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def working(message: str) -> AbstractContextManager[object]:
    """Say on standard error, if that is a terminal, what is being done as long as it lasts."""
    return _aside().status(message) if sys.stderr.isatty() else nullcontext()


@contextmanager
def reporting(message: str) -> Iterator[Callable[[str], None]]:
    """Say what is being done, as ``working`` does, and yield what is to be told how far it is."""
    with working(message) as status:
        yield getattr(status, "update", lambda _: None)


def _aside() -> Console:
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def checked_writable(path: Path) -> Path:
    """Return the path if a file can be written there. Raises InvalidValue if not.

    Call it before the work: what is recorded in the ledger cannot be taken back if the result then has no place.
    """
    if path.is_dir() or not path.parent.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InvalidValue(what="The file", value=path, why="nothing can be written there; name another place")
    return path


def leave_unless_scrubbed(scrubbed: bool) -> None:
    """Explain and exit with the code of NotScrubbed if the database's files still hold what was erased."""
    if not scrubbed:
        explain(NotScrubbed())
        raise typer.Exit(NotScrubbed.exit_code)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read; it replaces what is there."""
    from lineament.store.durable import private_file

    with private_file(path) as file:
        file.write(content)


def file_bytes(path: Path, most: int) -> bytes:
    """Return the bytes of a file that the command line names, at most ``most``. Raises NoSuchFile or FileTooLarge."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise NoSuchFile(path=path)
        if size > most:
            raise FileTooLarge(size=size, limit=most)
        return path.read_bytes()
    except OSError:
        raise NoSuchFile(path=path) from None
