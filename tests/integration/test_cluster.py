"""A cluster of two machines as `lineament cluster` runs it: with keys, against strangers, and with its wire cut."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import ROOT
from tests.support.archives import Warc
from tests.support.cluster_searcher import DEADLINE, FACES
from tests.support.database import raw_database
from tests.support.machines import FIRST, SECOND, Machines, two_machines
from tests.support.processes import vary_portraits
from tests.support.ray_nodes import wait_until
from tests.support.templates import as_ids
from tests.support.world import CASE, PROBE, SOURCE, copied_gallery

from lineament.index.cluster_keys import make_cluster_keys
from lineament.index.ray_cluster import CA, CERTIFICATE, KEY
from lineament.index.sharded import homes

ADDRESS = f"{FIRST}:6379"
EACH = 12
"""Pictures in a web archive."""
MUCH = 30.0
"""Seconds that a busy machine may add to a deadline; a connection that is cut is given up after minutes."""
SEARCH = ("search", PROBE, "--case", CASE.ref, "--reason", "he was seen with the child", "--json")


@dataclass(frozen=True, slots=True)
class RunningCluster:
    """Two machines with a shard each, and a workspace."""

    machines: Machines
    keys: Path
    home: Path

    def lineament(self, *words: object, at: str = FIRST, code: int = 0, keys: Path | None = None, **more: str) -> str:
        """Run a command on a machine that is told of the cluster; return what it wrote."""
        told = {"LINEAMENT_CLUSTER": ADDRESS, "LINEAMENT_CLUSTER_KEYS": str(keys or self.keys)}
        told |= {"LINEAMENT_HOME": str(self.home), "LINEAMENT_CLUSTER_DEADLINE": "30", **more}
        done = self.machines.run(at, sys.executable, "-m", "lineament", *words, environment=told)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def status(self) -> Any:
        return json.loads(self.lineament("cluster", "status", "--json"))


@pytest.fixture(scope="module")
def cluster(portraits: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    folder = tmp_path_factory.mktemp("cluster")
    with copied_gallery(portraits, folder / "ws"):
        pass
    with two_machines() as machines, tempfile.TemporaryDirectory() as scratch:  # a short path, for sockets
        started = RunningCluster(machines, folder / "keys", folder / "ws")
        started.lineament("cluster", "keys", started.keys, "--address", FIRST, "--address", SECOND)
        shape = ("--shards", 2, "--copies", 1, "--folder", folder / "shards", "--scratch", scratch)
        started.lineament("cluster", "up", "--at", FIRST, "--capacity", 2, *shape)
        started.lineament("cluster", "up", "--at", SECOND, "--capacity", 2, "--join", at=SECOND)
        yield started


def test_a_search_in_the_cluster_gives_the_list_of_one_machine(cluster: RunningCluster) -> None:
    alone = cluster.machines.run(
        FIRST, sys.executable, "-m", "lineament", *SEARCH, environment={"LINEAMENT_HOME": str(cluster.home)}
    )
    expected, found = json.loads(alone.stdout), json.loads(cluster.lineament(*SEARCH))
    assert found["candidates"] == expected["candidates"]
    assert (found["gallery_faces"], found["uncompared"]) == (5, 0)
    shown = cluster.status()
    assert {node["address"]: node["copies"] for node in shown["nodes"]} == {FIRST: 1, SECOND: 1}
    assert sum(copy["faces"] for copy in shown["copies"]) == 5
    assert shown["missing"] == []


def test_no_port_serves_whoever_has_other_certificates_or_none(cluster: RunningCluster, tmp_path: Path) -> None:
    cluster.lineament("cluster", "keys", tmp_path, "--address", FIRST)
    found = {}
    for name, keys in (("stranger", tmp_path), ("ours", cluster.keys)):
        done = cluster.machines.run(FIRST, sys.executable, "-m", "tests.support.stranger", FIRST, keys)
        found[name] = json.loads(done.stdout)
    assert found["stranger"]["serving"] == []
    assert len(found["ours"]["serving"]) > len(found["ours"]["ports"]) / 2  # so it is the certificate that counts


def test_a_client_with_another_authority_token_or_network_is_told_why(cluster: RunningCluster, tmp_path: Path) -> None:
    cluster.lineament("cluster", "keys", tmp_path, "--address", FIRST)
    said = cluster.lineament("cluster", "status", keys=tmp_path, code=11)
    assert "is not of the authority in" in said
    for name in (CA, CERTIFICATE, KEY):
        shutil.copy(cluster.keys / name, tmp_path)
    said = cluster.lineament("cluster", "status", keys=tmp_path, code=11)
    assert "Failed to connect to Ray cluster" in said  # Ray does not say that it was the token
    said = cluster.lineament("cluster", "status", code=11, LINEAMENT_CLUSTER=f"{FIRST}:6380")
    assert "nothing answers there" in said


def test_no_node_starts_without_keys_or_at_an_address_that_its_certificate_lacks(tmp_path: Path) -> None:
    keys, empty = tmp_path / "keys", tmp_path / "empty"
    make_cluster_keys(keys, [FIRST])
    told = {name: value for name, value in os.environ.items() if not name.startswith("LINEAMENT_")}
    told["LINEAMENT_CLUSTER"] = ADDRESS

    def refused(at: str, **more: str) -> str:
        command = [sys.executable, "-m", "lineament", "cluster", "up", "--at", at]
        done = subprocess.run(
            command, env=told | more, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert done.returncode == 11, done.stdout + done.stderr
        return done.stderr

    assert "LINEAMENT_CLUSTER_KEYS names no folder" in refused(FIRST)
    assert "is missing; make it with" in refused(FIRST, LINEAMENT_CLUSTER_KEYS=str(empty))
    assert f"names no {SECOND}" in refused(SECOND, LINEAMENT_CLUSTER_KEYS=str(keys))
    assert "takes another address" in refused("127.0.0.1", LINEAMENT_CLUSTER_KEYS=str(keys))


def test_a_search_while_the_wire_is_cut_says_what_it_lacks_and_is_whole_again_later(
    cluster: RunningCluster, tmp_path: Path
) -> None:
    ids = as_ids(range(1, FACES + 1))
    shown = cluster.status()
    [beyond] = [node["id"] for node in shown["nodes"] if node["address"] == SECOND]
    far = [copy["shard"] for copy in shown["copies"] if copy["node"] == beyond]
    lost = ids[np.isin(homes(ids, 2), far)].tolist()
    command = (sys.executable, "-m", "tests.support.cluster_searcher", ADDRESS, cluster.keys, tmp_path)
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        cluster.machines.command(FIRST, *command),
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as searching:
        assert searching.stdin is not None

        def search() -> Any:
            assert searching.stdin is not None
            assert searching.stdout is not None
            searching.stdin.write("\n")
            searching.stdin.flush()
            return json.loads(searching.stdout.readline())

        wait_until(lambda: search()["uncompared"] == 0)
        with cluster.machines.cut():
            for _ in range(2):
                found = search()
                assert found["uncompared"] == len(lost) > 0
                assert not set(found["ids"]) & set(lost)
                assert found["seconds"] < DEADLINE + MUCH
        wait_until(lambda: search()["uncompared"] == 0, seconds=300)
        assert search()["ids"] == ids.tolist()
        searching.stdin.close()


def test_web_archives_are_ingested_on_the_machines_and_a_worker_that_is_killed_loses_nothing(
    cluster: RunningCluster, tmp_path: Path
) -> None:
    pictures = vary_portraits(tmp_path / "photos", 3 * EACH, width=240)
    archives = []
    for number, name in enumerate(("a", "b", "c")):
        archives.append(tmp_path / f"{name}.warc.gz")
        warc = Warc(archives[-1])
        for picture in sorted(pictures.rglob("*.jpg"))[number * EACH : (number + 1) * EACH]:
            warc.answer(f"https://press.example/{picture.name}", picture.read_bytes())
        warc.close()
    told = {"LINEAMENT_CLUSTER": ADDRESS, "LINEAMENT_CLUSTER_KEYS": str(cluster.keys)}
    line = (sys.executable, "-m", "lineament", "--home", cluster.home, "cluster", "ingest", SOURCE, *archives, "--json")
    with subprocess.Popen(
        cluster.machines.command(FIRST, *line),
        env={**os.environ, "PYTHONPATH": str(ROOT), **told},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as ingesting:
        running = "SELECT worker FROM jobs WHERE state = 'running'"
        with raw_database(cluster.home) as database:
            wait_until(lambda: database.execute(running).fetchone() is not None)
            [worker] = database.execute(running).fetchone()
        assert cluster.machines.run(FIRST, "kill", "-9", worker.split()[1]).returncode == 0
        said, complaint = ingesting.communicate(timeout=600)
    assert ingesting.returncode == 0, said + complaint
    jobs = json.loads(said)["jobs"]
    assert [job["state"] for job in jobs] == ["done"] * 3
    assert max(job["attempts"] for job in jobs) == 2  # one was taken over
    with raw_database(cluster.home) as database:
        kept = database.execute("SELECT uri FROM captures WHERE uri LIKE 'https://press.example/%'").fetchall()
    assert sorted(kept) == [(f"https://press.example/{number:04}.jpg",) for number in range(3 * EACH)]
    again = json.loads(cluster.lineament("cluster", "ingest", SOURCE, *archives, "--json"))["jobs"]
    assert [job["result"]["already_there"] for job in again] == [EACH] * 3


def test_an_ingest_on_the_cluster_says_which_file_cannot_be_used(cluster: RunningCluster, tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(b"no archive")
    said = cluster.lineament("cluster", "ingest", SOURCE, tmp_path / "missing.warc.gz", code=3)
    assert "missing.warc.gz" in said
    said = cluster.lineament("cluster", "ingest", SOURCE, tmp_path / "a.warc.gz", code=5)
    assert "1 job of 1 did not end well" in said


def test_a_node_that_is_drained_holds_nothing_and_nothing_is_lost(cluster: RunningCluster) -> None:
    cluster.lineament("cluster", "drain", FIRST)
    shown = cluster.status()
    assert {node["address"]: node["copies"] for node in shown["nodes"]} == {FIRST: 0, SECOND: 2}
    assert json.loads(cluster.lineament(*SEARCH))["uncompared"] == 0
