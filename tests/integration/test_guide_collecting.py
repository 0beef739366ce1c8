"""Every command of the guide to collecting; its newspaper is a host on the loopback network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import Ran
from tests.support.deliveries import gather, newspaper
from tests.support.guides import GuideTerminal, commands
from tests.support.local_web import LocalWeb

HOST = "127.0.0.2"
Run = Callable[..., Ran]


def add_operators(terminal: GuideTerminal) -> None:
    """Add two operators, so that one approves the drafts of the other."""
    terminal.run_all(
        [
            'lineament agency rename "Ministry of Ys" --jurisdiction FR',
            'lineament user invite olga@ministry.example --name "Olga Oak" --role operator',
            'lineament user invite ada@ministry.example --name "Ada Aspen" --role administrator',
            "lineament sign-in olga@ministry.example",
            'lineament agency invite-operator otto@ministry.example --name "Otto Osier"',
            "lineament sign-out",
        ]
    )


@pytest.mark.enable_socket
def test_the_guide_to_collecting(tmp_path: Path, lineament: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEAMENT_STATE", str(tmp_path / "state"))
    gather(tmp_path)
    assert lineament("init").code == 0
    terminal = GuideTerminal(tmp_path / "ws", lineament, monkeypatch)
    add_operators(terminal)
    printed: dict[str, str] = {}
    with LocalWeb() as web:
        web.host(HOST, newspaper())
        address = f"{HOST}:{web.port}"
        for line in commands("collecting.md"):
            key = printed.get("lineament ledger key", "").strip()
            local = line.replace("https://www.press.example", f"http://{address}").replace("www.press.example", address)
            printed[line] = terminal.run_all([local.replace("--key KEY", f"--key {key}")]).popitem()[1]
        assert "/private/" not in web.asked(HOST)
        assert "complaints: olga@ministry.example" in web.log[-1].headers["user-agent"]
    assert len(printed) > 25
    check(printed)


def check(printed: dict[str, str]) -> None:
    """Check that the commands print what the guide says."""
    assert "ask somebody else" in printed["lineament source approve press  # refused"]
    files = printed["lineament ingest press photographs/ delivery.zip list.csv"]
    assert "5 enrolled" in files
    assert "outside the archive" in files
    assert "from another place" in files
    archive = printed["lineament ingest press crawl.warc.gz"]
    assert "its publisher reserves it" in archive.lower()
    assert "a program made" in archive
    assert "robots.txt" in printed["lineament ingest press https://www.press.example/"]
    assert "frames of which a better one is kept" in printed["lineament ingest press broadcast.mp4"]
    assert "1 enrolled" in printed["lineament ingest booking booking.an2"]
    assert "site" in printed["lineament source runs press"]
    assert "broken.jpg" in printed["lineament source runs press 1"]
    assert "without their pictures from now on" in printed["lineament source known-abuse known-abuse.txt"]
    assert "is signed by" in printed["lineament source check-receipt receipt.json --key KEY"]
