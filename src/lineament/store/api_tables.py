"""The tables of the API: keys with which programs act for officials, and answers that are given again."""

from __future__ import annotations

import sqlalchemy as sa

from lineament.store.columns import Moment, at_least, digest, metadata, not_blank

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),  # SHA-256 of the key
    sa.Column("agency_id", sa.ForeignKey("agencies.id"), nullable=False, index=True),
    sa.Column("account_id", sa.ForeignKey("accounts.id"), index=True),
    sa.Column("case_id", sa.ForeignKey("cases.id"), index=True),
    sa.Column("rights", sa.Text, nullable=False),  # JSON
    sa.Column("sources", sa.Text, nullable=False),  # JSON; empty: all that the official may
    sa.Column("per_minute", sa.Integer, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON: name, maker, reason, and the secret that signs
    sa.Column("made_at", Moment, nullable=False),
    sa.Column("ends_at", Moment, nullable=False),
    sa.Column("revoked_at", Moment),
    sa.Column("used_at", Moment),
    sa.Column("mac", sa.LargeBinary),  # of the row without the last use (store/guard.py)
    not_blank("id"),
    digest("digest"),
    at_least("per_minute", 1),
)

FORGOTTEN = b""
"""The content of an answer that may name what was erased since; the request was done, and is not done again."""
TO_FORGET = b"\0"
"""The content of a request that was under way while something was erased: its answer may name that."""

api_answers = sa.Table(
    "api_answers",
    metadata,
    sa.Column("lookup", sa.LargeBinary, primary_key=True),  # keyed digest of the key and what names the request
    sa.Column("request", sa.LargeBinary, nullable=False),  # SHA-256 of the request
    sa.Column("content", sa.LargeBinary),  # JSON, sealed, or a word above; NULL: the request is under way
    sa.Column("until", Moment, nullable=False, index=True),
    digest("lookup"),
    digest("request"),
)
