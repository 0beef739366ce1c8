"""Web hooks are told of jobs that have ended, if whoever asked for the job wants it.

Revision ID: 0012
"""

from __future__ import annotations

import re

from alembic import op

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None

_KINDS = "kind IN ('watch.fired', 'test')"
_WITH_JOBS = "kind IN ('watch.fired', 'test', 'job.ended')"


def upgrade() -> None:
    """Accept another kind of notice. SQLite's table is made anew for that."""
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_notices_kind_known"), "notices", type_="check")
        op.create_check_constraint(op.f("ck_notices_kind_known"), "notices", _WITH_JOBS)
        return
    if bind.exec_driver_sql("PRAGMA foreign_keys").scalar():
        raise RuntimeError("foreign keys are on, and would delete rows of other tables")
    of_table = "FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name = 'notices'"
    statement = bind.exec_driver_sql(f"SELECT sql {of_table} AND type = 'table'").scalar_one()
    indexes = bind.exec_driver_sql(f"SELECT sql {of_table} AND type = 'index'").scalars().all()
    if statement.count(_KINDS) != 1:
        raise RuntimeError("the table notices has no constraint on its kinds as it should be")
    made = re.sub(r'CREATE TABLE "?notices"?', "CREATE TABLE notices_rebuilt", statement, count=1)
    bind.exec_driver_sql(made.replace(_KINDS, _WITH_JOBS))
    bind.exec_driver_sql("INSERT INTO notices_rebuilt SELECT * FROM notices")
    op.drop_table("notices")
    op.rename_table("notices_rebuilt", "notices")
    for index in indexes:
        bind.exec_driver_sql(index)
