"""Keys with which programs act for officials, and answers that are given again to a repeated request.

Revision ID: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the two tables."""
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("rights", sa.Text(), nullable=False),
        sa.Column("sources", sa.Text(), nullable=False),
        sa.Column("per_minute", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mac", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("length(trim(id, ' \t\r\n')) > 0", name=op.f("ck_api_keys_id_said")),
        sa.CheckConstraint("length(digest) = 32", name=op.f("ck_api_keys_digest_digest")),
        sa.CheckConstraint("per_minute >= 1", name=op.f("ck_api_keys_per_minute_at_least_1")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_api_keys_agency_id"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_api_keys_account_id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_api_keys_case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
    )
    op.create_index("ix_api_keys_agency_id", "api_keys", ["agency_id"])
    op.create_index("ix_api_keys_account_id", "api_keys", ["account_id"])
    op.create_index("ix_api_keys_case_id", "api_keys", ["case_id"])
    op.create_table(
        "api_answers",
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(lookup) = 32", name=op.f("ck_api_answers_lookup_digest")),
        sa.CheckConstraint("length(request) = 32", name=op.f("ck_api_answers_request_digest")),
        sa.PrimaryKeyConstraint("lookup", name="pk_api_answers"),
    )
    op.create_index("ix_api_answers_until", "api_answers", ["until"])
