"""What the workspace's key seals and wraps in the database, row by row, for its rotation.

docs/reference/sealed.md lists every column; a test compares that page with ``VAULTED`` and ``WRAPPED``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.errors import AccessAltered, Damaged, WrongKey
from lineament.store.api_tables import api_keys
from lineament.store.batch_tables import batch_photographs
from lineament.store.collection_tables import api_collections, collection_faces, subjects
from lineament.store.job_table import jobs
from lineament.store.keys import Vault
from lineament.store.ledger_tables import ledger_details
from lineament.store.oversight_tables import guarded_faces, misuse_findings, misuse_reports, publications
from lineament.store.people_tables import accounts, agencies, factors, sessions, stops
from lineament.store.proposal_table import proposals
from lineament.store.review_tables import candidate_notes, decisions, known_pairs
from lineament.store.search_tables import searches
from lineament.store.source_tables import known_hashes
from lineament.store.tables import case_invitations, cases, sources
from lineament.store.watch_tables import watch_findings, watches, web_hooks
from lineament.store.witness_table import witness_policies

Rewrap = Callable[[bytes, str], bytes]
"""Returns a data key wrapped anew; takes the wrapped key and what it is of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPlace:
    """A column of sealed values, and what the value of a row is bound to."""

    table: sa.Table
    column: str
    row: str = "id"  # the column that names the row in what the value is bound to
    about: str  # with the name of the row in braces
    older: str = ""  # what a value of an older version may be bound to instead

    @property
    def name(self) -> str:
        """Table and column."""
        return f"{self.table.name}.{self.column}"

    def abouts(self, row: object) -> list[str]:
        """Return what the value of a row may be bound to."""
        return [about.format(row) for about in (self.about, self.older) if about]


def _opens(opens: Rewrap, value: Any, about: str) -> bool:
    try:
        opens(bytes(value), about)
    except (Damaged, WrongKey, TypeError):  # SQLite's columns may hold anything
        return False
    return True


def _vaulted(table: sa.Table, column: str, row: str = "id") -> SealedPlace:
    return SealedPlace(table=table, column=column, row=row, about=f"{table.name}|{column}|{{}}")


VAULTED: Sequence[SealedPlace] = (
    _vaulted(agencies, "sealed"),
    _vaulted(accounts, "sealed"),
    _vaulted(accounts, "password"),
    _vaulted(factors, "sealed"),
    _vaulted(sessions, "device"),
    _vaulted(api_keys, "sealed"),
    _vaulted(api_collections, "sealed", "source_id"),
    _vaulted(subjects, "sealed"),
    _vaulted(collection_faces, "sealed", "face_id"),
    _vaulted(stops, "sealed"),
    _vaulted(cases, "authorisation"),
    _vaulted(cases, "allowances"),
    _vaulted(case_invitations, "sealed"),
    _vaulted(searches, "examiner"),
    _vaulted(batch_photographs, "sealed"),
    _vaulted(watches, "begun_by"),
    _vaulted(watches, "ended_by"),
    _vaulted(watch_findings, "seen_by"),
    _vaulted(web_hooks, "sealed"),
    _vaulted(jobs, "requested_by"),
    _vaulted(jobs, "secrets"),
    _vaulted(proposals, "sealed"),
    _vaulted(decisions, "sealed"),
    _vaulted(candidate_notes, "sealed"),
    _vaulted(known_pairs, "sealed"),
    _vaulted(witness_policies, "sealed"),
    _vaulted(misuse_reports, "sealed"),
    _vaulted(misuse_findings, "sealed"),
    _vaulted(publications, "sealed"),
    _vaulted(known_hashes, "sealed"),
    SealedPlace(table=ledger_details, column="sealed", row="seq", about="ledger|{}"),
)
"""What the vault seals."""

WRAPPED: Sequence[SealedPlace] = (
    SealedPlace(
        table=sources,
        column="wrapped_key",
        row="name",
        about="source that vouches for its faces/{}",
        older="source/{}",
    ),
    SealedPlace(
        table=sources,
        column="previous_key",
        row="name",
        about="source that vouches for its faces/{}",
        older="source/{}",
    ),
    SealedPlace(table=cases, column="wrapped_key", row="key", about="case/{}"),
    SealedPlace(table=guarded_faces, column="wrapped_key", about="guarded face/{}"),
)
"""The wrapped data keys."""

PLACES: Sequence[SealedPlace] = (*WRAPPED, *VAULTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """What became of a batch of rows."""

    last: str | int  # the key of its last row
    done: int
    damaged: int  # rows that opened under no key; they are as they were


class SealedRows:
    """The sealed columns of all tables."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    def count(self) -> int:
        """Count the sealed values and wrapped keys of all tables."""
        return sum(
            int(self._connection.scalar(sa.select(sa.func.count(place.table.c[place.column]))) or 0) for place in PLACES
        )

    def is_after(self, place: SealedPlace, after: str | int | None) -> bool:
        """Return whether a place has a value after the row ``after``."""
        return bool(self._rows(place, after, 1))

    def reseal(self, place: SealedPlace, after: str | int | None, most: int, rewrap: Rewrap) -> Resealed | None:
        """Seal or wrap the next rows of a place under the newest key; None if there are none after ``after``."""
        rows = self._rows(place, after, most)
        if not rows:
            return None
        new: list[tuple[Any, bytes]] = []
        for key, name, value in rows:
            for about in place.abouts(name):
                with suppress(Damaged, WrongKey, TypeError):  # SQLite's columns may hold anything
                    new.append((key, self._again(place, bytes(value), about, rewrap)))
                    break
        done = self._write(place, new)
        return Resealed(last=rows[-1][0], done=done, damaged=len(rows) - done)

    def left(self, place: SealedPlace, after: str | int | None, most: int, opens: Rewrap) -> Resealed | None:
        """Count which of the next rows open with ``opens``, and which do not; None if there are none."""
        rows = self._rows(place, after, most)
        if not rows:
            return None
        closed = 0
        for _, name, value in rows:
            closed += not any(_opens(opens, value, about) for about in place.abouts(name))
        return Resealed(last=rows[-1][0], done=len(rows) - closed, damaged=closed)

    def _rows(self, place: SealedPlace, after: str | int | None, most: int) -> list[Any]:
        (key,) = place.table.primary_key.columns
        column = place.table.c[place.column]
        query = sa.select(key, place.table.c[place.row], column).where(column.is_not(None)).order_by(key).limit(most)
        return list(self._connection.execute(query if after is None else query.where(key > after)).all())

    def _again(self, place: SealedPlace, value: bytes, about: str, rewrap: Rewrap) -> bytes:
        if place in WRAPPED:
            return rewrap(value, about)
        return self._vault.seal(self._vault.open(value, about), about)

    def _write(self, place: SealedPlace, new: list[tuple[Any, bytes]]) -> int:
        """Store the new values; return how many. A row that somebody altered is left as it is."""
        if not new:
            return 0
        (key,) = place.table.primary_key.columns
        if place.table is ledger_details:  # triggers refuse to change one, so that each is made anew
            self._replace_details(new)
            return len(new)
        done = 0
        for row, value in new:
            with suppress(AccessAltered):  # its MAC does not fit; counted by the caller
                self._connection.execute(sa.update(place.table).where(key == row).values({place.column: value}))
                done += 1
        return done

    def _replace_details(self, new: list[tuple[Any, bytes]]) -> None:
        resealed = dict(new)
        its = ledger_details.c.seq.between(min(resealed), max(resealed))
        rows = [dict(row) for row in self._connection.execute(sa.select(ledger_details).where(its)).mappings()]
        found = [row | {"sealed": resealed[row["seq"]]} for row in rows if row["seq"] in resealed]
        self._connection.execute(sa.delete(ledger_details).where(its, ledger_details.c.seq.in_(list(resealed))))
        self._connection.execute(sa.insert(ledger_details), found)
