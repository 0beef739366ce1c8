"""Tables of agencies and their people; those of their work are in ``tables``."""

from __future__ import annotations

import sqlalchemy as sa

from lineament.store.columns import Day, Moment, at_least, digest, metadata, not_blank, one_of

agencies = sa.Table(
    "agencies",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # random, so that it reveals nothing
    sa.Column("lookup", sa.LargeBinary, nullable=False, unique=True),  # keyed digest of the name
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON: terms, vetting, licence, policy (R46)
    sa.Column("registered_at", Moment, nullable=False),
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    not_blank("id"),
    digest("lookup"),
)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("agency_id", sa.ForeignKey("agencies.id"), nullable=False, index=True),
    sa.Column("lookup", sa.LargeBinary, unique=True),  # keyed digest of the e-mail address, once the official joined
    sa.Column("openid", sa.LargeBinary, unique=True),  # keyed digest of issuer and subject
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON: e-mail address and name (R46)
    sa.Column("password", sa.LargeBinary),  # its argon2id hash, sealed
    sa.Column("roles", sa.Text, nullable=False),  # JSON
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("trained_until", Day),
    sa.Column("last_seen_at", Moment),
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    not_blank("id"),
    digest("lookup"),
    digest("openid"),
    one_of("state", "invited", "active", "suspended", "closed"),
)

invitations = sa.Table(
    "invitations",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),  # SHA-256 of the token in the link
    sa.Column("account_id", sa.ForeignKey("accounts.id"), nullable=False, index=True),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    digest("digest"),
)

factors = sa.Table(
    "factors",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("account_id", sa.ForeignKey("accounts.id"), nullable=False, index=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("lookup", sa.LargeBinary, unique=True),  # keyed digest of a passkey's credential id
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON: its name, its secret or public key
    sa.Column("counter", sa.BigInteger, nullable=False),  # last signature count, last time step, or codes left
    sa.Column("added_at", Moment, nullable=False),
    sa.Column("used_at", Moment),
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    one_of("kind", "passkey", "totp", "recovery"),
    digest("lookup"),
    at_least("counter", 0),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),  # SHA-256 of the key in the cookie
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("account_id", sa.ForeignKey("accounts.id"), nullable=False, index=True),
    sa.Column("began_at", Moment, nullable=False),
    sa.Column("seen_at", Moment, nullable=False),
    sa.Column("proved_at", Moment),
    sa.Column("device", sa.LargeBinary, nullable=False),  # sealed
    sa.Column("terminal", sa.Boolean, nullable=False),
    sa.Column("challenge", sa.LargeBinary),  # for a passkey to sign, once
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    digest("digest"),
)

sign_in_failures = sa.Table(
    "sign_in_failures",
    metadata,
    sa.Column(
        "lookup", sa.LargeBinary, primary_key=True
    ),  # keyed digest of the address, whether or not it has an account, and of the known device
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("last_at", Moment, nullable=False),
    digest("lookup"),
    at_least("failures", 1),
)

devices = sa.Table(
    "devices",
    metadata,
    sa.Column("lookup", sa.LargeBinary, primary_key=True),  # keyed digest of account and key in the browser's cookie
    sa.Column("account_id", sa.ForeignKey("accounts.id"), nullable=False, index=True),
    sa.Column("added_at", Moment, nullable=False),
    digest("lookup"),
)

stops = sa.Table(
    "stops",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # “everything”, or the agency's
    sa.Column("agency_id", sa.ForeignKey("agencies.id")),
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON: reason and who
    sa.Column("at", Moment, nullable=False),
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    sa.CheckConstraint("agency_id IS NOT NULL OR id = 'everything'", name="scope_known"),
    sa.CheckConstraint("agency_id IS NULL OR id = agency_id", name="one_an_agency"),
)
