"""``lineament cluster …``: machines that hold the index of a large gallery together (docs/guide/cluster.md)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.terminal import (
    AsJson,
    AsKind,
    needs,
    print_json,
    print_table,
    progress,
    reporting,
    say,
    settings_for,
    table,
    workspace,
)
from lineament.errors import InvalidValue, JobsFailed
from lineament.model.accounts import Permission
from lineament.model.jobs import JobState
from lineament.views.values import counted

if TYPE_CHECKING:
    from lineament.index.ray_cluster import Access
    from lineament.model.jobs import Job

app = typer.Typer(help="A cluster: machines that hold the index of a large gallery together.", no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the commands to ``root``."""
    root.add_typer(app, name="cluster")


@app.command()
@needs(Permission.MACHINE)
def keys(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to keep them.")],
    address: Annotated[list[str] | None, typer.Option(help="Of each machine of the cluster.")] = None,
) -> None:
    """Make the token and the certificates of a cluster, or a certificate for further machines."""
    from lineament.index.cluster_keys import CA_KEY, make_cluster_keys

    make_cluster_keys(folder, address or [])
    say(f"The token and the certificates are in {folder}. Copy the folder to each machine, without {CA_KEY}.")
    say("Whoever has it can run code on all of them.")


@app.command()
@needs(Permission.MACHINE)
def up(
    context: typer.Context,
    at: Annotated[str, typer.Option(help="The address of this machine, as in the certificate.")],
    join: Annotated[bool, typer.Option(help="Join the cluster at LINEAMENT_CLUSTER; without it, begin one.")] = False,
    started: Annotated[bool, typer.Option(help="Ray runs here already: only begin or spread the shards.")] = False,
    capacity: Annotated[
        int | None, typer.Option(min=0, help="How many shards this machine may hold; 0: it only searches.")
    ] = None,
    shards: Annotated[int, typer.Option(min=1, max=9999, help="Of a new cluster; it keeps this number.")] = 16,
    copies: Annotated[int, typer.Option(min=1, max=9, help="Of each shard, in a new cluster.")] = 2,
    folder: Annotated[
        Path, typer.Option(help="Where each machine of a new cluster keeps the files of its shards.")
    ] = Path("/var/lib/lineament-shards"),
    scratch: Annotated[Path | None, typer.Option(help="A short path for Ray's sockets and logs.")] = None,
) -> None:
    """Start this machine as a node of the cluster, and spread the shards over all nodes; searches go on meanwhile."""
    from lineament.index import ray_cluster
    from lineament.index.cluster_running import spread, start_node
    from lineament.index.ray_cluster import Layout

    access = _access(context)
    room = len(os.sched_getaffinity(0)) if capacity is None else capacity
    with reporting("Starting") as on_step:
        if not started:
            start_node(access, at, head=not join, capacity=room, scratch=scratch)
        ray_cluster.connect(access)
        if not join:
            ray_cluster.begin(Layout(shards, copies, str(folder.absolute())))
        done = spread(ray_cluster.layout_of(access), on_step)
    say(f"This machine is a node of the cluster at {access.address}. {counted(done, 'shard')} started or moved.")


@app.command()
@needs(Permission.MACHINE)
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the nodes, and the copies of each shard: where they are, how many faces they hold, which are filling."""
    from lineament.index import ray_cluster
    from lineament.index.cluster_running import status as found_status
    from lineament.views.cluster import cluster_json

    access = _access(context)
    ray_cluster.connect(access)
    found = found_status(ray_cluster.layout_of(access))
    if as_json:
        print_json(cluster_json(found))
        return
    addresses = {node.id: node.address for node in found.nodes}
    shown = table("node", "address", "shards", "room", right=("shards", "room"))
    for node in found.nodes:
        shown.add_row(node.id[:8], node.address, str(node.copies), str(node.capacity))
    print_table(shown)
    shown = table("shard", "copy", "address", "faces", "state", right=("shard", "faces"))
    for copy in found.copies:
        where = addresses.get(copy.node, "")
        shown.add_row(str(copy.shard), copy.name[-8:], where, f"{copy.faces:,}", copy.state)
    print_table(shown)
    for shard in found.missing:
        say(f"No copy of shard {shard} is ready: searches leave its faces out, and say so.")


@app.command()
@needs(Permission.MACHINE)
def drain(
    context: typer.Context,
    node: Annotated[str, typer.Argument(metavar="NODE", help="From: lineament cluster status.")],
) -> None:
    """Move all shards off a node, so that its machine can be stopped; searches go on meanwhile."""
    from lineament.index import ray_cluster
    from lineament.index.cluster_running import drain as drain_node

    access = _access(context)
    ray_cluster.connect(access)
    with reporting("Moving shards") as on_step:
        moved = drain_node(access, ray_cluster.layout_of(access), node, on_step)
    say(f"{counted(moved, 'shard')} moved. The node holds none; end Ray there with: ray stop")


@app.command()
@needs(Permission.MANAGE_SOURCES)
def ingest(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The source that gave the pictures.")],
    what: Annotated[
        list[str], typer.Argument(metavar="WHAT...", help="WARC files, or others; every machine has them at that path.")
    ],
    kind: AsKind = None,
    at_once: Annotated[
        int | None, typer.Option(min=1, max=9999, help="How many are ingested at once. [default: one a machine]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ingest many files on the machines of the cluster, each as a job; run again, it resumes where it was stopped."""
    from lineament.index import ray_cluster
    from lineament.services.jobs.kinds import INGEST, ingest_arguments
    from lineament.views.jobs import jobs_json
    from lineament.workspace.ray_jobs import run_jobs

    home = settings_for(context).home.absolute()
    with workspace(context) as desk:
        for name in what:
            desk.collect.choose(source, [name], kind=kind)  # nothing is queued if one cannot be ingested
        ray_cluster.connect(_access(context))
        queued = [desk.jobs.add(INGEST, ingest_arguments(source, [name], kind), source=source).id for name in what]
        try:
            with progress() as bar:
                shown = bar.add_task(f"Ingesting into {source}", total=len(queued), rate="")
                for _ in run_jobs(home, queued, at_once or len(ray_cluster.nodes())):
                    bar.advance(shown)
        except BaseException:
            for job in map(desk.jobs.show, queued):
                if not job.ended:
                    desk.jobs.stop(job.id)
            raise
        ended = [desk.jobs.show(job) for job in queued]
    if as_json:
        print_json(jobs_json(ended))
    else:
        _print_ended(what, ended)
    failed = [job for job in ended if job.state is not JobState.DONE]
    if failed:
        raise JobsFailed(failed=counted(len(failed), "job"), of=len(ended), job=failed[0].id)


def _print_ended(names: list[str], ended: list[Job]) -> None:
    shown = table("what", "job", "state", "pictures", "new faces", right=("pictures", "new faces"))
    for name, job in zip(names, ended, strict=True):
        counts = job.result or {}
        shown.add_row(name, job.id, job.state.value, f"{counts.get('seen', 0):,}", f"{counts.get('faces', 0):,}")
    print_table(shown)
    for job in ended:
        if job.error is not None:
            say(f"{job.id}: {job.error.message}")


def _access(context: typer.Context) -> Access:
    from lineament.index.ray_cluster import Access

    settings = settings_for(context)
    if settings.cluster is None:
        raise InvalidValue(what="LINEAMENT_CLUSTER", value="", why="set it to the address of the cluster, host:port")
    return Access(settings.cluster, settings.cluster_keys)
