"""Prepares the pictures of an ingest for the commit, in threads: finds their faces and stores their pictures."""

from __future__ import annotations

from dataclasses import replace

from lineament.errors import LineamentError, NotAPicture, StorageFull, StoreUnavailable, UnknownFormat
from lineament.model.credentials import against
from lineament.model.faces import NewCapture
from lineament.services.gallery.abuse import AbuseList
from lineament.services.gallery.items import DerivedPictures, IngestItem, IngestOutcome, RunContext, refused_for
from lineament.services.gallery.suppression import Suppression
from lineament.services.record import Record
from lineament.sources.credentials import reader as credentials
from lineament.sources.media_types import is_picture, not_a_picture
from lineament.store.blobs import Blobs
from lineament.store.keys import KeyRing
from lineament.vision.analyse import Analyser, face_crop, thumbnail
from lineament.vision.veil import veil


class Preparation:
    """Analyses pictures and stores their blobs; nothing of them is in the database before the commit."""

    def __init__(self, record: Record, keys: KeyRing, blobs: Blobs, analyser: Analyser) -> None:
        self._record = record
        self._blobs = blobs
        self._analyser = analyser
        self._suppression = Suppression(keys)
        self._abuse = AbuseList(keys)

    def prepare(self, context: RunContext, item: IngestItem) -> IngestItem:
        """Analyse an item and store its pictures; those of a frame wait until it is known whether it is kept."""
        analysed = self._analyse(context, item)
        return analysed if item.is_frame else self.store_pictures(context, analysed)

    def _analyse(self, context: RunContext, item: IngestItem) -> IngestItem:
        """Return the item with its faces and derived pictures."""
        if item.outcome is not IngestOutcome.ENROLLED:
            return item
        claims = credentials.read_credentials(item.collected.untrusted)
        if claims is not None and (why := against(claims)) is not None:
            return refused_for(item, why)
        try:
            seen = self._analyser.analyse(item.collected.untrusted, enrolling=True)
        except (StorageFull, StoreUnavailable):
            raise
        except UnknownFormat as error:
            untrusted = item.collected.untrusted
            return refused_for(item, error if is_picture(untrusted) else NotAPicture(why=not_a_picture(untrusted)))
        except LineamentError as error:
            return refused_for(item, error)
        faces = list(seen.faces)
        item, barred = replace(item, abuse=self._abuse.digests(item.collected.untrusted, item.sha256)), False
        if item.listed:
            with self._record.read() as tx:
                barred = bool(tx.abuse.any_of(item.abuse))
        if item.erasures:
            with self._record.read() as tx:
                faces = self._suppression.still_wanted(tx, item.sha256, seen.faces)
        capture = NewCapture(
            source_id=context.source.id,
            provenance=item.collected.provenance,
            sha256=item.sha256,
            phash=seen.phash,
            media_type=seen.picture.media_type,
            size=len(item.collected.untrusted),
            width=seen.picture.width,
            height=seen.picture.height,
            taken_at=seen.picture.taken_at,
            place=seen.picture.place,
            enrolled_at=self._record.clock(),
            original=None,
            thumbnail=None,
            credentials=claims,
            barred=barred,
        )
        if not faces:
            ended = item.without(IngestOutcome.NO_FACE)
            return ended if item.is_frame else replace(ended, capture=capture)
        crops = tuple(face_crop(seen.picture, face.box) for face in faces)
        derived = (
            DerivedPictures(None, tuple(map(veil, crops)))
            if barred
            else DerivedPictures(thumbnail(seen.picture), crops)
        )
        return replace(item, capture=capture, found=tuple(faces), derived=derived)

    def store_pictures(self, context: RunContext, item: IngestItem) -> IngestItem:
        """Store the item's pictures, and the page that showed it, as blobs."""
        if item.derived is None:
            return item
        key, shown = context.key, item.collected.provenance.page_record
        record = None if shown is None else context.task.page(shown)
        page = None if record is None else self._blobs.put(key, record)
        original = small = None
        if item.derived.thumbnail is not None:
            original = self._blobs.put(key, item.collected.untrusted)
            small = self._blobs.put(key, item.derived.thumbnail)
        return item.with_blobs(original, small, [self._blobs.put(key, crop) for crop in item.derived.crops], page)
