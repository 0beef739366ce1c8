"""The gallery: one index for each source and model, opened at its first search, which follows the store."""

from __future__ import annotations

import hashlib
import math
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from urllib.parse import quote

import numpy as np

from lineament.errors import Damaged, MixedModels, Refused
from lineament.index.among import EVERY_FACE, Among
from lineament.index.base import ExactVectors, IndexFactory, VectorIndex, best
from lineament.index.rotation import Rotation, rotation
from lineament.model.faces import FaceIds, SourceId, Template, Vectors
from lineament.model.reasons import ReasonCode
from lineament.model.scores import Scores, scores
from lineament.model.search import Hit
from lineament.model.sources import Source
from lineament.observe.stages import Stage, timed
from lineament.services.gallery.answers import GallerySearch, SourceCheck
from lineament.services.gallery.opened import COMPARED_AGAIN, EPOCH, OpenIndex
from lineament.services.keyholder import source_key, source_keys, vouching_key
from lineament.store.db import Store
from lineament.store.keys import DataKey
from lineament.store.ring import KeyRing
from lineament.store.tally import opened_tally

Days = tuple[date | None, date | None]
"""First and last day of capture; None means no limit."""
_ROUNDING = 2e-4
"""How far apart the approximate scores of two faces of equal score may be in an index that knows them exactly."""
_LEAST, _SPARE = 16, 4
"""Of each of many sources so many faces are asked for, and its share of all times that; more where that is too few.
Selecting the best 480 of 2,000 codes takes ten times as long as the best 16."""
_ROTATION = "rotation"
"""The file that keeps the rotation of an index, sealed under the source's key."""


@dataclass(slots=True)
class _Shortlist:
    """The faces of one source whose codes are closest to the probe."""

    source: Source
    opened: OpenIndex
    among: Among
    most: int  # faces that are scored exactly, if there is no other source
    asked: int
    ids: FaceIds
    rough: Scores
    unreached: int  # faces whose shard did not answer

    def may_go_on(self, cut: float) -> bool:
        """Return whether the source may have further faces from this approximate score on."""
        return self.asked < self.most and len(self.ids) >= self.asked and bool(self.rough.min() >= cut)

    def ask_all(self, probe: Template) -> None:
        """Ask for as many faces as if there were no other source."""
        self.asked = self.most
        self.ids, self.rough, unreached = self.opened.index.shortlist(probe.vector, self.most, among=self.among)
        self.unreached = max(self.unreached, unreached)


@dataclass(slots=True)
class _Scanned:
    """What the scan of the codes of some sources gave."""

    lists: list[_Shortlist] = field(default_factory=list)
    compared: int = 0
    older: int = 0
    grades: Counter[int] = field(default_factory=Counter)
    uncompared: int = 0
    altered: list[str] = field(default_factory=list)

    def count(self, source: Source, opened: OpenIndex, among: Among) -> None:
        """Count the faces of a source that are compared, those among which the search is; its index is locked."""
        compared = len(opened.index) if among == EVERY_FACE else opened.index.within(among)
        self.compared += compared
        self.older += opened.index.within(replace(among, after=EVERY_FACE.after)) - compared if among.after > 0 else 0
        for grade, many in opened.grades.items():
            self.grades[grade] += many
        self.uncompared += opened.uncompared
        if opened.altered:
            self.altered.append(source.name)

    def cut(self) -> float:
        """Return the approximate score from which on faces are scored exactly, as many as one index would give."""
        most = max((shortlist.most for shortlist in self.lists), default=0)
        rough = np.concatenate([np.empty(0, dtype=np.float32), *(shortlist.rough for shortlist in self.lists)])
        if most >= len(rough):
            return -math.inf
        return float(np.partition(rough, len(rough) - most)[len(rough) - most]) - _ROUNDING

    def complete(self, probe: Template) -> None:
        """Ask again where a list ended above the cut; that raises the cut, so it ends."""
        further = self.lists
        while further:
            cut = self.cut()
            further = [shortlist for shortlist in self.lists if shortlist.may_go_on(cut)]
            for shortlist in further:
                shortlist.ask_all(probe)

    def best(self) -> Iterator[tuple[Source, OpenIndex, FaceIds]]:
        """Yield the faces to score exactly, with their source and its index."""
        cut = self.cut()
        for shortlist in self.lists:
            chosen = shortlist.ids[shortlist.rough >= cut]
            if len(chosen):
                yield shortlist.source, shortlist.opened, chosen

    def result(self, hits: list[Hit]) -> GallerySearch:
        """Return the result of the search with these hits."""
        by_grade = tuple(self.grades[grade] for grade in range(max(self.grades, default=0) + 1))
        unreached = sum(shortlist.unreached for shortlist in self.lists)
        compared, uncompared = self.compared - unreached, self.uncompared + unreached
        return GallerySearch(hits, compared, by_grade, uncompared, tuple(self.altered), self.older)


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
    ) -> None:
        """``models``: the dimension of each. ``discard`` deletes a folder. ``now`` only goes forward, in seconds."""
        self._store = store
        self._keys = keys
        self._folder = folder
        self._models = models
        self._open_index = open_index
        self._discard = discard or partial(shutil.rmtree, ignore_errors=True)
        self._now = now
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
        scanned = _Scanned()
        for source, opened in self._followed(sources, model):
            scanned.count(source, opened, _among(_kept(source, today, (None, None)), 0))
        return scanned.result([])

    def set_aside(self, ids: Collection[int]) -> None:
        """Leave faces out of every open index; those that are not erased are counted from then on."""
        wanted = np.fromiter(ids, dtype=np.int64, count=len(ids))
        for opened in self.opened():
            with opened.lock:
                if np.isin(wanted, opened.index.ids).any():
                    opened.set_aside(wanted)

    def open(self, sources: Iterable[Source], models: Collection[str] | None = None) -> int:
        """Open the indexes of these models (all, unless named) and follow the store; return how many faces they hold.

        Sources without faces are left out.
        """
        chosen = list(sources)
        wanted = self._models if models is None else models
        return sum(len(opened.index) for model in wanted for _, opened in self._followed(chosen, model))

    def opened(self) -> list[OpenIndex]:
        """Return every index that is open now."""
        with self._lock:
            return list(self._opened.values())

    def is_open(self, sources: Iterable[Source], model: str) -> bool:
        """Return whether the indexes of one model are open, so that a search need not wait for that."""
        return all((source.id, model) in self._opened or source.id in self._empty for source in sources)

    def check(self, source: Source) -> SourceCheck:
        """Compare every row of a source with what it vouches for, now."""
        found = []
        for model in self._models:
            opened = self._index(source, model)
            with opened.lock:
                opened.compared_at -= COMPARED_AGAIN
                self._follow(opened)
                found.append(opened)
        return SourceCheck(
            faces=sum(len(opened.index) for opened in found),
            uncompared=sum(opened.uncompared for opened in found),
            altered=any(opened.altered for opened in found),
        )

    def sync(self) -> None:
        """Write what this process added and removed to disk."""
        for opened in self.opened():
            with opened.lock:
                self._write(opened)

    def forget(self, source: Source) -> None:
        """Remove the erased faces of a source from its indexes and from their files."""
        folder = self._folder / str(source.id)
        known = {quote(model, safe="") for model in self._models}
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.is_dir() and path.name not in known:  # of a model that is not in use: rebuilt if it ever is
                self._discard(path)
        for model in self._models:
            opened = self._index(source, model)
            with opened.lock:
                opened.compared_at -= COMPARED_AGAIN  # so that it does not depend on the tally, which may be damaged
                self._follow(opened)
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
        self.sync()
        with self._lock:
            self._opened.clear()

    def _write(self, opened: OpenIndex) -> None:
        """Write until the files equal the store, so that faces erased by another process are not written back."""
        while opened.unwritten:
            self._follow(opened)
            opened.unwritten = False
            opened.index.sync()
            self._follow(opened)

    # ------------------------------------------------------------ searching

    @timed(Stage.SCAN)
    def _scan(  # noqa: PLR0913 - as of search
        self, sources: Sequence[Source], probe: Template, k: int, *, today: date, days: Days, after: int
    ) -> _Scanned:
        """Compare the probe with the code of every face."""
        scanned = _Scanned()
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
            scanned.lists.append(_Shortlist(source, opened, among, most, asked, *found))
        scanned.complete(probe)
        return scanned

    @timed(Stage.SCORE)
    def _score(self, scanned: _Scanned, probe: Template, k: int) -> tuple[list[Hit], list[int]]:
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
                if not opened.is_current(sealed, self._now()):
                    self._follow(opened)
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
        return OpenIndex(self._read(source, model, key), key, source.id, source.name, model)

    def _read(self, source: Source, model: str, key: DataKey) -> VectorIndex:
        """Return the index in its files; it is empty if they were not written under this key."""
        folder = self._folder / str(source.id) / quote(model, safe="")
        turn = _kept_rotation(folder, key, self._models[model])
        return self._open_index(folder, model=model, rotation=turn, exact=self._exact(source))

    def _exact(self, source: Source) -> ExactVectors:
        def look_up(ids: FaceIds) -> tuple[FaceIds, Vectors]:
            with self._store.read() as tx:  # upkeep: an index follows its store for every caller
                return tx.faces.vectors(ids, source_key(tx, self._keys, source))

        return look_up

    def _follow(self, opened: OpenIndex) -> None:
        """Let an index follow its store."""
        with self._store.read() as tx:  # upkeep: an index follows its store for every caller
            source = tx.sources.by_id(opened.source_id)
            key = source_key(tx, self._keys, source)
            if key != opened.key:  # it was rotated
                opened.begin_again(self._read(source, opened.model, key), key)
            opened.follow(tx, source, key, self._now(), lambda: vouching_key(tx, self._keys, source) is not None)


def _kept_rotation(folder: Path, key: DataKey, dimension: int) -> Rotation:
    """Return the rotation of an index: from its file, which only the source's key opens, or made anew and kept.

    Making one takes some 40 ms, so a gallery of a thousand sources would take 40 s more to open.
    """
    seed = key.derive("rotation")
    about = b"rotation|%d|%s" % (dimension, hashlib.sha256(b"lineament kept rotation\0" + seed).hexdigest().encode())
    path = folder / _ROTATION
    with suppress(OSError, Damaged):
        kept = np.frombuffer(key.open(path.read_bytes(), about), dtype="<f4")
        return kept.astype(np.float32).reshape(dimension, dimension)
    made = rotation(seed, dimension)
    with suppress(OSError):  # it is kept to save time, and nothing is lost without it
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = path.with_name(f"{_ROTATION}.new")
        beside.write_bytes(key.seal(made.astype("<f4").tobytes(), about))
        beside.replace(path)
    return made


def _among(days: Days, after: int) -> Among:
    """Return which faces a search is among: those of these days, with ids above ``after`` unless that is 0."""
    low = (days[0] - EPOCH).days if days[0] else EVERY_FACE.first_day
    high = (days[1] - EPOCH).days if days[1] else EVERY_FACE.last_day
    return Among(first_day=low, last_day=high, after=after or EVERY_FACE.after)


def _kept(source: Source, today: date, days: Days) -> Days:
    """Return ``days`` without those whose pictures the source no longer keeps."""
    since = source.kept_since(today)
    return (max(since, days[0] or since), days[1]) if since else days
