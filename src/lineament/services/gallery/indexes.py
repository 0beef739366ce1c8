"""The gallery: one index for each source and model, opened at its first search, which follows the store."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from functools import partial
from pathlib import Path
from urllib.parse import quote

import numpy as np

from lineament.errors import Damaged, MixedModels, Refused
from lineament.index.among import EVERY_FACE, Among
from lineament.index.base import ExactVectors, IndexFactory, VectorIndex, best
from lineament.model.faces import FaceIds, SourceId, Template, Vectors
from lineament.model.reasons import ReasonCode
from lineament.model.scores import scores
from lineament.model.search import Hit
from lineament.model.sources import Source
from lineament.observe.stages import Stage, timed
from lineament.services.gallery.answers import Filling, GallerySearch, SourceCheck
from lineament.services.gallery.beside import Beside
from lineament.services.gallery.kept_rotation import kept_rotation
from lineament.services.gallery.known_hashes import KnownHashes
from lineament.services.gallery.opened import COMPARED_AGAIN, EPOCH, FEW, OpenIndex
from lineament.services.gallery.scanned import Scanned, SourceShortlist
from lineament.services.keyholder import source_key, source_keys, vouching_key
from lineament.store.db import Store, Tx
from lineament.store.keys import DataKey
from lineament.store.ring import KeyRing
from lineament.store.tally import opened_tally

Days = tuple[date | None, date | None]
"""First and last day of capture; None means no limit."""
_LEAST, _SPARE = 16, 4
"""Of each of many sources so many faces are asked for, and its share of all times that; more where that is too few.
Selecting the best 480 of 2,000 codes takes ten times as long as the best 16."""
_PIECE = 10_000
"""New faces that an index takes over while its lock is held: 0.1 s."""
_PAUSE = 0.01
"""Seconds between two such pieces, for searches that wait for the lock."""
_WRITTEN_EVERY = 500_000
"""New faces after which an index is written while it catches up."""


class Gallery:
    """The indexes of all sources, one for each model that described faces of the source.

    Derived from the store (D2): what is below ``folder`` may be deleted at any time. Several processes may open a
    source: each follows the store before it answers and writes. An index is compared with all rows daily.
    """

    def __init__(  # noqa: PLR0913 - what it works with
        self,
        store: Store,
        keys: KeyRing,
        folder: Path,
        *,
        models: Mapping[str, int],
        open_index: IndexFactory,
        discard: Callable[[Path], None] | None = None,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """``models``: the dimension of each. ``discard`` deletes a folder.

        ``now`` only goes forward, ``wall`` counts from 1970, both in seconds.
        """
        self._store = store
        self._keys = keys
        self._folder = folder
        self._models = models
        self._open_index = open_index
        self._discard = discard or partial(shutil.rmtree, ignore_errors=True)
        self._now = now
        self._wall = wall
        self.known = KnownHashes()  # for all ingests of this process
        self._beside: Beside | None = None  # what takes long is done at once
        self._opened: dict[tuple[SourceId, str], OpenIndex] = {}
        self._empty: dict[SourceId, tuple[bytes, float]] = {}  # sources without faces: their tally, and when compared
        self._lock = threading.Lock()

    def search(  # noqa: PLR0913 - what a search is of
        self,
        sources: Sequence[Source],
        probe: Template,
        k: int,
        today: date,
        days: Days = (None, None),
        *,
        after: int = 0,
    ) -> GallerySearch:
        """Return the best ``k`` faces of all ``sources`` captured within ``days``, and how many were compared.

        With ``after`` only faces with higher numbers: they were enrolled later.

        Faces whose retention has run out by ``today`` are left out, whether or not a sweep has erased them yet, and
        so are those of other models than the probe's (R31). Faces that are damaged or missing are set aside and
        counted. Raises MixedModels if its model has no index here, Refused if a key was destroyed.
        """
        while True:
            scanned = self._scan(sources, probe, k, today=today, days=days, after=after)
            hits, lost = self._score(scanned, probe, k)
            if not lost:
                return scanned.result(hits)
            self.set_aside(lost)  # erased since, damaged or missing: the next scan tells which

    def census(self, sources: Sequence[Source], model: str, today: date) -> GallerySearch:
        """Return what a search of the sources would compare, without a probe: how many faces, of which grades.

        Raises MixedModels if the model has no index here, Refused if a key was destroyed.
        """
        scanned = Scanned()
        for source, opened in self._followed(sources, model):
            scanned.count(source, opened, _among(_kept(source, today, (None, None)), 0))
        return scanned.result([])

    def stay(self, sources: Iterable[Source]) -> None:
        """From now on do what takes long in a thread of its own; begin with opening the indexes of these sources.

        A search meanwhile compares the faces that are in the indexes, and counts the others as not compared.
        """
        self._beside = Beside(self._keep_up)
        for source in sources:
            if source.faces:
                for model in self._models:
                    self._beside.ask((source, model))

    def load(self, sources: Sequence[Source], model: str) -> None:
        """Open the indexes of one model, without waiting until they have caught up if somebody does the rest."""
        for _ in self._followed(sources, model):
            pass

    def set_aside(self, ids: Collection[int]) -> None:
        """Leave faces out of every open index; those that are not erased are counted from then on."""
        wanted = np.fromiter(ids, dtype=np.int64, count=len(ids))
        for opened in self.opened():
            with opened.lock:
                if np.isin(wanted, opened.index.ids).any():
                    opened.set_aside(wanted)

    def open(self, sources: Iterable[Source], models: Collection[str] | None = None) -> int:
        """Open the indexes of these models (all, unless named) and follow the store; return how many faces they hold.

        Sources without faces are left out. It waits until every index has caught up.
        """
        chosen = list(sources)
        wanted = self._models if models is None else models
        found = [opened for model in wanted for _, opened in self._followed(chosen, model)]
        for opened in found:
            while opened.behind:
                self._follow(opened)
        return sum(len(opened.index) for opened in found)

    def opened(self) -> list[OpenIndex]:
        """Return every index that is open now."""
        with self._lock:
            return list(self._opened.values())

    def filling(self) -> list[Filling]:
        """Return the indexes that searches compare in part, because they are still being filled."""
        now = self._now()
        return [filling for opened in self.opened() if (filling := opened.filling(now)) is not None]

    def is_open(self, sources: Iterable[Source], model: str) -> bool:
        """Return whether the indexes of one model are open, so that a search need not wait for that."""
        return all((source.id, model) in self._opened or source.id in self._empty for source in sources)

    def check(self, source: Source) -> SourceCheck:
        """Compare every row of a source with what it vouches for, now."""
        found = []
        for model in self._models:
            opened = self._index(source, model)
            self._compare(opened)
            found.append(opened)
        return SourceCheck(
            faces=sum(len(opened.index) for opened in found),
            uncompared=sum(opened.uncompared for opened in found),
            altered=any(opened.altered for opened in found),
        )

    def sync(self) -> None:
        """Write what this process added and removed to disk."""
        for opened in self.opened():
            self._write(opened)

    def forget(self, source: Source, faces: Collection[int] | None = None) -> None:
        """Remove erased faces of a source from its indexes and from their files.

        If it is not said which, every row is compared: the tally may be damaged, or its key another one.
        """
        folder = self._folder / str(source.id)
        known = {quote(model, safe="") for model in self._models}
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.is_dir() and path.name not in known:  # of a model that is not in use: rebuilt if it ever is
                self._discard(path)
        for model in self._models:
            opened = self._index(source, model)
            with opened.lock:
                self._follow(opened)
                if faces is None:
                    self._compare(opened)
                else:
                    opened.forget(np.fromiter(faces, dtype=np.int64, count=len(faces)))
                self._write(opened)

    def destroy(self, source_id: SourceId) -> None:
        """Close the indexes of a source and delete their files."""
        with self._lock:
            self._empty.pop(source_id, None)
            for key in [key for key in self._opened if key[0] == source_id]:
                del self._opened[key]
            self._discard(self._folder / str(source_id))

    def holds(self, source_id: SourceId) -> bool:
        """Return whether the source has any index file."""
        return (self._folder / str(source_id)).exists()

    def close(self) -> None:
        """Write and close every index."""
        if self._beside is not None:
            self._beside.close()
        self.sync()
        with self._lock:
            self._opened.clear()

    def _write(self, opened: OpenIndex) -> None:
        """Write; again if another process erased faces meanwhile, which would be written back otherwise."""
        with opened.lock:
            if opened.unwritten:
                self._follow(opened)
            while opened.unwritten:
                opened.unwritten = opened.removed = False
                opened.index.sync(opened.note(self._now(), self._wall()))
                self._follow(opened)
                if not opened.removed:
                    break

    # ------------------------------------------------------------ searching

    @timed(Stage.SCAN)
    def _scan(  # noqa: PLR0913 - as of search
        self, sources: Sequence[Source], probe: Template, k: int, *, today: date, days: Days, after: int
    ) -> Scanned:
        """Compare the probe with the code of every face."""
        scanned = Scanned()
        filled = max(1, sum(1 for source in sources if source.faces))
        chosen: list[tuple[Source, OpenIndex, Among]] = []
        for source, opened in self._followed(sources, probe.model):
            among = _among(_kept(source, today, days), after)
            scanned.count(source, opened, among)
            chosen.append((source, opened, among))
        for source, opened, among in chosen:  # without their locks, so that searches do not wait for each other
            most = opened.index.rescored(k)
            asked = min(most, _LEAST + _SPARE * most // filled)
            found = opened.index.shortlist(probe.vector, asked, among=among)
            scanned.lists.append(SourceShortlist(source, opened, among, most, asked, *found))
        scanned.complete(probe)
        return scanned

    @timed(Stage.SCORE)
    def _score(self, scanned: Scanned, probe: Template, k: int) -> tuple[list[Hit], list[int]]:
        """Score the best exactly; return the best ``k`` hits, and the faces whose templates do not open."""
        chosen = list(scanned.best())
        if not chosen:
            return [], []
        with self._store.read() as tx:  # upkeep: an index follows its store for every caller
            keys = source_keys(tx, self._keys, [source for source, _, _ in chosen])
            wanted = [(source.id, ids, opened.derived(keys[source.id])) for source, opened, ids in chosen]
            found, vectors = tx.faces.intact_of(wanted, probe.model)
        lost = np.setdiff1d(np.concatenate([ids for _, _, ids in chosen]), found)
        if len(lost):
            return [], lost.tolist()
        return best(found, scores(probe.vector, vectors), k), []

    def _followed(self, sources: Sequence[Source], model: str) -> Iterator[tuple[Source, OpenIndex]]:
        """Yield the sources that have faces with their indexes, each while its lock is held and it equals the store."""
        with self._store.read() as tx:  # upkeep: an index follows its store for every caller
            tallies = tx.tallies.sealed([source.id for source in sources])
        for source in sources:
            has_key, sealed = tallies.get(source.id, (False, None))
            if not has_key:
                raise Refused(ReasonCode.SOURCE_DESTROYED.reason(name=source.name))
            if self._is_empty(source, sealed):
                continue
            opened = self._index(source, model)
            with opened.lock:
                self._bring_up_to_date(source, opened, sealed)
                yield source, opened

    def _is_empty(self, source: Source, sealed: bytes | None) -> bool:
        """Return whether a source vouches for having no face, and has none."""
        if source.faces or sealed is None:
            return False
        known, at = self._empty.get(source.id, (b"", 0.0))
        if known == sealed and self._now() - at < COMPARED_AGAIN:
            return True
        with self._store.read() as tx, suppress(Damaged):  # upkeep: an index follows its store for every caller
            tally = opened_tally(source.id, sealed, source_key(tx, self._keys, source))
            if not tally.counted.faces and not tx.tallies.rows(source.id):
                self._empty[source.id] = (sealed, self._now())
                return True
        return False

    # ------------------------------------------------------------ opening and following

    def _index(self, source: Source, model: str) -> OpenIndex:
        if model not in self._models:
            raise MixedModels(first=" and ".join(self._models), second=model)
        with self._lock:
            if (source.id, model) not in self._opened:
                self._opened[source.id, model] = self._load(source, model)
            return self._opened[source.id, model]

    def _load(self, source: Source, model: str) -> OpenIndex:
        home = self._folder / str(source.id)
        for path in home.iterdir() if home.is_dir() else ():
            if path.is_file():  # releases before 0.2.0 kept the only index of a source here
                path.unlink(missing_ok=True)
        with self._store.read() as tx:  # upkeep: an index follows its store for every caller
            key = source_key(tx, self._keys, source)
        opened = OpenIndex(self._read(source, model, key), key, source.id, source.name, model)
        opened.trust(self._now(), self._wall())
        return opened

    def _read(self, source: Source, model: str, key: DataKey) -> VectorIndex:
        """Return the index in its files; it is empty if they were not written under this key."""
        folder = self._folder / str(source.id) / quote(model, safe="")
        turn = kept_rotation(folder, key, self._models[model])
        return self._open_index(folder, model=model, rotation=turn, exact=self._exact(source))

    def _exact(self, source: Source) -> ExactVectors:
        def look_up(ids: FaceIds) -> tuple[FaceIds, Vectors]:
            with self._store.read() as tx:  # upkeep: an index follows its store for every caller
                return tx.faces.vectors(ids, source_key(tx, self._keys, source))

        return look_up

    def _bring_up_to_date(self, source: Source, opened: OpenIndex, sealed: bytes | None) -> None:
        """Let an index follow its store and compare it if that is due; what takes long is done beside if it may be."""
        if not opened.is_current(sealed):
            self._follow(opened)
        if not opened.behind and not opened.is_due(self._now()):
            return
        if self._beside is not None and opened.vouched > FEW:
            self._beside.ask((source, opened.model))
            return
        while opened.behind:
            self._follow(opened)
        if opened.is_due(self._now()):
            self._compare(opened)

    def _keep_up(self, asked: tuple[Source, str], leave: threading.Event) -> None:
        """Open an index, let it catch up with its store, and compare it with every row if that is due."""
        opened = self._index(*asked)
        since = len(opened.index)
        self._follow(opened)
        while opened.behind and not leave.wait(_PAUSE):
            self._follow(opened)
            if len(opened.index) - since >= _WRITTEN_EVERY:  # so that a crash costs no more than that
                since = len(opened.index)
                self._write(opened)
        if not leave.is_set() and opened.is_due(self._now()):
            self._compare(opened)
        if not leave.is_set():
            self._write(opened)

    def _compare(self, opened: OpenIndex) -> None:
        """Compare an index with every row of its source; searches go on while they are read, if no lock is held."""
        began = self._now()
        with self._store.read() as tx:  # upkeep: an index follows its store for every caller
            key = source_key(tx, self._keys, tx.sources.by_id(opened.source_id))
            read = opened.read_every_row(tx, key)
        with opened.lock, self._store.read() as tx:  # upkeep: an index follows its store for every caller
            if key == opened.key:
                opened.take_over(tx, key, read, began)
            self._follow_in(tx, opened, None)
            opened.took = self._now() - began

    def _follow(self, opened: OpenIndex) -> None:
        """Let an index follow its store; some of the way if there is far to go and somebody does the rest."""
        with opened.lock, self._store.read() as tx:  # upkeep: an index follows its store for every caller
            self._follow_in(tx, opened, None if self._beside is None else _PIECE)

    def _follow_in(self, tx: Tx, opened: OpenIndex, most: int | None) -> None:
        source = tx.sources.by_id(opened.source_id)
        key = source_key(tx, self._keys, source)
        if key != opened.key:  # it was rotated
            opened.begin_again(self._read(source, opened.model, key), key)

        def is_older() -> bool:
            """Return whether a source is of a version before 0.4 and has never vouched for its faces."""
            return vouching_key(tx, self._keys, source) is not None

        opened.follow(tx, source, key, self._now(), is_older, most=most)


def _among(days: Days, after: int) -> Among:
    """Return which faces a search is among: those of these days, with ids above ``after`` unless that is 0."""
    low = (days[0] - EPOCH).days if days[0] else EVERY_FACE.first_day
    high = (days[1] - EPOCH).days if days[1] else EVERY_FACE.last_day
    return Among(first_day=low, last_day=high, after=after or EVERY_FACE.after)


def _kept(source: Source, today: date, days: Days) -> Days:
    """Return ``days`` without those whose pictures the source no longer keeps."""
    since = source.kept_since(today)
    return (max(since, days[0] or since), days[1]) if since else days
