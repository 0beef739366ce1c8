"""Jobs may have secrets, such as the keys of what was sent to be measured; they are sealed.

Revision ID: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("jobs", sa.Column("secrets", sa.LargeBinary(), nullable=True))
