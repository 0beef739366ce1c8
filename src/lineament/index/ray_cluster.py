"""A Ray cluster that holds shards: connecting to it, its actors and their names (docs/adr/0006)."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import re
import secrets
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lineament.errors import ClusterUnavailable
from lineament.index.held import HeldShard
from lineament.index.placement import Placed, PlacementStep
from lineament.index.shard_wire import Question, answer_to_bytes

if TYPE_CHECKING:
    from ray.actor import ActorHandle

K = TypeVar("K")

NAMESPACE = "lineament"
LAYOUT = "layout"
_COPY = re.compile(r"shard-([0-9]{4})-[0-9a-f]{8}")
_PIECE = 32 * 2**20
"""Bytes of a file that travel at a time from one copy of a shard to another."""
_NOTICED = 5.0
"""Seconds in which every process of the service finds a new copy, before the one that it replaces stops."""
_ANSWERING = 10.0
"""Seconds that the first node may take to accept a connection."""
_THREADS = 16
"""Calls that a copy answers at once; a search is not to wait until files are written."""
TOKEN, CA, CERTIFICATE, KEY = "token", "ca.pem", "node.pem", "node.key"
NO_RAY = "Ray is not installed; install lineament[cluster]"


@dataclass(frozen=True, slots=True)
class Layout:
    """What a cluster was begun with; it stays while the cluster runs."""

    shards: int
    copies: int  # of each shard, on different nodes if there are enough
    folder: str  # where each node keeps the files of its shards


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a cluster: its address, and the folder with its token and certificates, if it has any."""

    address: str  # host:port
    keys: Path | None = None


class LayoutActor:
    """Remembers the layout; Ray restarts it with the same argument."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def layout(self) -> Layout:
        """Return the layout."""
        return self._layout


class ShardActor(HeldShard):
    """One copy of a shard as a Ray actor."""

    def __init__(self, folder: str, peer: str | None) -> None:
        """Begin with the files in ``folder``, or those of another copy named ``peer``."""
        super().__init__(folder)
        if peer is not None:
            with contextlib.suppress(Exception):  # whoever follows the store fills what is missing
                self._copy(peer)

    def node(self) -> str:
        """Return the id of the node that it is on."""
        import ray

        return str(ray.get_runtime_context().get_node_id())

    def answer(self, asked: bytes) -> bytes | None:
        """Return what ``nearest`` does, as bytes; None if it is not in that state."""
        question = Question.from_bytes(asked)
        since = (question.generation, question.version)
        found = self.nearest(question.part, since, question.turned, question.most, question.among)
        return None if found is None else answer_to_bytes(found)

    def process(self) -> int:
        """Return the number of its process there."""
        return os.getpid()

    def _copy(self, peer: str) -> None:
        import ray

        other = ray.get_actor(peer, namespace=NAMESPACE)
        for part, files in ray.get(other.kept.remote()).items():
            for file, size in sorted(files.items(), key=lambda item: item[0] == "head"):  # the head last
                for at in range(0, size, _PIECE):
                    self.take(part, file, at, ray.get(other.piece.remote(part, file, at, min(_PIECE, size - at))))
        for key in ray.get(other.keys.remote()):
            self.open(key)


def secure(access: Access) -> None:
    """Let this process and those that it starts use the token and the certificates of the cluster.

    Without them only addresses of this machine are allowed: whoever reaches an open Ray cluster can run code in it.
    Raises ClusterUnavailable if they are needed or missing.
    """
    if access.keys is None and not is_loopback(access.address):
        why = "it is not on this machine, and LINEAMENT_CLUSTER_KEYS names no folder with its token and certificates"
        raise ClusterUnavailable(address=access.address, why=why)
    paths = {name: access.keys and (access.keys / name).absolute() for name in (TOKEN, CA, CERTIFICATE, KEY)}
    for path in paths.values():
        if path is not None and not path.is_file():
            why = f"{path} is missing; make it with lineament cluster keys"
            raise ClusterUnavailable(address=access.address, why=why)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"  # a call after it was left would start a cluster of its own
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - Ray's name; else every other process goes before a shard
    os.environ["RAY_DEDUP_LOGS_SKIP_REGEX"] = "^"  # every line: Ray's words do not belong between those of a command
    os.environ["RAY_AUTH_MODE"] = "token" if access.keys else "disabled"
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(paths[TOKEN] or "")
    os.environ["RAY_USE_TLS"] = "1" if access.keys else "0"
    os.environ["RAY_TLS_CA_CERT"] = str(paths[CA] or "")
    os.environ["RAY_TLS_SERVER_CERT"] = str(paths[CERTIFICATE] or "")
    os.environ["RAY_TLS_SERVER_KEY"] = str(paths[KEY] or "")


def is_loopback(address: str) -> bool:
    """Return whether an address, host:port, is of this machine alone."""
    host = address.rpartition(":")[0].strip("[]")
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def connect(access: Access) -> None:
    """Join a cluster as a client of this process. Raises ClusterUnavailable if that fails."""
    secure(access)
    try:
        import ray
    except ImportError:
        raise ClusterUnavailable(address=access.address, why=NO_RAY) from None
    if ray.is_initialized():
        return
    _knock(access)
    try:
        ray.init(
            address=access.address,
            namespace=NAMESPACE,
            log_to_driver=False,
            configure_logging=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise ClusterUnavailable(address=access.address, why=first_line(error)) from error


def _knock(access: Access) -> None:
    """Raise ClusterUnavailable if nothing answers, or something else than the cluster: Ray would try for minutes."""
    host, _, port = access.address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _ANSWERING) as plain:
            if access.keys is not None:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.load_verify_locations(access.keys / CA)
                context.load_cert_chain(access.keys / CERTIFICATE, access.keys / KEY)
                context.wrap_socket(plain, server_hostname=host.strip("[]")).close()
    except ssl.SSLError as error:
        why = f"its certificate is not of the authority in {access.keys}: {error.reason}"
        raise ClusterUnavailable(address=access.address, why=why) from error
    except (OSError, ValueError) as error:
        raise ClusterUnavailable(address=access.address, why=f"nothing answers there: {error}") from error


def layout_of(access: Access, seconds: float = 30.0) -> Layout:
    """Return the layout of the cluster. Raises ClusterUnavailable if nobody began one there."""
    import ray

    try:
        found: Layout = ray.get(ray.get_actor(LAYOUT, namespace=NAMESPACE).layout.remote(), timeout=seconds)
    except (ValueError, ray.exceptions.RayError) as error:
        why = "no shards were begun there; run: lineament cluster up"
        raise ClusterUnavailable(address=access.address, why=why) from error
    return found


def begin(layout: Layout) -> None:
    """Remember the layout of a new cluster; keep what is there already."""
    import ray

    actor = ray.remote(LayoutActor).options(
        name=LAYOUT, namespace=NAMESPACE, lifetime="detached", get_if_exists=True, num_cpus=0, max_restarts=-1
    )
    ray.get(actor.remote(layout).layout.remote())


def start_copy(shard: int, layout: Layout, node: str, peer: str | None = None) -> str:
    """Start a copy of a shard on a node; return its name. It moves to another node if that one is lost."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    name = f"shard-{shard:04}-{secrets.token_hex(4)}"
    actor = ray.remote(ShardActor).options(
        name=name,
        namespace=NAMESPACE,
        lifetime="detached",
        num_cpus=1,
        max_restarts=-1,
        max_concurrency=_THREADS,
        scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=True),
    )
    actor.remote(str(Path(layout.folder) / name), peer)
    return name


def copies() -> dict[int, dict[str, ActorHandle[Any]]]:
    """Return the copies of each shard by name, those among them that Ray is restarting."""
    import ray

    found: dict[int, dict[str, ActorHandle[Any]]] = {}
    for name in ray.util.list_named_actors():
        if (parts := _COPY.fullmatch(name)) is not None:
            with contextlib.suppress(ValueError):  # it stopped meanwhile
                found.setdefault(int(parts[1]), {})[name] = ray.get_actor(name, namespace=NAMESPACE)
    return found


def gathered(calls: Mapping[K, Any], seconds: float) -> dict[K, Any]:
    """Return the results of calls that were answered in time and without error."""
    import ray

    until = time.monotonic() + seconds
    results = {}
    for key, call in calls.items():
        with contextlib.suppress(ray.exceptions.RayError):
            results[key] = ray.get(call, timeout=max(0.0, until - time.monotonic()))
    return results


def placed(seconds: float = 30.0) -> list[Placed]:
    """Return the copies and the nodes they are on; one that does not answer is on none, an empty name."""
    found = [(name, shard, actor) for shard, names in copies().items() for name, actor in names.items()]
    where = gathered({name: actor.node.remote() for name, _, actor in found}, seconds)
    return [Placed(name, shard, where.get(name, "")) for name, shard, _ in found]


def carry_out(step: PlacementStep, layout: Layout, *, seconds: float) -> str:
    """Start a copy and stop the one that it replaces, once it has what that had; return its name.

    Raises ClusterUnavailable if it does not start in time; the copy that it would have replaced then stays.
    """
    import ray

    name = start_copy(step.shard, layout, step.node, step.peer)
    actor = ray.get_actor(name, namespace=NAMESPACE)
    if "started" not in gathered({"started": actor.states.remote()}, seconds):
        raise ClusterUnavailable(address=step.node[:8], why=f"{name} did not start there in {seconds:.0f} s")
    if step.instead is not None:
        time.sleep(_NOTICED)
        stop_copy(step.instead, seconds=seconds)
    return name


def stop_copy(name: str, *, seconds: float) -> None:
    """Stop a copy for good, and delete its files."""
    import ray

    actor = ray.get_actor(name, namespace=NAMESPACE)
    gathered({"gone": actor.discard.remote()}, seconds)
    ray.kill(actor, no_restart=True)


def first_line(error: BaseException) -> str:
    """Return what Ray says is wrong, without the traces below it."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200].rstrip(".")


def shard_of(name: str) -> int:
    """Return the number of the shard that a copy's name has."""
    return int(name.split("-")[1])


def nodes() -> dict[str, dict[str, Any]]:
    """Return the nodes that are there by id, as Ray describes them."""
    import ray

    return {str(node["NodeID"]): node for node in ray.nodes() if node["Alive"]}


def holders(described: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the nodes that may hold shards: those with processors for them."""
    return sorted(node for node, about in described.items() if about["Resources"].get("CPU"))
