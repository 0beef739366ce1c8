"""Who works on a case, is invited to it, and approved photographs of it. Names and addresses are sealed (R46)."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import NotFound
from lineament.model.accounts import Sight
from lineament.model.cases import CaseInvitation, CaseRole, CaseState, Member
from lineament.store.accounts import AccountRows
from lineament.store.agencies import AgencyRows
from lineament.store.columns import among
from lineament.store.guard import checked
from lineament.store.keys import Vault
from lineament.store.people_tables import accounts
from lineament.store.raw import batched
from lineament.store.sealed import SealedColumn, checked_id
from lineament.store.search_tables import approvals
from lineament.store.tables import case_invitations, case_members, cases

_INVITATIONS = sa.select(case_invitations, cases.c.ref, cases.c.agency_id).join(
    cases, cases.c.id == case_invitations.c.case_id
)

_MOST = 500
"""Most accounts in one IN clause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A membership that ends soon."""

    case: str
    case_key: str
    name: str
    until: date


class MemberRows:
    """Members, invitations and approvals."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._sealed = SealedColumn(vault, "case_invitations")

    # ------------------------------------------------------------ members

    def put(self, case_id: int, account_id: str, role: CaseRole, at: datetime, until: date | None) -> None:
        """Add a member, or change a member's role and last day (``until``)."""
        values = {"role": role.value, "until": until}
        membership = _membership(case_id, account_id)
        if self._connection.execute(sa.update(case_members).where(membership).values(**values)).rowcount == 0:
            row = values | {"case_id": case_id, "account_id": account_id, "since": at}
            self._connection.execute(sa.insert(case_members), row)

    def drop(self, case_id: int, account_id: str) -> None:
        """Remove a member from a case, if there is one."""
        self._connection.execute(sa.delete(case_members).where(_membership(case_id, account_id)))

    def drop_all(self, account_id: str) -> int:
        """Remove somebody whose account was closed from every case; return how many there were."""
        return self._connection.execute(sa.delete(case_members).where(case_members.c.account_id == account_id)).rowcount

    def of_case(self, case_id: int, today: date) -> list[Member]:
        """Return the members of a case on that day, in the order in which they joined."""
        query = sa.select(case_members).where(case_members.c.case_id == case_id, _holds(today))
        query = query.order_by(case_members.c.since, case_members.c.account_id)
        rows = self._connection.execute(query).mappings().all()
        people = AccountRows(self._connection, self._vault).several(row["account_id"] for row in rows)
        agencies = AgencyRows(self._connection, self._vault)
        names: dict[str, str] = {}
        found = []
        for row in rows:
            checked(self._connection, self._vault, "case_members", row)
            account = people[row["account_id"]]
            if account.agency_id not in names:
                names[account.agency_id] = agencies.name(account.agency_id)
            found.append(
                Member(
                    account_id=account.id,
                    name=account.name,
                    agency_id=account.agency_id,
                    agency_name=names[account.agency_id],
                    role=CaseRole(row["role"]),
                    since=row["since"],
                    until=row["until"],
                )
            )
        return found

    def role_of(self, case_id: int, account_id: str, today: date) -> CaseRole | None:
        """Return somebody's role in a case on that day; None if they are no member."""
        query = sa.select(case_members).where(_membership(case_id, account_id), _holds(today))
        row = self._connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        checked(self._connection, self._vault, "case_members", row)
        return CaseRole(row["role"])

    def roles(
        self, case_ids: Collection[int], account_ids: Iterable[str], today: date
    ) -> dict[tuple[int, str], CaseRole]:
        """Return the roles of some accounts in some cases on that day, by case and account."""
        of_cases = sa.select(case_members).where(among(case_members.c.case_id, case_ids), _holds(today))
        found = {}
        for some in batched(account_ids, _MOST):
            for row in self._connection.execute(of_cases.where(case_members.c.account_id.in_(some))).mappings():
                checked(self._connection, self._vault, "case_members", row)
                found[row["case_id"], row["account_id"]] = CaseRole(row["role"])
        return found

    def ending(self, sight: Sight, until: date, limit: int = 50) -> list[Ending]:
        """Return memberships of open cases that end by that day: the official's own, or all that an agency sees."""
        own_membership = case_members.c.account_id == sight.account_id
        own_case = cases.c.agency_id == sight.agency_id
        columns = (case_members.c.account_id, case_members.c.until, cases.c.key, cases.c.ref)
        query = sa.select(*columns).join(cases, cases.c.id == case_members.c.case_id)
        query = query.where(
            case_members.c.until.between(sight.today, until),
            cases.c.state == CaseState.OPEN.value,
            sa.or_(own_membership, own_case) if sight.whole_agency else own_membership,
        )
        rows = self._connection.execute(
            query.order_by(case_members.c.until, cases.c.id, case_members.c.account_id).limit(limit)
        ).all()
        people = AccountRows(self._connection, self._vault).several(row.account_id for row in rows)
        return [
            Ending(case=row.ref, case_key=row.key, name=people[row.account_id].name, until=row.until) for row in rows
        ]

    def end_guests(self, case_id: int, agency_id: str) -> None:
        """Remove the members of other agencies and withdraw every invitation."""
        own = sa.select(accounts.c.id).where(accounts.c.agency_id == agency_id)
        guests = sa.and_(case_members.c.case_id == case_id, case_members.c.account_id.not_in(own))
        self._connection.execute(sa.delete(case_members).where(guests))
        self._connection.execute(sa.delete(case_invitations).where(case_invitations.c.case_id == case_id))

    def guest_agencies(self, agency_id: str) -> int:
        """Count the other agencies whose people are members of an agency's cases."""
        query = sa.select(sa.func.count(sa.distinct(accounts.c.agency_id)))
        query = query.select_from(case_members).join(cases, cases.c.id == case_members.c.case_id)
        query = query.join(accounts, accounts.c.id == case_members.c.account_id)
        found = self._connection.scalar(query.where(cases.c.agency_id == agency_id, accounts.c.agency_id != agency_id))
        return int(found or 0)

    # ------------------------------------------------------------ invitations

    def invite(  # noqa: PLR0913, PLR0917 - what an invitation says
        self, case_id: int, email: str, role: CaseRole, until: date | None, invited_by: str, at: datetime
    ) -> CaseInvitation:
        """Invite an address, without looking whether it has an account (R46)."""
        new = secrets.token_hex(8)
        row = {"id": new, "case_id": case_id, "lookup": self._lookup(email), "role": role.value, "until": until}
        row |= {"invited_at": at, "sealed": self._sealed.seal(new, {"email": email, "invited_by": invited_by})}
        self._connection.execute(sa.insert(case_invitations), row)
        (invitation,) = self._invitations(case_invitations.c.id == new)
        return invitation

    def invitations_of(self, case_id: int) -> list[CaseInvitation]:
        """Return the open invitations to a case, oldest first."""
        return self._invitations(case_invitations.c.case_id == case_id)

    def invitations_for(self, email: str) -> list[CaseInvitation]:
        """Return the open invitations for that address, to any case, oldest first."""
        return self._invitations(case_invitations.c.lookup == self._lookup(email))

    def take(self, invitation_id: str) -> tuple[int, CaseRole, date | None]:
        """Use up an invitation and return case, role and last day. Raises NotFound if it is gone."""
        which = case_invitations.c.id == checked_id(invitation_id)
        row = self._connection.execute(sa.select(case_invitations).where(which)).mappings().one_or_none()
        if row is None:
            raise NotFound(what="invitation", name=invitation_id, hint="lineament case list")
        checked(self._connection, self._vault, "case_invitations", row)
        self.withdraw(invitation_id)
        return row["case_id"], CaseRole(row["role"]), row["until"]

    def withdraw(self, invitation_id: str) -> None:
        """Withdraw an invitation, if it is there."""
        self._connection.execute(sa.delete(case_invitations).where(case_invitations.c.id == checked_id(invitation_id)))

    # ------------------------------------------------------------ approvals

    def approve(self, probe_id: str, account_id: str, at: datetime) -> None:
        """Record that somebody approves the search of a probe (R11); a second time changes nothing."""
        if account_id not in self.approvers(probe_id):
            self._connection.execute(sa.insert(approvals), {"probe_id": probe_id, "account_id": account_id, "at": at})

    def approvers(self, probe_id: str) -> list[str]:
        """Return the accounts that approved a probe, in the order in which they did."""
        query = sa.select(approvals).where(approvals.c.probe_id == checked_id(probe_id))
        query = query.order_by(approvals.c.at, approvals.c.account_id)
        rows = self._connection.execute(query).mappings().all()
        for row in rows:
            checked(self._connection, self._vault, "approvals", row)
        return [row["account_id"] for row in rows]

    # ------------------------------------------------------------ rows

    def _lookup(self, email: str) -> bytes:
        return self._vault.lookup("case_invitations", email.strip().lower())

    def _invitations(self, which: sa.ColumnElement[bool]) -> list[CaseInvitation]:
        query = _INVITATIONS.where(which).order_by(case_invitations.c.invited_at, case_invitations.c.id)
        return [self._invitation(row) for row in self._connection.execute(query).mappings().all()]

    def _invitation(self, row: RowMapping) -> CaseInvitation:
        checked(self._connection, self._vault, "case_invitations", row)
        opened = self._sealed.open(row["id"], row["sealed"])
        return CaseInvitation(
            id=row["id"],
            case=row["ref"],
            email=opened["email"],
            role=CaseRole(row["role"]),
            until=row["until"],
            invited_by=opened["invited_by"],
            invited_at=row["invited_at"],
            agency_name=AgencyRows(self._connection, self._vault).name(row["agency_id"]),
        )


def _membership(case_id: int, account_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(case_members.c.case_id == case_id, case_members.c.account_id == account_id)


def _holds(today: date) -> sa.ColumnElement[bool]:
    return sa.or_(case_members.c.until.is_(None), case_members.c.until >= today)
