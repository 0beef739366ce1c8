"""Scale: the policies of PostgreSQL, which ``store/row_security.py`` states after every upgrade.

Revision ID: 0007
"""

from __future__ import annotations

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change no table: the revision makes every database get its policies."""
