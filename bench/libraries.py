"""The libraries that bench/search.py compares, which keep vectors in memory: FAISS and usearch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench import templates
from bench.contenders import Contender, Ids, K, NotOffered, Range, Vectors, days_of, pieces


class Faiss(Contender):
    """An index of FAISS in memory, whose rows are ids less one."""

    package = "faiss-cpu"
    module = "faiss"
    recipe = ""
    removes = False

    @property
    def path(self) -> Path:
        return self.folder / "index"

    def made(self) -> Any:
        import faiss

        return faiss.index_factory(templates.DIMENSION, self.recipe, faiss.METRIC_INNER_PRODUCT)

    def build(self, gallery: Vectors) -> None:
        import faiss

        self.index = self.made()
        if not self.index.is_trained:
            rows = np.random.default_rng(1).permutation(len(gallery))[:262_144]
            self.index.train(np.array(gallery[np.sort(rows)]))
        for ids, vectors in pieces(gallery):
            self._add(ids, vectors)
        faiss.write_index(self.index, str(self.path))

    def open(self) -> None:
        import faiss

        self.index = faiss.read_index(str(self.path))
        self.days = days_of(np.arange(1, self.faces + 1))

    def _add(self, ids: Ids, vectors: Vectors) -> None:
        if self.removes:
            self.index.add_with_ids(vectors, ids - 1)
        else:
            self.index.add(vectors)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        self._add(ids, vectors)
        self.days = np.append(self.days, days_of(ids))

    def search(self, probe: Vectors, effort: Any, among: Range | None = None) -> Iterable[int]:
        import faiss

        selector = None
        if among is not None:  # FAISS knows no days: who calls it has to find the rows
            permitted = np.flatnonzero((self.days >= among[0]) & (self.days <= among[1]))
            selector = faiss.IDSelectorBatch(permitted)
        rows = self.index.search(probe[np.newaxis], K, params=self.parameters(effort, selector))[1][0]
        found: list[int] = (rows[rows >= 0] + 1).tolist()
        return found

    def parameters(self, effort: Any, selector: Any) -> Any:  # noqa: ARG002
        import faiss

        return faiss.SearchParameters(sel=selector)

    def remove(self, ids: Ids) -> None:
        import faiss

        if not self.removes:
            raise NotOffered
        self.index.remove_ids(faiss.IDSelectorBatch(ids - 1))

    def save(self) -> None:
        import faiss

        faiss.write_index(self.index, str(self.path))


class FaissFlat(Faiss):
    """All float32 vectors."""

    recipe = "IDMap2,Flat"
    removes = True

    def how(self, effort: Any) -> str:  # noqa: ARG002
        return "all, float32"


class FaissHnsw(Faiss):
    """A graph over float32 vectors."""

    recipe = "HNSW16"

    @property
    def efforts(self) -> Sequence[int]:
        return (64, 256, 1024, 2048, 4096)

    def parameters(self, effort: int, selector: Any) -> Any:
        import faiss

        return faiss.SearchParametersHNSW(efSearch=effort, sel=selector)

    def how(self, effort: int) -> str:
        return f"M 16, efConstruction 40, efSearch {effort}"


class FaissLists(Faiss):
    """Vectors in lists by the nearest of some centres, of which a search visits a part."""

    @property
    def lists(self) -> int:
        return max(16, min(1024, int(np.sqrt(self.faces))))

    @property
    def visited(self) -> list[int]:
        return [max(1, int(self.lists * share)) for share in (0.1, 0.25, 0.5, 0.75, 1)]


class FaissPq(FaissLists):
    """Product quantisation in four bits, compared by shuffles; the best again in float16."""

    @property
    def efforts(self) -> Sequence[tuple[int, int]]:
        return [(visited, refined) for refined in (4, 12, 40) for visited in self.visited]

    def made(self) -> Any:
        self.recipe = f"IVF{self.lists},PQ64x4fs,Refine(SQfp16)"
        return super().made()

    def parameters(self, effort: tuple[int, int], selector: Any) -> Any:
        import faiss

        inner = faiss.SearchParametersIVF(sel=selector, nprobe=effort[0])
        return faiss.IndexRefineSearchParameters(k_factor=effort[1], base_index_params=inner)

    def traces(self, ids: Ids, vectors: Vectors) -> list[bytes]:  # noqa: ARG002
        return [vector[:16].astype(np.float16).tobytes() for vector in vectors]

    def how(self, effort: tuple[int, int]) -> str:
        return f"PQ64x4fs, {effort[0]} of {self.lists} lists, {K * effort[1]:,} again in float16"


class FaissRabitq(FaissLists):
    """RaBitQ with six bits a dimension, the first of them compared by shuffles."""

    removes = True

    @property
    def efforts(self) -> Sequence[int]:
        return self.visited

    def made(self) -> Any:
        self.recipe = f"IVF{self.lists},RaBitQfs6"
        return super().made()

    def parameters(self, effort: int, selector: Any) -> Any:
        import faiss

        return faiss.IVFRaBitQSearchParameters(sel=selector, nprobe=effort)

    def traces(self, ids: Ids, vectors: Vectors) -> list[bytes]:  # noqa: ARG002
        return []

    def how(self, effort: int) -> str:
        return f"6 bits, {effort} of {self.lists} lists"


# ---------------------------------------------------------------- usearch


class Usearch(Contender):
    """A graph over float16 vectors."""

    package = module = "usearch"

    @property
    def efforts(self) -> Sequence[int]:
        return (64, 256, 1024, 2048, 4096)

    def start(self) -> None:
        from usearch.index import Index

        self.index = Index(ndim=templates.DIMENSION, metric="ip", dtype="f16", connectivity=16, expansion_add=40)

    def build(self, gallery: Vectors) -> None:
        for ids, vectors in pieces(gallery):
            self.index.add(ids, vectors)
        self.save()

    def open(self) -> None:
        self.index.load(str(self.folder / "index"))

    def search(self, probe: Vectors, effort: int, among: Range | None = None) -> Iterable[int]:
        if among is not None:
            raise NotOffered  # in Python
        self.index.expansion_search = effort
        found: list[int] = self.index.search(probe, K).keys.tolist()
        return found

    def add(self, ids: Ids, vectors: Vectors) -> None:
        self.index.add(ids, vectors)

    def remove(self, ids: Ids) -> None:
        self.index.remove(ids)

    def save(self) -> None:
        self.index.save(str(self.folder / "index"))

    def traces(self, ids: Ids, vectors: Vectors) -> list[bytes]:  # noqa: ARG002
        return [vector[:16].astype(np.float16).tobytes() for vector in vectors]

    def how(self, effort: int) -> str:
        return f"float16, 16 links, expansion 40/{effort}"
