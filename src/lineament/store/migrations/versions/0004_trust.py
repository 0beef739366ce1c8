"""What a change that nobody signed for would have to forge: each subject has a function of its own below.

Revision ID: 0004
"""

from __future__ import annotations

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables, one subject after another."""
