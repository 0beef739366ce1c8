"""The part of a desk that programs of others use: collections, their faces and their subjects."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineament.services.collections.buckets import BucketPictures
    from lineament.services.collections.examples import Examples
    from lineament.services.collections.faces import CollectionFaces
    from lineament.services.collections.looking import LookAtPictures
    from lineament.services.collections.recognising import Recognise
    from lineament.services.collections.register import Collections
    from lineament.services.collections.searching import CollectionSearch
    from lineament.services.collections.subjects import Subjects
    from lineament.workspace.desk import Desk


class ProgramsDesk:
    """Collections, in the name of the official whose program asks."""

    @cached_property
    def collections(self: Desk) -> Collections:  # type: ignore[misc]  # only a desk is one
        """Makes, lists and deletes collections."""
        from lineament.services.collections.register import Collections

        return Collections(self.record, self.sources, self.erase)

    @cached_property
    def collection_faces(self: Desk) -> CollectionFaces:  # type: ignore[misc]
        """Enrols, lists and erases faces of collections."""
        from lineament.services.collections.faces import CollectionFaces

        return CollectionFaces(self.record, self.enrol, self.erase)

    @cached_property
    def subjects(self: Desk) -> Subjects:  # type: ignore[misc]
        """Manages whom faces show, as programs say."""
        from lineament.services.collections.subjects import Subjects

        return Subjects(self.record)

    @cached_property
    def collection_search(self: Desk) -> CollectionSearch:  # type: ignore[misc]
        """Searches collections."""
        from lineament.services.collections.searching import CollectionSearch, SearchServices

        services = SearchServices(
            probes=self.probes,
            search=self.search,
            copies=self.copies,
            faces=self.collection_faces,
            subjects=self.subjects,
        )
        return CollectionSearch(self.record, services)

    @cached_property
    def look_at_pictures(self: Desk) -> LookAtPictures:  # type: ignore[misc]
        """Finds and compares faces, and keeps nothing."""
        from lineament.services.collections.looking import LookAtPictures

        return LookAtPictures(self.record, lambda: self.workspace.analyser)

    @cached_property
    def bucket_pictures(self: Desk) -> BucketPictures:  # type: ignore[misc]
        """Fetches pictures that programs leave in buckets."""
        from lineament.services.collections.buckets import BucketPictures
        from lineament.workspace.buckets import bucket_service

        settings = self.settings
        return BucketPictures(
            self.record, self.collection_search, lambda: bucket_service(settings), settings.max_file_bytes
        )

    @cached_property
    def examples(self: Desk) -> Examples:  # type: ignore[misc]
        """Adds, lists and erases examples of subjects."""
        from lineament.services.collections.examples import Examples, ExampleServices
        from lineament.services.stored_pictures import StoredPictures

        services = ExampleServices(
            faces=self.collection_faces,
            subjects=self.subjects,
            looking=self.look_at_pictures,
            stored=StoredPictures(self.workspace.keys, self.workspace.blobs),
        )
        return Examples(self.record, services)

    @cached_property
    def recognise(self: Desk) -> Recognise:  # type: ignore[misc]
        """Searches for every face of a picture."""
        from lineament.services.collections.recognising import Recognise, RecognisingServices

        services = RecognisingServices(
            probes=self.probes,
            searching=self.collection_search,
            faces=self.collection_faces,
            keys=self.workspace.keys,
            analyser=lambda: self.workspace.analyser,
        )
        return Recognise(self.record, services)
