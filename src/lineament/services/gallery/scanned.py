"""What the scan of the codes of some sources gives: of each the faces that are closest, and how many were compared."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from lineament.index.among import EVERY_FACE, Among
from lineament.model.faces import FaceIds, Template
from lineament.model.scores import Scores
from lineament.model.search import Hit
from lineament.model.sources import Source
from lineament.services.gallery.answers import GallerySearch
from lineament.services.gallery.opened import OpenIndex

_ROUNDING = 2e-4
"""How far apart the approximate scores of two faces of equal score may be in an index that knows them exactly."""


@dataclass(slots=True)
class SourceShortlist:
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
class Scanned:
    """What the scan of the codes of some sources gave."""

    lists: list[SourceShortlist] = field(default_factory=list)
    compared: int = 0
    older: int = 0
    grades: Counter[int] = field(default_factory=Counter)
    uncompared: int = 0
    altered: list[str] = field(default_factory=list)
    read_to: int | None = None

    def count(self, source: Source, opened: OpenIndex, among: Among) -> None:
        """Count the faces of a source that are compared, those among which the search is; its index is locked."""
        compared = len(opened.index) if among == EVERY_FACE else opened.index.within(among)
        self.compared += compared
        self.older += opened.index.within(replace(among, after=EVERY_FACE.after)) - compared if among.after > 0 else 0
        for grade, many in opened.grades.items():
            self.grades[grade] += many
        self.uncompared += opened.uncompared
        if opened.behind and opened.rows:
            self.read_to = min(opened.rows.newest, self.read_to or opened.rows.newest)
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
        return GallerySearch(hits, compared, by_grade, uncompared, tuple(self.altered), self.older, self.read_to)
