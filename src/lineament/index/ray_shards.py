"""Shards on a Ray cluster: one actor for each copy of a shard, shared by all processes of the service (ADR 0006).

Each process knows which faces each copy holds, by following its changes, and so which part of the gallery an answer
covers. The cluster gets turned vectors and turned probes; the rotation and the keys stay here.
"""

from __future__ import annotations

import shutil
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lineament.errors import IndexUnwritable, LineamentError
from lineament.index import ray_cluster
from lineament.index.among import Among, Days
from lineament.index.base import ExactVectors
from lineament.index.codes import is_among
from lineament.index.folder import Coding, head_key
from lineament.index.held import Changes, PartKey, PartState, prefix
from lineament.index.ray_cluster import Access, gathered
from lineament.index.ray_search import ShardSearch
from lineament.index.rotation import Rotation
from lineament.index.shard_views import View, shared, together, without
from lineament.index.sharded import NOTHING, ShardAnswer, ShardedIndex, ShardQuery, homes
from lineament.model.faces import FaceIds, Vectors

if TYPE_CHECKING:
    from ray.actor import ActorHandle

_EVERY = 1.0
"""Seconds between two looks at all copies."""
WRITING = 30.0
"""Seconds that an addition, removal or write may take before its copy counts as lost."""
_AGAIN = 5.0
"""Seconds after which a repair that failed is tried again."""
_DROPPED = "dropped"
"""The folder of files whose names begin the names of parts that are to be deleted."""
_PIECE = 4096
"""Faces that a repair sends at a time."""
Refill = Callable[[FaceIds], tuple[FaceIds, Vectors]]
"""Looks faces up in the store: those of the ids that still exist, and their turned vectors."""


class DaysById:
    """The days of capture of faces, by id; one is kept after its face was removed, for whoever still counts it.

    Any number of threads may read while one adds.
    """

    def __init__(self) -> None:
        self._known: tuple[FaceIds, Days] = NOTHING, np.empty(0, dtype=np.int32)  # ascending ids; replaced as one

    def add(self, ids: FaceIds, days: Days) -> None:
        """Note the days of faces, both of shape (n,); those that are known stay."""
        known, of_each = self._known
        order = np.argsort(ids)
        order = order[~is_among(ids[order], known)]
        places = np.searchsorted(known, ids[order])
        self._known = np.insert(known, places, ids[order]), np.insert(of_each, places, days[order])

    def of(self, ids: FaceIds) -> Days:
        """Return the days of faces that are known, shape (n,)."""
        known, of_each = self._known
        found: Days = of_each[np.searchsorted(known, ids)]
        return found


class RayShards:
    """The shards of one index, as this process sees them."""

    def __init__(self, cluster: RayCluster, key: PartKey, refill: Refill) -> None:
        """Open its part in every copy that answers."""
        self._cluster = cluster
        self.key = key
        self.refill = refill
        self._lock = threading.Lock()
        self._writing = [threading.Lock() for _ in range(cluster.shards)]
        self._wanted: list[FaceIds] = [NOTHING] * cluster.shards
        self._days: list[DaysById] = [DaysById() for _ in range(cluster.shards)]
        self._views: list[dict[str, View]] = [{} for _ in range(cluster.shards)]
        self._unconfirmed: set[str] = set()  # copies that may still hold faces that were removed
        self._repairing: set[str] = set()
        for view, changes in self._opened(cluster.views()):
            shard = ray_cluster.shard_of(view.name)
            self._wanted[shard] = np.union1d(self._wanted[shard], changes.added)
            self._days[shard].add(changes.added, changes.days)
            self._views[shard][view.name] = view.changed(changes, NOTHING)
        for wanted, views in zip(self._wanted, self._views, strict=True):
            for view in views.values():
                views[view.name] = replace(view, held=shared(view.held, wanted))

    def __len__(self) -> int:
        return len(self._wanted)

    def ids(self, shard: int) -> FaceIds:
        """Return the faces that a shard should hold, ascending."""
        return self._wanted[shard]

    def days(self, shard: int) -> Days:
        """Return the days of capture of these faces, in their order."""
        return self._days[shard].of(self._wanted[shard])

    def within(self, shard: int, among: Among) -> int:
        """Count those of these faces that may be in an answer."""
        ids = self._wanted[shard]
        return among.count(ids, self._days[shard].of(ids))

    def whole(self) -> bool:
        """Return whether every copy that was found holds every face."""
        with self._lock:
            return all(
                views and all(view.state and view.held is wanted for view in views.values())
                for wanted, views in zip(self._wanted, self._views, strict=True)
            )

    def add(self, shard: int, ids: FaceIds, turned: Vectors, days: Days) -> None:
        """Add faces to every copy of a shard. A copy that does not answer gets them later."""
        order = np.argsort(ids)
        ids, turned, days = ids[order], np.ascontiguousarray(turned[order]), days[order]
        with self._writing[shard]:
            self._days[shard].add(ids, days)
            self._change(
                shard, ids, lambda held: together(held, ids), lambda at: at.add.remote(self.key.name, ids, turned, days)
            )

    def remove(self, shard: int, ids: FaceIds) -> None:
        """Remove faces from every copy of a shard. A copy that does not answer is asked again later."""
        with self._writing[shard]:
            ids = np.intersect1d(ids, self._wanted[shard])
            if not len(ids):
                return
            with self._lock:  # first, so that no search expects what is on its way out
                self._wanted[shard] = without(self._wanted[shard], ids)
            self._change(shard, ids, lambda held: without(held, ids), lambda at: at.remove.remote(self.key.name, ids))
            with self._lock:
                self._unconfirmed |= {view.name for view in self._views[shard].values() if view.state is None}

    def nearest(self, turned: Vectors, most: int, asked: Sequence[ShardQuery]) -> Sequence[ShardAnswer | None]:
        """Return the answer of every shard that answers before the deadline."""
        with self._lock:
            views = [list(views.values()) for views in self._views]
        search = ShardSearch(self.key.name, np.ascontiguousarray(turned), most, asked, views)
        answers = search.run(self._cluster.deadline)
        self._learn(search.learned)
        return [
            answer and replace(answer, lacks=answer.lacks[is_among(answer.lacks, wanted)])  # not if removed meanwhile
            for answer, wanted in zip(answers, list(self._wanted), strict=True)
        ]

    def sync(self) -> None:
        """Let every copy write. Raises IndexUnwritable if one may still hold faces that were removed."""
        with self._lock:
            views = [view for views in self._views for view in views.values() if view.state is not None]
            unconfirmed = len(self._unconfirmed)
        wrote = gathered({view.name: view.actor.sync.remote(self.key.name) for view in views}, self._cluster.patience)
        for view in views:
            if not wrote.get(view.name):
                self._learn([replace(view, state=None)])
        if unconfirmed:
            why = "a copy of a shard that does not answer may hold faces that were erased; see lineament cluster status"
            raise IndexUnwritable(path=self.key.name, why=why)

    def follow(
        self, found: Mapping[int, Mapping[str, ActorHandle[Any]]], states: Mapping[str, Mapping[str, PartState]]
    ) -> None:
        """Take over which copies there are and what state they are in; repair those that lack faces."""
        for shard in range(len(self)):
            with self._lock:
                known = self._views[shard]
                self._views[shard] = {
                    name: known.get(name) or View(name, actor) for name, actor in found.get(shard, {}).items()
                }
                self._unconfirmed &= {name for views in self._views for name in views}
                behind = [view for view in self._views[shard].values() if self._is_behind(shard, view, states)]
                behind = [view for view in behind if view.name not in self._repairing]
                self._repairing |= {view.name for view in behind}
            for view in behind:
                threading.Thread(target=self._repair, args=(shard, view), daemon=True, name="shard-repair").start()

    def _is_behind(self, shard: int, view: View, states: Mapping[str, Mapping[str, PartState]]) -> bool:
        if view.name not in states or time.monotonic() < view.again:
            return False
        state = states[view.name].get(self.key.name)
        lost = view.state is None or state is None or state.generation != view.generation
        differs = view.held is not self._wanted[shard] and not self._writing[shard].locked()  # which may be on its way
        return lost or differs or view.name in self._unconfirmed

    def _opened(self, views: Iterable[View]) -> list[tuple[View, Changes]]:
        """Open the part in copies; return what those hold that answered."""
        known, patience = {view.name: view for view in views}, self._cluster.patience
        opened = gathered({name: view.actor.open.remote(self.key) for name, view in known.items()}, patience)
        calls = {name: known[name].actor.changes.remote(self.key.name, "", 0) for name in opened}
        changes = gathered(calls, patience)
        return [(known[name], found) for name, found in changes.items() if found is not None]

    def _change(
        self, shard: int, ids: FaceIds, change: Callable[[FaceIds], FaceIds], call: Callable[[ActorHandle[Any]], Any]
    ) -> None:
        """Let copies change, then publish what they should hold, so that no search expects what is on its way."""
        with self._lock:
            views = [view for view in self._views[shard].values() if view.state is not None]
        done = gathered({view.name: call(view.actor) for view in views}, self._cluster.patience)
        with self._lock:
            before = self._wanted[shard]
            self._wanted[shard] = wanted = change(before)
            for view in views:
                now = self._views[shard].get(view.name)
                if now is view:  # else a search has learned of the change
                    held = wanted if view.held is before else change(view.held)
                    now = view.after(done.get(view.name), ids, held)
                if now is not None:
                    self._views[shard][view.name] = replace(now, held=shared(now.held, wanted))

    def _learn(self, views: Iterable[View]) -> None:
        """Take over what is known of copies now, and wake whoever repairs if one of them is not as it should be."""
        wake = False
        with self._lock:
            for view in views:
                shard = ray_cluster.shard_of(view.name)
                now = self._views[shard].get(view.name)
                if now is not None and not now.knows(view):
                    held = shared(view.held, self._wanted[shard])
                    self._views[shard][view.name] = replace(view, held=held)
                    wake = wake or view.state is None or held is not self._wanted[shard]
        if wake:
            self._cluster.wake()

    def _repair(self, shard: int, view: View) -> None:
        """Let one copy hold what it should: from its own files first, the rest from the store."""
        import ray

        try:
            answered = self._repaired(shard, view)
        except (LineamentError, OSError, ray.exceptions.RayError):
            answered = False
        with self._lock:
            now = self._views[shard].get(view.name)
            if now is not None:
                state = now.state if answered else None
                as_wanted = state is not None and now.held is self._wanted[shard]
                again = 0.0 if as_wanted else time.monotonic() + _AGAIN
                self._views[shard][view.name] = replace(now, state=state, again=again)
            self._repairing.discard(view.name)

    def _repaired(self, shard: int, view: View) -> bool:
        """Repair a copy and publish what it holds now; return whether it answered to the end."""
        for opened, changes in self._opened([view]):
            name, actor, wanted = self.key.name, opened.actor, self._wanted[shard]
            held = np.sort(changes.added)
            extra, missing = without(held, wanted), without(wanted, held)
            gone = extra[homes(extra, len(self)) != shard]
            stay = without(extra, gone)
            gone = np.union1d(gone, np.setdiff1d(stay, self.refill(stay)[0])) if len(stay) else gone
            calls = {"gone": actor.remove.remote(name, gone)} if len(gone) else {}
            for start in range(0, len(missing), _PIECE):
                found, turned = self.refill(missing[start : start + _PIECE])
                with self._writing[shard]:  # not what was erased since
                    still = is_among(found, self._wanted[shard])
                    found, turned = found[still], np.ascontiguousarray(turned[still])
                    days = self._days[shard].of(found)
                    gathered({"added": actor.add.remote(name, found, turned, days)}, self._cluster.patience)
            confirmed = len(gathered(calls, self._cluster.patience)) == len(calls)
            with self._writing[shard]:  # else faces that are added now would count as lacking at once
                latest = gathered({"all": actor.changes.remote(name, "", 0)}, self._cluster.patience).get("all")
                if latest is not None:
                    with self._lock:
                        if confirmed:
                            self._unconfirmed.discard(view.name)
                        if view.name in self._views[shard]:
                            self._views[shard][view.name] = opened.changed(latest, self._wanted[shard])
                    return True
        return False


class RayCluster:
    """The connection of this process to a cluster; it opens indexes there and looks after their copies."""

    def __init__(self, access: Access, home: Path, *, deadline: float, patience: float = WRITING) -> None:
        """Join; ``home`` is the folder of all indexes, in which little is kept.

        A search waits ``deadline`` seconds for a shard, a change ``patience``. Raises ClusterUnavailable.
        """
        ray_cluster.connect(access)
        self.shards = ray_cluster.layout_of(access).shards
        self.deadline = deadline
        self.patience = patience
        self._found: dict[int, dict[str, ActorHandle[Any]]] = ray_cluster.copies()
        self._opened: weakref.WeakSet[RayShards] = weakref.WeakSet()
        self._home = home
        self._names: dict[tuple[str, str], str] = {}  # of the parts that were opened, by source and model
        self._woken = threading.Event()
        self._closed = False
        self._watcher = threading.Thread(target=self._watch, daemon=True, name="shard-watch")
        self._watcher.start()

    def open(self, folder: Path, *, model: str, rotation: Rotation, exact: ExactVectors) -> ShardedIndex:
        """Open an index whose codes are in the cluster. Nothing of it is kept in ``folder`` but its name."""
        turn = np.ascontiguousarray(rotation, dtype=np.float32)
        place = (folder.parent.name, folder.name)
        key = PartKey.of(place, head_key(turn), Coding(model=model, dimension=len(turn)))
        if (before := self._names.get(place, key.name)) != key.name:  # the key of its source was rotated
            self._drop(before)
        self._names[place] = key.name

        def refill(ids: FaceIds) -> tuple[FaceIds, Vectors]:
            found, vectors = exact(ids)
            return found, (vectors @ turn if len(found) else vectors)

        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        shards = RayShards(self, key, refill)
        index = ShardedIndex(shards, rotation=turn, exact=exact)
        self._opened.add(shards)
        return index

    def discard(self, folder: Path) -> None:
        """Delete the indexes of a source, or the one of a model, whose folder is below that of all indexes.

        A copy that does not answer is asked again, by this process or the next, until it has deleted them.
        """
        self._drop(prefix(folder.relative_to(self._home).parts))
        shutil.rmtree(folder, ignore_errors=True)

    def views(self) -> list[View]:
        """Return a view of each copy, of which nothing is known yet."""
        return [View(name, actor) for found in self._found.values() for name, actor in found.items()]

    def wake(self) -> None:
        """Look at all copies now."""
        self._woken.set()

    def close(self) -> None:
        """Stop looking after the copies."""
        self._closed = True
        self._woken.set()
        self._watcher.join()

    def _drop(self, names: str) -> None:
        """Delete the parts whose names begin so, and remember it until no copy has any."""
        kept = self._home / _DROPPED
        kept.mkdir(parents=True, exist_ok=True, mode=0o700)
        (kept / names).touch()
        for shards in [shards for shards in self._opened if shards.key.name.startswith(names)]:
            self._opened.discard(shards)
        self._drop_again()

    def _drop_again(self) -> None:
        """Ask every copy to delete what was dropped."""
        for path in (self._home / _DROPPED).glob("*"):
            actors = {name: actor for found in self._found.values() for name, actor in found.items()}
            calls = {name: actor.drop.remote(path.name) for name, actor in actors.items()}
            gone = gathered(calls, self.deadline)
            if all(gone.get(name) for name in actors):
                path.unlink(missing_ok=True)

    def _watch(self) -> None:
        import ray

        while not self._closed:
            self._woken.wait(_EVERY)
            self._woken.clear()
            try:
                self._found = ray_cluster.copies()
            except (ray.exceptions.RayError, RuntimeError):
                continue
            actors = {name: actor for found in self._found.values() for name, actor in found.items()}
            opened = list(self._opened)
            states = gathered({name: actor.states.remote() for name, actor in actors.items()}, self.deadline)
            self._drop_again()
            for shards in opened:
                shards.follow(self._found, states)
