"""Which tables are protected, and by which columns a row of them is named and known.

Two things protect a row against somebody who can write to the database and has no key. The ledger's entries commit to
it (``store/bound.py``), so that ``lineament verify`` names a row that was changed, deleted, added or put back. And each
row that decides who may do what carries a MAC (``store/guard.py``), so that a changed one is refused at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.store import people_tables as people
from lineament.store import search_tables, tables
from lineament.store.api_tables import api_keys
from lineament.store.batch_tables import batch_photographs, search_batches
from lineament.store.collection_tables import api_collections, collection_faces, subjects
from lineament.store.defence_table import defence_notices
from lineament.store.drop_tables import drop_files, drops
from lineament.store.evidence_table import evidence
from lineament.store.job_table import jobs
from lineament.store.oversight_tables import (
    guarded_faces,
    misuse_findings,
    misuse_reports,
    publications,
    published_figures,
)
from lineament.store.proposal_table import proposals
from lineament.store.review_tables import candidate_notes, decisions, known_pairs
from lineament.store.source_tables import places, prepared_faces, run_refusals, runs, source_shares
from lineament.store.watch_tables import notices, watch_findings, watch_progress, watches, web_hooks
from lineament.store.witness_table import witness_policies

Row = Mapping[str, Any] | RowMapping
"""A row by column, from the database or about to be stored."""
MAC = "mac"
"""The column of a row's MAC."""
_PAGE = 1000
"""Most rows in one query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """How the rows of a table are protected."""

    table: sa.Table
    bound: bool = True  # the ledger commits to its rows
    guarded: bool = True  # its rows carry a MAC
    restless: frozenset[str] = frozenset()  # columns that change without an entry, or whose value another key seals
    present: frozenset[str] = frozenset()  # columns of which only their presence counts: keys, addresses, lookups
    opened: Mapping[str, str] = field(default_factory=dict)  # sealed columns, with the column that names their row
    unsigned: frozenset[str] = frozenset()  # columns that the MAC leaves out
    whole: bool = False  # a row is inserted with all its values, so that it is signed as it is inserted
    named_by: tuple[str, ...] = ()  # the columns that name a row, if not its primary key

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that name a row."""
        return self.named_by or tuple(column.name for column in self.table.primary_key)

    def subject(self, row: Row) -> str:
        """Return the name of a row in the ledger, for example ``case_members/3/5f0e``."""
        return "/".join((self.table.name, *(str(_json(row[name])) for name in self.key)))

    def every_row(self, connection: Connection, *where: sa.ColumnElement[bool]) -> Iterator[Row]:
        """Yield rows with all their columns, in the order of their keys; a row may be changed once it was yielded."""
        key = [self.table.c[name] for name in self.key]
        query = sa.select(self.table).where(*where).order_by(*key).limit(_PAGE)
        page = connection.execute(query).mappings().all()
        while page:
            yield from page
            last = sa.tuple_(*(sa.literal(page[-1][column.name], column.type) for column in key))
            page = connection.execute(query.where(sa.tuple_(*key) > last)).mappings().all()


def plain_row(row: Row, leave_out: frozenset[str] = frozenset({MAC})) -> dict[str, Any]:
    """Return a row as JSON values, without NULLs: a column that is added later changes nothing until it is set."""
    return {name: _json(value) for name, value in row.items() if value is not None and name not in leave_out}


def _json(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, date):  # a datetime is a date too
        return (value.astimezone(UTC) if isinstance(value, datetime) else value).isoformat()
    return value


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def canonical(table: str, said: object) -> str:
    """Return what a row of a table says, a JSON value, as text: the same value always gives the same text."""
    return _CANONICAL.encode([table, said])


def _of(*names: str) -> frozenset[str]:
    return frozenset(names)


PROTECTED = {
    protected.table.name: protected
    for protected in (
        Protected(
            table=tables.sources,
            restless=_of("captures", "faces", "last_face_id", "changes", "tally", "previous_key", "rotated_up_to"),
            present=_of("wrapped_key", "permission"),
        ),
        Protected(table=source_shares),
        Protected(
            table=tables.cases,
            present=_of("wrapped_key"),
            opened={"authorisation": "id", "allowances": "id"},
            restless=_of("words"),
        ),
        Protected(table=tables.case_members),
        Protected(table=tables.case_invitations, restless=_of("lookup"), opened={"sealed": "id"}),
        Protected(table=search_tables.approvals),
        Protected(table=tables.case_papers, guarded=False, restless=_of("sealed"), present=_of("blob")),
        Protected(table=search_tables.probes, guarded=False, restless=_of("faces"), present=_of("blob")),
        Protected(table=evidence, guarded=False, restless=_of("sealed")),
        Protected(table=defence_notices, guarded=False, restless=_of("sealed")),
        Protected(table=people.agencies, restless=_of("lookup"), opened={"sealed": "id"}),
        Protected(
            table=people.accounts,
            restless=_of("last_seen_at"),
            present=_of("lookup", "openid"),
            opened={"sealed": "id", "password": "id"},
        ),
        Protected(
            table=people.factors,
            restless=_of("counter", "used_at"),
            present=_of("lookup"),
            opened={"sealed": "id"},
        ),
        Protected(table=people.invitations, bound=False),
        Protected(table=api_keys, restless=_of("used_at"), opened={"sealed": "id"}, unsigned=_of("used_at")),
        Protected(table=people.sessions, bound=False, named_by=("id",)),
        Protected(
            table=jobs,
            bound=False,
            unsigned=frozenset(jobs.c.keys()).difference(
                ("id", "kind", "arguments", "source_id", "agency_id", "account_id", "requested_by", "requested_at")
            ),
        ),
        Protected(
            table=drops,
            bound=False,
            unsigned=frozenset(drops.c.keys()).difference(("id", "source_id", "agency_id", "account_id", "begun_at")),
        ),
        Protected(table=search_batches, bound=False),
        Protected(table=batch_photographs, bound=False),
        Protected(table=drop_files, bound=False, whole=True, unsigned=_of("received")),
        Protected(
            table=tables.captures,
            bound=False,
            whole=True,
            unsigned=_of("group_id", "looked_at_by", "no_face_because"),
        ),
        Protected(table=tables.faces, bound=False, whole=True),
        Protected(table=prepared_faces, bound=False, whole=True),
        Protected(table=places, bound=False, whole=True),
        Protected(table=runs, bound=False),
        Protected(table=api_collections, bound=False, whole=True),
        Protected(table=subjects, bound=False, whole=True),
        Protected(table=collection_faces, bound=False, whole=True),
        Protected(table=run_refusals, bound=False, whole=True),
        Protected(table=people.stops, opened={"sealed": "id"}),
        Protected(table=watches, opened={"begun_by": "id", "ended_by": "id"}),
        Protected(table=watch_progress, bound=False, whole=True),
        Protected(table=watch_findings, opened={"seen_by": "id"}),
        Protected(table=web_hooks, opened={"sealed": "id"}),
        Protected(
            table=notices,
            bound=False,
            unsigned=_of("attempts", "next_at", "delivered_at", "why"),
        ),
        Protected(table=decisions, opened={"sealed": "id"}),
        Protected(table=candidate_notes, opened={"sealed": "id"}),
        Protected(table=known_pairs, opened={"sealed": "id"}),
        Protected(table=proposals, guarded=False, opened={"sealed": "id"}),
        Protected(table=witness_policies, guarded=False, opened={"sealed": "id"}),
        Protected(table=misuse_reports, opened={"sealed": "id"}),
        Protected(table=misuse_findings, opened={"sealed": "id"}),
        Protected(table=publications, opened={"sealed": "id"}),
        Protected(table=published_figures),
        Protected(table=guarded_faces, present=_of("wrapped_key"), restless=_of("sealed")),
    )
}
"""By the name of the table. Searches and their lists are bound too, in ``store/search_digests.py``."""

SIGNED = {
    name: tuple(column.name for column in protected.table.c if column.name not in protected.unsigned | {MAC})
    for name, protected in PROTECTED.items()
}
"""The columns of each table that the MACs of its rows are of."""
