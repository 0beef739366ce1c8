"""The tables. ``migrations/`` creates them; a test compares the two."""

from __future__ import annotations

import sqlalchemy as sa

from lineament.store import (  # noqa: F401 - what others here refer to, and the rest
    batch_tables,
    collection_tables,
    drop_tables,
    job_table,
    ledger_tables,
    oversight_tables,
    people_tables,
    proposal_table,
    review_tables,
    search_tables,
    short_lived_tables,
    source_tables,
    watch_tables,
    witness_table,
)
from lineament.store.columns import (
    Day,
    Hex,
    Id,
    Moment,
    Real,
    Words,
    at_least,
    digest,
    metadata,
    not_blank,
    one_of,
    said,
)

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

counters = sa.Table(
    "counters",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

sources = sa.Table(
    "sources",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("controller", Words, nullable=False),
    sa.Column("basis", Words, nullable=False),
    sa.Column("jurisdiction", sa.Text, nullable=False),
    sa.Column("permission_sha256", Hex),
    sa.Column("expires_on", Day),
    sa.Column("retention_days", sa.Integer),
    sa.Column("page_base", Words),
    sa.Column("hosts", Words, nullable=False),  # JSON
    sa.Column("licence", Words),
    sa.Column("contact", Words),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("registered_at", Moment, nullable=False),
    sa.Column("drafted_by", sa.ForeignKey("accounts.id")),
    sa.Column("approved_by", sa.ForeignKey("accounts.id")),
    sa.Column("approved_at", Moment),
    sa.Column("restricted", sa.Boolean, nullable=False),  # to the agencies in source_shares
    sa.Column("permission", Hex),  # a blob, sealed under the source's key
    sa.Column("permission_name", Words),
    sa.Column("wrapped_key", sa.LargeBinary),
    sa.Column("previous_key", sa.LargeBinary),  # while the key is being rotated: the one before, wrapped
    sa.Column("rotated_up_to", sa.BigInteger),  # the last capture that has the new key; NULL: no rotation
    sa.Column("destroyed", sa.Text),  # JSON: what the withdrawal destroyed, for its receipt
    sa.Column("captures", sa.BigInteger, nullable=False),
    sa.Column("faces", sa.BigInteger, nullable=False),
    sa.Column("last_face_id", sa.BigInteger, nullable=False),
    sa.Column("changes", sa.BigInteger, nullable=False, server_default="0"),  # of templates of faces that were there
    sa.Column("distressing", sa.Boolean),  # its pictures are blurred; NULL: if its words suggest it
    sa.Column("tally", sa.LargeBinary),  # what it vouches for of its faces, sealed; NULL: withdrawn, or never counted
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    not_blank("name"),
    said("controller"),
    said("basis"),
    not_blank("jurisdiction"),
    digest("permission_sha256"),
    digest("permission"),
    one_of("state", "drafted", "live", "suspended", "withdrawn"),
    sa.CheckConstraint("wrapped_key IS NOT NULL OR state = 'withdrawn'", name="keyless_is_withdrawn"),
    sa.CheckConstraint("drafted_by <> approved_by", name="two_persons"),
    sa.CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approved_when"),
    sa.CheckConstraint(
        "state IN ('drafted', 'withdrawn') OR drafted_by IS NULL OR approved_by IS NOT NULL", name="approved_is_live"
    ),
    at_least("captures", 0),
    at_least("faces", 0),
)

captures = sa.Table(
    "captures",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("source_id", sa.ForeignKey("sources.id"), nullable=False),
    sa.Column("finding", sa.LargeBinary, nullable=False),  # SHA-256 of URI and picture, because URIs are long
    sa.Column("uri", Words, nullable=False),
    sa.Column("page_uri", Words),
    sa.Column("page_title", Words),
    sa.Column("captured_at", Moment),
    sa.Column("licence", Words),
    sa.Column("evidence", Words, nullable=False),  # JSON: connector and records
    sa.Column("sha256", Hex, nullable=False),
    sa.Column("phash", sa.LargeBinary, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("enrolled_at", Moment, nullable=False),
    sa.Column("original", Hex),
    sa.Column("thumbnail", Hex),
    sa.Column("page", Hex, index=True),  # the WARC record of the page that showed it
    sa.Column("barred", sa.Boolean, nullable=False),  # known-abuse material: its picture is neither shown nor kept
    sa.Column("facts", sa.LargeBinary),  # JSON under the source's key: time, position, credentials (C2PA)
    sa.Column("group_id", sa.BigInteger, index=True),  # the first of its near-identical captures; NULL: there are none
    sa.Column("part", sa.Integer, nullable=False, server_default="1"),  # which picture of its file, from 1
    sa.Column("incomplete", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("missing", Real),  # share of the picture's rows, if it is incomplete and that is known
    sa.Column("looked_at_by", sa.Text),  # the model that last looked for faces
    sa.Column("no_face_because", sa.Text),  # why none was taken; NULL: there is one, or an older version looked
    sa.Column("mac", sa.LargeBinary),  # of what does not change by itself (store/guard.py)
    sa.UniqueConstraint("source_id", "finding"),
    sa.UniqueConstraint("source_id", "sha256", "part", name="uq_captures_bytes"),
    not_blank("uri"),
    digest("finding"),
    digest("sha256"),
    digest("original"),
    digest("thumbnail"),
    digest("page"),
    at_least("width", 1),
    at_least("height", 1),
    at_least("part", 1),
    sa.CheckConstraint("NOT barred OR (original IS NULL AND thumbnail IS NULL)", name="barred_is_not_kept"),
    sa.Index(None, "original"),
    sa.Index(None, "thumbnail"),
    sa.Index("ix_captures_looked_at", "source_id", "looked_at_by"),
)

faces = sa.Table(
    "faces",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("capture_id", sa.ForeignKey("captures.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("source_id", sa.ForeignKey("sources.id"), nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("captured_day", sa.Integer, nullable=False),  # days since 1970-01-01 UTC
    sa.Column("x", Real, nullable=False),
    sa.Column("y", Real, nullable=False),
    sa.Column("width", Real, nullable=False),
    sa.Column("height", Real, nullable=False),
    sa.Column("landmarks", sa.Text, nullable=False),  # JSON
    sa.Column("quality", sa.Text, nullable=False),  # JSON
    sa.Column("crop", Hex, nullable=False, index=True),
    sa.Column("comparable", sa.Boolean, nullable=False, server_default=sa.true()),  # has a template
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    not_blank("model"),
    digest("crop"),
    # It covers the queries of the indexes.
    sa.Column("grade", sa.SmallInteger, nullable=False, server_default="0"),  # of the template
    sa.Column("drawn", sa.Boolean, nullable=False, server_default=sa.false()),  # its box, by hand
    sa.Index("ix_faces_of_source", "source_id", "id", "model", "captured_day", "comparable", "grade"),
)

templates = sa.Table(
    "templates",
    metadata,
    sa.Column("face_id", Id, sa.ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    sa.Column("source_id", sa.BigInteger, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

AWAITING = "state = 'open' AND seeks = 'suspect' AND authorisation IS NULL AND urgent_since IS NULL"
"""Which cases wait for an authorisation, if the policy requires one."""
UNDER = sa.text("state = 'open' AND jurisdiction IS NOT NULL")
"""Which cases may wait for one because of the law of a jurisdiction of their own."""

cases = sa.Table(
    "cases",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("key", sa.Text, nullable=False, unique=True),  # random, for addresses
    sa.Column("agency_id", sa.ForeignKey("agencies.id"), nullable=False),
    sa.Column("ref", Words, nullable=False),
    sa.Column("offence", Words, nullable=False),
    sa.Column("purpose", Words, nullable=False),
    sa.Column("basis", Words, nullable=False),
    sa.Column("authorised_by", Words),
    sa.Column("jurisdiction", sa.Text),
    sa.Column("seeks", sa.Text, nullable=False),
    sa.Column("exempt_because", Words),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("opened_at", Moment, nullable=False),
    sa.Column("closed_at", Moment),
    sa.Column("urgent_since", Moment),
    sa.Column("urgent_because", Words),
    sa.Column("authorisation", sa.LargeBinary),  # the newest, sealed JSON
    sa.Column("authorised_until", Day),  # its last day
    sa.Column("allowances", sa.LargeBinary),  # why words in doubt are allowed (R10), sealed JSON
    sa.Column("hold_because", Words),
    sa.Column("distressing", sa.Boolean),  # its pictures are blurred; NULL, of older versions: if its words suggest it
    sa.Column("wrapped_key", sa.LargeBinary),  # NULL: destroyed, and with it what it sealed
    sa.Column("words", Words, nullable=False),  # reference, offence and purpose, folded for the search by words
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    sa.UniqueConstraint("agency_id", "ref"),
    not_blank("key"),
    said("ref"),
    said("offence"),
    said("purpose"),
    said("basis"),
    said("exempt_because", optional=True),
    said("urgent_because", optional=True),
    said("hold_because", optional=True),
    one_of("seeks", "suspect", "initial identification", "missing person", "victim", "deceased person"),
    one_of("state", "open", "closed", "refused", "destroyed"),
    sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed_when"),
    sa.CheckConstraint("(wrapped_key IS NULL) = (state IN ('refused', 'destroyed'))", name="keyless_is_gone"),
    sa.CheckConstraint("hold_because IS NULL OR state <> 'destroyed'", name="held_is_kept"),
    sa.CheckConstraint("seeks <> 'initial identification' OR exempt_because IS NOT NULL", name="exemption_said"),
    sa.CheckConstraint("(urgent_since IS NULL) = (urgent_because IS NULL)", name="urgency_said"),
    sa.Index("ix_cases_of_agency", "agency_id", "state", "id"),
    sa.Index("ix_cases_expiring", "agency_id", "state", "authorised_until"),
    sa.Index("ix_cases_urgent", "agency_id", "state", "urgent_since"),
    sa.Index(
        "ix_cases_awaiting", "agency_id", "id", sqlite_where=sa.text(AWAITING), postgresql_where=sa.text(AWAITING)
    ),
    sa.Index("ix_cases_under", "agency_id", "jurisdiction", "id", sqlite_where=UNDER, postgresql_where=UNDER),
    sa.Index(None, "closed_at"),
)

case_members = sa.Table(
    "case_members",
    metadata,
    sa.Column("case_id", sa.ForeignKey("cases.id"), primary_key=True),
    sa.Column("account_id", sa.ForeignKey("accounts.id"), primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.Column("until", Day),
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    one_of("role", "examiner", "reviewer", "observer"),
    sa.Index("ix_case_members_of_account", "account_id", "case_id"),
    sa.Index(None, "until"),
)

case_invitations = sa.Table(
    "case_invitations",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.ForeignKey("cases.id"), nullable=False, index=True),
    sa.Column("lookup", sa.LargeBinary, nullable=False, index=True),  # keyed digest of the e-mail address
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON: the address, and who invited
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("until", Day),
    sa.Column("invited_at", Moment, nullable=False),
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    digest("lookup"),
    one_of("role", "examiner", "reviewer", "observer"),
)

case_papers = sa.Table(
    "case_papers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.ForeignKey("cases.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("agency_id", sa.ForeignKey("agencies.id"), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON under the case's key: author, text or name, digest
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("blob", Hex, index=True),
    digest("blob"),
    one_of("kind", "message", "note", "file", "decision", "disclosure"),
    sa.CheckConstraint("(blob IS NULL) = (kind IN ('message', 'note'))", name="file_has_blob"),
    sa.Index("ix_case_papers_of_case", "case_id", "at"),
)

suppressions = sa.Table(
    "suppressions",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column("at", Moment, nullable=False),
)

deletions = sa.Table(
    "deletions",
    metadata,
    sa.Column("address", Hex, primary_key=True),  # of a blob that a committed erasure has yet to delete
    digest("address"),
)
