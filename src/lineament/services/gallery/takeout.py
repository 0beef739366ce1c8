"""Exports what crawls fetched as one plain WARC file, and records it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lineament.errors import AlreadyThere, NoSuchFile, Refused, StorageFull
from lineament.model.accounts import Permission
from lineament.model.events.sources import WarcTakenOut
from lineament.model.reasons import ReasonCode
from lineament.services.gallery.crawls import Crawls
from lineament.services.needs import needs
from lineament.services.people.policies import require_step_up
from lineament.services.record import Record
from lineament.sources.crawl.kept import KeptCrawl
from lineament.sources.crawl.state import CrawlState
from lineament.store.durable import new_file

OnProgress = Callable[[int, int], None]
"""Receives how many bytes are processed, and of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOut:
    """The result of an export."""

    exchanges: int  # responses with their requests, revisits and warcinfo records
    bytes: int  # size of the file
    sha256: str
    ledger_entry: int


class TakeOut:
    """Exports what the crawls of a source fetched, without what was erased."""

    def __init__(self, record: Record, crawls: Crawls) -> None:
        self._record, self._crawls = record, crawls

    @needs(Permission.MANAGE_SOURCES)
    def warc(self, name: str, path: Path, on_progress: OnProgress = lambda _done, _total: None) -> TakenOut:
        """Write a WARC 1.1 file (ISO 28500) atomically, one gzip member for each record; it is recorded first.

        Raises:
            AlreadyThere: ``path`` exists; it is left unchanged.
            Refused: Nothing was crawled for the source, or it is withdrawn.
            StepUpNeeded: The second factor is not recent enough (R49).
            Damaged, StorageFull, NoSuchFile: Reading or writing failed.
        """
        with self._record.read() as tx:
            require_step_up(tx, self._record.official, self._record.clock())
            source = tx.sources.get(name)
            files = [file for kept in self._crawls.all(tx, source) for file in _files(kept)]
        if not files:
            raise Refused(ReasonCode.NOTHING_CRAWLED.reason(name=name))
        try:
            with new_file(path) as out:
                taken = self._write_files(name, files, out.write, on_progress)
        except FileExistsError:
            raise AlreadyThere(what="file", name=path) from None
        except FileNotFoundError:
            raise NoSuchFile(path=path.parent) from None
        except OSError as error:
            raise StorageFull(path=path.parent) from error
        return taken

    def _write_files(
        self,
        name: str,
        files: list[tuple[KeptCrawl, Path, int]],
        write: Callable[[bytes], object],
        on_progress: OnProgress,
    ) -> TakenOut:
        digest, size, exchanges, before = hashlib.sha256(), 0, 0, 0
        total = sum(end for _, _, end in files)
        for kept, archive, end in files:
            for read, packed in kept.members(archive, end):
                write(packed)
                digest.update(packed)
                size += len(packed)
                exchanges += 1
                on_progress(before + read, total)
            before += end
        with self._record.change() as change:
            sha256 = digest.hexdigest()
            entry = change.record(WarcTakenOut(source=name, exchanges=exchanges, bytes=size, sha256=sha256))
        return TakenOut(exchanges=exchanges, bytes=size, sha256=sha256, ledger_entry=entry)


def _files(kept: KeptCrawl) -> Iterator[tuple[KeptCrawl, Path, int]]:
    """Yield the files of a crawl, and how many bytes of each are valid."""
    state = CrawlState(kept, write=False)
    try:
        name, size = state.written()
    finally:
        state.close()
    for archive in kept.archives():
        yield kept, archive, size if archive.name == name else archive.stat().st_size
