"""Tables of what the processes of a workspace share for some minutes; nothing else depends on their rows."""

from __future__ import annotations

import sqlalchemy as sa

from lineament.store.columns import Moment, digest, metadata, not_blank

client_counts = sa.Table(
    "client_counts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("lookup", sa.LargeBinary, nullable=False),  # keyed digest of what was done and of the network address
    sa.Column("until", Moment, nullable=False, index=True),
    not_blank("id"),
    digest("lookup"),
    sa.Index("ix_client_counts_of_client", "lookup", "until"),
)

kept_pages = sa.Table(
    "kept_pages",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),  # SHA-256 of the page's address
    sa.Column("content", sa.LargeBinary, nullable=False),  # sealed under a key that only its browser has
    sa.Column("until", Moment, nullable=False),
    digest("digest"),
)
