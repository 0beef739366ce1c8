"""Accounts of officials: their names, addresses and passwords are sealed, and what finds them is keyed (R46)."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import AlreadyThere, InvalidValue, NotFound, WrongState
from lineament.model.accounts import Account, AccountState, Role, checked_email, checked_roles
from lineament.store.columns import Moment
from lineament.store.keys import Vault
from lineament.store.people_tables import accounts, factors, invitations, sessions, sign_in_failures
from lineament.store.sealed import SealedColumn, asked_id

CLOSED_NAME = "closed account"
"""What is left of the name of an official whose account was closed."""

_HINT = "lineament user list"
_SELECT = sa.select(*(column for column in accounts.c if column.name not in {"lookup", "openid", "password"}))
_OPEN = accounts.c.state != AccountState.CLOSED.value

_EVER = datetime(1970, 1, 1, tzinfo=UTC)

# Both databases know this form of it; an older row than ``since`` begins a new series.
_FAIL = sa.text(
    "INSERT INTO sign_in_failures (lookup, failures, last_at) VALUES (:lookup, 1, :at) "
    "ON CONFLICT (lookup) DO UPDATE SET last_at = excluded.last_at, failures = "
    "CASE WHEN sign_in_failures.last_at <= :since THEN 1 ELSE sign_in_failures.failures + 1 END "
    "RETURNING failures"
).bindparams(sa.bindparam("at", type_=Moment), sa.bindparam("since", type_=Moment))


class AccountRows:
    """The accounts of every agency, their invitations, and how often somebody failed to sign in."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._sealed = SealedColumn(vault, "accounts")
        self._password = SealedColumn(vault, "accounts", "password")

    def add(self, agency_id: str, email: str, name: str, roles: Iterable[Role], at: datetime) -> Account:
        """An account that is invited; AlreadyThere only where the same agency has one with that address.

        Whether another agency has one is not looked at, so that inviting somebody does not tell (R46).
        """
        email, held = checked_email(email), checked_roles(roles)
        if any(account.email == email for account in self.of_agency(agency_id)):
            raise AlreadyThere(what="account", name=email)
        new = secrets.token_hex(8)
        row = {"id": new, "agency_id": agency_id, "roles": _roles_to(held), "created_at": at}
        row |= {"state": AccountState.INVITED.value, "sealed": self._seal(new, email, _checked_name(name))}
        self._connection.execute(sa.insert(accounts), row)
        return self.get(new)

    def get(self, id: str) -> Account:  # noqa: A002 - the column
        """The account with that id, a closed one too; NotFound where there is none."""
        return self._account(self._row(id))

    def of_agency(self, agency_id: str) -> list[Account]:
        """The accounts of an agency, the closed ones too, in the order of their names."""
        rows = self._connection.execute(_SELECT.where(accounts.c.agency_id == agency_id)).mappings()
        return sorted(map(self._account, rows), key=lambda account: (account.name.casefold(), account.id))

    def find(self, agency_id: str, email_or_id: str) -> Account:
        """The account of that agency with that id or address; NotFound, also where another agency has it."""
        of_agency = accounts.c.agency_id == agency_id
        if (found := self._found(accounts.c.id == asked_id(email_or_id), of_agency)) is not None:
            return found
        email = email_or_id.strip().lower()
        for account in self.of_agency(agency_id) if email else ():
            if account.email == email:
                return account
        raise NotFound(what="account", name=email_or_id[:200], hint=_HINT)

    def by_email(self, email: str) -> Account | None:
        """The account that joined under that address, whatever its state; None where none did."""
        return self._found(accounts.c.lookup == self._lookup_email(email.strip().lower()))

    def by_openid(self, issuer: str, subject: str) -> Account | None:
        """The account that signs in there under that subject; None where there is none."""
        return self._found(accounts.c.openid == self._lookup_openid(issuer, subject))

    def count(self) -> int:
        """How many accounts the workspace has, without the closed ones."""
        return self._connection.execute(sa.select(sa.func.count()).select_from(accounts).where(_OPEN)).scalar_one()

    # ------------------------------------------------------------ what becomes of them

    def set_state(self, id: str, state: AccountState) -> None:  # noqa: A002
        """Put the account in another state; the caller has asked the lifecycle.

        INVITED takes its password and its OpenID subject away, CLOSED also its address, its name, its factors and its
        sessions. NotFound where it is closed already.
        """
        if state is AccountState.CLOSED:
            self._close(id)
        elif state is AccountState.INVITED:
            self._change(id, state=state.value, password=None, openid=None)
        else:
            self._change(id, state=state.value)

    def join(self, id: str, name: str, password_hash: str | None) -> Account:  # noqa: A002
        """An invited official joins: active from now on, and the invitation is used up.

        Errors: WrongState where somebody joined before; AlreadyThere where the address joined at another agency.
        """
        account = self.get(id)
        if account.state is not AccountState.INVITED:
            raise WrongState(what="account", name=account.id, state=account.state.value, event="joined")
        lookup = self._lookup_email(account.email)
        if self._taken(accounts.c.lookup == lookup, account.id):
            raise AlreadyThere(what="account", name=account.email)
        sealed = self._seal(account.id, account.email, _checked_name(name, least=1))
        self._change(account.id, lookup=lookup, sealed=sealed, state=AccountState.ACTIVE.value)
        if password_hash is not None:
            self.set_password(account.id, password_hash)
        self.uninvite(account.id)
        return self.get(account.id)

    def set_password(self, id: str, hash: str) -> None:  # noqa: A002
        """Put the argon2 hash of a password; it is sealed too."""
        self._change(id, password=self._password.seal(asked_id(id), hash))

    def password(self, id: str) -> str | None:  # noqa: A002
        """The hash, or None where the account has no password."""
        sealed = self._connection.scalar(sa.select(accounts.c.password).where(accounts.c.id == asked_id(id)))
        return None if sealed is None else str(self._password.open(id, sealed))

    def set_openid(self, id: str, issuer: str, subject: str) -> None:  # noqa: A002
        """Let the account sign in elsewhere; AlreadyThere where another account does so under that subject."""
        lookup = self._lookup_openid(issuer, subject)
        if self._taken(accounts.c.openid == lookup, id):
            raise AlreadyThere(what="OpenID subject", name=subject)
        self._change(id, openid=lookup)

    def has_openid(self, id: str) -> bool:  # noqa: A002
        """Whether the account signs in elsewhere under some subject."""
        return self._connection.scalar(sa.select(accounts.c.openid).where(accounts.c.id == asked_id(id))) is not None

    def set_roles(self, id: str, roles: Iterable[Role]) -> None:  # noqa: A002
        """Other roles; InvalidValue where two of them are kept apart (R45)."""
        self._change(id, roles=_roles_to(checked_roles(roles)))

    def set_training(self, id: str, until: date | None) -> None:  # noqa: A002
        """The last day on which the training counts; None: there is none."""
        self._change(id, trained_until=until)

    def seen(self, id: str, at: datetime) -> None:  # noqa: A002
        """The official signed in, or clicked."""
        self._change(id, last_seen_at=at)

    def _close(self, id: str) -> None:  # noqa: A002
        sealed = self._seal(id, "", CLOSED_NAME)
        gone = {"lookup": None, "openid": None, "password": None, "last_seen_at": None, "trained_until": None}
        self._change(id, state=AccountState.CLOSED.value, sealed=sealed, **gone)
        for table in (invitations, factors, sessions):
            self._connection.execute(sa.delete(table).where(table.c.account_id == id))

    # ------------------------------------------------------------ invitations

    def invite(self, account_id: str, token_digest: bytes, expires_at: datetime) -> None:
        """A link that can be followed until then; it replaces the links before. ``token_digest`` is its SHA-256."""
        self.uninvite(account_id)
        row = {"digest": token_digest, "account_id": account_id, "expires_at": expires_at}
        self._connection.execute(sa.insert(invitations), row)

    def invited(self, token_digest: bytes, now: datetime) -> Account | None:
        """Who may join with that link; None where it is none, was replaced or used, or has run out."""
        good = sa.and_(invitations.c.digest == token_digest, invitations.c.expires_at > now)
        asked = sa.select(invitations.c.account_id).where(good)
        return self._found(accounts.c.id.in_(asked), accounts.c.state == AccountState.INVITED.value)

    def uninvite(self, account_id: str) -> None:
        """No link leads to that account any longer."""
        self._connection.execute(sa.delete(invitations).where(invitations.c.account_id == account_id))

    # ------------------------------------------------------------ failures

    def failures(self, key: str, now: datetime, minutes: int) -> tuple[int, datetime | None]:
        """How many failures in a row there were under that key, and when the last one; those ``minutes`` old are gone.

        The work is the same whether the key belongs to an account.
        """
        row = self._connection.execute(
            sa.select(sign_in_failures).where(sign_in_failures.c.lookup == self._lookup_failures(key))
        ).one_or_none()
        if row is None or row.last_at <= now - timedelta(minutes=minutes):
            return 0, None
        return row.failures, row.last_at

    def failed(self, key: str, at: datetime, minutes: int | None = None) -> int:
        """Count one more failure; how many there are now. ``minutes`` after the last one a new series begins."""
        since = _EVER if minutes is None else at - timedelta(minutes=minutes)
        row = {"lookup": self._lookup_failures(key), "at": at, "since": since}
        return int(self._connection.execute(_FAIL, row).scalar_one())

    def forgive(self, key: str) -> None:
        """Forget the failures under that key."""
        lookup = self._lookup_failures(key)
        self._connection.execute(sa.delete(sign_in_failures).where(sign_in_failures.c.lookup == lookup))

    def forget_failures(self, before: datetime) -> int:
        """Delete what was counted last before that time, for anybody can add rows here; how many."""
        old = sign_in_failures.c.last_at < before
        return self._connection.execute(sa.delete(sign_in_failures).where(old)).rowcount

    # ------------------------------------------------------------ rows

    def _lookup_email(self, email: str) -> bytes:
        return self._vault.lookup("accounts", email)

    def _lookup_openid(self, issuer: str, subject: str) -> bytes:
        return self._vault.lookup("openid", json.dumps([issuer, subject]))

    def _lookup_failures(self, key: str) -> bytes:
        return self._vault.lookup("failures", key)

    def _seal(self, id: str, email: str, name: str) -> bytes:  # noqa: A002
        return self._sealed.seal(id, {"email": email, "name": name})

    def _row(self, id: str) -> RowMapping:  # noqa: A002
        row = self._connection.execute(_SELECT.where(accounts.c.id == asked_id(id))).mappings().one_or_none()
        if row is None:
            raise NotFound(what="account", name=id[:200], hint=_HINT)
        return row

    def _found(self, *where: sa.ColumnElement[bool]) -> Account | None:
        row = self._connection.execute(_SELECT.where(*where)).mappings().one_or_none()
        return None if row is None else self._account(row)

    def _taken(self, where: sa.ColumnElement[bool], but: str) -> bool:
        return self._connection.scalar(sa.select(accounts.c.id).where(where, accounts.c.id != but)) is not None

    def _change(self, id: str, **values: object) -> None:  # noqa: A002
        meant = sa.and_(accounts.c.id == asked_id(id), _OPEN)
        if self._connection.execute(sa.update(accounts).where(meant).values(**values)).rowcount == 0:
            raise NotFound(what="account", name=id[:200], hint=_HINT)

    def _account(self, row: RowMapping) -> Account:
        who: Mapping[str, Any] = self._sealed.open(row["id"], row["sealed"])
        return Account(
            id=row["id"],
            agency_id=row["agency_id"],
            email=who["email"],
            name=who["name"],
            roles=frozenset(Role(role) for role in json.loads(row["roles"])),
            state=AccountState(row["state"]),
            created_at=row["created_at"],
            trained_until=row["trained_until"],
            last_seen_at=row["last_seen_at"],
        )


def _roles_to(roles: Iterable[Role]) -> str:
    return json.dumps(sorted(role.value for role in roles))


def _checked_name(untrusted: str, least: int = 0) -> str:
    name = untrusted.strip()
    if not least <= len(name) <= 200 or not name.isprintable():
        shown = name[:200].encode(errors="backslashreplace").decode()
        raise InvalidValue(what="The name of an official", value=shown, why="write 1 to 200 printable characters")
    return name
