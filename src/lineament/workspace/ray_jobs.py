"""Runs queued jobs on the machines of a Ray cluster, as one job of Ray Data (docs/adr/0006)."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lineament.errors import ClusterUnavailable, LineamentError
from lineament.index.ray_cluster import first_line
from lineament.model.jobs import JobId
from lineament.priority import give_way
from lineament.settings import Settings

_POLL = 1.0
"""Seconds between two looks at a job that another worker runs."""


def run_jobs(home: Path, jobs: Sequence[JobId], at_once: int) -> Iterator[JobId]:
    """Have queued jobs run on the machines of the cluster that this process has joined; yield each when it has ended.

    Each machine opens the workspace at ``home`` with its own settings, and works through the queue as a worker does. If
    one is lost, Ray has others go on, and the queue lets them take over what it had claimed.

    Raises ClusterUnavailable if a machine cannot open the workspace, or Ray gives up.
    """
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    rows = ray.data.from_items([{"job": job, "home": str(home)} for job in jobs], override_num_blocks=len(jobs))
    compute = ray.data.TaskPoolStrategy(size=min(at_once, len(jobs)))
    told = rows.map(_run_there, compute=compute, num_cpus=0, max_calls=1)  # no process of a worker keeps nets in memory
    try:
        for row in told.iter_rows():
            if row["why"]:
                raise ClusterUnavailable(address=row["machine"], why=row["why"])
            yield JobId(row["job"])
    except ray.exceptions.RayError as error:
        raise ClusterUnavailable(address="Ray", why=first_line(error)) from error


def _run_there(row: dict[str, Any]) -> dict[str, Any]:
    """Work through the queue until a job has ended, whoever ran it. Runs on a machine of the cluster."""
    import ray

    from lineament.workspace import Workspace

    give_way()  # somebody waits for the shards on the same machine
    told = {"job": row["job"], "machine": str(ray.util.get_node_ip_address()), "why": ""}
    try:
        with Workspace.open(Settings(home=Path(row["home"]))) as opened:
            opened.worker.run_until_ended(row["job"], partial(time.sleep, _POLL))
    except LineamentError as error:
        return {**told, "why": str(error).rstrip(".")}
    return told
