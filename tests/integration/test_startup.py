"""A command loads the modules that it uses, and no other heavy module."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import PORTRAITS

from lineament.__main__ import application
from lineament.cli.commands import COMMANDS

LOADED = """
import sys
from lineament.__main__ import main
try:
    main(sys.argv[1:])
finally:
    print("loaded:", *sorted({name.partition(".")[0] for name in sys.modules}))
    print("own:", *sorted(name for name in sys.modules if name.startswith("lineament.")))
"""
TERMINAL = {"typer", "rich", "markdown_it", "mdurl", "pygments", "shellingham", "annotated_doc"}
"""Packages that every command may load."""
STORE = {"sqlalchemy", "typing_extensions", "greenlet", "cryptography", "cffi", "psycopg"}
"""Packages that opening a workspace loads."""
VISION = {"numpy", "cv2", "openvino", "openvino_telemetry", "packaging", "threadpoolctl"}
"""Packages that finding and comparing faces loads."""
HTTPX = {"httpx", "httpcore", "h11", "anyio", "certifi", "idna", "sniffio", "typing_extensions", "brotli"}
HTTPX |= {"click", "rich", "pygments", "markdown_it", "mdurl"}  # of its command
"""Packages that a program loads which uses the client."""


def loaded(*arguments: str) -> tuple[set[str], set[str]]:
    """Return the third-party packages, and the modules of ours, that a command loads."""
    command = [sys.executable, "-c", LOADED, *arguments]
    printed = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    packages, own = (set(line.split()[1:]) for line in printed[-2:])
    known = {*sys.stdlib_module_names, "lineament", "cython_runtime", "sitecustomize"}
    return {name for name in packages - known if not name.startswith("_")}, own


@pytest.mark.parametrize(
    ("arguments", "of_the_command"),
    [
        (("--help",), set()),
        (("search", "--help"), {"views"}),
        (("--version",), set()),
        (("search", "--no-such-option"), {"views"}),
        (("no-such-command",), set()),
    ],
)
def test_without_a_workspace_only_the_terminal_is_loaded(arguments: tuple[str, ...], of_the_command: set[str]) -> None:
    packages, own = loaded(*arguments)
    assert packages <= TERMINAL - {"rich"}
    layers = {name.split(".")[1] for name in own}
    assert layers == {"__main__", "cli", "errors", "model", "sandbox"} | of_the_command


def test_the_commands_are_those_of_their_modules_with_their_help() -> None:
    commands = application().commands
    helps = {name: (command.help or "").partition("\n\n")[0].replace("\n", " ") for name, command in commands.items()}
    assert helps == {name: words for name, (_, words) in COMMANDS.items()}
    assert list(commands) == list(COMMANDS)
    assert [command.name for command in commands.values()] == list(COMMANDS)


def test_listing_cases_loads_the_store_and_no_model(prepared: Path, tmp_path: Path) -> None:
    home = tmp_path / "copy"
    shutil.copytree(prepared, home)
    packages, own = loaded("case", "list", "--home", str(home))
    assert "sqlalchemy" in packages
    assert packages <= TERMINAL | STORE
    assert {name.split(".")[1] for name in own}.isdisjoint({"vision", "index", "sources", "identity", "web"})


def test_a_search_loads_the_models_and_neither_pages_nor_crawler(prepared: Path, tmp_path: Path) -> None:
    home = tmp_path / "copy"
    shutil.copytree(prepared, home)
    probe = str(PORTRAITS / "macron-2014.jpg")
    packages, own = loaded("search", probe, "--case", "K-1", "--reason", "for a test", "--home", str(home))
    assert "openvino" in packages
    assert packages <= TERMINAL | STORE | VISION | {"decancer_py"}  # which reads the reason of the search
    assert {name.split(".")[1] for name in own}.isdisjoint({"sources", "identity", "web"})


def test_the_client_loads_nothing_of_the_engine() -> None:
    """Other people's programs import it; they need httpx and no more."""
    script = LOADED.replace("from lineament.__main__ import main", "import lineament.client").replace(
        "main(sys.argv[1:])", "lineament.client.Client('http://localhost', 'a key').close()"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    packages, own = (set(line.split()[1:]) for line in printed.splitlines()[-2:])
    known = {*sys.stdlib_module_names, "lineament", "sitecustomize"}
    assert "httpx" in packages
    assert {name for name in packages - known if not name.startswith("_")} <= HTTPX
    assert {name.split(".")[1] for name in own} == {"client"}
