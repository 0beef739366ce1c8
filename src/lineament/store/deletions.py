"""Blobs that a committed erasure left to delete, so that a crash between the two forgets none."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.model.faces import SourceId
from lineament.store.captures import blobs_of
from lineament.store.tables import captures, case_papers, deletions, faces, probes, sources

_MOST = 500
"""Addresses in one IN (…)."""


class DeletionRows:
    """Addresses of blobs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, addresses: Sequence[str]) -> None:
        """Delete these once the erasure is committed."""
        wanted = list(dict.fromkeys(addresses))
        for start in range(0, len(wanted), _MOST):
            some = wanted[start : start + _MOST]
            there = set(self._connection.scalars(sa.select(deletions.c.address).where(deletions.c.address.in_(some))))
            if new := [{"address": one} for one in some if one not in there]:
                self._connection.execute(sa.insert(deletions), new)

    def add_source(self, source_id: SourceId) -> int:
        """Delete every blob of a source once its withdrawal is committed, and how many; called before its rows go.

        One statement for a million captures, so that none of their addresses goes through Python.
        """
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
