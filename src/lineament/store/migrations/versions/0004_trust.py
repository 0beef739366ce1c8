"""What a change that nobody signed for would have to forge: each subject has a function of its own below.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables, one subject after another."""
    _tallies()
    _devices()


def _tallies() -> None:
    """Let each source vouch for its faces, and a search say which it did not compare."""
    op.add_column("sources", sa.Column("tally", sa.LargeBinary()))
    op.add_column("searches", sa.Column("uncompared", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("searches", sa.Column("altered", sa.Text()))


def _devices() -> None:
    """Remember the browsers that people signed in with, which a lock set by others does not stop."""
    op.create_table(
        "devices",
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(lookup) = 32", name=op.f("ck_devices_lookup_digest")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_devices_account_id"),
        sa.PrimaryKeyConstraint("lookup", name="pk_devices"),
    )
    op.create_index("ix_devices_account_id", "devices", ["account_id"])
