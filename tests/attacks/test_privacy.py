"""What is personal is for those alone who may read it: in the files that are written, and in the database."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conftest import PORTRAITS, Ran
from tests.support.world import solo

from lineament.services.evaluate.outputs import write_files
from lineament.store.durable import private_file

Run = Callable[..., Ran]
LINE = ("--case", "K-1", "--reason", "because", "--investigate")
PRIVATE = 0o600


@pytest.fixture(autouse=True)
def careless() -> Iterator[None]:
    """The umask of most machines, which lets everybody read a new file."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_nobody_else_reads_what_a_command_writes(ready: Run, tmp_path: Path) -> None:
    report, ledger, receipt = (tmp_path / name for name in ("report.html", "ledger.jsonl", "receipt.json"))
    report.write_text("of an earlier search, and readable by everybody")
    report.chmod(0o644)
    for line in (
        ("search", tmp_path / "probe.jpg", *LINE, "--report", report),
        ("ledger", "export", ledger),
        ("compare", PORTRAITS / "obama.jpg", PORTRAITS / "sunak.jpg", "--crops", tmp_path / "crops"),
        ("source", "withdraw", "press", "--yes", "--receipt", receipt),
        ("source", "receipt", "press", tmp_path / "again.json"),
    ):
        assert ready(*line).code == 0, line
    crops = [tmp_path / "crops" / name for name in ("a.jpg", "b.jpg")]
    written = [report, ledger, receipt, tmp_path / "again.json", *crops]
    assert {path.name: mode(path) for path in written} == {path.name: PRIVATE for path in written}
    assert mode(tmp_path / "crops") == 0o700
    assert "Lineament" in report.read_text()


def test_nobody_else_reads_a_file_of_a_room(ready: Run, tmp_path: Path) -> None:
    (tmp_path / "statement.txt").write_text("I saw him")
    added = ready("case", "put", "K-1", tmp_path / "statement.txt", "--json").json
    assert ready("case", "get", "K-1", added["papers"][0]["paper"], tmp_path / "out").code == 0
    assert mode(tmp_path / "out") == PRIVATE


def test_nobody_else_reads_what_a_service_writes(tmp_path: Path) -> None:
    with solo(tmp_path / "ws") as world:
        world.machine.audit.export(tmp_path / "ledger.jsonl")
    assert mode(tmp_path / "ledger.jsonl") == PRIVATE
    write_files(tmp_path / "evaluation", {"evaluation.html": b"<p>"})
    assert mode(tmp_path / "evaluation" / "evaluation.html") == PRIVATE


def test_a_workspace_is_its_owners(ready: Run, tmp_path: Path) -> None:
    assert ready("search", tmp_path / "probe.jpg", *LINE).code == 0
    home = tmp_path / "new"
    assert ready("--home", home, "init").code == 0
    open_to_others = [path for path in (home, *home.rglob("*")) if mode(path) & 0o077]
    assert open_to_others == []


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    place = tmp_path / "report.html"
    place.write_bytes(b"before")
    with pytest.raises(TypeError), private_file(place) as file:
        file.writelines([b"half", None])  # type: ignore[list-item]
    assert place.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize("what", [("--source", "press"), ("--capture", "1"), ("--face", "1")], ids=lambda pair: pair[0])
def test_nothing_is_erased_without_a_question(ready: Run, what: tuple[str, str]) -> None:
    before = ready("source", "show", "press", "--json").json
    assert ready("erase", *what, "--reason", "asked").code == 1, "nobody answers the question"
    assert ready("source", "show", "press", "--json").json == before
    assert ready("erase", *what, "--reason", "asked", "--yes").code == 0
    assert ready("source", "show", "press", "--json").json["faces"] < before["faces"]
