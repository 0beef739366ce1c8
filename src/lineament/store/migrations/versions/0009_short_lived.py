"""What several processes share for some minutes: counts of clients before they sign in, and pages that answered a form.

Revision ID: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the two tables."""
    op.create_table(
        "client_counts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(trim(id, ' \t\r\n')) > 0", name=op.f("ck_client_counts_id_said")),
        sa.CheckConstraint("length(lookup) = 32", name=op.f("ck_client_counts_lookup_digest")),
        sa.PrimaryKeyConstraint("id", name="pk_client_counts"),
    )
    op.create_index("ix_client_counts_until", "client_counts", ["until"])
    op.create_index("ix_client_counts_of_client", "client_counts", ["lookup", "until"])
    op.create_table(
        "kept_pages",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(digest) = 32", name=op.f("ck_kept_pages_digest_digest")),
        sa.PrimaryKeyConstraint("digest", name="pk_kept_pages"),
    )
