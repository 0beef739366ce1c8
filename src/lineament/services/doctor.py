"""The doctor checks the machine, and that everything that the store refers to exists and can be opened."""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from lineament.errors import Damaged, LineamentError, PicturesUnavailable
from lineament.model.accounts import Permission
from lineament.model.actions import Action
from lineament.model.sources import Source, SourceState
from lineament.sandbox.confine import GUARDS, LANDLOCK
from lineament.services.audit import Audit
from lineament.services.gallery.drops import DropFolders
from lineament.services.gallery.indexes import Gallery
from lineament.services.gallery.shred import AT_ONCE, Shredder
from lineament.services.keyholder import source_key
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.services.rotation.workspace import STATE as ROTATION
from lineament.services.witnessing.policy import Witnesses
from lineament.store.blobs import Blobs
from lineament.store.db import Store, Tx
from lineament.store.raw import batched
from lineament.store.ring import KeyRing
from lineament.vision.analyse import Analyser

SHOWN = 20
"""Most damaged faces that are named."""
PROGRESS_EVERY = 1000
"""Pictures opened between two reports of progress."""
ABANDONED = 3600.0
"""Seconds after which a picture to which nothing refers belongs to no process that is about to commit."""
CLOCKS_APART = 5.0
"""Seconds between this machine's clock and that of the database from which on the doctor warns."""
LEDGER_PAGE = 1000
"""Entries of the ledger read at once."""
LITTLE_ROOM = 2**30
"""Bytes of free disk below which the doctor warns."""


class Verdict(StrEnum):
    """The result of a check."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """One check and its result."""

    name: str
    verdict: Verdict
    detail: str


class CheckedWorkspace(Protocol):
    """The parts of a workspace that the doctor checks."""

    home: Path
    store: Store
    keys: KeyRing

    @property
    def blobs(self) -> Blobs: ...  # noqa: D102

    @property
    def drops(self) -> DropFolders: ...  # noqa: D102

    @property
    def analyser(self) -> Analyser: ...  # noqa: D102

    @property
    def next_model(self) -> str: ...  # noqa: D102

    @property
    def gallery(self) -> Gallery: ...  # noqa: D102


class Doctor:
    """Checks the machine and the workspace; only ``mend`` changes anything."""

    def __init__(self, record: Record, workspace: CheckedWorkspace, audit: Audit) -> None:
        self._record = record
        self._workspace = workspace
        self._audit = audit
        self._on_progress: Callable[[str], None] = lambda _: None

    @needs(Permission.MACHINE)
    def run(self, *, pictures: bool = False, on_progress: Callable[[str], None] = lambda _: None) -> Iterator[Check]:
        """Yield the results of all checks; with ``pictures`` every picture of the gallery is opened too.

        ``on_progress`` is told in words how far a long check is.
        """
        self._on_progress = on_progress
        upkeep = (
            *(self._machine, self._guards, self._nets, self._disk, self._database, self._storage),
            *(
                self._indexes,
                self._enrolments,
                self._templates,
                self._looks,
                self._rotations,
                self._provenance,
                self._drops,
                self._ledger,
                self._time,
                self._witnesses,
            ),
        )
        for check in (*upkeep, self._pictures) if pictures else upkeep:
            yield _safely(check)

    @needs(Permission.MACHINE)
    def mend(self) -> Check:
        """Delete pictures and folders of drops to which nothing refers: processes left them that were killed.

        Younger ones than ABANDONED may belong to a process that runs, and stay.
        """
        blobs = self._workspace.blobs
        for old in batched(blobs.put_before(time.time() - ABANDONED), AT_ONCE):
            with self._record.begin() as tx:
                tx.deletions.add(list(tx.deletions.unused(old)))
        many = Shredder(self._record, blobs).finish() + self._workspace.drops.finish()
        return Check("mended", Verdict.GOOD, f"{many:,} files that nothing refers to were deleted")

    def _machine(self) -> Check:
        cores = len(os.sched_getaffinity(0))
        return Check("machine", Verdict.GOOD, f"Python {platform.python_version()}, {cores} processors")

    def _guards(self) -> Check:
        confined = self._workspace.analyser.confinement
        detail = f"whatever reads files from outside is confined: {', '.join(confined)}"
        if GUARDS[LANDLOCK] in confined:
            return Check("guards", Verdict.GOOD, detail)
        advice = "the kernel has no Landlock, so a crawl that was taken over could read files of this user"
        return Check("guards", Verdict.WARNING, f"{detail}; {advice}: use Linux 5.13 or later, with it switched on")

    def _nets(self) -> Check:
        analyser = self._workspace.analyser
        return Check("vision", Verdict.GOOD, f"{analyser.model} in {analyser.precision}")

    def _disk(self) -> Check:
        free = shutil.disk_usage(self._workspace.home).free
        verdict = Verdict.GOOD if free > LITTLE_ROOM else Verdict.WARNING
        advice = "" if verdict is Verdict.GOOD else "; free some space, or ingests and searches will stop"
        return Check("disk", verdict, f"{free / 2**30:.1f} GiB free at {self._workspace.home}{advice}")

    def _time(self) -> Check:
        at = self._record.clock()
        with self._record.read() as tx:
            accepted = tx.ledger.accepted_clocks()
            of_database = tx.meta.database_time() or at
        shown = f"{at.isoformat(timespec='seconds')}, not behind the newest entry of the ledger"
        if accepted:
            entries = ", ".join(map(str, accepted[-3:]))
            return Check("clock", Verdict.WARNING, f"{shown}; it was set back and accepted: ledger entry {entries}")
        if (apart := abs(at - of_database).total_seconds()) > CLOCKS_APART:
            advice = "synchronise both (NTP): by their clocks machines tell whether the worker of a job still lives"
            return Check("clock", Verdict.WARNING, f"{shown}; {apart:.0f} s from the database's: {advice}")
        return Check("clock", Verdict.GOOD, shown)

    def _database(self) -> Check:
        return Check("database", Verdict.GOOD, self._workspace.store.examine())

    def _storage(self) -> Check:
        return Check("storage", Verdict.GOOD, self._workspace.blobs.examine())

    def _indexes(self) -> Check:
        """Compare every source with what it vouches for of its faces."""
        sources = self._kept_sources()
        found = {source.name: self._workspace.gallery.check(source) for source in sources}
        altered = [name for name, check in found.items() if check.altered]
        lost = {name: check.uncompared for name, check in found.items() if check.uncompared}
        detail = f"{sum(check.faces for check in found.values()):,} faces of {len(sources)} sources can be compared"
        if lost:
            each = ", ".join(f"{many:,} of {name}" for name, many in lost.items())
            detail += f"; {each} cannot, because their templates are damaged or missing"
        if altered:
            named = ", ".join(altered)
            detail += (
                f"; the faces stored of {named} are not those that were enrolled; restore a backup of the database"
            )
        return Check("indexes", Verdict.BAD if lost or altered else Verdict.GOOD, detail)

    def _enrolments(self) -> Check:
        """Compare what sources vouch for with what the ledger says was enrolled, in case somebody put them back."""
        with self._record.read() as tx:
            recorded = _newest_enrolled(tx)
            behind = []
            for source in self._kept_sources():
                newest = 0
                with suppress(Damaged):  # its index is named already
                    newest = tx.tallies.read(source.id, source_key(tx, self._workspace.keys, source)).newest
                if newest < recorded.get(source.name, 0):
                    behind.append(source.name)
        if behind:
            detail = f"the faces of {', '.join(behind)} are those of an earlier moment than the ledger records"
            return Check("enrolments", Verdict.BAD, f"{detail}; restore a backup of the database")
        return Check("enrolments", Verdict.GOOD, "no source is behind what the ledger says was enrolled")

    def _templates(self) -> Check:
        """Open every template, also those of faces that no search compares any more."""
        seen, bad = 0, []
        for source in self._kept_sources():
            with self._record.read() as tx:
                key = source_key(tx, self._workspace.keys, source)
                for ids, damaged in tx.faces.check_templates(source.id, key):
                    seen += len(ids)
                    bad += damaged
                    self._on_progress(f"Opening templates: {seen:,}")
        detail = f"{seen:,} templates opened, {len(bad)} damaged"
        if bad:
            named = ", ".join(map(str, bad[:SHOWN]))
            detail += f"; damaged: those of the faces {named}{'…' if len(bad) > SHOWN else ''}; erase these faces and"
            detail += " ingest their pictures again, or restore a backup of the database"
        return Check("templates", Verdict.BAD if bad else Verdict.GOOD, detail)

    def _looks(self) -> Check:
        model = self._workspace.next_model
        counts: Counter[str] = Counter()
        for source in self._kept_sources():
            with self._record.read() as tx:
                for other, many in tx.prepared.looked_at_by_others(source.id, model):
                    counts[other or "a version before 0.3"] += many
        if not counts:
            return Check("looked at", Verdict.GOOD, f"every picture that is kept was last looked at by {model}")
        others = ", ".join(
            f"{many:,} pictures were last looked at by {other}" for other, many in sorted(counts.items())
        )
        return Check("looked at", Verdict.WARNING, f"{others}; look again with: lineament source look-again --all")

    def _rotations(self) -> Check:
        with self._record.read() as tx:
            again = [f"lineament keys rotate-source {name}" for name in tx.sources.being_rotated()]
            if tx.meta.get(ROTATION) is not None:
                again.append("lineament keys rotate")
        if again:
            detail = "being rotated, and what they replace still opens; if no rotation is running, run again"
            return Check("keys", Verdict.WARNING, f"{detail}: {'; '.join(again)}")
        return Check("keys", Verdict.GOOD, "none is being rotated")

    def _provenance(self) -> Check:
        with self._record.read() as tx:
            lost = tx.captures.faces_without()
        verdict = Verdict.BAD if lost else Verdict.GOOD
        return Check("provenance", verdict, f"{lost:,} faces without a source, address or digest")

    def _drops(self) -> Check:
        """Look for dropped files of which less is on the disk than was acknowledged, and for folders of no drop."""
        folders, lost, waiting = self._workspace.drops, 0, 0
        with self._record.read() as tx:
            under_way = tx.drops.under_way()
        for drop in under_way:
            with self._record.read() as tx:
                files = tx.drops.after(drop.id, drop.done, None)
            missing = folders.lost(drop, files)
            with self._record.read() as tx:
                now = tx.drops.get(drop.id)
            waiting += len(files)
            lost += sum(number > now.done for number in missing) if now.ended_at is None else 0
        orphans = len(folders.orphans())
        detail = f"{waiting:,} dropped files wait to be ingested, of {len(under_way)} drops"
        if lost:
            detail += f"; {lost:,} of them are not whole on the disk, and will be refused; drop them again afterwards"
        if orphans:
            detail += f"; {orphans} folders belong to no drop; delete them with: lineament doctor --mend"
        return Check("drops", Verdict.BAD if lost else Verdict.WARNING if orphans else Verdict.GOOD, detail)

    def _ledger(self) -> Check:
        found = self._audit.verify()
        return Check("ledger", Verdict.GOOD, f"{found.entries:,} entries, all verified")

    def _witnesses(self) -> Check:
        standing = Witnesses(self._record).standing()
        if not standing.policy.asks:
            alone = self._record.official.solo
            advice = "nobody outside witnesses the record; whoever has this machine can rewrite it unnoticed"
            return Check("witnesses", Verdict.GOOD if alone else Verdict.WARNING, f"{advice}: docs/guide/witness.md")
        if standing.against is not None:
            return Check("witnesses", Verdict.BAD, str(standing.against))
        return Check("witnesses", Verdict.GOOD, "; ".join(map(str, standing.seen)))

    def _pictures(self) -> Check:
        workspace = self._workspace
        seen, bad = 0, []
        for source in self._kept_sources():
            with self._record.read() as tx:
                key = source_key(tx, workspace.keys, source)
                addresses = tx.captures.addresses(source.id)
            for address in addresses:
                seen += 1
                if not seen % PROGRESS_EVERY:
                    self._on_progress(f"Opening pictures: {seen:,}")
                try:
                    workspace.blobs.get(key, address)
                except PicturesUnavailable:
                    raise
                except LineamentError:
                    bad.append(address)
        with self._record.read() as tx:
            of_cases = {*tx.probes.addresses(), *tx.papers.addresses()}
        orphans = 0
        for stored in batched(workspace.blobs.addresses(), AT_ONCE):
            of_cases.difference_update(stored)
            with self._record.read() as tx:
                orphans += sum(1 for _ in tx.deletions.unused(stored))
        missing = sorted(of_cases)
        detail = f"{seen:,} pictures of the gallery opened, {len(bad)} damaged, {orphans} orphaned"
        if orphans:
            detail += "; delete what a killed process left an hour ago or earlier with: lineament doctor --mend"
        if bad:
            detail += f"; damaged: {', '.join(bad[:5])}; erase their captures and ingest them again"
        if missing:
            detail += f"; {len(missing):,} files of cases are missing: {', '.join(missing[:5])}; restore a backup"
        return Check("pictures", Verdict.BAD if bad or missing else Verdict.GOOD, detail)

    def _kept_sources(self) -> list[Source]:
        with self._record.read() as tx:
            return [source for source in tx.sources.all() if source.state is not SourceState.WITHDRAWN]


def _newest_enrolled(tx: Tx) -> dict[str, int]:
    """Return the highest id of a face that the ledger says was enrolled from each source."""
    newest: dict[str, int] = {}
    for start in range(0, tx.ledger.size(), LEDGER_PAGE):
        for entry in tx.ledger.entries(start, min(start + LEDGER_PAGE, tx.ledger.size())):
            if entry.details is None or entry.action not in {Action.BATCH_INGESTED, Action.FACE_DRAWN}:
                continue
            details = json.loads(entry.details)
            ids = [*details.get("faces", ()), details.get("face", 0)]
            newest[details["source"]] = max(newest.get(details["source"], 0), *ids)
    return newest


def _safely(check: Callable[[], Check]) -> Check:
    try:
        return check()
    except LineamentError as error:
        return Check(check.__name__.strip("_"), Verdict.BAD, str(error))
