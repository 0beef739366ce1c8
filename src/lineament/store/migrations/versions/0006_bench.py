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
