"""The tables of watches: what is on watch, how far each is, what they found, and who is told."""

from __future__ import annotations

import sqlalchemy as sa

from lineament.store.columns import Day, Moment, Words, at_least, metadata, not_blank, one_of, said

watches = sa.Table(
    "watches",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.ForeignKey("cases.id"), nullable=False, index=True),
    sa.Column("agency_id", sa.ForeignKey("agencies.id"), nullable=False),  # of whoever began it
    sa.Column("account_id", sa.ForeignKey("accounts.id")),
    sa.Column("begun_by", sa.LargeBinary, nullable=False),  # the name, sealed (R46)
    sa.Column("begun_at", Moment, nullable=False),
    sa.Column("probe_id", sa.Text, nullable=False),
    sa.Column("face", sa.Integer, nullable=False),
    sa.Column("sources", sa.Text, nullable=False),  # JSON; empty: every permitted one
    sa.Column("reason", Words, nullable=False),
    sa.Column("ends_on", Day, nullable=False),
    sa.Column("ended_at", Moment),
    sa.Column("ended_by", sa.LargeBinary),
    sa.Column("mac", sa.LargeBinary),
    sa.ForeignKeyConstraint(["probe_id", "case_id"], ["probes.id", "probes.case_id"]),
    not_blank("id"),
    said("reason"),
    sa.CheckConstraint("length(begun_by) > 28", name="begun_by_said"),  # more than what sealing adds
    at_least("face", 1),
    sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by_somebody"),
    sa.Index("ix_watches_on", "ended_at", "ends_on"),
    sa.Index("ix_watches_of_probe", "probe_id"),
)

watch_progress = sa.Table(
    "watch_progress",
    metadata,
    sa.Column("watch_id", sa.ForeignKey("watches.id"), primary_key=True),
    sa.Column("faces", sa.Text, nullable=False),  # JSON: by source, the last face that was compared
    sa.Column("compared", sa.BigInteger, nullable=False),
    sa.Column("looked_at", Moment),
    sa.Column("against", sa.Text, nullable=False),  # codes of reasons, with blanks between them
    sa.Column("refused", sa.BigInteger, nullable=False),
    sa.Column("refused_at", Moment),
    sa.Column("mac", sa.LargeBinary),
    at_least("compared", 0),
    at_least("refused", 0),
)

watch_findings = sa.Table(
    "watch_findings",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("watch_id", sa.ForeignKey("watches.id"), nullable=False, index=True),
    sa.Column("search_id", sa.ForeignKey("searches.id"), nullable=False, unique=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("listed", sa.Integer, nullable=False),
    sa.Column("seen_at", Moment),
    sa.Column("seen_by", sa.LargeBinary),  # the name, sealed (R46)
    sa.Column("mac", sa.LargeBinary),
    not_blank("id"),
    at_least("listed", 1),
    sa.CheckConstraint("(seen_at IS NULL) = (seen_by IS NULL)", name="seen_by_somebody"),
)

web_hooks = sa.Table(
    "web_hooks",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("agency_id", sa.ForeignKey("agencies.id"), nullable=False, index=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON: address, secrets, and who added it
    sa.Column("added_at", Moment, nullable=False),
    sa.Column("rotated_at", Moment),
    sa.Column("removed_at", Moment),
    sa.Column("mac", sa.LargeBinary),
    not_blank("id"),
)

notices = sa.Table(
    "notices",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("agency_id", sa.ForeignKey("agencies.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("hook_id", sa.ForeignKey("web_hooks.id")),
    sa.Column("account_id", sa.ForeignKey("accounts.id")),
    sa.Column("finding_id", sa.ForeignKey("watch_findings.id"), index=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", Moment),
    sa.Column("delivered_at", Moment),
    sa.Column("why", Words, nullable=False),
    sa.Column("mac", sa.LargeBinary),  # of what is told to whom
    not_blank("id"),
    one_of("kind", "watch.fired", "test", "job.ended"),
    at_least("attempts", 0),
    sa.CheckConstraint("(hook_id IS NULL) <> (account_id IS NULL)", name="one_receiver"),
    sa.CheckConstraint("delivered_at IS NULL OR next_at IS NULL", name="delivered_is_over"),
    sa.Index("ix_notices_due", "next_at"),
    sa.Index("ix_notices_of_hook", "hook_id", "at"),
)
