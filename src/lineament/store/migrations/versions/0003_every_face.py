"""Several captures of one file, incomplete pictures, faces that cannot be compared, a second model, signed changes.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEXED = ("group_id", "original", "page", "thumbnail")
"""The columns of captures that have an index of their own."""


def upgrade() -> None:
    """Add the columns, and let one file of a source have a capture for each of its pictures."""
    if op.get_bind().dialect.name == "sqlite":
        _rebuild_captures()
    else:
        for column in _new_columns():
            op.add_column("captures", column)
        op.create_check_constraint(op.f("ck_captures_part_at_least_1"), "captures", "part >= 1")
        op.drop_constraint("uq_captures_bytes", "captures", type_="unique")
        op.create_unique_constraint("uq_captures_bytes", "captures", ["source_id", "sha256", "part"])
    op.add_column("faces", sa.Column("comparable", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("faces", sa.Column("grade", sa.SmallInteger(), nullable=False, server_default="0"))
    op.add_column("faces", sa.Column("drawn", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.drop_index("ix_faces_of_source", "faces")
    op.create_index("ix_faces_of_source", "faces", ["source_id", "id", "model", "captured_day", "comparable", "grade"])
    op.create_index("ix_captures_looked_at", "captures", ["source_id", "looked_at_by"])
    op.add_column("sources", sa.Column("changes", sa.BigInteger(), nullable=False, server_default="0"))
    _create_prepared()
    op.add_column("searches", sa.Column("strangers", sa.Double()))
    op.add_column("searches", sa.Column("signed", sa.Text()))
    op.add_column("searches", sa.Column("missed", sa.Double()))
    op.add_column("probes", sa.Column("part", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("probes", sa.Column("parts", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("probes", sa.Column("incomplete", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("probes", sa.Column("missing", sa.Double()))
    _create_proposals()


def _new_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("part", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("incomplete", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("missing", sa.Double()),
        sa.Column("looked_at_by", sa.Text()),
        sa.Column("no_face_because", sa.Text()),
    ]


def _rebuild_captures() -> None:
    """Make the table anew, because SQLite cannot change a constraint (https://www.sqlite.org/lang_altertable.html, 7).

    The caller has switched foreign keys off: with them, dropping the old table would delete its faces and places.
    """
    if op.get_bind().exec_driver_sql("PRAGMA foreign_keys").scalar():
        raise RuntimeError("foreign keys are on, and would delete every face")
    old = [column["name"] for column in sa.inspect(op.get_bind()).get_columns("captures")]
    _create_captures("captures_rebuilt")
    listed = ", ".join(old)
    op.execute(f"INSERT INTO captures_rebuilt ({listed}) SELECT {listed} FROM captures")  # noqa: S608 - no value
    op.drop_table("captures")
    op.rename_table("captures_rebuilt", "captures")
    for column in INDEXED:
        op.create_index(f"ix_captures_{column}", "captures", [column])
    broken = op.get_bind().exec_driver_sql("PRAGMA foreign_key_check").fetchmany(3)
    if broken:
        raise RuntimeError(f"rows refer to captures that are not there: {broken}")


def _create_captures(name: str) -> None:
    op.create_table(
        name,
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("finding", sa.LargeBinary(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("page_uri", sa.Text()),
        sa.Column("page_title", sa.Text()),
        sa.Column("captured_at", sa.DateTime(timezone=True)),
        sa.Column("licence", sa.Text()),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("phash", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.Text()),
        sa.Column("latitude", sa.Double()),
        sa.Column("longitude", sa.Double()),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("original", sa.LargeBinary()),
        sa.Column("thumbnail", sa.LargeBinary()),
        sa.Column("page", sa.LargeBinary()),
        sa.Column("barred", sa.Boolean(), nullable=False),
        sa.Column("credentials", sa.Text()),
        sa.Column("group_id", sa.BigInteger()),
        *_new_columns(),
        _check("uri_said", "length(trim(uri, ' \t\r\n')) > 0"),
        _check("barred_is_not_kept", "NOT barred OR (original IS NULL AND thumbnail IS NULL)"),
        _check("place_whole", "(latitude IS NULL) = (longitude IS NULL)"),
        *(_check(f"{side}_at_least_1", f"{side} >= 1") for side in ("height", "width", "part")),
        *(
            _check(f"{column}_digest", f"length({column}) = 32")
            for column in ("finding", "original", "page", "sha256", "thumbnail")
        ),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_captures_source_id"),
        sa.PrimaryKeyConstraint("id", name="pk_captures"),
        sa.UniqueConstraint("source_id", "finding", name="uq_captures_source_id"),
        sa.UniqueConstraint("source_id", "sha256", "part", name="uq_captures_bytes"),
    )


def _create_prepared() -> None:
    op.create_table(
        "prepared_faces",
        sa.Column("face_id", Id, autoincrement=False, nullable=False),
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("x", sa.Double(), nullable=False),
        sa.Column("y", sa.Double(), nullable=False),
        sa.Column("width", sa.Double(), nullable=False),
        sa.Column("height", sa.Double(), nullable=False),
        sa.Column("landmarks", sa.Text(), nullable=False),
        sa.Column("quality", sa.Text(), nullable=False),
        sa.Column("grade", sa.SmallInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["face_id"], ["faces.id"], name="fk_prepared_faces_face_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("face_id", name="pk_prepared_faces"),
    )
    op.create_index("ix_prepared_faces_source_id", "prepared_faces", ["source_id"])


def _create_proposals() -> None:
    op.create_table(
        "proposals",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("entry", Id),
        sa.CheckConstraint("id >= 1", name=op.f("ck_proposals_id_at_least_1")),
        sa.ForeignKeyConstraint(["entry"], ["ledger_entries.seq"], name="fk_proposals_entry"),
        sa.PrimaryKeyConstraint("id", name="pk_proposals"),
        sa.UniqueConstraint("entry", name="uq_proposals_entry"),
    )
    made = sa.text("action = 'change_made'")
    op.create_index(
        "ix_ledger_entries_change_made", "ledger_entries", ["seq"], sqlite_where=made, postgresql_where=made
    )


def _check(name: str, text: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(text, name=op.f(f"ck_captures_{name}"))
