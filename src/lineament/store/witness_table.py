"""The table of the policies of who witnesses the ledger."""

from __future__ import annotations

import sqlalchemy as sa

from lineament.store.columns import Id, at_least, metadata

witness_policies = sa.Table(
    "witness_policies",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),  # the number of the change, from 1
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON: the policy, who proposed and approved it, and why
    sa.Column("entry", sa.ForeignKey("ledger_entries.seq"), unique=True),  # that records that it took effect
    at_least("id", 1),
)
