"""Blobs and records of crawls that a committed erasure left to delete: a crash between the two forgets none."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.model.faces import SourceId
from lineament.store.captures import blobs_of
from lineament.store.source_tables import crawl_deletions
from lineament.store.tables import captures, case_papers, deletions, faces, probes, sources

_MOST = 500
"""Addresses in one IN (…)."""


class DeletionRows:
    """Addresses of blobs, and pictures of which crawls keep records."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.added = False
        """Whether this transaction left something to delete."""

    def add(self, addresses: Sequence[str]) -> None:
        """Delete these once the erasure is committed."""
        wanted = list(dict.fromkeys(addresses))
        self.added = self.added or bool(wanted)
        for start in range(0, len(wanted), _MOST):
            some = wanted[start : start + _MOST]
            there = set(self._connection.scalars(sa.select(deletions.c.address).where(deletions.c.address.in_(some))))
            if new := [{"address": one} for one in some if one not in there]:
                self._connection.execute(sa.insert(deletions), new)

    def add_source(self, source_id: SourceId) -> int:
        """Delete every blob of a source once its withdrawal is committed, and how many; called before its rows go.

        One statement for a million captures, so that none of their addresses goes through Python.
        """
        self.added = True
        every = blobs_of(source_id).subquery()
        there = sa.exists().where(deletions.c.address == every.c.address)
        noted = sa.insert(deletions).from_select(["address"], sa.select(every.c.address).where(~there))
        return self._connection.execute(noted, execution_options={"preserve_rowcount": True}).rowcount

    def all(self, most: int | None = None) -> list[str]:
        """The first ``most`` to be deleted, ascending; not what a capture taken in since refers to again."""
        pictures = (captures.c.original, captures.c.thumbnail, captures.c.page, faces.c.crop, probes.c.blob)
        columns = (*pictures, case_papers.c.blob, sources.c.permission)
        unused = [~sa.exists().where(column == deletions.c.address) for column in columns]
        query = sa.select(deletions.c.address).where(*unused).order_by(deletions.c.address).limit(most)
        return list(self._connection.scalars(query))

    def done(self, addresses: Sequence[str]) -> None:
        """These are deleted."""
        wanted = list(addresses)
        for start in range(0, len(wanted), _MOST):
            some = wanted[start : start + _MOST]
            self._connection.execute(sa.delete(deletions).where(deletions.c.address.in_(some)))

    # ------------------------------------------------------------ what crawls keep

    def add_crawled(self, source_id: SourceId, digests: Sequence[str]) -> None:
        """Destroy what the crawls of a source keep of the pictures with these SHA-256, once this is committed."""
        table = crawl_deletions
        self.added = self.added or bool(digests)
        for sha256 in dict.fromkeys(digests):
            mine = (table.c.source_id == source_id, table.c.sha256 == sha256)
            if self._connection.scalar(sa.select(table.c.source_id).where(*mine)) is None:
                self._connection.execute(sa.insert(table), {"source_id": source_id, "sha256": sha256})

    def crawled(self, most: int) -> list[tuple[SourceId, str]]:
        """The first ``most`` that are to be destroyed: source and SHA-256."""
        query = sa.select(crawl_deletions).order_by(*crawl_deletions.primary_key.columns).limit(most)
        return [(SourceId(source_id), sha256) for source_id, sha256 in self._connection.execute(query)]

    def crawled_done(self, done: Sequence[tuple[SourceId, str]]) -> None:
        """These are destroyed."""
        table = crawl_deletions
        for source_id, sha256 in done:
            mine = (table.c.source_id == source_id, table.c.sha256 == sha256)
            self._connection.execute(sa.delete(table).where(*mine))
