"""Every command of docs/reference/api.md, as it stands there, against a real server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.conftest import PORTRAITS, ROOT
from tests.support.programs import UNBOUND_RIGHTS, key_for
from tests.support.serving import serving
from tests.support.world import World, solo

from lineament.api.app import declared
from lineament.model.accounts import Permission

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(shutil.which("curl") is None, reason="the commands of the page need curl"),
]
ENDING = ("/stop", "/give-up", "/close", "/end", "DELETE")
"""What comes after everything else."""
OTHERWISE = {
    "POST /v1/sources/{source}/crawls": 422,  # the source lists no host
    "POST /v1/findings/{finding}/see": 404,  # no watch has fired
    "POST /v1/searches/{search}/candidates/{candidate}/page": 409,  # it was sent, and no page was kept
    "POST /v1/sources/{source}/uploads/{upload}/give-up": 409,  # it has arrived
    "POST /v1/sources/{source}/uploads/{upload}/stop": 409,  # all of it is taken in
    "POST /v1/jobs/{job}/stop": 409,  # it has ended
    "DELETE /v1/probes/{probe}": 403,  # it was searched with
}
"""Where the example has nothing to work on, with the status of its answer."""
TOLD = {
    "POST /v1/sources/{source}/uploads": {"UPLOAD": "upload"},
    "GET /v1/sources/{source}/uploads/{upload}": {"JOB": "job"},
    "POST /v1/evaluations": {"EVALUATION": "job"},
    "POST /v1/cases/{case}/batches": {"BATCH": "batch"},
    "POST /v1/cases/{case}/probes": {"PROBE": "id"},
    "POST /v1/cases/{case}/searches": {"SEARCH": "search_id"},
    "POST /v1/cases/{case}/watches": {"WATCH": "watch"},
}
"""The names that later commands take from an answer."""
BOUND = (
    Permission.READ_CASES,
    Permission.OPEN_CASES,
    Permission.TAKE_PART,
    Permission.SEARCH,
    Permission.REVIEW,
)
IN_A_CASE = r"/v1/(cases/|batches|probes|searches|reviews|watches|findings)"
WITH_STATUS = 'curl() { command curl "$@" -o answer -w "%{http_code}"; }\n'


def examples() -> dict[str, str]:
    """Return the command of each route of the page."""
    page = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    routes = re.findall(r"^### (\w+ /v1/\S+)$(.*?)^```\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    return {route: command for route, _, command in routes}


def in_order() -> list[str]:
    """Return the routes in an order in which each has what it needs."""
    routes = sorted(examples(), key=lambda route: "/v1/sources" not in route)  # stable: those of a noun as on the page
    late = [route for route in routes if route.endswith(("/runs/{run}", "/uploads/{upload}"))]
    jobs = [route for route in routes if "/v1/jobs/" in route]
    last = [route for route in routes if route.endswith(ENDING) or route.startswith(ENDING)]
    first = [route for route in routes if route not in late + jobs + last]
    return first + late + [route for route in jobs if route not in last] + last


def test_every_command_works(tmp_path: Path) -> None:
    shutil.copy(PORTRAITS / "macron-2014.jpg", tmp_path / "face.jpg")
    with zipfile.ZipFile(tmp_path / "people.zip", "w") as archive:
        archive.write(tmp_path / "face.jpg", "somebody/face.jpg")
    assert {f"{route.method} {route.path}" for route in declared() if route.path.startswith("/v1/")} == set(examples())
    with solo(tmp_path / "ws") as world, serving(world.workspace) as served:
        names = {"LINEAMENT": served.url, "SOURCE": "press", "CASE": "2026-0412", "CODE": "not-found"}
        names |= {"RUN": "1", "FACE": "1", "CANDIDATE": "1", "ENTRY": "0", "FINDING": "none"}
        names |= {"UNTIL": f"{world.today + timedelta(days=30)}", "SIZE": f"{(tmp_path / 'face.jpg').stat().st_size}"}
        statuses = dict(run_all(world, names, tmp_path))
    assert {route: told for route, told in statuses.items() if route in OTHERWISE} == OTHERWISE
    assert {route: told for route, told in statuses.items() if route not in OTHERWISE and told // 100 != 2} == {}
    assert len(statuses) > 50


def run_all(world: World, names: dict[str, str], folder: Path) -> Iterator[tuple[str, int]]:
    """Run every command with these names, which grow; yield each route and the status of its answer."""
    free = key_for(world, *UNBOUND_RIGHTS).text
    bound = ""
    for route in in_order():
        if " /v1/jobs/" in route:
            world.workspace.worker.drain()  # so that what is listened to ends
        key = bound if re.search(IN_A_CASE, route) else free
        command = WITH_STATUS + examples()[route]
        environment = {"PATH": os.environ["PATH"], **names, "KEY": key}
        shell = ["bash", "-euc", command]
        ran = subprocess.run(shell, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
        yield route, int(ran.stdout)
        answer = (folder / "answer").read_bytes()
        names |= {name: json.loads(answer)[field] for name, field in TOLD.get(route, {}).items()}
        if route == "POST /v1/cases":
            bound = key_for(world, *BOUND, case=names["CASE"]).text
        if route == "GET /v1/ledger/checkpoint":
            (folder / "checkpoint").write_text(json.loads(answer)["checkpoint"], encoding="utf-8")
