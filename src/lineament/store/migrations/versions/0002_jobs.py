"""Long work as jobs.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _check(name: str, text: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(text, name=op.f(f"ck_jobs_{name}"))


def upgrade() -> None:
    """Make the table of jobs."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("source_id", Id),
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text()),
        sa.Column("requested_by", sa.LargeBinary(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("claimed_at", sa.DateTime(timezone=True)),
        sa.Column("seen_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("worker", sa.Text()),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("stop_requested_at", sa.DateTime(timezone=True)),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger()),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("result", sa.Text()),
        sa.Column("error_code", sa.Text()),
        sa.Column("error", sa.Text()),
        _check("id_said", "length(trim(id, ' \t\r\n')) > 0"),
        _check("kind_said", "length(trim(kind, ' \t\r\n')) > 0"),
        _check("state_known", "state IN ('queued', 'running', 'done', 'failed', 'stopped')"),
        _check("attempts_at_least_0", "attempts >= 0"),
        _check("done_at_least_0", "done >= 0"),
        _check("total_at_least_0", "total >= 0"),
        _check("running_has_worker", "(state = 'running') = (worker IS NOT NULL)"),
        _check("worker_has_lease", "(worker IS NULL) = (lease_until IS NULL)"),
        _check("ended_when", "(state IN ('done', 'failed', 'stopped')) = (ended_at IS NOT NULL)"),
        _check("failed_says_why", "(state = 'failed') = (error IS NOT NULL)"),
        _check("error_has_code", "(error IS NULL) = (error_code IS NULL)"),
        _check("result_of_done", "result IS NULL OR state = 'done'"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_jobs_source_id"),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_jobs_agency_id"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_jobs_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_source_id", "jobs", ["source_id"])
    op.create_index("ix_jobs_waiting", "jobs", ["state", "requested_at", "id"])
    op.create_index("ix_jobs_of_agency", "jobs", ["agency_id", "requested_at", "id"])
