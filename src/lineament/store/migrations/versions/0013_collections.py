"""Collections, as programs of others know sources, and whose faces these say they are.

Revision ID: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the three tables."""
    op.create_table(
        "api_collections",
        sa.Column("source_id", _ID, autoincrement=False, nullable=False),
        sa.Column("terms_id", _ID, nullable=False),
        sa.Column("dialect", sa.Text(), nullable=False),
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("length(trim(dialect, ' \t\r\n')) > 0", name=op.f("ck_api_collections_dialect_said")),
        sa.CheckConstraint("length(lookup) = 32", name=op.f("ck_api_collections_lookup_digest")),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_api_collections_source_id"),
        sa.ForeignKeyConstraint(["terms_id"], ["sources.id"], name="fk_api_collections_terms_id"),
        sa.PrimaryKeyConstraint("source_id", name="pk_api_collections"),
        sa.UniqueConstraint("lookup", name="uq_api_collections_lookup"),
    )
    op.create_index("ix_api_collections_terms_id", "api_collections", ["terms_id"])
    op.create_table(
        "subjects",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("source_id", _ID, nullable=False),
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("length(trim(id, ' \t\r\n')) > 0", name=op.f("ck_subjects_id_said")),
        sa.CheckConstraint("length(lookup) = 32", name=op.f("ck_subjects_lookup_digest")),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_subjects_source_id"),
        sa.PrimaryKeyConstraint("id", name="pk_subjects"),
        sa.UniqueConstraint("lookup", name="uq_subjects_lookup"),
    )
    op.create_index("ix_subjects_source_id", "subjects", ["source_id"])
    op.create_table(
        "collection_faces",
        sa.Column("face_id", _ID, autoincrement=False, nullable=False),
        sa.Column("source_id", _ID, nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["face_id"], ["faces.id"], name="fk_collection_faces_face_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_collection_faces_source_id"),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name="fk_collection_faces_subject_id"),
        sa.PrimaryKeyConstraint("face_id", name="pk_collection_faces"),
    )
    op.create_index("ix_collection_faces_source_id", "collection_faces", ["source_id"])
    op.create_index("ix_collection_faces_subject_id", "collection_faces", ["subject_id"])
