"""The table of notices to the defence."""

from __future__ import annotations

import sqlalchemy as sa

from lineament.store.columns import Day, Moment, metadata, not_blank

defence_notices = sa.Table(
    "defence_notices",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.ForeignKey("cases.id"), nullable=False),
    sa.Column("account_id", sa.ForeignKey("accounts.id")),  # NULL: the one person of a solo workspace
    sa.Column("agency_id", sa.ForeignKey("agencies.id"), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("given_on", Day, nullable=False),
    sa.Column("replaces", sa.ForeignKey("defence_notices.id"), unique=True),  # a notice is replaced once
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON under the case's key: to whom, how, what, who, why
    not_blank("id"),
    sa.Index("ix_defence_notices_of_case", "case_id", "at"),
)
