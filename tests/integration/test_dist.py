"""The wheel and the sdist contain everything that the program needs."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from tests.conftest import ROOT

import lineament

NEEDED = {"lineament/py.typed", "lineament/demo/obama.jpg", "lineament/store/migrations/versions/0001_first.py"}
NEEDED |= {
    "lineament/web/templates/page.html",
    "lineament/web/static/lineament.css",
    "lineament/services/report.html.j2",
}


def package() -> set[str]:
    """Return the names of all files of the package, as in a wheel."""
    paths = (ROOT / "src").rglob("*")
    return {str(path.relative_to(ROOT / "src")) for path in paths if path.is_file() and "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)], cwd=ROOT, check=True, capture_output=True
    )
    return folder


def test_the_wheel_holds_every_file_of_the_package(built: Path) -> None:
    (path,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(path).namelist())
    shipped = package()
    assert shipped >= NEEDED
    assert {name for name in names if name.startswith("lineament/")} == shipped
    assert {name.rpartition("/")[2] for name in names if "/licenses/" in name} == {"LICENSE", "NOTICE"}
    assert "lineament/index/native/scan.so" in names
    assert re.fullmatch(r"lineament-[0-9.]+[a-z0-9]*-py3-none-(linux|macosx)_\w+\.whl", path.name)


def test_the_wheel_has_its_version_and_the_python_that_it_needs(built: Path) -> None:
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
        metadata: Message = Parser().parsestr(wheel.read(name).decode())
    assert metadata["Version"] == lineament.__version__
    assert metadata["Requires-Python"] == ">=3.11"


def test_the_sdist_contains_what_a_build_needs(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert names >= {f"src/{name}" for name in package() if not name.endswith(".so")} | {"hatch_build.py"}
    assert not any(name.endswith(".so") for name in names)
    assert names >= {"pyproject.toml", "README.md", "LICENSE", "NOTICE", "CHANGELOG.md", "SECURITY.md"}
