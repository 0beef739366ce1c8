"""The table of changes of the threshold and of the model pack."""

from __future__ import annotations

import sqlalchemy as sa

from lineament.store.columns import Id, at_least, metadata

proposals = sa.Table(
    "proposals",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),  # the number of the change, from 1
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON: the proposal, its evidence, signatures and decision
    sa.Column("entry", sa.ForeignKey("ledger_entries.seq"), unique=True),  # that records that it took effect
    at_least("id", 1),
)
