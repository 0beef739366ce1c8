"""What all commands share: how they read their input, and how they print their answers."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import typer

from lineament.cli import terminal
from lineament.errors import FileTooLarge, InvalidValue, LineamentError, NoSuchFile, Refused, SeveralFaces
from lineament.model.accounts import Permission
from lineament.model.faces import Box
from lineament.model.reasons import ReasonCode

Capture = pytest.CaptureFixture[str]
AUTHORISE = "lineament case authorise K-1 --authority TEXT --decided DATE --scope TEXT"


# ---------------------------------------------------------------- reading


def test_a_day_is_read_in_iso_8601() -> None:
    assert terminal.day("2027-06-30") == date(2027, 6, 30)
    assert terminal.day(date(2027, 6, 30)) == date(2027, 6, 30)


@pytest.mark.parametrize("written", ["30/06/2027", "2027-02-30", "tomorrow", ""])
def test_another_day_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(typer.BadParameter, match="write it as 2027-06-30"):
        terminal.day(written)


def test_a_moment_may_have_a_time() -> None:
    assert terminal.moment("2027-06-30") == datetime(2027, 6, 30)  # noqa: DTZ001 - the zone of this machine
    assert terminal.moment("2027-06-30T16:45+02:00").utcoffset() is not None
    with pytest.raises(typer.BadParameter, match="or 2027-06-30T16:45"):
        terminal.moment("16:45")


def test_a_picture_is_read_up_to_the_limit(tmp_path: Path) -> None:
    picture = tmp_path / "a.jpg"
    picture.write_bytes(b"12345")
    assert terminal.file_bytes(picture, 5) == b"12345"
    with pytest.raises(FileTooLarge, match="5 bytes"):
        terminal.file_bytes(picture, 4)


def test_a_folder_or_nothing_is_no_picture(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.jpg"):
        with pytest.raises(NoSuchFile, match=str(path)):
            terminal.file_bytes(path, 5)


def test_a_file_is_written_only_into_a_folder_that_exists(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing" / "a.html"):
        with pytest.raises(InvalidValue, match="nothing can be written there"):
            terminal.checked_writable(path)
    assert terminal.checked_writable(tmp_path / "a.html") == tmp_path / "a.html"


def test_a_command_declares_what_it_needs() -> None:
    @terminal.needs(Permission.SEARCH)
    def command() -> None:
        """Do nothing."""

    assert terminal.needed(command) is Permission.SEARCH
    with pytest.raises(TypeError, match="does not say what it needs"):
        terminal.needed(print)


# ---------------------------------------------------------------- printing


def test_json_keeps_its_order_and_its_letters(capsys: Capture) -> None:
    terminal.print_json({"b": "Müller", "a": [1]})
    assert capsys.readouterr().out == '{\n  "b": "Müller",\n  "a": [\n    1\n  ]\n}\n'


def test_each_of_several_objects_is_one_line(capsys: Capture) -> None:
    for answer in ({"b": "Müller\n"}, {"a": [1]}):
        terminal.print_json_line(answer)
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [{"b": "Müller\n"}, {"a": [1]}]


def test_text_cannot_move_the_cursor(capsys: Capture) -> None:
    terminal.say("a\rb\x07c\x08d\te\n")
    assert capsys.readouterr().out == "abcd\te\n\n"


def test_a_file_name_that_is_not_utf_8_can_be_printed(capsys: Capture) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    for print_answer in (terminal.print_json, terminal.print_json_line):
        print_answer({"file": name})
        assert json.loads(capsys.readouterr().out) == {"file": name}
    table = terminal.table("file")
    table.add_row(name)
    terminal.print_table(table)
    terminal.say(name)
    assert capsys.readouterr().out.split() == ["file", "caf\\udce9.jpg", "caf\\udce9.jpg"]


@pytest.mark.parametrize("sequence", ["\x1b[2J", "\x1b]0;a title\x07", "\x9b31m", "\x7f", "\u202egpj.exe", "\u2066"])
def test_text_cannot_command_the_terminal(capsys: Capture, sequence: str) -> None:
    table = terminal.table("text")
    table.add_row(f"a{sequence}b")
    terminal.print_table(table)
    terminal.print_facts({"text": f"a{sequence}b"})
    terminal.say(f"a{sequence}b")
    terminal.complain(f"a{sequence}b")
    printed = "".join(capsys.readouterr())
    assert printed.count("b") >= 4
    assert not [letter for letter in printed if letter in sequence and not letter.isprintable()]


def test_numbers_are_aligned_right_and_nothing_is_markup(capsys: Capture) -> None:
    table = terminal.table("name", "faces", right=("faces",))
    table.add_row("[red]press[/red]", "12")
    table.add_row("archive", "1,200")
    terminal.print_table(table)
    rows = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        "name              faces",
        "[red]press[/red]     12",
        "archive           1,200",
    ]


def test_a_table_in_a_pipe_is_as_wide_as_its_limit(capsys: Capture) -> None:
    table = terminal.table("id", "text")
    table.add_row("1", "x" * 400)
    terminal.print_table(table)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) == terminal.WIDE
    assert sum(line.count("x") for line in lines[1:]) == 400  # the header has only that of “text”


def test_facts_that_are_not_known_are_left_out(capsys: Capture) -> None:
    terminal.print_facts({"name": "press", "licence": None, "contact": "", "hosts": [], "shares": (), "faces": 0})
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [["name", "press"], ["faces", "0"]]


def test_a_list_is_printed_without_brackets(capsys: Capture) -> None:
    terminal.print_facts({"hosts": ["a.example", "b.example"], "faces": (1, 2)})
    assert [line.split(maxsplit=1)[1].rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "a.example, b.example",
        "1, 2",
    ]


def test_facts_are_words_and_moments_end_with_the_minute(capsys: Capture) -> None:
    terminal.print_facts({"home": True, "locked": False, "opened_at": "2026-03-01T12:34:56.789+00:00", "at_work": "x"})
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert rows == ["home yes", "locked no", "opened at 2026-03-01 12:34", "at work x"]


def test_a_moment_for_people_ends_with_the_minute() -> None:
    assert terminal.when(datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC)) == "2026-03-01 12:34"
    assert terminal.when(None) == ""


def test_progress_is_only_drawn_on_a_terminal(capsys: Capture) -> None:
    with terminal.progress() as bar, terminal.working("Looking"):
        bar.update(bar.add_task("Ingesting", total=2, rate=""), completed=1)
    assert capsys.readouterr() == ("", "")


# ---------------------------------------------------------------- errors


def test_an_error_is_one_line_on_standard_error(capsys: Capture) -> None:
    terminal.explain(LineamentError(detail="a defect"))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "lineament: Something went wrong that Lineament did not foresee: a defect; please report it."
    ]


def test_a_refusal_is_followed_by_the_commands_that_remedy_it(capsys: Capture) -> None:
    refused = Refused(ReasonCode.CASE_LOCKED.reason(ref="K-1", at=datetime(2026, 3, 1, tzinfo=UTC), hours=48))
    terminal.explain(refused, "a.jpg: refused")
    assert capsys.readouterr().err.splitlines() == [
        "lineament: a.jpg: refused",
        f"Record an authorisation of the case: {AUTHORISE}",
    ]


def test_the_faces_of_a_group_are_a_table_that_fits_80_columns(capsys: Capture) -> None:
    boxes = tuple(Box(x=1000.0 * at, y=5.2, width=640.0, height=800.4) for at in range(12))
    terminal.explain(SeveralFaces(count=12, boxes=boxes))
    out, err = capsys.readouterr()
    message, header, *rows = [line.rstrip() for line in err.splitlines()]
    assert out == ""
    assert message == "lineament: The picture shows 12 faces; choose one with --face N."
    assert header.split("  ")[0] == "face"
    assert [row.split() for row in (rows[0], rows[-1])] == [
        ["1", "0,", "5", "640", "×", "800"],
        ["12", "11000,", "5", "640", "×", "800"],
    ]
    assert len(rows) == 12
    assert max(map(len, (message, header, *rows))) <= 80
