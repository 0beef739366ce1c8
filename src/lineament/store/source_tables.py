"""The tables that belong to sources, beside those of what they hold."""

from __future__ import annotations

import sqlalchemy as sa

from lineament.store.columns import metadata

source_shares = sa.Table(
    "source_shares",
    metadata,
    sa.Column("source_id", sa.ForeignKey("sources.id"), primary_key=True),
    sa.Column("agency_id", sa.ForeignKey("agencies.id"), primary_key=True),
    sa.Column("until", sa.Date),  # the last day
)
