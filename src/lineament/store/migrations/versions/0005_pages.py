"""What the pages need so that the whole work can be done in the browser: each subject has a function of its own below.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables, one subject after another."""
    _create_drops()
    _distressing_cases()
    _awaiting_cases()
    _file_entries()
    _distressing_sources()


def _create_drops() -> None:
    """Make the tables of files that are sent through the browser."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "drops",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("source_id", number, nullable=False),
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text()),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.Text()),
        sa.Column("mac", sa.LargeBinary()),
        sa.CheckConstraint("length(trim(id, ' \t\r\n')) > 0", name=op.f("ck_drops_id_said")),
        *(
            sa.CheckConstraint(f"{column} >= 0", name=op.f(f"ck_drops_{column}_at_least_0"))
            for column in ("done", "files", "bytes")
        ),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_drops_source_id"),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_drops_agency_id"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_drops_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_drops"),
    )
    op.create_index("ix_drops_source_id", "drops", ["source_id"])
    op.create_table(
        "drop_files",
        sa.Column("drop_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("modified", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text()),
        sa.Column("mac", sa.LargeBinary()),
        *(
            sa.CheckConstraint(f"{column} >= {least}", name=op.f(f"ck_drop_files_{column}_at_least_{least}"))
            for column, least in (("number", 1), ("size", 0), ("received", 0))
        ),
        sa.CheckConstraint("received <= size", name=op.f("ck_drop_files_received_whole")),
        sa.ForeignKeyConstraint(["drop_id"], ["drops.id"], name="fk_drop_files_drop_id"),
        sa.PrimaryKeyConstraint("drop_id", "number", name="pk_drop_files"),
        sa.UniqueConstraint("drop_id", "path", "size", "modified", name="uq_drop_files_drop_id"),
    )


def _distressing_cases() -> None:
    """Let a case say whether its pictures are distressing. NULL is left out of MACs and digests, so older rows hold."""
    op.add_column("cases", sa.Column("distressing", sa.Boolean()))


def _awaiting_cases() -> None:
    """Let those who record authorisations see at once which cases wait for one."""
    waits = sa.text("state = 'open' AND seeks = 'suspect' AND authorisation IS NULL AND urgent_since IS NULL")
    op.create_index("ix_cases_awaiting", "cases", ["agency_id", "id"], sqlite_where=waits, postgresql_where=waits)


def _file_entries() -> None:
    """File the details of entries by account and action too, and index what pages filter by.

    Who made an entry is sealed; ``store/filing.py`` fills that in.
    """
    connection = op.get_bind()
    on_sqlite = connection.dialect.name == "sqlite"
    op.add_column("ledger_details", sa.Column("account_id", sa.Text()))
    op.add_column("ledger_details", sa.Column("entry_action", sa.Text()))
    find_guard = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = 'ledger_details_change'"
    guard = connection.exec_driver_sql(find_guard).scalar_one() if on_sqlite else ""
    stay = "ALTER TABLE ledger_details {} TRIGGER ledger_details_stay"
    op.execute("DROP TRIGGER ledger_details_change" if on_sqlite else stay.format("DISABLE"))
    op.execute(
        "UPDATE ledger_details SET entry_action ="
        " (SELECT action FROM ledger_entries WHERE ledger_entries.seq = ledger_details.seq)"
    )
    op.execute(guard if on_sqlite else stay.format("ENABLE"))
    op.create_index("ix_ledger_details_of_account", "ledger_details", ["account_id", "seq"])
    op.create_index("ix_ledger_details_of_action", "ledger_details", ["agency_id", "entry_action", "seq"])
    op.create_index("ix_ledger_entries_of_action", "ledger_entries", ["action", "seq"])
    op.create_index("ix_ledger_entries_of_time", "ledger_entries", ["at", "seq"])


def _distressing_sources() -> None:
    """Let a source say whether its pictures are distressing. NULL is left out of MACs, so older rows hold."""
    op.add_column("sources", sa.Column("distressing", sa.Boolean()))
