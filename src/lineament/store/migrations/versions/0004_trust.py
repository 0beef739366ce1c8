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


def _tallies() -> None:
    """Let each source vouch for its faces, and a search say which it did not compare."""
    op.add_column("sources", sa.Column("tally", sa.LargeBinary()))
    op.add_column("searches", sa.Column("uncompared", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("searches", sa.Column("altered", sa.Text()))
