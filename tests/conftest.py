"""Fixtures of all tests: the portraits, and commands as a person runs them."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from tests.support import softhsm
from tests.support.once import once, run_folder
from tests.support.s3_service import S3Service, s3_service_running

from lineament.testing import cheap_passwords, unsynced
from lineament.vision import packs, runtime

ROOT = Path(__file__).parents[1]
PORTRAITS = ROOT / "src" / "lineament" / "demo"
LFW = ROOT.parent / "shared" / "data" / "lfw"
# A busy machine is no fault: no test depends on speed.
settings.register_profile("any speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any speed")
MOST_NAMED = 32
"""Bytes of a parameter that are part of a test's name: compressed ones may hold the time."""
SESSIONS = 2
"""Nets that a process of the run keeps compiled, a hundred megabytes or more each: a detector and a recogniser."""


def pytest_xdist_auto_num_workers() -> int:
    """One worker for each processor that this process may use."""
    return len(os.sched_getaffinity(0))


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a parameter of many bytes by its length: each worker has to give a test the same name."""
    return f"{len(val)} bytes" if isinstance(val, bytes) and len(val) > MOST_NAMED else None


def pytest_collection_finish() -> None:
    """Exclude the collected tests from garbage collection, so that it is quick and can happen often."""
    gc.collect()
    gc.freeze()


def side_by_side(*names: str) -> bytes:
    """Return a JPEG that shows the portraits ``names`` side by side."""
    portraits = [cv2.imread(str(PORTRAITS / name), cv2.IMREAD_COLOR) for name in names]
    resized = [cv2.resize(portrait, (480, 640)) for portrait in portraits if portrait is not None]
    return cv2.imencode(".jpg", np.hstack(resized))[1].tobytes()


def two_people(path: Path, *names: str) -> None:
    """Write a picture that shows the portraits ``names`` side by side."""
    path.write_bytes(side_by_side(*names))


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The object that it printed."""
        return json.loads(self.out)


@pytest.fixture(scope="session", autouse=True)
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One cache of expanded models for the whole run, so that it does not depend on what is on the machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LINEAMENT_CACHE", str(run_folder(tmp_path_factory) / "cache"))
        patch.setenv("LINEAMENT_EXAMINER", "examiner-a")
        yield


@pytest.fixture(scope="session", autouse=True)
def models_opened_once() -> Iterator[None]:
    """Check and compile the models once a process, and not again for every workspace that a test opens."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "OpenVinoSession", lru_cache(maxsize=SESSIONS)(runtime.OpenVinoSession))
        patch.setattr(packs, "shipped_pack", cache(packs.shipped_pack))
        patch.setattr(runtime, "SIZES_KEPT", 6)
        yield


@pytest.fixture(scope="session", autouse=True)
def passwords_hashed_cheaply() -> Iterator[None]:
    """Spend no 50 ms on each password; tests/unit/identity/test_passwords.py tests hashing at its real cost."""
    with cheap_passwords():
        yield


@pytest.fixture(scope="session", autouse=True)
def nothing_waits_for_the_disk() -> Iterator[None]:
    """The tests do not cut the power; tests/unit/store/test_durable.py tests what is synced."""
    with unsynced():
        yield


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """A shell that runs the tests in the background has them ignore Ctrl-C, and their children with them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A token of SoftHSM for this process; the file of its PIN."""
    yield from softhsm.tokens(tmp_path_factory)


@pytest.fixture(scope="session")
def s3_service() -> Iterator[S3Service]:
    """An S3 service for this process; a test that kills it starts it again."""
    with s3_service_running() as service:
        yield service


@pytest.fixture
def lineament(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ran]:
    """Run ``lineament …`` on a workspace of this test's own."""
    from lineament.__main__ import main

    monkeypatch.setenv("LINEAMENT_HOME", str(tmp_path / "ws"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        code = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as left:
            code = int(left.code or 0)
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return run


@pytest.fixture(autouse=True)
def umask_of_most_machines() -> Iterator[None]:
    """The umask that lets everybody read a new file; a command that a test runs in this process changes it."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """The six portraits with their side-cars, in a folder that a test may change."""
    folder = tmp_path / "photos"
    shutil.copytree(PORTRAITS, folder, ignore=shutil.ignore_patterns("*.md", "__pycache__"))
    return folder


SOURCE = ("--controller", "Press agency", "--basis", "LED Art. 8", "--jurisdiction", "FR")
CASE = ("--offence", "abduction", "--purpose", "find a missing child", "--basis", "CPP 77")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with five portraits in its gallery and the open case K-1, to be copied."""
    return once(tmp_path_factory, "prepared", _prepare) / "ws"


def _prepare(folder: Path) -> None:
    from lineament.__main__ import main

    home, photos = folder / "ws", folder / "photos"
    shutil.copytree(PORTRAITS, photos, ignore=shutil.ignore_patterns("*.md", "__pycache__", "macron-2014.jpg"))
    for line in (
        ("init",),
        ("source", "add", "press", *SOURCE),
        ("ingest", "press", photos),
        ("case", "open", "K-1", *CASE),
    ):
        with contextlib.suppress(SystemExit):
            main(["--home", *(str(part) for part in (home, *line))])
    assert (home / "lineament.db").exists()


@pytest.fixture
def ready(lineament: Callable[..., Ran], photos: Path, prepared: Path) -> Callable[..., Ran]:
    """A workspace with the open case K-1 and a gallery of the portraits, except macron-2014.jpg, which is probe.jpg."""
    (photos / "macron-2014.jpg").rename(photos.parent / "probe.jpg")
    shutil.copytree(prepared, photos.parent / "ws")
    return lineament
