"""Parts of the ledger: which entries a page reads, found by an index however many there are."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from lineament.store.ledger_tables import ledger_details, ledger_entries

Seqs = sa.Select[tuple[int]] | sa.CompoundSelect[tuple[int]]
"""A query for numbers of entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPart:
    """The entries that fulfil all that is given. Only a part without agency, case and account has erased entries."""

    agency_id: str | None = None  # of this agency's people, and of others in its cases
    case_id: int | None = None
    account_id: str | None = None  # of this person
    actions: frozenset[str] | None = None  # only these
    without: frozenset[str] = frozenset()  # all actions but these
    first: int = 0
    stop: int | None = None  # the first entry that is too new

    def newest(self, limit: int | None) -> Seqs:
        """Return a query for the numbers of the newest ``limit`` entries. Each index is read from its new end."""
        found = [
            query.order_by(query.selected_columns.seq.desc()).limit(limit).subquery()
            if limit is not None
            else query.subquery()
            for query in self._queries()
        ]
        if len(found) == 1:
            return sa.select(found[0].c.seq)
        return sa.union_all(*(sa.select(part.c.seq) for part in found))

    def _queries(self) -> Iterator[sa.Select[tuple[int]]]:
        """Yield queries, each answered by one index, that together find every entry of the part."""
        if self.actions is not None and not self.actions:
            yield sa.select(ledger_entries.c.seq).where(sa.false())
        elif self.agency_id is None and self.case_id is None and self.account_id is None:
            yield from self._of_table(ledger_entries, sa.true())
        elif self.case_id is None and self.account_id is None:
            yield from self._of_table(ledger_details, ledger_details.c.agency_id == self.agency_id)
            yield self._narrowed(ledger_details, ledger_details.c.host_id == self.agency_id, self.actions)
        else:
            yield self._narrowed(ledger_details, sa.and_(*self._by_case_and_account()), self.actions)

    def _of_table(self, table: sa.Table, which: sa.ColumnElement[bool]) -> Iterator[sa.Select[tuple[int]]]:
        """Yield a query for each action, because an index with the action has each in order; one for all actions."""
        for some in [None] if self.actions is None else [{action} for action in sorted(self.actions)]:
            yield self._narrowed(table, which, some)

    def _narrowed(
        self, table: sa.Table, which: sa.ColumnElement[bool], actions: Collection[str] | None
    ) -> sa.Select[tuple[int]]:
        columns = table.c
        action = columns.action if table is ledger_entries else columns.entry_action
        query = sa.select(columns.seq).where(which)
        if actions is not None:
            query = query.where(action == next(iter(actions)) if len(actions) == 1 else action.in_(actions))
        if self.without:
            query = query.where(action.not_in(self.without))
        if self.first:
            query = query.where(columns.seq >= self.first)
        return query if self.stop is None else query.where(columns.seq < self.stop)

    def _by_case_and_account(self) -> Iterator[sa.ColumnElement[bool]]:
        columns = ledger_details.c
        if self.case_id is not None:
            yield columns.case_id == self.case_id
        if self.account_id is not None:
            yield columns.account_id == self.account_id
        if self.agency_id is not None:
            yield sa.or_(columns.agency_id == self.agency_id, columns.host_id == self.agency_id)
