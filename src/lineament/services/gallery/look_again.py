"""Looks again at pictures that another model looked at: faces it missed are added, the others get new templates.

What the new model finds is prepared beside the gallery in use, which answers as before; a source takes it over in one
transaction when every picture of it was looked at (docs/adr/0018-two-models-side-by-side.md). A face keeps its id, so
candidate lists of earlier searches stay as they are. Captures remember who looked at them, so a job that was stopped or
killed at any moment goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from lineament.errors import MACHINE_FAULTS, Interrupted, KeyRotated, LineamentError, NotFound
from lineament.model.accounts import Permission
from lineament.model.events.sources import LookedAgain, ModelAdopted
from lineament.model.faces import Capture, CaptureId, EnrolledFace, Face, FaceId, QualityReason, common_quarters
from lineament.model.jobs import JobProgress
from lineament.model.sources import Source, SourceState
from lineament.services.gallery.items import day_of
from lineament.services.gallery.model_in_use import change_model, is_next
from lineament.services.gallery.prepare import why_none
from lineament.services.gallery.shred import Shredder
from lineament.services.gallery.suppression import Suppression
from lineament.services.gallery.upright import delete_unused, is_turned, show_upright
from lineament.services.keyholder import require_current_source, source_key
from lineament.services.needs import needs
from lineament.services.record import Change, Record
from lineament.services.threshold.making import make_change_of_model, may_change_model
from lineament.services.watches.asking import GATHERED, ask_to_compare
from lineament.store.faces import NewFace
from lineament.vision.analyse import face_crop, thumbnail

if TYPE_CHECKING:
    from lineament.services.gallery.indexes import Gallery
    from lineament.store.blobs import Blobs
    from lineament.store.keys import DataKey
    from lineament.store.ring import KeyRing
    from lineament.vision.analyse import Analyser, Analysis
    from lineament.vision.decode import DecodedPicture

BATCH = 32
"""Captures in a transaction; each transaction has one ledger entry."""
SAME = 0.5
"""Intersection over union from which two boxes are of one face."""
UNREADABLE = "the kept picture could not be read again"


class _NotYetError(Exception):
    """Pictures are left to look at, so nothing is taken over, and the transaction is undone."""


@dataclass(slots=True)
class LookAgainReport:
    """What was looked at again so far."""

    model: str
    total: int = 0  # captures to look at
    looked: int = 0
    described: int = 0  # faces that were known
    found: int = 0  # faces that were missed before
    lost: int = 0  # faces that the model could not describe; they can no longer be compared
    adopted: list[str] = field(default_factory=list)  # sources that use the model now
    waits: bool = False  # all is looked at, and a second person has to approve that the workspace uses the model
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """A capture, as the model sees it."""

    capture: Capture
    known: tuple[tuple[FaceId, Face], ...]  # faces that the gallery has
    new: tuple[tuple[Face, bytes], ...] = ()  # the others, with their crops
    crops: tuple[tuple[FaceId, bytes], ...] = ()  # of known faces that were shown in another turn
    thumbnail: bytes | None = None  # if the picture was shown in another turn
    why: str | None = None  # why there is no face; None if there is one


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """The pack that the workspace is to use, and the model that it uses until then."""

    pack: str
    against: str


class LookAgain:
    """Looks again at the pictures of sources with the analyser in use, or with one that is to be."""

    def __init__(  # noqa: PLR0913 - what it works with, each opened when it is needed
        self,
        record: Record,
        keys: KeyRing,
        blobs: Blobs,
        analyser: Callable[[], Analyser],
        gallery: Callable[[], Gallery],
        *,
        switch: Switch | None = None,
    ) -> None:
        """Prepare. ``switch``: the pack of the analyser, if the workspace does not use it yet."""
        self._record, self._keys, self._blobs = record, keys, blobs
        self._analyser, self._gallery = analyser, gallery
        self._switch_to = switch
        self._suppression = Suppression(keys)
        self._shredder = Shredder(record, blobs)

    @needs(Permission.MANAGE_SOURCES)
    def run(
        self,
        names: Sequence[str] | None,
        *,
        workers: int,
        adopt: bool = True,
        on_progress: Callable[[LookAgainReport], None] = lambda _: None,
    ) -> LookAgainReport:
        """Look at every picture of these sources (None: of all) that the analyser's model has not looked at.

        Each source takes the result over once nothing of it is left to look at, unless ``adopt`` is False; if the
        workspace uses another pack, all sources take it over at once, and running programs have to be restarted.
        Raises Interrupted by Ctrl-C; what is done stays.
        """
        analyser = self._analyser()
        report = LookAgainReport(analyser.model)
        sources = self._sources(names)
        with self._record.read() as tx:
            report.total = sum(tx.prepared.count_to_look_at(source.id, analyser.model) for source in sources)
        began = time.monotonic()
        try:
            with ThreadPoolExecutor(workers, thread_name_prefix="look again") as pool:
                for source in sources:
                    for _ in self._look_at(source, analyser, pool, report, adopt=adopt and self._switch_to is None):
                        report.seconds = time.monotonic() - began
                        on_progress(report)
            if adopt and self._switch_to is not None:
                self._switch(self._switch_to, analyser.model, report)
        except KeyboardInterrupt:
            kept = f"{report.looked:,} pictures are looked at and kept; the same command resumes from there"
            raise Interrupted(kept=kept) from None
        finally:
            self._gallery().sync()
            self._shredder.finish()
        return report

    @needs(Permission.MANAGE_SOURCES)
    def job(self, arguments: Mapping[str, Any], report: Callable[[JobProgress], None], workers: int) -> dict[str, Any]:
        """Look again with the arguments of a job."""
        return result(
            self.run(arguments.get("sources"), workers=workers, on_progress=lambda now: report(progress(now)))
        )

    @needs(Permission.READ_SOURCES)
    def others(self, name: str, model: str) -> list[tuple[str | None, int]]:
        """Return which other models than ``model`` looked last at pictures of a source, and at how many each.

        Pictures of which nothing is kept to look at are left out, and so are those whose faces this model described.
        """
        with self._record.read() as tx:
            return tx.prepared.looked_at_by_others(tx.sources.get(name).id, model)

    def _sources(self, names: Sequence[str] | None) -> list[Source]:
        """Return the sources of these names, or all that hold something."""
        with self._record.read() as tx:
            if names is not None:
                return [tx.sources.get(name) for name in names]
            return self._kept(tx.sources.all())

    def _kept(self, sources: Iterable[Source]) -> list[Source]:
        return [source for source in sources if source.state in {SourceState.LIVE, SourceState.SUSPENDED}]

    # ------------------------------------------------------------ one source

    def _look_at(
        self, source: Source, analyser: Analyser, pool: ThreadPoolExecutor, report: LookAgainReport, *, adopt: bool
    ) -> Iterator[None]:
        """Look at what is left, then let the source use it; pictures that came meanwhile are looked at as well."""
        after = 0
        while True:
            with self._record.read() as tx:
                if tx.sources.by_id(source.id).state is SourceState.WITHDRAWN:
                    return
                key = source_key(tx, self._keys, source)
                batch = tx.prepared.captures_to_look_at(source.id, analyser.model, after, BATCH)
                known = {capture.id: tx.faces.of_capture(capture.id) for capture in batch}
            if batch:
                look = partial(self._look, analyser, key)
                looked = list(pool.map(look, batch, [known[capture.id] for capture in batch]))
                try:
                    self._commit(source, analyser.model, looked, key, report)
                except KeyRotated:
                    continue  # they are looked at again, with the new key
                after = int(batch[-1].id)
                yield
            elif after:
                after = 0  # for those that were added, or changed, meanwhile
            else:
                break
        if adopt and self._adopt(source, analyser.model, report):
            yield

    def _switch(self, switch: Switch, model: str, report: LookAgainReport) -> None:
        """Switch all sources and the workspace to the model at once, if no picture is left to look at.

        Where the policy asks for a second person, somebody must have approved it as well.
        """
        with self._record.read() as tx:
            report.waits = not may_change_model(tx, self._record, model, switch.against)
        if report.waits:
            return
        try:
            with self._record.change() as change:
                sources = self._kept(change.tx.sources.all())
                if not is_next(change.tx, switch.pack) or any(
                    change.tx.prepared.count_to_look_at(source.id, model) for source in sources
                ):
                    raise _NotYetError
                lost = sum(self._take_over(change, source, model) for source in sources)
                make_change_of_model(change, self._record, switch.pack, model, switch.against)
                change_model(change, switch.pack, model, len(sources))
        except _NotYetError:
            return
        report.lost += lost
        report.adopted.extend(source.name for source in sources)
        for source in sources:
            self._gallery().destroy(source.id)  # of the model before; whoever opens the gallery next builds the other

    def _adopt(self, source: Source, model: str, report: LookAgainReport) -> bool:
        """Let a source use the model; return whether there was something to take over, and nothing left to look at."""
        with self._record.read() as tx:
            if not tx.prepared.waits(source.id, model):
                return False
        try:
            with self._record.change() as change:
                if not change.tx.prepared.waits(source.id, model):
                    raise _NotYetError
                lost = self._take_over(change, source, model)
        except _NotYetError:
            return False
        report.lost += lost
        report.adopted.append(source.name)
        self._gallery().forget(source)  # the index of the model before, too
        return True

    def _take_over(self, change: Change, source: Source, model: str) -> int:
        """Let the faces of a source be what the model describes; return how many it could not describe."""
        key = source_key(change.tx, self._keys, source)
        replaced, lost = change.tx.prepared.adopt(source.id, model, key)
        change.record(ModelAdopted(source=source.name, model=model, faces=replaced, lost=lost))
        return lost

    def _commit(self, source: Source, model: str, looked: list[_Looked], key: DataKey, report: LookAgainReport) -> None:
        """Store what was seen in a batch, except of what was erased meanwhile."""
        crops = [[self._blobs.put(key, crop) for _, crop in seen.new] for seen in looked]
        upright = [self._store_upright(seen, key) for seen in looked]
        self._blobs.flush()
        with self._record.change() as change:
            require_current_source(change.tx, self._keys, source, key)
            done: dict[CaptureId, str | None] = {}
            found = described = 0
            for seen, addresses, shown in zip(looked, crops, upright, strict=True):
                capture = _still_there(change, seen.capture)
                if capture is None:
                    delete_unused(change, [*addresses, *shown.values()])
                    continue
                left = {face.id for face in change.tx.faces.of_capture(capture.id)}
                known = [(face_id, face) for face_id, face in seen.known if face_id in left]
                change.tx.prepared.put(source.id, known, key)
                new = [NewFace(face=face, crop=crop) for (face, _), crop in zip(seen.new, addresses, strict=True)]
                ids = change.tx.faces.add(capture.id, source.id, new, key, day_of(capture))
                show_upright(change, capture, known, shown)
                if ids and not left:
                    change.tx.places.group(source.id, {capture.id: capture.phash})
                done[capture.id] = None if ids or left else seen.why
                found, described = found + len(ids), described + len(known)
            change.tx.prepared.looked_at(model, done)
            if found:
                ask_to_compare(change.tx, self._record.official, change.at, GATHERED)
            ends = (min(done, default=0), max(done, default=0))
            change.record(
                LookedAgain(
                    source=source.name,
                    model=model,
                    captures=tuple(map(int, ends)) if done else (),
                    looked=len(done),
                    described=described,
                    found=found,
                )
            )
        report.looked += len(looked)
        report.described += described
        report.found += found

    def _store_upright(self, seen: _Looked, key: DataKey) -> dict[FaceId | None, str]:
        """Store what is shown in another turn than before: crops by their faces, and the whole picture as None."""
        pictures: dict[FaceId | None, bytes] = dict(seen.crops)
        if seen.thumbnail is not None:
            pictures[None] = seen.thumbnail
        return {face_id: self._blobs.put(key, picture) for face_id, picture in pictures.items()}

    # ------------------------------------------------------------ one capture, in a thread

    def _look(self, analyser: Analyser, key: DataKey, capture: Capture, known: list[EnrolledFace]) -> _Looked:
        """Return a capture as the model sees it; without its original, only its faces, each from its crop."""
        seen = self._analysis(capture, analyser, key)
        if seen is None:
            faces = tuple((face.id, again) for face in known if (again := self._from_crop(face, analyser, key)))
            return _Looked(capture=capture, known=faces, why=UNREADABLE)
        matched, rest = match(known, seen.faces)
        described = [(face.id, matched.get(face.id) or _described(analyser, seen.picture, face)) for face in known]
        if capture.provenance.time_code is not None:  # of a video only the best frames of each person are kept
            rest = []
        if rest:
            with self._record.read() as tx:
                rest = self._suppression.still_wanted(tx, capture.sha256, rest, capture.part)
        turned = [again for face, (_, again) in zip(known, described, strict=True) if is_turned(face, again)]
        crop = {id(face): face_crop(seen.picture, face.box, face.quality.quarters) for face in [*rest, *turned]}
        quarters = common_quarters([*(face for _, face in described), *rest])
        shown = None if quarters == common_quarters(known) else thumbnail(seen.picture, quarters)
        return _Looked(
            capture=capture,
            known=tuple(described),
            new=tuple((face, crop[id(face)]) for face in rest),
            crops=tuple((face_id, crop[id(face)]) for face_id, face in described if id(face) in crop),
            thumbnail=shown if capture.thumbnail is not None else None,
            why=why_none(seen),
        )

    def _analysis(self, capture: Capture, analyser: Analyser, key: DataKey) -> Analysis | None:
        """Return what the model finds in the original; None if it is not kept, or cannot be read."""
        if capture.original is None:
            return None
        try:
            untrusted = self._blobs.get(key, capture.original)
            return analyser.analyse(untrusted, enrolling=True, part=capture.part)
        except MACHINE_FAULTS:
            raise
        except LineamentError:
            return None

    def _from_crop(self, face: EnrolledFace, analyser: Analyser, key: DataKey) -> Face | None:
        """Return a face as the model describes it in its crop; None if it finds none there."""
        try:
            seen = analyser.analyse(self._blobs.get(key, face.crop))
        except MACHINE_FAULTS:
            raise
        except LineamentError:
            return None
        if not seen.faces:
            return None
        return Face(box=face.box, landmarks=face.landmarks, quality=face.quality, template=seen.faces[0].template)


def match(known: Sequence[EnrolledFace], seen: Sequence[Face]) -> tuple[dict[FaceId, Face], list[Face]]:
    """Return the face seen at the place of each known one, and the faces seen at no such place.

    Pairs with the largest overlap go first; each face is in one pair at most.
    """
    pairs = sorted(
        (
            (face.box.overlap(other.box), at, number)
            for at, face in enumerate(known)
            for number, other in enumerate(seen)
        ),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    matched: dict[FaceId, Face] = {}
    taken: set[int] = set()
    for overlap, at, number in pairs:
        if overlap > SAME and known[at].id not in matched and number not in taken:
            matched[known[at].id] = seen[number]
            taken.add(number)
    return matched, [face for number, face in enumerate(seen) if number not in taken]


def _described(analyser: Analyser, picture: DecodedPicture, face: EnrolledFace) -> Face:
    """Return a face that the detector did not find again, at the landmarks that are known."""
    again = analyser.describe(picture, face.box, face.landmarks, face.quality.detector_score)
    if QualityReason.HINTED not in face.quality.reasons:
        return again
    return replace(again, quality=replace(again.quality, reasons=(*again.quality.reasons, QualityReason.HINTED)))


def _still_there(change: Change, capture: Capture) -> Capture | None:
    """Return a capture as it is now; None if it was erased, or lost its picture, since it was looked at."""
    try:
        now = change.tx.captures.get(capture.id)
    except NotFound:
        return None
    return now if now.original == capture.original and now.barred == capture.barred else None


def progress(report: LookAgainReport) -> JobProgress:
    """Return the progress for its job."""
    words = f"{report.found:,} faces that were missed before"
    return JobProgress(done=report.looked, total=max(report.total, report.looked), words=words)


def result(report: LookAgainReport) -> dict[str, Any]:
    """Return the result of its job: counts, and the sources that use the model now."""
    return {
        "model": report.model,
        "looked": report.looked,
        "described": report.described,
        "found": report.found,
        "lost": report.lost,
        "adopted": list(report.adopted),
        "waits": report.waits,
    }
