"""A workspace in which every route of the API has something to work on, and generated requests to all of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from tests.support.clock import TICK, Clock
from tests.support.programs import key_for
from tests.support.serving import serving
from tests.support.world import CASE, World, gallery, search_portraits

from lineament.api import admission
from lineament.model.accounts import Permission
from lineament.model.api_keys import IN_A_CASE, MOST_PER_MINUTE
from lineament.workspace import now


@dataclass(frozen=True, slots=True)
class FuzzedApi:
    """A server, and the keys with which it is asked: one of a case, and one that reaches beyond it."""

    url: str
    keys: Sequence[str]
    folder: Path  # in which the requests are made: what the tool keeps of them stays out of the repository


@contextmanager
def fuzzed_api(folder: Path) -> Iterator[FuzzedApi]:
    """Serve a new workspace of one person with portraits, a case and a search in it until the end of the block."""
    clock = Clock(now(), tick=TICK)
    with (
        World(gallery(folder / "ws", clock), clock) as world,
        patch.object(admission, "REFUSED_PER_MINUTE", MOST_PER_MINUTE),  # a check sends wrong keys in a row
        serving(world.workspace) as served,
    ):
        search_portraits(world.workspace)
        bounds: list[tuple[frozenset[Permission], str | None]] = [(IN_A_CASE, CASE.ref), (BEYOND, None)]
        keys = [key_for(world, *rights, case=case, per_minute=MOST_PER_MINUTE).text for rights, case in bounds]
        requests = folder / "requests"
        requests.mkdir()
        yield FuzzedApi(served.url, keys, requests)


CONFIG = Path(__file__).with_name("schemathesis.toml")
BEYOND = frozenset(
    {
        Permission.READ_CASES,
        Permission.OPEN_CASES,
        Permission.READ_SOURCES,
        Permission.READ_LEDGER,
        Permission.READ_USAGE,
    }
)
"""The rights of the key that is bound to no case."""


def fuzz(api: FuzzedApi, key: str, *options: str, seconds: int | None = None) -> subprocess.CompletedProcess[str]:
    """Send generated requests to every route with a key, and check every answer in every way that there is."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "--config-file",
        str(CONFIG),
        "run",
        f"{api.url}/v1/openapi.json",
        "--checks",
        "all",
        "--header",
        f"Authorization: Bearer {key}",
        "--no-color",
        "--warnings",
        "off",
        *([] if seconds is None else ["--max-time", str(seconds)]),
        *options,
    ]
    hooks = {"SCHEMATHESIS_HOOKS": "tests.support.fuzz_hooks", "PYTHONPATH": str(Path(__file__).parents[2])}
    environment = {**os.environ, **hooks}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=api.folder, env=environment)
