from __future__ import annotations

import pytest

from lineament.errors import InvalidValue
from lineament.model.batches import BatchLine, WrongLine, read_table
from lineament.model.search import ProbeKind


def test_a_table_names_photographs_and_what_differs_for_each() -> None:
    lines, wrong = read_table('\ufefffile, Face ,kind,reason\na.jpg,2,cctv,"seen, at the counter"\n\nb.jpg,,,\n')
    assert lines == [
        BatchLine(file="a.jpg", face=2, kind=ProbeKind.CCTV, reason="seen, at the counter", line=2),
        BatchLine(file="b.jpg", line=4),
    ]
    assert wrong == []


def test_each_wrong_line_is_told() -> None:
    lines, wrong = read_table(
        "file,face,page,kind\na.jpg,0,,\n,1,,\nb.jpg,,x,\nc.jpg,,,sketch\nd.jpg,1\ne.jpg,1,1,gallery\nf.jpg,,,\n"
    )
    assert [line.file for line in lines] == ["f.jpg"]
    assert wrong == [
        WrongLine(line=2, why="the face “0” is no whole number from 1"),
        WrongLine(line=3, why="it names no file"),
        WrongLine(line=4, why="the page “x” is no whole number from 1"),
        WrongLine(line=5, why=wrong[3].why),
        WrongLine(line=6, why="it has 2 columns instead of 4"),
        WrongLine(line=7, why=wrong[5].why),
    ]
    assert "sketch" in wrong[3].why
    assert "gallery" in wrong[5].why


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("", "it needs the column file"),
        ("photo,face\na,1\n", "the column “photo” is not known"),
        ("file,file\na,b\n", "no column twice"),
        ("file\n", "it names no photograph"),
        ('file\n"a\n', "cannot be read"),
        ("file\n" + "a\n" * 10_001, "more than 10,000 lines"),
    ],
)
def test_what_is_no_table_of_photographs_is_refused(table: str, why: str) -> None:
    with pytest.raises(InvalidValue, match=why):
        read_table(table)
