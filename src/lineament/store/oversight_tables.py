"""The tables of the weekly reports of misuse, and of the faces that are not searched without a supervisor (R44)."""

from __future__ import annotations

import sqlalchemy as sa

from lineament.store.columns import Day, Moment, metadata, not_blank, one_of

misuse_reports = sa.Table(
    "misuse_reports",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # random, so that it does not count what other agencies have
    sa.Column("agency_id", sa.ForeignKey("agencies.id"), nullable=False),
    sa.Column("week", Day, nullable=False),  # its Monday
    sa.Column("made_at", Moment, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON: what was looked at, kind by kind
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    sa.UniqueConstraint("agency_id", "week"),
    not_blank("id"),
)

misuse_findings = sa.Table(
    "misuse_findings",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("report_id", sa.ForeignKey("misuse_reports.id"), nullable=False, index=True),
    sa.Column("agency_id", sa.ForeignKey("agencies.id"), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON: who, what and why, and how it was answered
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    not_blank("id"),
    one_of("state", "open", "explained", "passed on"),
    sa.Index("ix_misuse_findings_of_agency", "agency_id", "state"),
)

guarded_faces = sa.Table(
    "guarded_faces",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("agency_id", sa.ForeignKey("agencies.id"), nullable=False, index=True),
    sa.Column("model", sa.Text, nullable=False),  # of the template
    sa.Column("added_at", Moment, nullable=False),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=False),  # of this face alone; gone with the row
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON under that key: name, kind, why, who added it, template
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    not_blank("id"),
    not_blank("model"),
)

publications = sa.Table(
    "publications",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # “everything”, or the agency's
    sa.Column("agency_id", sa.ForeignKey("agencies.id")),  # NULL: the figures of the whole workspace
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON: who decided, and why
    sa.Column("at", Moment, nullable=False),
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    sa.CheckConstraint("agency_id IS NOT NULL OR id = 'everything'", name="scope_known"),
    sa.CheckConstraint("agency_id IS NULL OR id = agency_id", name="one_an_agency"),
)

published_figures = sa.Table(
    "published_figures",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # scope and quarter
    sa.Column("scope", sa.Text, nullable=False),  # as the id of the publication
    sa.Column("quarter", Day, nullable=False),  # its first day
    sa.Column("shown", sa.Text, nullable=False),  # JSON: the figures as everybody may read them
    sa.Column("at", Moment, nullable=False),
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    sa.UniqueConstraint("scope", "quarter"),
    not_blank("scope"),
)
