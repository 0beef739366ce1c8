"""The command ``lineament``: every command, and how errors become a line and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Annotated, NoReturn, cast

import typer
from typer.core import TyperGroup

import lineament
from lineament.cli import serve
from lineament.cli.commands import LazyCommands, LazyGroup
from lineament.cli.terminal import complain, explain, print_json
from lineament.errors import LineamentError, NoSuchFile, StorageFull
from lineament.sandbox.private import must_be_private


def application(run_pages: serve.RunPages) -> TyperGroup:
    """Return all commands; ``run_pages`` serves the pages, and is passed in because cli and web are on one layer."""
    app = typer.Typer(
        cls=LazyGroup,
        help="Face search for investigators: every face compared, every search on the record.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # plain help: drawing it takes longer than everything else, and it breaks words
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(everything)
    group = cast("TyperGroup", typer.main.get_command(app))
    group.commands = LazyCommands({"serve": partial(serve.register, run_pages=run_pages)})
    return group


def _version(requested: bool) -> None:
    if requested:
        typer.echo(f"lineament {lineament.__version__}")
        raise typer.Exit


def everything(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(help="The folder of the workspace. [default: $LINEAMENT_HOME or ./lineament-data]"),
    ] = None,
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Face search for investigators: every face compared, every search on the record."""
    context.obj = home


def run(app: TyperGroup, arguments: Sequence[str] | None = None) -> None:
    """Run a command; explain an error, as JSON too if the command was to print that, and exit with its code."""
    untrusted = list(sys.argv[1:] if arguments is None else arguments)
    os.umask(0o077)  # every file and folder that is made is for its owner alone
    try:
        must_be_private()  # before anything opens a key
        app(args=_home_first(untrusted), prog_name="lineament")
    except LineamentError as error:
        _fail(error, untrusted)
    except KeyboardInterrupt:
        complain("Stopped.")
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        _fail(_from_os(error), untrusted)
    except Exception as error:
        if _traced():
            raise
        _fail(LineamentError(detail=f"{type(error).__name__}; LINEAMENT_TRACE=1 shows where"), untrusted)


def _fail(error: LineamentError, untrusted: Sequence[str]) -> NoReturn:
    """Explain an error and exit with its code."""
    from lineament.views.errors import error_json

    explain(error)
    if "--json" in takewhile("--".__ne__, untrusted):
        with suppress(BrokenPipeError):  # the reader closed the pipe
            print_json(error_json(error))
    sys.exit(error.exit_code)


def _traced() -> bool:
    from lineament.settings import Settings

    return Settings().trace


def _home_first(arguments: list[str]) -> list[str]:
    """Move ``--home``, which may be anywhere on the line, to the front, where the parser expects it."""
    moved: list[str] = []
    rest: list[str] = []
    given = iter(arguments)
    for argument in given:
        if argument == "--":
            return [*moved, *rest, argument, *given]
        if argument == "--home":
            moved += [argument, *(value for value in [next(given, None)] if value is not None)]
        elif argument.startswith("--home="):
            moved.append(argument)
        else:
            rest.append(argument)
    return [*moved, *rest]


def _from_os(error: OSError) -> LineamentError:
    from lineament.sandbox.files import NO_ROOM

    if error.errno in NO_ROOM:
        return StorageFull(path=error.filename or "the workspace")
    if error.filename is not None:
        return NoSuchFile(path=error.filename)
    return LineamentError(detail=error.strerror or type(error).__name__)
