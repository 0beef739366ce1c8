"""What a change that nobody signed for would have to forge: each subject has a function of its own below.

Revision ID: 0004
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import sqlalchemy as sa
from alembic import context, op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Change the tables, one subject after another."""
    _purposes()
    _add_macs()
    _tallies()
    _devices()
    _facts()
    _witnesses()
    _rotations()


def _tallies() -> None:
    """Let each source vouch for its faces, and a search say which it did not compare."""
    op.add_column("sources", sa.Column("tally", sa.LargeBinary()))
    op.add_column("searches", sa.Column("uncompared", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("searches", sa.Column("altered", sa.Text()))


def _rotations() -> None:
    """Let a source have two keys while its key is being rotated."""
    op.add_column("sources", sa.Column("previous_key", sa.LargeBinary()))
    op.add_column("sources", sa.Column("rotated_up_to", sa.BigInteger()))


def _devices() -> None:
    """Remember the browsers that people signed in with, which a lock set by others does not stop."""
    op.create_table(
        "devices",
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(lookup) = 32", name=op.f("ck_devices_lookup_digest")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_devices_account_id"),
        sa.PrimaryKeyConstraint("lookup", name="pk_devices"),
    )
    op.create_index("ix_devices_account_id", "devices", ["account_id"])


def _add_macs() -> None:
    """Let each row that decides who may do what carry a MAC; the store signs those that are there (store/guard.py)."""
    for table in (
        "accounts",
        "agencies",
        "approvals",
        "captures",
        "case_invitations",
        "case_members",
        "cases",
        "faces",
        "factors",
        "invitations",
        "jobs",
        "places",
        "prepared_faces",
        "run_refusals",
        "runs",
        "sessions",
        "source_shares",
        "sources",
        "stops",
    ):
        op.add_column(table, sa.Column("mac", sa.LargeBinary()))
    stops = sa.text("action IN ('agency_stopped', 'agency_resumed', 'all_stopped', 'all_resumed')")
    op.create_index("ix_ledger_entries_stops", "ledger_entries", ["seq"], sqlite_where=stops, postgresql_where=stops)


# ---------------------------------------------------------------- purposes, and what a row must say

UNSEEN = (
    "\t\n\x0b\x0c\r \x85\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u200c\u200d\u200e\u200f"
    "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u202f\u205f\u2060\u2061\u2062\u2063\u2064\u2066\u2067"
    "\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f\u2800\u3000\u3164\ufe00\ufe01\ufe02\ufe03\ufe04"
    "\ufe05\ufe06\ufe07\ufe08\ufe09\ufe0a\ufe0b\ufe0c\ufe0d\ufe0e\ufe0f\ufeff\uffa0\ufff9\ufffa\ufffb"
)
NOT_STATED = "not stated"
OLD_SAID = "length(trim({column}, ' \t\r\n')) > 0"
NEW_SAID = f"length(trim({{column}}, '{UNSEEN}')) > 0"
SAID = {
    "sources": ("controller", "basis"),
    "cases": ("ref", "offence", "purpose", "basis"),
    "searches": ("reason",),
}
SAID_IF_THERE = {"cases": ("exempt_because", "urgent_because", "hold_because")}
OLD_EXEMPTION = "seeks <> 'initial identification' OR length(trim(exempt_because, ' \t\r\n')) > 0"
NEW_EXEMPTION = "seeks <> 'initial identification' OR exempt_because IS NOT NULL"


def _purposes() -> None:
    """Tighten what a case, a search and a source must say, and tie a search to its own entry of the ledger."""
    op.add_column("cases", sa.Column("allowances", sa.LargeBinary()))
    triggers = _take_triggers()
    for table, columns in SAID.items():
        changed = {
            f"ck_{table}_{column}_said": (OLD_SAID.format(column=column), NEW_SAID.format(column=column))
            for column in columns
        }
        added = {
            f"ck_{table}_{column}_said": f"{column} IS NULL OR {NEW_SAID.format(column=column)}"
            for column in SAID_IF_THERE.get(table, ())
        }
        if table == "cases":
            changed["ck_cases_exemption_said"] = (OLD_EXEMPTION, NEW_EXEMPTION)
        _state_what_is_missing(table, (*columns, *SAID_IF_THERE.get(table, ())))
        _change_checks(table, changed, added)
    for statement in (*triggers, *(SEARCH_TRIGGERS_SQLITE if _on_sqlite() else SEARCH_TRIGGERS_POSTGRESQL)):
        op.get_bind().exec_driver_sql(statement)


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _take_triggers() -> list[str]:
    """Drop SQLite's triggers, which forbid to rename a table that they name, and return their statements."""
    if not _on_sqlite():
        return []
    rows = op.get_bind().exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
    for name, _ in rows:
        op.execute(f"DROP TRIGGER {name}")
    return [statement for _, statement in rows]


def _state_what_is_missing(table: str, columns: tuple[str, ...]) -> None:
    """Give texts that nobody can see a text that says so: an older version accepted them."""
    for column in columns:
        its = sa.table(table, sa.column(column, sa.Text()))
        unseen = sa.func.length(sa.func.trim(its.c[column], UNSEEN)) == 0
        op.execute(sa.update(its).where(unseen).values({column: NOT_STATED}))
    if table == "cases":
        its = sa.table("cases", sa.column("seeks", sa.Text()), sa.column("exempt_because", sa.Text()))
        forged = (its.c.seeks == "initial identification") & its.c.exempt_because.is_(None)
        op.execute(sa.update(its).where(forged).values(exempt_because=NOT_STATED))


def _change_checks(table: str, changed: dict[str, tuple[str, str]], added: dict[str, str]) -> None:
    if not _on_sqlite():
        for name in changed:
            op.drop_constraint(op.f(name), table, type_="check")
        for name, text in {**{name: new for name, (_, new) in changed.items()}, **added}.items():
            op.create_check_constraint(op.f(name), table, sa.text(text))
        return

    def edit(statement: str) -> str:
        more = added
        for name, (old, new) in changed.items():
            stated = "".join(f", CONSTRAINT {other} CHECK ({text})" for other, text in {name: new, **more}.items())
            statement, more = _with_check(statement, name, old, stated), {}
        return statement

    _rebuild(table, edit)


def _with_check(statement: str, name: str, old: str, stated: str) -> str:
    """Return the statement that makes a table with other constraints in the place of one."""
    there = re.compile(rf",\s*CONSTRAINT {name} CHECK \({re.escape(old)}\)")
    changed, many = there.subn(lambda _: stated, statement)
    if many != 1:
        raise RuntimeError(f"the table has no constraint {name} as it should be")
    return changed


def _rebuild(table: str, edit: Callable[[str], str]) -> None:
    """Make a table of SQLite anew, as 0003 does, from the statement that made it, edited."""
    bind = op.get_bind()
    if bind.exec_driver_sql("PRAGMA foreign_keys").scalar():
        raise RuntimeError("foreign keys are on, and would delete rows of other tables")
    of_table = "FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name = ?"
    (statement,) = bind.exec_driver_sql(f"SELECT sql {of_table} AND type = 'table'", (table,)).scalars()
    indexes = bind.exec_driver_sql(f"SELECT sql {of_table} AND type = 'index'", (table,)).scalars().all()
    named = re.compile(rf'CREATE TABLE "?{table}"?')
    bind.exec_driver_sql(named.sub(f"CREATE TABLE {table}_rebuilt", edit(statement), count=1))
    bind.exec_driver_sql(f"INSERT INTO {table}_rebuilt SELECT * FROM {table}")  # noqa: S608 - names of ours
    op.drop_table(table)
    op.rename_table(f"{table}_rebuilt", table)
    for index in indexes:
        bind.exec_driver_sql(index)
    if broken := bind.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(3):
        raise RuntimeError(f"rows refer to others that are not there: {broken}")


# That there is an entry, a case and an agency is said by their own constraints.
_FOREIGN_ENTRY = """NEW.case_id IS NOT NULL AND NEW.agency_id IS NOT NULL
        AND EXISTS (SELECT 1 FROM ledger_entries WHERE seq = NEW.ledger_entry) AND NOT EXISTS (
        SELECT 1 FROM ledger_entries JOIN ledger_details ON ledger_details.seq = ledger_entries.seq
        WHERE ledger_entries.seq = NEW.ledger_entry AND ledger_entries.action = 'search'
        AND ledger_details.case_id = NEW.case_id AND ledger_details.agency_id = NEW.agency_id)"""
_OTHER_CHANGE = "EXISTS (SELECT 1 FROM ledger_entries WHERE seq = NEW.entry AND action <> 'change_made')"
_SEARCH_ENTRY_WORDS = "a search needs an entry of its own, filed under its case"
_CHANGE_ENTRY_WORDS = "a change needs the entry that records it"
SEARCH_TRIGGERS_SQLITE = [
    f"""
    CREATE TRIGGER searches_need_their_entry BEFORE INSERT ON searches WHEN {_FOREIGN_ENTRY}
    BEGIN SELECT RAISE(ABORT, '{_SEARCH_ENTRY_WORDS}'); END
    """,
    f"""
    CREATE TRIGGER searches_keep_their_entry BEFORE UPDATE OF ledger_entry, case_id, agency_id ON searches
    WHEN {_FOREIGN_ENTRY}
    BEGIN SELECT RAISE(ABORT, '{_SEARCH_ENTRY_WORDS}'); END
    """,
    f"""
    CREATE TRIGGER proposals_need_their_entry BEFORE INSERT ON proposals
    WHEN {_OTHER_CHANGE}
    BEGIN SELECT RAISE(ABORT, '{_CHANGE_ENTRY_WORDS}'); END
    """,
    f"""
    CREATE TRIGGER proposals_keep_their_entry BEFORE UPDATE OF entry ON proposals
    WHEN {_OTHER_CHANGE}
    BEGIN SELECT RAISE(ABORT, '{_CHANGE_ENTRY_WORDS}'); END
    """,
]
SEARCH_TRIGGERS_POSTGRESQL = [
    f"""
    CREATE FUNCTION needs_its_entry() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF {_FOREIGN_ENTRY} THEN
            RAISE EXCEPTION '{_SEARCH_ENTRY_WORDS}' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER searches_need_their_entry BEFORE INSERT OR UPDATE OF ledger_entry, case_id, agency_id ON searches
    FOR EACH ROW EXECUTE FUNCTION needs_its_entry()
    """,
    f"""
    CREATE FUNCTION needs_its_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF {_OTHER_CHANGE} THEN
            RAISE EXCEPTION '{_CHANGE_ENTRY_WORDS}' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER proposals_need_their_entry BEFORE INSERT OR UPDATE OF entry ON proposals
    FOR EACH ROW EXECUTE FUNCTION needs_its_change()
    """,
]
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PLAIN = ("taken_at", "latitude", "longitude", "credentials")
"""The columns that told where a photograph was taken, when and by whom, for everybody who can read the file."""


def _facts() -> None:
    """Seal what photographs say of themselves under the keys of their sources (R50)."""
    op.add_column("captures", sa.Column("facts", sa.LargeBinary()))
    _seal_facts()
    if _on_sqlite():
        whole = "(latitude IS NULL) = (longitude IS NULL)"
        _rebuild("captures", lambda statement: _with_check(statement, "ck_captures_place_whole", whole, ""))
    else:
        op.drop_constraint(op.f("ck_captures_place_whole"), "captures", type_="check")
    for column in PLAIN:
        op.drop_column("captures", column)
    op.execute("DELETE FROM meta WHERE name = 'unscrubbed'")
    mark = "INSERT INTO meta (name, value) SELECT 'unscrubbed', 'upgrade' WHERE EXISTS (SELECT 1 FROM captures)"
    op.execute(mark)  # the files of the database still hold the columns


def _seal_facts() -> None:
    bind = op.get_bind()
    said = " OR ".join(f"captures.{column} IS NOT NULL" for column in PLAIN)
    query = "SELECT captures.id, source_id, sha256, part, taken_at, latitude, longitude, credentials, name, wrapped_key"
    query += f" FROM captures JOIN sources ON sources.id = source_id WHERE ({said}) AND captures.id > :after"
    page, after, keys = sa.text(f"{query} ORDER BY captures.id LIMIT 1000"), 0, {}
    while rows := bind.execute(page, {"after": after}).all():
        for row in rows:
            if row.source_id not in keys:
                keys[row.source_id] = context.config.attributes["unwrap"](bytes(row.wrapped_key), f"source/{row.name}")
            value = {
                "taken_at": row.taken_at,
                "place": None if row.latitude is None else [row.latitude, row.longitude],
                "credentials": None if row.credentials is None else json.loads(row.credentials),
            }
            about = f"facts|{row.source_id}|{bytes(row.sha256).hex()}|{row.part}".encode()
            sealed = keys[row.source_id].seal(json.dumps(value).encode("ascii"), about)
            bind.execute(sa.text("UPDATE captures SET facts = :facts WHERE id = :id"), {"facts": sealed, "id": row.id})
        after = rows[-1].id


def _witnesses() -> None:
    """Make the table of who witnesses the ledger."""
    op.create_table(
        "witness_policies",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("entry", Id),
        sa.CheckConstraint("id >= 1", name=op.f("ck_witness_policies_id_at_least_1")),
        sa.ForeignKeyConstraint(["entry"], ["ledger_entries.seq"], name="fk_witness_policies_entry"),
        sa.PrimaryKeyConstraint("id", name="pk_witness_policies"),
        sa.UniqueConstraint("entry", name="uq_witness_policies_entry"),
    )
    changed = sa.text("action = 'witnesses_changed'")
    op.create_index(
        "ix_ledger_entries_witnesses_changed",
        "ledger_entries",
        ["seq"],
        sqlite_where=changed,
        postgresql_where=changed,
    )
