"""The tables of the ledger."""

from __future__ import annotations

import sqlalchemy as sa

from lineament.store.columns import Id, at_least, digest, metadata, not_blank

CHANGE_MADE = "action = 'change_made'"
"""Which entries record that a change of the threshold or of the model took effect: few among many."""

STOPS = "action IN ('agency_stopped', 'agency_resumed', 'all_stopped', 'all_resumed')"
"""Which entries record that searching was stopped or resumed: few among many."""

WITNESSES_CHANGED = "action = 'witnesses_changed'"
"""Which entries record that a policy of who witnesses the ledger took effect."""

ledger_entries = sa.Table(
    "ledger_entries",
    metadata,
    sa.Column("seq", Id, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Text, nullable=False),  # ISO 8601, exactly as in the leaf
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("commitment", sa.LargeBinary, nullable=False),
    sa.Column("leaf", sa.LargeBinary, nullable=False),
    at_least("seq", 0),
    not_blank("action"),
    digest("commitment"),
    digest("leaf"),
    sa.Index(
        "ix_ledger_entries_change_made",
        "seq",
        sqlite_where=sa.text(CHANGE_MADE),
        postgresql_where=sa.text(CHANGE_MADE),
    ),
    sa.Index("ix_ledger_entries_of_action", "action", "seq"),
    sa.Index("ix_ledger_entries_of_time", "at", "seq"),
    sa.Index("ix_ledger_entries_stops", "seq", sqlite_where=sa.text(STOPS), postgresql_where=sa.text(STOPS)),
    sa.Index(
        "ix_ledger_entries_witnesses_changed",
        "seq",
        sqlite_where=sa.text(WITNESSES_CHANGED),
        postgresql_where=sa.text(WITNESSES_CHANGED),
    ),
)

ledger_details = sa.Table(
    "ledger_details",
    metadata,
    sa.Column("seq", Id, sa.ForeignKey("ledger_entries.seq"), primary_key=True, autoincrement=False),
    sa.Column("salt", sa.LargeBinary, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # canonical JSON
    sa.Column("agency_id", sa.Text),  # of the official
    sa.Column("case_id", sa.BigInteger),  # in which it was done
    sa.Column("host_id", sa.Text),  # the agency of that case, if it is another
    sa.Column("account_id", sa.Text),  # of the official; NULL: somebody at the machine
    sa.Column("entry_action", sa.Text),  # as in the entry, for the index
    sa.Index("ix_ledger_details_of_account", "account_id", "seq"),
    sa.Index("ix_ledger_details_of_action", "agency_id", "entry_action", "seq"),
    sa.Index("ix_ledger_details_of_agency", "agency_id", "seq"),
    sa.Index("ix_ledger_details_of_case", "case_id", "seq"),
    sa.Index("ix_ledger_details_of_host", "host_id", "seq"),
)

ledger_nodes = sa.Table(
    "ledger_nodes",
    metadata,
    sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    digest("hash"),
    sqlite_with_rowid=False,
)

ledger_checkpoint = sa.Table(
    "ledger_checkpoint",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("root", sa.LargeBinary, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.CheckConstraint("id = 1", name="only_one"),
    digest("root"),
)
