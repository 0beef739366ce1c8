"""The command itself: ``--home`` anywhere on the line, and the exit code of each kind of error."""

from __future__ import annotations

import errno
import json
from typing import cast

import pytest
import typer
from typer.core import TyperGroup

from lineament.cli import main
from lineament.errors import LedgerBroken, LineamentError, NotFound, Refused
from lineament.model.reasons import ReasonCode

Capture = pytest.CaptureFixture[str]


def failing(error: BaseException) -> TyperGroup:
    """Return a group of commands, in which ``fail`` raises the error."""
    app = typer.Typer()

    @app.command()
    def fail(as_json: bool = typer.Option(False, "--json")) -> None:
        raise error

    @app.command()
    def other() -> None:
        """Do nothing; without a second command Typer builds no group."""

    return cast("TyperGroup", typer.main.get_command(app))


def ended(app: TyperGroup, *arguments: str) -> object:
    """Run a command and return its exit code."""
    with pytest.raises(SystemExit) as left:
        main.run(app, arguments)
    return left.value.code


@pytest.mark.parametrize(
    ("line", "moved"),
    [
        (["case", "list", "--home", "ws"], ["--home", "ws", "case", "list"]),
        (["case", "--home=ws", "list"], ["--home=ws", "case", "list"]),
        (["--home", "ws", "case"], ["--home", "ws", "case"]),
        (["search", "--", "--home", "a.jpg"], ["search", "--", "--home", "a.jpg"]),
        (["search", "--home", "ws", "--", "--home"], ["--home", "ws", "search", "--", "--home"]),
        (["case", "--home"], ["--home", "case"]),
        (["case", "--homely"], ["case", "--homely"]),
        ([], []),
    ],
)
def test_the_folder_may_be_named_anywhere_on_the_line(line: list[str], moved: list[str]) -> None:
    assert main._home_first(line) == moved


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound(what="case", name="K-9", hint="lineament case list"), 3),
        (Refused(ReasonCode.NO_REASON.reason()), 4),
        (LedgerBroken(why="a hash differs", entry=3), 10),
        (LineamentError(detail="a defect"), 1),
    ],
    ids=lambda value: value.code if isinstance(value, LineamentError) else "",
)
def test_an_error_of_ours_is_a_line_and_its_exit_code(error: LineamentError, code: int, capsys: Capture) -> None:
    assert ended(failing(error), "fail") == code
    assert capsys.readouterr() == ("", f"lineament: {error}\n")


def test_arguments_after_two_dashes_are_not_options(capsys: Capture) -> None:
    app, error = typer.Typer(), LineamentError(detail="a defect")

    @app.command()
    def fail(paths: list[str]) -> None:
        raise error

    @app.callback()
    def everything() -> None:
        """Do nothing; without a callback Typer builds no group."""

    assert ended(cast("TyperGroup", typer.main.get_command(app)), "fail", "--", "--json") == 1
    assert capsys.readouterr() == ("", f"lineament: {error}\n")


def test_an_error_is_json_as_well_if_the_answer_would_have_been(capsys: Capture) -> None:
    error = Refused(ReasonCode.SECOND_FACTOR.reason(minutes=15))
    assert ended(failing(error), "fail", "--json") == 4
    out, err = capsys.readouterr()
    (reason,) = json.loads(out)["error"]["reasons"]
    assert (reason["code"], reason["command"]) == ("second-factor", "lineament step-up")
    assert err.splitlines() == [f"lineament: {error}", "Show your second factor: lineament step-up"]


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/srv/ws/blobs"), 11, "The disk at /srv/ws/blobs is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 11, "The disk at the workspace is full"),
        (FileNotFoundError(errno.ENOENT, "No such file", "a.jpg"), 3, "nothing to read at a.jpg"),
        (PermissionError(errno.EACCES, "Permission denied", "a.jpg"), 3, "nothing to read at a.jpg"),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset"), 1, "did not foresee: Connection reset"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, OSError) else "",
)
def test_an_error_of_the_system_is_translated(error: OSError, code: int, words: str, capsys: Capture) -> None:
    assert ended(failing(error), "fail") == code
    assert words in capsys.readouterr().err


def test_an_unforeseen_error_is_stored_without_its_message(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LINEAMENT_TRACE", raising=False)
    assert ended(failing(ZeroDivisionError("the name of somebody")), "fail") == 1
    err = capsys.readouterr().err
    assert "ZeroDivisionError; LINEAMENT_TRACE=1 shows where" in err
    assert "somebody" not in err


def test_an_unforeseen_error_is_raised_with_its_traceback_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEAMENT_TRACE", "1")
    with pytest.raises(ZeroDivisionError):
        main.run(failing(ZeroDivisionError()), ["fail"])


@pytest.mark.parametrize("line", [["no-such-command"], ["fail", "--no-such-option"], ["fail", "too", "many"]])
def test_an_invalid_line_exits_with_2(line: list[str], capsys: Capture) -> None:
    assert ended(failing(LineamentError(detail="never reached")), *line) == 2
    assert "never reached" not in capsys.readouterr().err


def test_a_command_that_succeeds_exits_with_0() -> None:
    assert ended(failing(LineamentError(detail="never reached")), "other") == 0
