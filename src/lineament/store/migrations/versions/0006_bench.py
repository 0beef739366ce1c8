"""Review, leads, disclosure and watches: each subject has a function of its own below.

Revision ID: 0006
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables, one subject after another."""
    _disclosure_packs()
    _cases_under_a_law()
    _widen_searches()
    _create_evidence()


_PAPER_KINDS = "kind IN ('message', 'note', 'file', 'decision')"
_WITH_DISCLOSURES = "kind IN ('message', 'note', 'file', 'decision', 'disclosure')"


def _disclosure_packs() -> None:
    """Let the papers of a case hold disclosure packs, which are sealed, resealed and destroyed as papers are."""
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_case_papers_kind_known"), "case_papers", type_="check")
        op.create_check_constraint(op.f("ck_case_papers_kind_known"), "case_papers", _WITH_DISCLOSURES)
        return
    if bind.exec_driver_sql("PRAGMA foreign_keys").scalar():
        raise RuntimeError("foreign keys are on, and would delete rows of other tables")
    of_table = "FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name = 'case_papers'"
    statement = bind.exec_driver_sql(f"SELECT sql {of_table} AND type = 'table'").scalar_one()
    indexes = bind.exec_driver_sql(f"SELECT sql {of_table} AND type = 'index'").scalars().all()
    if statement.count(_PAPER_KINDS) != 1:
        raise RuntimeError("the table case_papers has no constraint on its kinds as it should be")
    made = re.sub(r'CREATE TABLE "?case_papers"?', "CREATE TABLE case_papers_rebuilt", statement, count=1)
    bind.exec_driver_sql(made.replace(_PAPER_KINDS, _WITH_DISCLOSURES))
    bind.exec_driver_sql("INSERT INTO case_papers_rebuilt SELECT * FROM case_papers")
    op.drop_table("case_papers")
    op.rename_table("case_papers_rebuilt", "case_papers")
    for index in indexes:
        bind.exec_driver_sql(index)


def _cases_under_a_law() -> None:
    """Let those who record authorisations see at once which cases wait for one because of their jurisdiction."""
    under = sa.text("state = 'open' AND jurisdiction IS NOT NULL")
    columns = ["agency_id", "jurisdiction", "id"]
    op.create_index("ix_cases_under", "cases", columns, sqlite_where=under, postgresql_where=under)


def _widen_searches() -> None:
    """Let a candidate be searched with, several people at once, and what is new since a search.

    What is NULL is left out of digests, so older rows hold.
    """
    op.add_column("searches", sa.Column("together", sa.Text()))
    op.add_column("searches", sa.Column("newest_face", sa.BigInteger()))
    op.add_column("searches", sa.Column("after_search", sa.Text()))
    op.add_column("searches", sa.Column("after_at", sa.DateTime(timezone=True)))
    op.add_column("searches", sa.Column("after_face", sa.BigInteger()))
    op.add_column("searches", sa.Column("whole_faces", sa.BigInteger()))
    op.add_column("search_probes", sa.Column("person", sa.Integer()))
    op.add_column("search_probes", sa.Column("threshold", sa.Double()))
    op.add_column("search_probes", sa.Column("missed", sa.Double()))
    op.add_column("search_probes", sa.Column("sha256", sa.LargeBinary()))
    op.add_column("search_probes", sa.Column("face_box", sa.Text()))
    op.add_column("search_probes", sa.Column("quality", sa.Text()))
    op.add_column("probes", sa.Column("origin_search", sa.Text()))
    op.add_column("probes", sa.Column("origin_face", sa.BigInteger()))
    op.add_column("probes", sa.Column("origin_capture", sa.BigInteger()))
    op.add_column("probes", sa.Column("origin_source", sa.Text()))
    op.add_column("probes", sa.Column("erased_at", sa.DateTime(timezone=True)))
    _let_probes_be_copies()
    op.create_index("ix_probes_origin_capture", "probes", ["origin_capture"])
    op.create_index("ix_probes_origin_source", "probes", ["origin_source"])


_KINDS = "'cctv', 'social media', 'identity document', 'seized device', 'other photograph'"
_PROBE_CHECKS = {
    "ck_probes_kind_known": f"kind IN ({_KINDS}, 'gallery')",
    "ck_probes_copied_from": "(kind = 'gallery') = (origin_search IS NOT NULL)",
    "ck_probes_erased_when": "(blob IS NULL) = (erased_at IS NOT NULL)",
}


def _let_probes_be_copies() -> None:
    """Accept another kind of photograph, and one whose file was erased. SQLite's table is made anew for that."""
    bind = op.get_bind()
    if bind.dialect.name != "sqlite":
        op.drop_constraint(op.f("ck_probes_kind_known"), "probes", type_="check")
        op.alter_column("probes", "blob", nullable=True)
        for name, text in _PROBE_CHECKS.items():
            op.create_check_constraint(op.f(name), "probes", sa.text(text))
        return
    if bind.exec_driver_sql("PRAGMA foreign_keys").scalar():
        raise RuntimeError("foreign keys are on, and would delete rows of other tables")
    triggers = bind.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
    for name, _ in triggers:  # they forbid to rename a table that they name
        op.execute(f"DROP TRIGGER {name}")
    of_table = "FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name = 'probes'"
    (made_by,) = bind.exec_driver_sql(f"SELECT sql {of_table} AND type = 'table'").scalars()
    indexes = bind.exec_driver_sql(f"SELECT sql {of_table} AND type = 'index'").scalars().all()
    bind.exec_driver_sql(_edited(made_by))
    bind.exec_driver_sql("INSERT INTO probes_rebuilt SELECT * FROM probes")
    op.drop_table("probes")
    op.rename_table("probes_rebuilt", "probes")
    for statement in (*indexes, *(sql for _, sql in triggers)):
        bind.exec_driver_sql(statement)
    if broken := bind.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(3):
        raise RuntimeError(f"rows refer to others that are not there: {broken}")


def _edited(made_by: str) -> str:
    """Return the statement that makes the table of probes with its new name and checks."""
    stated = "".join(f", CONSTRAINT {name} CHECK ({text})" for name, text in _PROBE_CHECKS.items())
    for old, new in (
        (r'CREATE TABLE "?probes"?', "CREATE TABLE probes_rebuilt"),
        (r"\bblob BLOB NOT NULL", "blob BLOB"),
        (rf",\s*CONSTRAINT ck_probes_kind_known CHECK \({re.escape(f'kind IN ({_KINDS})')}\)", stated),
    ):
        made_by, many = re.subn(old, lambda _, new=new: new, made_by, count=1)  # type: ignore[misc]
        if many != 1:
            raise RuntimeError("the table of probes is not as it should be")
    return made_by


def _create_evidence() -> None:
    """Make the table of evidence that is independent of a search."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "evidence",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", number, nullable=False),
        sa.Column("search_id", sa.Text(), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Text()),
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaces", sa.Text()),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(trim(id, ' \t\r\n')) > 0", name=op.f("ck_evidence_id_said")),
        sa.CheckConstraint("entry >= 1", name=op.f("ck_evidence_entry_at_least_1")),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=f"fk_evidence_{column}")
            for column, table in (
                ("case_id", "cases"),
                ("search_id", "searches"),
                ("account_id", "accounts"),
                ("agency_id", "agencies"),
                ("replaces", "evidence"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name="pk_evidence"),
        sa.UniqueConstraint("replaces", name="uq_evidence_replaces"),
    )
    op.create_index("ix_evidence_of_case", "evidence", ["case_id", "at"])
