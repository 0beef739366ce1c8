"""Names that look like others: what turns text around or cannot be seen reaches no page, no list and no header."""

from __future__ import annotations

import re
import shutil
import unicodedata
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.support.serving import serving, token_in
from tests.support.world import settings

from lineament.services.filenames import LONGEST, stored_name
from lineament.workspace import Workspace

TURNED = "invoice\u202efdp.exe"
CONTROLS = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in {"Cc", "Cf", "Zl", "Zp"}]
UNSEEN = ["\u034f", "\u115f", "\u1160", "\u3164", "\uffa0", "\u2800", "\ufe0f", "\U000e0101", "\u180b"]


@pytest.mark.parametrize(
    "control", ["\u202a", "\u202b", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u200f", "\u061c"]
)
def test_a_name_has_the_order_in_which_it_is_shown(control: str) -> None:
    assert stored_name(f"invoice{control}fdp.exe", "file") == "invoicefdp.exe"


def test_no_control_and_nothing_unseen_stays_in_a_name() -> None:
    assert len(CONTROLS) > 200
    assert not set(stored_name("".join(("a", *CONTROLS, *UNSEEN)), "file")) & {*CONTROLS, *UNSEEN}
    for letter in (*CONTROLS, *UNSEEN):
        assert stored_name(letter * 3, "file") == "file", ascii(letter)


def test_names_that_look_alike_are_alike() -> None:
    assert stored_name("Ame\u0301lie.pdf", "file") == stored_name("Am\u00e9lie.pdf", "file")
    assert stored_name("a\ufe0f.pdf", "file") == stored_name("a.pdf", "file")
    assert stored_name(f"{'x' * LONGEST} b.pdf", "file").endswith(" b.pdf")
    assert stored_name("ملف.pdf", "file") == "ملف.pdf"


@pytest.mark.enable_socket
def test_no_page_and_no_header_shows_a_name_that_is_turned_around(prepared: Path, tmp_path: Path) -> None:
    shutil.copytree(prepared, tmp_path / "ws")
    with (
        Workspace.open(settings(tmp_path / "ws")) as workspace,
        serving(workspace) as served,
        served.client() as client,
    ):
        room = client.get("/cases/K-1/room")
        (address,) = re.findall(r'action="(/cases/[^"]+/files)"', room.text)
        form = {"csrf": token_in(room.text)}
        rejected = client.post(address, data=form, files={"file": (TURNED, b"")})
        assert rejected.status_code == 422
        assert "Choose “<bdi>invoicefdp.exe</bdi>” again" in rejected.text
        kept = client.post(address, data=form, files={"file": (TURNED, b"a file")})
        assert kept.status_code == 303
        shown = client.get("/cases/K-1/room").text
        assert "<bdi>invoicefdp.exe</bdi>" in shown
        saved = client.get(re.findall(r'href="(/cases/[^"]+/files/\w+)"', shown)[0])
        assert saved.headers["content-disposition"] == "attachment; filename*=UTF-8''invoicefdp.exe"
        for text in (rejected.text, shown, str(saved.headers)):
            assert "\u202e" not in text
            assert quote("\u202e") not in text
