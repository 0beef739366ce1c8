"""What the pages need so that the whole work can be done in the browser: each subject has a function of its own below.

Revision ID: 0005
"""

from __future__ import annotations

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables, one subject after another."""
