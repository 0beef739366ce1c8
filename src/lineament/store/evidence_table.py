"""The table of evidence that is independent of a search."""

from __future__ import annotations

import sqlalchemy as sa

from lineament.store.columns import Moment, at_least, metadata, not_blank

evidence = sa.Table(
    "evidence",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.ForeignKey("cases.id"), nullable=False),
    sa.Column("search_id", sa.ForeignKey("searches.id"), nullable=False),
    sa.Column("entry", sa.Integer, nullable=False),  # of the list
    sa.Column("account_id", sa.ForeignKey("accounts.id")),  # NULL: the one person of a solo workspace
    sa.Column("agency_id", sa.ForeignKey("agencies.id"), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("replaces", sa.ForeignKey("evidence.id"), unique=True),  # a piece is replaced once
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON under the case's key: kind, text, reference, who, why
    not_blank("id"),
    at_least("entry", 1),
    sa.Index("ix_evidence_of_case", "case_id", "at"),
)
