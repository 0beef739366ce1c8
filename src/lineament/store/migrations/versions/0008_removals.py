"""What was erased from a source lately, so that an open index need not read every row to follow.

Revision ID: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table; what was erased before is found by reading every row."""
    op.create_table(
        "face_removals",
        sa.Column("source_id", Id, nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_face_removals_source_id"),
        sa.PrimaryKeyConstraint("source_id", "version", name="pk_face_removals"),
    )
