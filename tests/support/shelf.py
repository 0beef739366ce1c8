"""A store with one source, and galleries over it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.support.store_rows import NOW, KeyedSource, Rows, at_home

from lineament.index.base import IndexFactory
from lineament.index.scan import ScanIndex
from lineament.model.faces import Face, FaceId
from lineament.services.gallery.indexes import Gallery
from lineament.store.db import Store
from lineament.store.faces import NewFace
from lineament.store.ring import KeyRing

OLD, NEW, UNUSED = "sface-yunet/0011aabb", "made-up/22cc33dd", "made-up/44ee55ff"
MODELS = {OLD: 128, NEW: 64}


class Shelf:
    """A workspace's store with one source, and galleries over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "index"
        self.keys = KeyRing.in_file(folder / "kek")
        self.rows = Rows(self.keys)
        self.store = at_home(Store.create(f"sqlite:///{folder}/lineament.db", self.keys.vault))
        with self.store.begin() as tx:
            self.made: KeyedSource = self.rows.source(tx)

    def gallery(self, models: dict[str, int] = MODELS, open_index: IndexFactory = ScanIndex.open) -> Gallery:
        return Gallery(self.store, self.keys, self.folder, models=models, open_index=open_index)

    def enrol(self, new: Iterable[Face]) -> list[FaceId]:
        """Add faces, each with a capture of its own."""
        with self.store.begin() as tx:
            batch = [
                (tx.captures.add(self.rows.capture(self.made.source)), 20_516, [NewFace(face=face, crop="ab" * 32)])
                for face in new
            ]
            return tx.faces.add_all(self.made.source.id, batch, self.made.key)

    def faces(self, model: str, count: int) -> list[Face]:
        return [self.rows.face(model, MODELS.get(model, 32)) for _ in range(count)]

    def erase(self, ids: Iterable[FaceId]) -> None:
        with self.store.begin() as tx:
            tx.faces.erase(self.made.source.id, ids, self.made.key)

    def found(self, gallery: Gallery, face: Face) -> tuple[set[int], int]:
        """Search with the template of ``face``; return the ids found, and how many faces were compared."""
        compared = gallery.search([self.made.source], face.template, 100, NOW.date())
        return {int(hit.face_id) for hit in compared.hits}, compared.faces
