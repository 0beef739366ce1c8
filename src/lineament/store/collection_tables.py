"""The tables of collections: sources as programs of others know them, and whose faces these say they are."""

from __future__ import annotations

import sqlalchemy as sa

from lineament.store.columns import Id, Moment, digest, metadata, not_blank

api_collections = sa.Table(
    "api_collections",
    metadata,
    sa.Column("source_id", Id, sa.ForeignKey("sources.id"), primary_key=True, autoincrement=False),
    sa.Column("terms_id", sa.ForeignKey("sources.id"), nullable=False),  # the source whose terms it was made with
    sa.Column("dialect", sa.Text, nullable=False),  # of the programs that know it
    sa.Column("lookup", sa.LargeBinary, nullable=False),  # keyed digest of its name there
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON: its name there
    sa.Column("made_at", Moment, nullable=False),
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    sa.UniqueConstraint("lookup", name="uq_api_collections_lookup"),
    sa.Index("ix_api_collections_terms_id", "terms_id"),
    not_blank("dialect"),
    digest("lookup"),
)

subjects = sa.Table(
    "subjects",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("source_id", sa.ForeignKey("sources.id"), nullable=False),
    sa.Column("lookup", sa.LargeBinary, nullable=False),  # keyed digest of source and name
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON: the name
    sa.Column("made_at", Moment, nullable=False),
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    sa.UniqueConstraint("lookup", name="uq_subjects_lookup"),
    sa.Index("ix_subjects_source_id", "source_id"),
    not_blank("id"),
    digest("lookup"),
)
"""Whom faces of a source show, as a program says."""

collection_faces = sa.Table(
    "collection_faces",
    metadata,
    sa.Column("face_id", Id, sa.ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    sa.Column("source_id", sa.ForeignKey("sources.id"), nullable=False),
    sa.Column("subject_id", sa.ForeignKey("subjects.id")),
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON: what the program calls it
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    sa.Index("ix_collection_faces_source_id", "source_id"),
    sa.Index("ix_collection_faces_subject_id", "subject_id"),
)
"""What programs say of faces; a face of which none says anything has no row."""
