"""Pictures that programs leave in buckets: fetched only if the source concerned names the bucket."""

from __future__ import annotations

from collections.abc import Callable

from lineament.errors import HostRefused, Refused
from lineament.model.accounts import Permission
from lineament.model.collections import KnownCollection
from lineament.model.sources import Source
from lineament.services.cases.access import source_seen
from lineament.services.collections.searching import CollectionSearch, ProgramSearch
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.sources.buckets import BucketObject, BucketService, fetch_object

MOST_IMAGE = 15 * 2**20
"""Most bytes of a picture, in a bucket or in a request, as AWS has it for those in buckets."""


class BucketPictures:
    """Fetches pictures for a program, in an official's name. Each method raises as ``sources.buckets.fetch_object``."""

    def __init__(
        self, record: Record, searching: CollectionSearch, service: Callable[[], BucketService], max_bytes: int
    ) -> None:
        """``service`` says where the buckets are, or raises if the operator does not."""
        self._record = record
        self._searching = searching
        self._service = service
        self._max_bytes = min(max_bytes, MOST_IMAGE)

    @needs(Permission.MANAGE_SOURCES)
    def to_enrol(self, collection: KnownCollection, wanted: BucketObject) -> bytes:
        """Return a picture for a collection. Raises Refused if its source takes none."""
        return self._fetch(wanted, [self._source(collection)])

    @needs(Permission.SEARCH, in_case=True)
    def to_search(self, collection: KnownCollection, wanted: BucketObject, search: ProgramSearch) -> bytes:
        """Return a picture to search a collection with. Raises Refused, before it is fetched, as the gate does."""
        self._searching.admit(collection, search)
        return self._fetch(wanted, [self._source(collection)])

    @needs(Permission.SEARCH, Permission.MANAGE_SOURCES)
    def to_look_at(self, wanted: BucketObject) -> bytes:
        """Return a picture from a bucket that is named by any source with which the key may work."""
        with self._record.read() as tx:
            seen = [source for source in tx.sources.all() if source_seen(self._record, source)]
        return self._fetch(wanted, [source for source in seen if source.why_closed(self._record.today) is None])

    def _source(self, collection: KnownCollection) -> Source:
        with self._record.read() as tx:
            source = tx.sources.by_id(collection.source_id)
        if (why := source.why_closed(self._record.today)) is not None:
            raise Refused(why)
        return source

    def _fetch(self, wanted: BucketObject, sources: list[Source]) -> bytes:
        """Fetch a picture in the terms of the first of these sources that names its bucket."""
        service = self._service()
        for source in sources:
            if service.is_listed(wanted.bucket, source.terms.hosts):
                return fetch_object(service, wanted, source.terms.hosts, self._max_bytes)
        name = service.listed_as(wanted.bucket)[-1]
        raise HostRefused(host=f"the bucket “{wanted.bucket}”", why=f"no source concerned lists the host {name}")
