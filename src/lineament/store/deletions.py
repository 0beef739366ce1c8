"""Blobs and crawl records that a committed erasure has yet to delete, so that a crash in between loses none."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.model.faces import SourceId
from lineament.store.api_tables import FORGOTTEN, TO_FORGET, api_answers
from lineament.store.captures import blobs_of
from lineament.store.meta import MetaRows
from lineament.store.raw import batched
from lineament.store.search_tables import probes
from lineament.store.source_tables import crawl_deletions
from lineament.store.tables import captures, case_papers, deletions, faces, sources

UNSCRUBBED = "unscrubbed"
"""The fact in ``meta`` that the files of the database hold something that was erased; another value each time."""
UPGRADED = "upgrade"
"""Its value after an upgrade that dropped columns."""
_MOST = 500
"""Addresses in one IN clause."""
_USERS = (
    *(captures.c.original, captures.c.thumbnail, captures.c.page, faces.c.crop, probes.c.blob),
    *(case_papers.c.blob, sources.c.permission),
)
"""Every column that refers to a blob."""


class DeletionRows:
    """Addresses of blobs, and digests of pictures whose crawl records are to be destroyed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.added = False
        """Whether this transaction left something to delete."""

    def note_erased(self) -> None:
        """Note that rows are erased in this transaction, so that the files of the database are scrubbed of them."""
        if not self.added:
            self.added = True
            MetaRows(self._connection).set(UNSCRUBBED, secrets.token_hex(8))
            self.forget_answers()

    def forget_answers(self) -> None:
        """Forget what programs were told, and let nothing be kept of what they are being told.

        It may name what is erased, and none of it can be read here to find out.
        """
        content = api_answers.c.content
        whose = sa.update(api_answers).where(sa.or_(content.is_(None), content.not_in([FORGOTTEN, TO_FORGET])))
        self._connection.execute(whose.values(content=sa.case((content.is_(None), TO_FORGET), else_=FORGOTTEN)))

    def add(self, addresses: Sequence[str]) -> None:
        """Note blobs to delete once the erasure is committed."""
        wanted = list(dict.fromkeys(addresses))
        if wanted:
            self.note_erased()
        for batch in batched(wanted, _MOST):
            known = set(self._connection.scalars(sa.select(deletions.c.address).where(deletions.c.address.in_(batch))))
            if new := [{"address": address} for address in batch if address not in known]:
                self._connection.execute(sa.insert(deletions), new)

    def add_source(self, source_id: SourceId) -> int:
        """Note every blob of a source to delete once its withdrawal is committed; return how many.

        Call it before the rows of the source are deleted. One statement does it, even for a million captures.
        """
        self.note_erased()
        every = blobs_of(source_id).subquery()
        noted = sa.exists().where(deletions.c.address == every.c.address)
        insertion = sa.insert(deletions).from_select(["address"], sa.select(every.c.address).where(~noted))
        return self._connection.execute(insertion, execution_options={"preserve_rowcount": True}).rowcount

    def unused(self, addresses: Iterable[str]) -> Iterator[str]:
        """Yield those of the addresses of blobs to which no row refers."""
        for batch in batched(addresses, _MOST):
            used: set[str] = set()
            for column in _USERS:
                used.update(self._connection.scalars(sa.select(column).where(column.in_(batch))))
            yield from (address for address in batch if address not in used)

    def all(self, most: int | None = None) -> list[str]:
        """Return the first ``most`` to delete, ascending, without those that a newer capture refers to again."""
        unused = [~sa.exists().where(column == deletions.c.address) for column in _USERS]
        query = sa.select(deletions.c.address).where(*unused).order_by(deletions.c.address).limit(most)
        return list(self._connection.scalars(query))

    def mark_deleted(self, addresses: Sequence[str]) -> None:
        """Note that these blobs are deleted."""
        for batch in batched(addresses, _MOST):
            self._connection.execute(sa.delete(deletions).where(deletions.c.address.in_(batch)))

    # ------------------------------------------------------------ records of crawls

    def add_crawl_records(self, source_id: SourceId, digests: Sequence[str]) -> None:
        """Note pictures, by SHA-256, whose crawl records are to be destroyed once this is committed."""
        table = crawl_deletions
        if digests:
            self.note_erased()
        for sha256 in dict.fromkeys(digests):
            row = (table.c.source_id == source_id, table.c.sha256 == sha256)
            if self._connection.scalar(sa.select(table.c.source_id).where(*row)) is None:
                self._connection.execute(sa.insert(table), {"source_id": source_id, "sha256": sha256})

    def crawl_records(self, most: int) -> list[tuple[SourceId, str]]:
        """Return the first ``most`` to destroy: source and SHA-256."""
        query = sa.select(crawl_deletions).order_by(*crawl_deletions.primary_key.columns).limit(most)
        return [(SourceId(source_id), sha256) for source_id, sha256 in self._connection.execute(query)]

    def mark_destroyed(self, done: Sequence[tuple[SourceId, str]]) -> None:
        """Note that these records are destroyed."""
        table = crawl_deletions
        for source_id, sha256 in done:
            row = (table.c.source_id == source_id, table.c.sha256 == sha256)
            self._connection.execute(sa.delete(table).where(*row))
