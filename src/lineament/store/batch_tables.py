"""The tables of batches: photographs that are sent together and searched one after another."""

from __future__ import annotations

import sqlalchemy as sa

from lineament.store.columns import Moment, Words, at_least, metadata, not_blank

search_batches = sa.Table(
    "search_batches",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.ForeignKey("cases.id"), nullable=False, index=True),
    sa.Column("made_at", Moment, nullable=False),
    sa.Column("kind", sa.Text),  # of its photographs, as declared
    sa.Column("reason", Words),  # this and the rest are NULL until it is searched
    sa.Column("settings", sa.Text),  # JSON
    sa.Column("started_at", Moment),
    sa.Column("job_id", sa.Text),  # the last that searches it; no foreign key, because jobs are deleted in time
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    not_blank("id"),
)

batch_photographs = sa.Table(
    "batch_photographs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("batch_id", sa.ForeignKey("search_batches.id"), nullable=False, index=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON: the name of the file, why it is not searched
    sa.Column("probe_id", sa.ForeignKey("probes.id"), index=True),  # NULL: it could not be read
    sa.Column("face", sa.Integer),  # NULL: not chosen yet
    sa.Column("search_id", sa.Text),  # NULL: not searched yet
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    at_least("position", 1),
    at_least("face", 1),
)
