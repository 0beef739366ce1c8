"""Wrong input to the commands of packs and of the threshold: each message is one line, true, and says what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.conftest import PORTRAITS, Ran
from tests.support.world import solo

Run = Callable[..., Ran]
PROPOSE = ("threshold", "propose", "--reason", "fewer strangers", "--evaluate", "people")
WRONG: dict[str, tuple[Sequence[str], int, str]] = {
    "a pack that ships": (("pack", "add", "sface-yunet"), 2, "use it with: lineament pack use sface-yunet"),
    "no pack": (("pack", "add", "none.toml"), 3, "list what there is with: lineament pack list"),
    "a folder": (("pack", "add", "people"), 3, "list what there is with: lineament pack list"),
    "bytes": (("pack", "add", "bytes.toml"), 12, "it is not text in UTF-8"),
    "half a line": (("pack", "add", "half.toml"), 12, "it cannot be read as TOML"),
    "an empty manifest": (("pack", "add", "empty.toml"), 12, "there must be a recogniser"),
    "a name that is not taken": (
        ("pack", "add", "omz-reid-0095", "--name", "mine"),
        2,
        "only a recipe for a net of one's own takes a name",
    ),
    "a wrong name": (("pack", "add", "insightface", "--name", "My Net"), 2, "it is up to 40 small letters"),
    "no net": (("pack", "add", "insightface"), 2, "name its ONNX file, and no other"),
    "two nets": (
        ("pack", "add", "insightface", "--from", "text.onnx", "--from", "other.onnx"),
        2,
        "name its ONNX file, and no other",
    ),
    "no ONNX": (("pack", "add", "insightface", "--from", "text.onnx"), 2, "no ONNX net with one vector"),
    "a net that is not there": (("pack", "add", "insightface", "--from", "gone.onnx"), 3, "check the path"),
    "an unknown pack": (("pack", "show", "none"), 3, "lineament pack list"),
    "an unknown pack to verify": (("pack", "verify", "none"), 3, "lineament pack list"),
    "an unknown pack to use": (("pack", "use", "none"), 3, "lineament pack list"),
    "no pictures": (("pack", "use", "sface-yunet-0.2", "--evaluate", "none"), 3, "check the path"),
    "one picture a person": (
        ("pack", "use", "sface-yunet-0.2", "--evaluate", "people"),
        2,
        "give more pictures of the same people, or a smaller number",
    ),
    "no strangers": ((*PROPOSE, "--strangers", "0"), 2, "0.001 to 10"),
    "not a number": ((*PROPOSE, "--strangers", "nan"), 2, "0.001 to 10"),
    "what is in force": ((*PROPOSE, "--strangers", "0.1"), 2, "it is in force"),
    "nobody in it": ((*PROPOSE[:-1], "nobody", "--strangers", "0.05"), 5, "give one folder for each person"),
    "no change": (("threshold", "approve", "7"), 3, "lineament threshold list"),
    "no change to withdraw": (("threshold", "withdraw", "7"), 3, "lineament threshold list"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace, and wrong files beside it."""
    folder = tmp_path_factory.mktemp("wrong")
    with solo(folder / "ws"):
        (folder / "nobody").mkdir()
    for name, content in {
        "bytes.toml": b"\xbf\xfe",
        "half.toml": b'name = "x\n',
        "empty.toml": b"",
        "text.onnx": b"text",
        "other.onnx": b"text",
    }.items():
        (folder / name).write_bytes(content)
    for person in ("obama", "sunak"):
        (folder / "people" / person).mkdir(parents=True)
        (folder / "people" / person / "1.jpg").write_bytes((PORTRAITS / f"{person}.jpg").read_bytes())
    return folder


@pytest.mark.parametrize("kind", WRONG)
def test_each_message_is_one_line_that_can_be_followed(
    lineament: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    words, code, said = WRONG[kind]
    monkeypatch.chdir(folder)
    ran = lineament(*words, "--home", folder / "ws")
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert len(ran.err.strip().splitlines()) == 1
    assert "correct its manifest" not in ran.err or words[2].endswith(".toml")
