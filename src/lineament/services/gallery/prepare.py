"""Prepares the pictures of an ingest for the commit, in threads: finds their faces and stores their pictures."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

from lineament.errors import MACHINE_FAULTS, FormatNotRead, LineamentError, NotAPicture, UnknownFormat
from lineament.model.credentials import Credentials, against
from lineament.model.faces import NewCapture, PhotoFacts, Provenance, common_quarters
from lineament.model.regions import RegionHints
from lineament.observe.stages import Stage, timed
from lineament.services.gallery.abuse import AbuseList
from lineament.services.gallery.footage import follow
from lineament.services.gallery.items import DerivedPictures, IngestItem, IngestOutcome, RunContext, refused_for
from lineament.services.gallery.known_hashes import KnownHashes
from lineament.services.gallery.parts import as_one_file, name_of_part, of_part
from lineament.services.gallery.suppression import Suppression
from lineament.services.record import Record
from lineament.sources.credentials import reader as credentials
from lineament.sources.html.embedded import embedded_number
from lineament.sources.media_types import NO_PICTURE, is_picture, not_a_picture
from lineament.sources.xmp.reader import read_hints, with_names
from lineament.store.blobs import Blobs
from lineament.store.facts import seal_facts
from lineament.store.ring import KeyRing
from lineament.vision.analyse import FACE_SCORE, Analyser, Analysis, RefusedPart, face_crop, thumbnail
from lineament.vision.veil import veil

NOTHING_FOUND = "no face was found"
FACES_ERASED = "its faces were erased before"


@dataclass(frozen=True, slots=True)
class _OpenedItem:
    """A file to analyse."""

    item: IngestItem
    claims: Credentials | None
    hints: RegionHints | None  # what its metadata, or its side-car, say of the faces in it
    barred: bool  # known-abuse material


class Preparation:
    """Analyses pictures and stores their blobs; nothing of them is in the database before the commit."""

    def __init__(
        self, record: Record, keys: KeyRing, blobs: Blobs, analyser: Analyser, known: KnownHashes | None = None
    ) -> None:
        """``known`` are the perceptual hashes that bar a picture; somebody else keeps them up to date."""
        self._record = record
        self._known = KnownHashes() if known is None else known
        self._blobs = blobs
        self._analyser = analyser
        self._suppression = Suppression(keys)
        self._abuse = AbuseList(keys)

    @timed(Stage.PREPARE)
    def prepare(self, context: RunContext, item: IngestItem) -> list[IngestItem]:
        """Analyse a file and store its pictures; those of a frame wait until it is known whether it is kept."""
        if item.outcome is not IngestOutcome.ENROLLED:
            return [item]
        claims = credentials.read_credentials(item.collected.untrusted)
        if claims is not None and (why := against(claims)) is not None:
            return [refused_for(item, why)]
        try:
            return self._pictures(context, self._opened(item, claims))
        except MACHINE_FAULTS:
            raise
        except UnknownFormat as error:
            untrusted = item.collected.untrusted
            reason = not_a_picture(untrusted)
            named = reason == NO_PICTURE and isinstance(error, FormatNotRead)
            return [refused_for(item, error if named or is_picture(untrusted) else NotAPicture(why=reason))]
        except LineamentError as error:
            return [refused_for(item, error)]

    def _opened(self, item: IngestItem, claims: Credentials | None) -> _OpenedItem:
        item, barred = replace(item, abuse=self._abuse.digests(item.collected.untrusted, item.sha256)), False
        if item.listed:
            with self._record.read() as tx:
                barred = bool(tx.abuse.any_of(item.abuse))
        collected = item.collected
        hints = collected.hints
        if hints is None and not item.is_frame:  # the frames of a video are pictures of our own making
            hints = read_hints(collected.untrusted)
        if hints is not None and hints.names:
            named = replace(collected.provenance, words=with_names(collected.provenance, hints))
            item = replace(item, collected=replace(collected, provenance=named))
        return _OpenedItem(item, claims, hints, barred)

    def _pictures(self, context: RunContext, file: _OpenedItem) -> list[IngestItem]:
        """Return the pictures of a file. Raises BadPicture if there is none that can be used."""
        item = file.item
        # Closed whatever happens: an error keeps it alive, and with it the decoder that others wait for.
        with closing(self._analyser.analyse_each(item.collected.untrusted, item.sha256, file.hints)) as every:
            first = next(every)
            if isinstance(first, Analysis) and first.picture.parts == 1:
                return [self._only_picture(context, file, first)]
            animated = isinstance(first, Analysis) and first.picture.seconds is not None
            analysed = itertools.chain([first], every)
            items = self._frames(context, file, analysed) if animated else self._pages(context, file, analysed)
        return as_one_file(items, item)

    def _only_picture(self, context: RunContext, file: _OpenedItem, seen: Analysis) -> IngestItem:
        analysed = self._analysed(context, file, seen, file.item.collected.provenance)
        if not file.item.is_frame:
            return self.store_pictures(context, analysed)
        return analysed if analysed.found else analysed.without(IngestOutcome.NO_FACE)

    def _pages(
        self, context: RunContext, file: _OpenedItem, every: Iterable[Analysis | RefusedPart]
    ) -> list[IngestItem]:
        """Return each page; the original is stored once."""
        return self._stored(context, file, map(partial(self._page, context, file), every))

    def _page(self, context: RunContext, file: _OpenedItem, seen: Analysis | RefusedPart) -> IngestItem:
        if isinstance(seen, RefusedPart):
            return _refused_part(file.item, seen)
        return self._analysed(context, file, seen, of_part(file.item.collected.provenance, seen.picture))

    def _stored(
        self, context: RunContext, file: _OpenedItem, every: Iterable[IngestItem], *, forbidden: bool = False
    ) -> list[IngestItem]:
        """Return the pictures of a file with their blobs; the original is stored once, unless it is ``forbidden``.

        After an erasure, or with hashes of known-abuse material, all are analysed first: if one shows an erased face
        or is near such material, the file is kept for none of them.
        """
        if file.item.erasures or self._known:
            every = list(every)
            if forbidden or any(map(_forbids_file, every)):
                every = [_without_original(item) for item in every]
        items, original = [], None
        for item in every:
            stored = self.store_pictures(context, item, original)
            original = original or (stored.capture.original if stored.capture else None)
            items.append(stored)
        return items

    def _frames(
        self, context: RunContext, file: _OpenedItem, every: Iterable[Analysis | RefusedPart]
    ) -> list[IngestItem]:
        """Return the best few frames of each person, as of a video; the first frame if nobody is seen."""
        refused: list[IngestItem] = []
        without_face: list[IngestItem] = []
        forbidden = False

        def analysed() -> Iterator[IngestItem]:
            nonlocal forbidden
            for seen in every:
                if isinstance(seen, RefusedPart):
                    refused.append(_refused_part(file.item, seen))
                    continue
                provenance = of_part(file.item.collected.provenance, seen.picture)
                frame = self._analysed(context, file, seen, provenance)
                forbidden = forbidden or _forbids_file(frame)
                without_face.extend([frame] if not (frame.found or without_face) else [])
                yield replace(frame, collected=replace(frame.collected, provenance=provenance))

        kept = [frame for frame in follow(analysed()) if frame.capture is not None]
        return self._stored(context, file, kept or without_face, forbidden=forbidden) + refused

    def _analysed(self, context: RunContext, file: _OpenedItem, seen: Analysis, provenance: Provenance) -> IngestItem:
        """Return a picture of the file with its faces and derived pictures."""
        item, picture = file.item, seen.picture
        faces = list(seen.faces)
        if item.erasures:
            with self._record.read() as tx:
                faces = self._suppression.still_wanted(tx, item.sha256, seen.faces, picture.part)
        barred = file.barred or self._known.knows(seen.phash, picture.pixels)
        capture = NewCapture(
            source_id=context.source.id,
            provenance=provenance,
            sha256=item.sha256,
            phash=seen.phash,
            media_type=picture.media_type,
            size=len(item.collected.untrusted),
            width=picture.width,
            height=picture.height,
            enrolled_at=self._record.clock(),
            original=None,
            thumbnail=None,
            barred=barred,
            part=picture.part,
            incomplete=picture.incomplete,
            missing=picture.missing,
            looked_at_by=self._analyser.model,
        )
        facts = PhotoFacts(taken_at=picture.taken_at, place=picture.place, credentials=file.claims)
        capture = replace(capture, facts=seal_facts(facts, capture, context.key))
        if not faces:
            return self._without_face(item, capture, seen)
        most = context.task.most_faces or len(faces)
        shows_erased, faces, left_out = len(faces) < len(seen.faces), faces[:most], faces[most:]
        crops = tuple(face_crop(picture, face.box, face.quality.quarters) for face in faces)
        if barred:
            derived = DerivedPictures(None, tuple(map(veil, crops)))
        elif shows_erased:  # whoever was erased is still in the picture (docs/adr/0010)
            derived = DerivedPictures(None, crops, shows_erased=True, original=False)
        else:
            derived = DerivedPictures(thumbnail(picture, common_quarters(faces)), crops)
        outcome = item.outcome if any(face.comparable for face in faces) else IngestOutcome.TOO_WEAK
        found, rest = tuple(faces), tuple(left_out)
        return replace(
            item, outcome=outcome, capture=capture, found=found, left_out=rest, derived=derived, unused=seen.unused
        )

    def _without_face(self, item: IngestItem, capture: NewCapture, seen: Analysis) -> IngestItem:
        """Return a picture without a face; it is kept to be looked at again, unless it shows who was erased."""
        capture = replace(capture, no_face_because=FACES_ERASED if seen.faces else why_none(seen))
        if seen.faces or capture.barred:
            return replace(item.without(IngestOutcome.NO_FACE), capture=capture, unused=seen.unused)
        derived = DerivedPictures(thumbnail(seen.picture), ())
        return replace(item, outcome=IngestOutcome.NO_FACE, capture=capture, derived=derived, unused=seen.unused)

    @timed(Stage.SEAL)
    def store_pictures(self, context: RunContext, item: IngestItem, original: str | None = None) -> IngestItem:
        """Store the item's pictures, and the page that showed it, as blobs.

        ``original``: the address of the file, if another picture of it was stored before.
        """
        if item.derived is None:
            return item
        key, shown = context.key, item.collected.provenance.page_record
        holds_it = _forbids_file(item) and embedded_number(item.collected.provenance.uri) is not None
        record = None if shown is None or holds_it else context.task.page(shown)
        page = None if record is None else self._blobs.put(key, record)
        small = None
        if item.derived.thumbnail is not None:
            if item.derived.original:
                original = original or self._blobs.put(key, item.collected.untrusted)
            small = self._blobs.put(key, item.derived.thumbnail)
        crops = [self._blobs.put(key, crop) for crop in item.derived.crops]
        return item.with_blobs(None if small is None else original, small, crops, page)


def why_none(seen: Analysis) -> str:
    """Return why no face was taken: what the best place lacks, if any place looks a little like a face."""
    if seen.best is None:
        return NOTHING_FOUND
    score, height = seen.best
    place = f"{NOTHING_FOUND}: the best place, {height:.0f} px high, scores {score:.2f}"
    if score >= FACE_SCORE:
        return f"{place}, and its template is too weak to be taken for a face"
    return f"{place} of the {FACE_SCORE:g} that is asked"


def _forbids_file(item: IngestItem) -> bool:
    """Return whether no file that holds this picture may be kept."""
    is_barred = item.capture is not None and item.capture.barred
    return is_barred or (item.derived is not None and item.derived.shows_erased)


def _without_original(item: IngestItem) -> IngestItem:
    derived = None if item.derived is None else replace(item.derived, original=False)
    return replace(item, derived=derived)


def _refused_part(item: IngestItem, refused: RefusedPart) -> IngestItem:
    ended = refused_for(item, refused.why)
    return replace(ended, collected=replace(ended.collected, name=name_of_part(item.collected.name, refused.part)))
