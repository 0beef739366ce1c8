"""What a search of the gallery answers, and what a check of a source tells."""

from __future__ import annotations

from dataclasses import dataclass

from lineament.model.search import Hit


@dataclass(frozen=True, slots=True)
class GallerySearch:
    """The result of a search of the gallery."""

    hits: list[Hit]
    faces: int  # number of faces compared
    grades: tuple[int, ...] = ()  # of all faces of the sources, how many have templates of each grade
    uncompared: int = 0  # faces that the sources vouch for and that could not be compared
    altered: tuple[str, ...] = ()  # sources whose stored faces are not those that they vouch for
    older: int = 0  # faces that were not compared because they were not enrolled since an earlier search
    read_to: int | None = None  # some with higher numbers were not in their index yet; None: all were

    @property
    def gallery(self) -> int:
        """How many faces the gallery has within the days of capture, new or not."""
        return self.faces + self.older

    @property
    def whole(self) -> bool:
        """Whether every face was compared that the sources vouch for."""
        return not self.uncompared and not self.altered

    @property
    def compared_by_grade(self) -> list[float]:
        """How many faces of each grade the gallery has; with days of capture, in proportion to the faces within them.

        A search of what is new counts the older faces too. It is a part of a search of the whole gallery, with the
        same threshold: so the lists of all parts together bring as many strangers as one search of the whole.
        """
        total = sum(self.grades)
        return [self.gallery * many / total for many in self.grades] if total else [float(self.gallery)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """How far an index is that is being filled from its store."""

    source: str
    held: int  # faces that a search compares
    faces: int  # that the source vouches for
    seconds: float | None  # until it is full, at the rate so far; None: not known yet


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCheck:
    """How the faces of a source compare with what it vouches for."""

    faces: int  # that can be compared
    uncompared: int  # that it vouches for and that cannot
    altered: bool  # the stored faces are not those that it vouches for
