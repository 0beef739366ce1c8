"""The guide to collection, followed to the letter; its newspaper is a host on the loopback network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import Ran
from tests.integration.test_guide import Terminal, commands
from tests.support.gathered import gather, newspaper
from tests.support.local_web import LocalWeb

HOST = "127.0.0.2"
Run = Callable[..., Ran]


def operators(terminal: Terminal) -> None:
    """Two, so that one approves what the other drafts."""
    terminal.goes_through(
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
    terminal = Terminal(tmp_path / "ws", lineament, monkeypatch)
    operators(terminal)
    said: dict[str, str] = {}
    with LocalWeb() as web:
        web.host(HOST, newspaper())
        here = f"{HOST}:{web.port}"
        for line in commands("collecting.md"):
            key = said.get("lineament ledger key", "").strip()
            local = line.replace("https://www.press.example", f"http://{here}").replace("www.press.example", here)
            said[line] = terminal.goes_through([local.replace("--key KEY", f"--key {key}")]).popitem()[1]
        assert "/private/" not in web.asked(HOST)
        assert "complaints: olga@ministry.example" in web.log[-1].headers["user-agent"]
    assert len(said) > 25
    check(said)


def check(said: dict[str, str]) -> None:
    """What the guide says of what comes of its commands."""
    assert "ask somebody else" in said["lineament source approve press  # refused"]
    files = said["lineament ingest press photographs/ delivery.zip list.csv"]
    assert "5 enrolled" in files
    assert "outside the archive" in files
    assert "from another place" in files
    archive = said["lineament ingest press crawl.warc.gz"]
    assert "its publisher reserves it" in archive.lower()
    assert "a program made" in archive
    assert "robots.txt" in said["lineament ingest press https://www.press.example/"]
    assert "frames of which a better one is kept" in said["lineament ingest press broadcast.mp4"]
    assert "1 enrolled" in said["lineament ingest booking booking.an2"]
    assert "site" in said["lineament source runs press"]
    assert "broken.jpg" in said["lineament source runs press 1"]
    assert "without their pictures from now on" in said["lineament source known-abuse known-abuse.txt"]
    assert "is signed by" in said["lineament source check-receipt receipt.json --key KEY"]
