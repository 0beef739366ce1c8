"""The table of jobs."""

from __future__ import annotations

import sqlalchemy as sa

from lineament.store.columns import Moment, Words, at_least, metadata, not_blank, one_of

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("arguments", Words, nullable=False),  # JSON, canonical
    sa.Column("source_id", sa.ForeignKey("sources.id"), index=True),
    sa.Column("agency_id", sa.ForeignKey("agencies.id"), nullable=False),  # of the official who asked for it
    sa.Column("account_id", sa.ForeignKey("accounts.id")),
    sa.Column("requested_by", sa.LargeBinary, nullable=False),  # the name, sealed (R46)
    sa.Column("requested_at", Moment, nullable=False),
    sa.Column("not_before", Moment),  # when it may be claimed first; NULL: at once
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("started_at", Moment),
    sa.Column("claimed_at", Moment),
    sa.Column("seen_at", Moment),
    sa.Column("ended_at", Moment),
    sa.Column("worker", sa.Text),
    sa.Column("lease_until", Moment),
    sa.Column("stop_requested_at", Moment),
    sa.Column("done", sa.BigInteger, nullable=False),
    sa.Column("total", sa.BigInteger),
    sa.Column("words", Words, nullable=False),
    sa.Column("result", Words),  # JSON
    sa.Column("error_code", sa.Text),
    sa.Column("error", Words),
    sa.Column("secrets", sa.LargeBinary),  # JSON, sealed; only its worker has them
    sa.Column("mac", sa.LargeBinary),  # of what was asked for, and by whom (store/guard.py)
    not_blank("id"),
    not_blank("kind"),
    one_of("state", "queued", "running", "done", "failed", "stopped"),
    at_least("attempts", 0),
    at_least("done", 0),
    at_least("total", 0),
    sa.CheckConstraint("(state = 'running') = (worker IS NOT NULL)", name="running_has_worker"),
    sa.CheckConstraint("(worker IS NULL) = (lease_until IS NULL)", name="worker_has_lease"),
    sa.CheckConstraint("(state IN ('done', 'failed', 'stopped')) = (ended_at IS NOT NULL)", name="ended_when"),
    sa.CheckConstraint("(state = 'failed') = (error IS NOT NULL)", name="failed_says_why"),
    sa.CheckConstraint("(error IS NULL) = (error_code IS NULL)", name="error_has_code"),
    sa.CheckConstraint("result IS NULL OR state = 'done'", name="result_of_done"),
    sa.Index("ix_jobs_waiting", "state", "requested_at", "id"),
    sa.Index("ix_jobs_of_agency", "agency_id", "requested_at", "id"),
)
