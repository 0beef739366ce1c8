"""How worker processes are started, whatever they do after that."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lineament.sandbox import launch
from lineament.sandbox.launch import PIPE, Channels

WORKER = """
import json, os, sys
def main(*words):
    descriptors = sorted(os.listdir("/proc/self/fd"))
    print(json.dumps([words, sys.path, dict(os.environ), os.getcwd(), descriptors, os.getsid(0)]))
"""


def report(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: object, **options: object) -> list[object]:
    """Return what a worker in ``folder`` sees: arguments, path, environment, folder and descriptors."""

    (folder / "reporting.py").write_text(WORKER)
    if not (folder / "lineament").exists():
        (folder / "lineament").symlink_to(Path(launch.__file__).parents[1])
    monkeypatch.setattr(launch, "_SOURCE", folder)
    monkeypatch.setenv("LINEAMENT_SECRET", "s3cret")
    channels = Channels(stdin=launch.DISCARD, stdout=PIPE)
    with launch.launch("reporting", words, channels, **options) as process:  # type: ignore[arg-type]
        assert process.stdout is not None
        seen: list[object] = json.loads(process.stdout.read())
        assert seen[5] == process.pid, "it leads a session of its own"
    return seen


@pytest.mark.parametrize("name", ["plain", "with 'quotes', a : colon and ü"])
def test_a_worker_inherits_only_its_arguments(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / name
    folder.mkdir()
    with (tmp_path / "open").open("wb") as held:
        os.set_inheritable(held.fileno(), True)
        words, path, environment, cwd, descriptors, _ = report(folder, monkeypatch, "a b", 3)
    assert words == ["a b", "3"]
    assert isinstance(path, list)
    assert path[0] == str(folder), "an installed copy of this package does not come first"
    assert isinstance(environment, dict)
    assert "LINEAMENT_SECRET" not in environment
    assert set(environment) - {"LC_CTYPE"} == {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"}, "Python sets LC_CTYPE itself"
    assert cwd == "/"
    assert descriptors == ["0", "1", "2", "3"], "3 is the folder that it lists"


def test_a_worker_finds_only_the_packages_that_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, path, *_ = report(tmp_path, monkeypatch, packages=[])
    assert isinstance(path, list)
    assert not [folder for folder in path if "site-packages" in folder]
    _, path, *_ = report(tmp_path, monkeypatch, packages=["PIL"])
    assert isinstance(path, list)
    assert "site-packages" in path[-1]


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(ModuleNotFoundError) as caught:
        launch.launch("any", [], Channels(stdin=PIPE, stdout=PIPE), packages=["no_such_package"])
    assert caught.value.name == "no_such_package"


def test_certificates_are_those_of_this_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    trusted = tmp_path / "authorities.pem"
    trusted.write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    assert launch.certificates()["SSL_CERT_FILE"] == str(trusted)
