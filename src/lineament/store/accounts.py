"""Accounts of officials: names, addresses and passwords are sealed; keyed digests find them (R46)."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import AlreadyThere, InvalidValue, NotFound, WrongState
from lineament.model.accounts import Account, AccountState, Role, checked_email, checked_roles
from lineament.model.folding import says_something
from lineament.store.columns import Moment
from lineament.store.guard import checked
from lineament.store.keys import Vault
from lineament.store.people_tables import accounts, devices, factors, invitations, sessions, sign_in_failures
from lineament.store.raw import batched
from lineament.store.sealed import SealedColumn, checked_id

CLOSED_NAME = "closed account"
"""Replaces the name of an official whose account was closed."""

_HINT = "lineament user list"
_SELECT = sa.select(accounts)
_MOST = 500
"""Most ids in one IN clause."""

_OPEN = accounts.c.state != AccountState.CLOSED.value
_COUNT = sa.select(sa.func.count()).select_from(accounts).where(_OPEN)

_EVER = datetime(1970, 1, 1, tzinfo=UTC)

# Both databases know this upsert. A row older than ``since`` starts a new series.
_FAIL = sa.text(
    "INSERT INTO sign_in_failures (lookup, failures, last_at) VALUES (:lookup, 1, :at) "
    "ON CONFLICT (lookup) DO UPDATE SET last_at = excluded.last_at, failures = "
    "CASE WHEN sign_in_failures.last_at <= :since THEN 1 ELSE sign_in_failures.failures + 1 END "
    "RETURNING failures"
).bindparams(sa.bindparam("at", type_=Moment), sa.bindparam("since", type_=Moment))


class AccountRows:
    """The accounts of every agency, their invitations, and failed sign-ins."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._sealed = SealedColumn(vault, "accounts")
        self._password = SealedColumn(vault, "accounts", "password")

    def add(self, agency_id: str, email: str, name: str, roles: Iterable[Role], at: datetime) -> Account:
        """Add an invited account. Raises AlreadyThere if the same agency has one with that address.

        Accounts of other agencies are not checked, so that an invitation does not reveal them (R46).
        """
        email, checked = checked_email(email), checked_roles(roles)
        if any(account.email == email for account in self.of_agency(agency_id)):
            raise AlreadyThere(what="account", name=email, field="email")
        new = secrets.token_hex(8)
        row = {"id": new, "agency_id": agency_id, "roles": _roles_to(checked), "created_at": at}
        row |= {"state": AccountState.INVITED.value, "sealed": self._seal(new, email, _checked_name(name))}
        self._connection.execute(sa.insert(accounts), row)
        return self.get(new)

    def get(self, id: str) -> Account:  # noqa: A002 - the column
        """Return an account, even if it is closed. Raises NotFound if there is none with that id."""
        return self._account(self._row(id))

    def several(self, ids: Iterable[str]) -> dict[str, Account]:
        """Return accounts by id, even closed ones; an id that nobody has is left out."""
        found = {}
        for some in batched(ids, _MOST):
            for row in self._connection.execute(_SELECT.where(accounts.c.id.in_(some))).mappings().all():
                found[row["id"]] = self._account(row)
        return found

    def of_agency(self, agency_id: str, roles: Collection[Role] = ()) -> list[Account]:
        """Return the accounts of an agency, including closed ones, in the order of their names.

        ``roles``: only those who have one of these.
        """
        query = _SELECT.where(accounts.c.agency_id == agency_id)
        if roles:
            query = query.where(sa.or_(*(accounts.c.roles.contains(json.dumps(role.value)) for role in roles)))
        rows = self._connection.execute(query).mappings()
        return sorted(map(self._account, rows), key=lambda account: (account.name.casefold(), account.id))

    def find(self, agency_id: str, email_or_id: str) -> Account:
        """Return the account of that agency with that id or address. Raises NotFound even if another agency has it."""
        of_agency = accounts.c.agency_id == agency_id
        if (found := self._found(accounts.c.id == checked_id(email_or_id), of_agency)) is not None:
            return found
        email = email_or_id.strip().lower()
        for account in self.of_agency(agency_id) if email else ():
            if account.email == email:
                return account
        raise NotFound(what="account", name=email_or_id[:200], hint=_HINT, field="account")

    def by_email(self, email: str) -> Account | None:
        """Return the account that joined under that address, whatever its state; None if none did."""
        return self._found(accounts.c.lookup == self._lookup_email(email.strip().lower()))

    def by_openid(self, issuer: str, subject: str) -> Account | None:
        """Return the account that signs in at that issuer under that subject; None if there is none."""
        return self._found(accounts.c.openid == self._lookup_openid(issuer, subject))

    def count(self) -> int:
        """Return the number of accounts in the workspace, without closed ones."""
        return self._connection.execute(_COUNT).scalar_one()

    # ------------------------------------------------------------ changes

    def set_state(self, id: str, state: AccountState) -> None:  # noqa: A002
        """Set the state of an account; the caller has checked the lifecycle.

        INVITED removes its password and its OpenID subject, CLOSED also its address, name, factors and sessions.
        Raises NotFound if it is already closed.
        """
        if state is AccountState.CLOSED:
            self._close(id)
        elif state is AccountState.INVITED:
            self._change(id, state=state.value, password=None, openid=None)
        else:
            self._change(id, state=state.value)

    def join(self, id: str, name: str, password_hash: str | None) -> Account:  # noqa: A002
        """Activate the account of an invited official and use the invitation up.

        Raises WrongState if the official has joined already, AlreadyThere if the address joined at another agency.
        """
        account = self.get(id)
        if account.state is not AccountState.INVITED:
            raise WrongState(what="account", name=account.id, state=account.state.value, event="joined")
        lookup = self._lookup_email(account.email)
        if self._exists(accounts.c.lookup == lookup, account.id):
            raise AlreadyThere(what="account", name=account.email, field="email")
        sealed = self._seal(account.id, account.email, _checked_name(name, least=1))
        self._change(account.id, lookup=lookup, sealed=sealed, state=AccountState.ACTIVE.value)
        if password_hash is not None:
            self.set_password(account.id, password_hash)
        self.uninvite(account.id)
        return self.get(account.id)

    def set_password(self, id: str, hash: str) -> None:  # noqa: A002
        """Store the argon2 hash of a password, sealed."""
        self._change(id, password=self._password.seal(checked_id(id), hash))

    def password(self, id: str) -> str | None:  # noqa: A002
        """Return the hash of the password, None if the account has none."""
        row = self._connection.execute(_SELECT.where(accounts.c.id == checked_id(id))).mappings().one_or_none()
        if row is None:
            return None
        checked(self._connection, self._vault, "accounts", row)
        return None if row["password"] is None else str(self._password.open(id, row["password"]))

    def set_openid(self, id: str, issuer: str, subject: str) -> None:  # noqa: A002
        """Let the account sign in with OpenID. Raises AlreadyThere if another account uses that subject."""
        lookup = self._lookup_openid(issuer, subject)
        if self._exists(accounts.c.openid == lookup, id):
            raise AlreadyThere(what="OpenID subject", name=subject)
        self._change(id, openid=lookup)

    def has_openid(self, id: str) -> bool:  # noqa: A002
        """Return whether the account signs in with OpenID."""
        return self._connection.scalar(sa.select(accounts.c.openid).where(accounts.c.id == checked_id(id))) is not None

    def set_roles(self, id: str, roles: Iterable[Role]) -> None:  # noqa: A002
        """Replace the roles. Raises InvalidValue if two of them must not be combined (R45)."""
        self._change(id, roles=_roles_to(checked_roles(roles)))

    def set_training(self, id: str, until: date | None) -> None:  # noqa: A002
        """Set the last day on which the training counts; None if there is no training."""
        self._change(id, trained_until=until)

    def mark_seen(self, id: str, at: datetime) -> None:  # noqa: A002
        """Record that the official was active."""
        self._change(id, last_seen_at=at)

    def _close(self, id: str) -> None:  # noqa: A002
        sealed = self._seal(id, "", CLOSED_NAME)
        cleared = {"lookup": None, "openid": None, "password": None, "last_seen_at": None, "trained_until": None}
        self._change(id, state=AccountState.CLOSED.value, sealed=sealed, **cleared)
        for table in (invitations, factors, sessions, devices):
            self._connection.execute(sa.delete(table).where(table.c.account_id == id))

    # ------------------------------------------------------------ invitations

    def invite(self, account_id: str, token_digest: bytes, expires_at: datetime) -> None:
        """Store the SHA-256 of an invitation link that is valid until ``expires_at``; it replaces earlier links."""
        self.uninvite(account_id)
        row = {"digest": token_digest, "account_id": account_id, "expires_at": expires_at}
        self._connection.execute(sa.insert(invitations), row)

    def invited(self, token_digest: bytes, now: datetime) -> Account | None:
        """Return the account that the link invites; None if the link is unknown, replaced, used or expired."""
        good = sa.and_(invitations.c.digest == token_digest, invitations.c.expires_at > now)
        row = self._connection.execute(sa.select(invitations).where(good)).mappings().one_or_none()
        if row is None:
            return None
        checked(self._connection, self._vault, "invitations", row)
        return self._found(accounts.c.id == row["account_id"], accounts.c.state == AccountState.INVITED.value)

    def uninvite(self, account_id: str) -> None:
        """Delete the invitation links of an account."""
        self._connection.execute(sa.delete(invitations).where(invitations.c.account_id == account_id))

    # ------------------------------------------------------------ failures

    def failures(self, key: str, now: datetime, minutes: int) -> tuple[int, datetime | None]:
        """Return how many failures in a row there were under that key, and when the last one; 0 after ``minutes``.

        The work is the same whether or not the key belongs to an account.
        """
        row = self._connection.execute(
            sa.select(sign_in_failures).where(sign_in_failures.c.lookup == self._lookup_failures(key))
        ).one_or_none()
        if row is None or row.last_at <= now - timedelta(minutes=minutes):
            return 0, None
        return row.failures, row.last_at

    def count_failure(self, key: str, at: datetime, minutes: int | None = None) -> int:
        """Count a failure and return how many there are now; a new series starts ``minutes`` after the last one."""
        since = _EVER if minutes is None else at - timedelta(minutes=minutes)
        row = {"lookup": self._lookup_failures(key), "at": at, "since": since}
        return int(self._connection.execute(_FAIL, row).scalar_one())

    def forgive(self, key: str) -> None:
        """Forget the failures under that key."""
        lookup = self._lookup_failures(key)
        self._connection.execute(sa.delete(sign_in_failures).where(sign_in_failures.c.lookup == lookup))

    def forget_failures(self, before: datetime) -> int:
        """Delete series whose last failure was before that time (anyone can add rows here); return how many."""
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
        row = self._connection.execute(_SELECT.where(accounts.c.id == checked_id(id))).mappings().one_or_none()
        if row is None:
            raise NotFound(what="account", name=id[:200], hint=_HINT)
        return row

    def _found(self, *where: sa.ColumnElement[bool]) -> Account | None:
        row = self._connection.execute(_SELECT.where(*where)).mappings().one_or_none()
        return None if row is None else self._account(row)

    def _exists(self, where: sa.ColumnElement[bool], other_than: str) -> bool:
        return self._connection.scalar(sa.select(accounts.c.id).where(where, accounts.c.id != other_than)) is not None

    def _change(self, id: str, **values: object) -> None:  # noqa: A002
        active = sa.and_(accounts.c.id == checked_id(id), _OPEN)
        if self._connection.execute(sa.update(accounts).where(active).values(**values)).rowcount == 0:
            raise NotFound(what="account", name=id[:200], hint=_HINT)

    def _account(self, row: RowMapping) -> Account:
        checked(self._connection, self._vault, "accounts", row)
        opened: Mapping[str, Any] = self._sealed.open(row["id"], row["sealed"])
        return Account(
            id=row["id"],
            agency_id=row["agency_id"],
            email=opened["email"],
            name=opened["name"],
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
    if not least <= len(name) <= 200 or not name.isprintable() or (name and not says_something(name)):
        shown = name[:200].encode(errors="backslashreplace").decode()
        why = "write 1 to 200 printable characters"
        raise InvalidValue(what="The name of an official", value=shown, why=why, field="name")
    return name
