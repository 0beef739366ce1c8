"""Collects for a source: chooses connectors for the given names, and ingests what they yield."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from lineament.errors import Interrupted, NotFound, NothingTaken
from lineament.model.accounts import Permission
from lineament.model.jobs import JobProgress
from lineament.sandbox.files import printable
from lineament.services.gallery.items import IngestOutcome, IngestReport
from lineament.services.needs import needs
from lineament.sources.choose import ChosenConnector, choose
from lineament.sources.registry import Terms

if TYPE_CHECKING:
    from lineament.model.sources import Source
    from lineament.services.gallery.crawls import Crawls
    from lineament.services.gallery.dropped import DroppedFiles
    from lineament.services.gallery.drops import DropFolders
    from lineament.services.gallery.erase import Erase
    from lineament.services.gallery.ingest import Ingest
    from lineament.services.record import Record
    from lineament.store.ring import KeyRing

OnReport = Callable[[IngestReport], None]
"""Receives the report of the whole collection after every committed batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectLimits:
    """Limits of this machine."""

    max_bytes: int  # bytes of one picture
    workers: int  # pictures in progress at once, by default


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectedFiles:
    """What the collections of sources keep on disk, and the keys that seal it."""

    keys: KeyRing
    crawls: Crawls
    drops: DropFolders


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A collection that is ready to run: its connectors are chosen, and nothing is read yet."""

    source: str
    names: tuple[str, ...]  # as given
    connectors: tuple[ChosenConnector, ...]
    workers: int
    reserved_later: dict[str, str] = field(default_factory=dict)  # reservation by address; filled while it runs
    drops: dict[str, DroppedFiles] = field(default_factory=dict)  # by id: those that its connectors read


class Collect:
    """Collects into a source."""

    def __init__(
        self,
        record: Record,
        files: CollectedFiles,
        ingest: Callable[[], Ingest],
        erase: Callable[[], Erase],
        limits: CollectLimits,
    ) -> None:
        """``ingest`` is called only when there is something to analyse, because it loads the nets."""
        self._record, self._files = record, files
        self._ingest, self._erase = ingest, erase
        self._limits = limits

    @needs(Permission.MANAGE_SOURCES)
    def choose(
        self,
        source: str,
        names: Sequence[str],
        *,
        kind: str | None = None,
        workers: int | None = None,
        skip_hidden: bool = False,
    ) -> Collection:
        """Choose the connectors; ``skip_hidden`` leaves out hidden files, and counts them.

        Raises NotFound, NoSuchFile, InvalidValue or HostRefused for an unusable name.
        """
        with self._record.read() as tx:
            registered = tx.sources.get(source)
        later: dict[str, str] = {}
        drops: dict[str, DroppedFiles] = {}
        terms = Terms(
            max_bytes=self._limits.max_bytes,
            page_base=registered.terms.page_base,
            hosts=registered.terms.hosts,
            contact=registered.terms.contact,
            crawl=partial(self._files.crawls.crawl, registered),
            uploads=partial(self._drop, registered, drops),
            on_reserved=later.__setitem__,
            skip_hidden=skip_hidden,
        )
        return Collection(
            source=source,
            names=tuple(names),
            connectors=tuple(choose(names, terms, kind)),
            workers=workers or self._limits.workers,
            reserved_later=later,
            drops=drops,
        )

    def _drop(self, source: Source, opened: dict[str, DroppedFiles], drop_id: str) -> DroppedFiles:
        """Return a drop into a source, which both its connector and the reader of its pages use. Raises NotFound."""
        from lineament.services.gallery.dropped import DroppedFiles

        if drop_id not in opened:
            with self._record.read() as tx:
                drop = tx.drops.get(drop_id)
            if drop.source_id != source.id:
                raise NotFound(what="drop", name=drop_id, hint=f"lineament source show {source.name}")
            opened[drop_id] = DroppedFiles(self._record, self._files, drop, source)
        return opened[drop_id]

    @needs(Permission.MANAGE_SOURCES)
    def run(self, collection: Collection, on_report: OnReport = lambda _: None) -> IngestReport:
        """Ingest what is new, then erase what publishers have reserved since it was ingested.

        What was committed stays in any case, and the next run of the same collection resumes there.

        Raises:
            Refused: The source is not live.
            Interrupted: By Ctrl-C, or because a stop of the job was requested.
        """
        from lineament.services.gallery.items import Task

        def tell(report: IngestReport) -> None:
            for drop in collection.drops.values():
                drop.forget_ingested()
            on_report(report)

        whole = IngestReport(collection.source)
        for chosen in collection.connectors:
            task = Task(
                connector=chosen.connector,
                kind=chosen.kind,
                what=chosen.locations,
                page=chosen.page,
            )
            report = self._ingest().run(
                collection.source,
                task,
                workers=collection.workers,
                on_progress=lambda now, before=whole: tell(merge(before, now)),  # type: ignore[misc]
            )
            whole = merge(whole, report)
        self._erase().erase_reserved(collection.source, collection.reserved_later)
        if not all(drop.end() for drop in collection.drops.values()):
            raise Interrupted(kept="more was added to the drop meanwhile; it is ingested next")
        return whole

    @needs(Permission.MANAGE_SOURCES)
    def job(self, arguments: Mapping[str, Any], report: Callable[[JobProgress], None]) -> Mapping[str, Any]:
        """Collect with the arguments of a job. Raises NothingTaken if there was nothing usable."""
        kind, workers = arguments.get("kind"), arguments.get("workers")
        skip_hidden = bool(arguments.get("skip_hidden"))
        collection = self.choose(
            arguments["source"], arguments["what"], kind=kind, workers=workers, skip_hidden=skip_hidden
        )
        done = self.run(collection, lambda now: report(progress(now)))
        require_usable(done, collection.names)
        return result(done, collection)


def merge(first: IngestReport, second: IngestReport) -> IngestReport:
    """Merge two reports of one source."""
    return IngestReport(
        first.source,
        total=second.total if not first.seen or second.total is None else first.seen + second.total,
        outcomes=first.outcomes + second.outcomes,
        faces=first.faces + second.faces,
        batches=first.batches + second.batches,
        seconds=first.seconds + second.seconds,
        refusals=first.refusals + second.refusals,
        resumed=first.resumed or second.resumed,
        run=second.run if second.refusals or not first.refusals else first.run,
    )


def require_usable(report: IngestReport, names: Sequence[str]) -> None:
    """Raise NothingTaken if there was nothing usable."""
    if not report.seen and not report.resumed:
        named = printable(", ".join(names)[:200])
        raise NothingTaken(why=f"there is no picture in {named}; see what can be given with: lineament ingest --help")
    if report.seen and report.outcomes[IngestOutcome.REFUSED] == report.seen:
        run = "" if report.run is None else f" {report.run}"
        raise NothingTaken(why=f"everything was refused; why is kept, see: lineament source runs {report.source}{run}")


def progress(report: IngestReport) -> JobProgress:
    """Return the progress of an ingest for its job."""
    total = None if report.total is None else max(report.total, report.seen)
    return JobProgress(done=report.seen, total=total, words=f"{report.faces:,} new faces so far")


def result(report: IngestReport, collection: Collection) -> Mapping[str, Any]:
    """Return the job's result of an ingest: only counts; names and reasons are in the run."""
    counts = {seen.name.lower(): report.outcomes[seen] for seen in IngestOutcome}
    return {"seen": report.seen, **counts, "faces": report.faces, "reserved_later": len(collection.reserved_later)}
