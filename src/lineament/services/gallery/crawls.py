"""The files that crawls keep on disk. Each record has its own key and is destroyed with the picture it documents."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lineament.errors import Damaged, NotFound
from lineament.model.faces import SourceId
from lineament.model.sources import Source, SourceState
from lineament.services.keyholder import source_key
from lineament.store.db import Store, Tx
from lineament.store.keys import DataKey
from lineament.store.ring import KeyRing

if TYPE_CHECKING:
    from lineament.sources.crawl.kept import KeptCrawl
    from lineament.sources.crawl.rows import CrawlProgress
    from lineament.sources.crawl.state import CrawlState

_AT_ONCE = 1000


class Crawls:
    """The folders of the crawls of all sources."""

    def __init__(self, store: Store, keys: KeyRing, home: Path) -> None:
        """``home`` holds one folder for each source, with one folder for each of its crawls."""
        self._store, self._keys, self._home = store, keys, home

    def folder(self, source_id: SourceId) -> Path:
        """Return the folder of a source's crawls; it is deleted with the source."""
        return self._home / str(source_id)

    def crawl(self, source: Source, name: str) -> KeptCrawl:
        """Return where a crawl of a source is or will be kept. Raises Refused if the source's key was destroyed."""
        with self._store.read() as tx:  # upkeep: files on disk follow the store
            return self._stored_crawl(source, source_key(tx, self._keys, source), name)

    def progress(self, source: Source, name: str) -> CrawlProgress | None:
        """Return the progress of a crawl, which may be running; None if there is none of that name."""
        from lineament.sources.crawl.state import NAME, CrawlState

        kept = self.crawl(source, name)
        if not (kept.folder / NAME).is_file():
            return None
        try:
            state = CrawlState(kept, write=False)
        except sqlite3.Error:  # it is being created
            return None
        try:
            return state.progress()
        except sqlite3.Error:
            return None
        finally:
            state.close()

    def all(self, tx: Tx, source: Source) -> list[KeptCrawl]:
        """Return every crawl of a source, sorted by name. Raises Refused if its key was destroyed."""
        from lineament.sources.crawl.state import NAME

        folder = self.folder(source.id)
        names = sorted(path.name for path in folder.iterdir() if (path / NAME).is_file()) if folder.is_dir() else []
        if not names:
            return []
        key = source_key(tx, self._keys, source)
        return [self._stored_crawl(source, key, name) for name in names]

    def reseal(self, source: Source) -> Iterator[tuple[int, int]]:
        """Seal the records of a source's crawls again under its newest key, file by file.

        Yields of each file how many, and how many opened under no key. Raises WorkspaceBusy if a crawl is under way,
        or Damaged.
        """
        with self._store.read() as tx:  # upkeep: files on disk follow the store
            every = self.all(tx, source)
        for kept in every:
            with _writing(kept) as state, kept.locked():
                for archive in kept.archives():
                    with state.transaction():  # an erasure destroys records inside one
                        counts = kept.reseal(archive)
                    yield counts
                state.keep_finding_key()
                state.destroy_reserved()  # in case one was destroyed while its file was copied

    def finish(self) -> int:
        """Destroy the records that committed erasures left, and return how many. Raises Damaged.

        This also completes the work of a process that was killed, and deletes the folders of withdrawn sources.
        """
        done = 0
        self._finish_withdrawn()
        while True:
            with self._store.read() as tx:  # upkeep: files on disk follow the store
                some = tx.deletions.crawl_records(_AT_ONCE)
                done += sum(self._forget(tx, *record) for record in some)
            if not some:
                return done
            with self._store.begin() as tx:
                tx.deletions.mark_destroyed(some)

    def destroy(self, source_id: SourceId) -> None:
        """Delete the crawls of a source that was withdrawn."""
        shutil.rmtree(self.folder(source_id), ignore_errors=True)

    def _forget(self, tx: Tx, source_id: SourceId, sha256: str) -> int:
        def shows_kept(digests: Sequence[str]) -> bool:
            return tx.captures.keep_pages(source_id, digests)

        done = 0
        for kept in self.all(tx, tx.sources.by_id(source_id)):
            with _writing(kept) as state:
                done += state.forget(sha256, shows_kept)
        return done

    def _finish_withdrawn(self) -> None:
        names = [path.name for path in self._home.iterdir() if path.name.isdigit()] if self._home.is_dir() else []
        for source_id in map(SourceId, map(int, names)):
            with self._store.read() as tx:  # upkeep: files on disk follow the store
                try:
                    is_gone = tx.sources.by_id(source_id).state is SourceState.WITHDRAWN
                except NotFound:  # its source is unknown
                    continue
            if is_gone:
                self.destroy(source_id)

    def _stored_crawl(self, source: Source, key: DataKey, name: str) -> KeptCrawl:
        from lineament.sources.crawl.kept import KeptCrawl

        before = b"" if key.older is None else key.older.derive(f"crawl {name}")
        return KeptCrawl(self.folder(source.id) / name, key.derive(f"crawl {name}") + before)


@contextmanager
def _writing(kept: KeptCrawl) -> Iterator[CrawlState]:
    """Open the database of a crawl. Raises Damaged if that, or what is done with it, fails."""
    from lineament.sources.crawl.state import CrawlState

    try:
        with closing(CrawlState(kept, write=True)) as state:
            yield state
    except (sqlite3.Error, OSError) as error:
        remedy = "restore it from a backup or delete it: something in it is to be erased"
        raise Damaged(what=f"The folder {kept.folder}", why=str(error), remedy=remedy) from error
