"""Tables of drops: files that an official sends through the browser, until they are ingested."""

from __future__ import annotations

import sqlalchemy as sa

from lineament.store.columns import Moment, Words, at_least, metadata, not_blank

drops = sa.Table(
    "drops",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("source_id", sa.ForeignKey("sources.id"), nullable=False, index=True),
    sa.Column("agency_id", sa.ForeignKey("agencies.id"), nullable=False),  # of the official whose drop it is
    sa.Column("account_id", sa.ForeignKey("accounts.id")),
    sa.Column("begun_at", Moment, nullable=False),
    sa.Column("seen_at", Moment, nullable=False),  # when something of it last arrived
    sa.Column("ended_at", Moment),  # ingested or discarded; then it has no files
    sa.Column("listed", sa.Boolean, nullable=False),  # every file that it will have is in the list
    sa.Column("done", sa.BigInteger, nullable=False),  # files up to this number are ingested
    sa.Column("files", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("job_id", sa.Text),  # the last job that ingests it; no foreign key, because jobs are deleted in time
    sa.Column("mac", sa.LargeBinary),  # of whose it is, and of which source (store/guard.py)
    not_blank("id"),
    at_least("done", 0),
    at_least("files", 0),
    at_least("bytes", 0),
)

drop_files = sa.Table(
    "drop_files",
    metadata,
    sa.Column("drop_id", sa.ForeignKey("drops.id"), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),  # from 1, in the order of the list
    sa.Column("path", Words, nullable=False),  # as the browser says it; never the path of a file here
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("modified", sa.BigInteger, nullable=False),  # milliseconds since 1970, as the browser says it
    sa.Column("received", sa.BigInteger, nullable=False),  # bytes that are durable
    sa.Column("why", Words),  # why it is refused without being sent
    sa.Column("mac", sa.LargeBinary),  # of all but what was received (store/guard.py)
    sa.UniqueConstraint("drop_id", "path", "size", "modified"),
    at_least("number", 1),
    at_least("size", 0),
    at_least("received", 0),
    sa.CheckConstraint("received <= size", name="received_whole"),
)
