"""Who works on a case, who was invited to it, and who approved a photograph of it. What names them is sealed (R46)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import NotFound
from lineament.model.accounts import Sight
from lineament.model.cases import CaseInvitation, CaseRole, CaseState, Member
from lineament.store.accounts import AccountRows
from lineament.store.agencies import AgencyRows
from lineament.store.keys import Vault
from lineament.store.people_tables import accounts
from lineament.store.sealed import SealedColumn, asked_id
from lineament.store.tables import approvals, case_invitations, case_members, cases

_INVITATIONS = sa.select(case_invitations, cases.c.ref, cases.c.agency_id).join(
    cases, cases.c.id == case_invitations.c.case_id
)


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
        """Make somebody a member, or give a member another role or end; ``until`` is the last day."""
        values = {"role": role.value, "until": until}
        there = _membership(case_id, account_id)
        if self._connection.execute(sa.update(case_members).where(there).values(**values)).rowcount == 0:
            row = values | {"case_id": case_id, "account_id": account_id, "since": at}
            self._connection.execute(sa.insert(case_members), row)

    def drop(self, case_id: int, account_id: str) -> None:
        """Take somebody out of a case; nothing to do where they are no member."""
        self._connection.execute(sa.delete(case_members).where(_membership(case_id, account_id)))

    def drop_all(self, account_id: str) -> int:
        """Take somebody out of every case, for the account is closed; how many there were."""
        return self._connection.execute(sa.delete(case_members).where(case_members.c.account_id == account_id)).rowcount

    def of_case(self, case_id: int, today: date) -> list[Member]:
        """Those who work on a case on that day, in the order in which they came."""
        query = sa.select(case_members).where(case_members.c.case_id == case_id, _holds(today))
        query = query.order_by(case_members.c.since, case_members.c.account_id)
        people, agencies = AccountRows(self._connection, self._vault), AgencyRows(self._connection, self._vault)
        names: dict[str, str] = {}
        found = []
        for row in self._connection.execute(query).mappings().all():
            account = people.get(row["account_id"])
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
        """What somebody may do in a case on that day; None for who is no member."""
        query = sa.select(case_members.c.role).where(_membership(case_id, account_id), _holds(today))
        found: str | None = self._connection.scalar(query)
        return None if found is None else CaseRole(found)

    def ending(self, sight: Sight, until: date, limit: int = 50) -> list[Ending]:
        """Memberships of open cases that end by that day: one's own, and those in cases of the whole agency."""
        mine = case_members.c.account_id == sight.account_id
        own = cases.c.agency_id == sight.agency_id
        columns = (case_members.c.account_id, case_members.c.until, cases.c.key, cases.c.ref)
        query = sa.select(*columns).join(cases, cases.c.id == case_members.c.case_id)
        query = query.where(
            case_members.c.until.between(sight.today, until),
            cases.c.state == CaseState.OPEN.value,
            sa.or_(mine, own) if sight.whole_agency else mine,
        )
        people = AccountRows(self._connection, self._vault)
        rows = self._connection.execute(query.order_by(case_members.c.until, cases.c.id).limit(limit)).all()
        return [
            Ending(case=row.ref, case_key=row.key, name=people.get(row.account_id).name, until=row.until)
            for row in rows
        ]

    def end_guests(self, case_id: int, agency_id: str) -> None:
        """Take everybody out who is not of that agency, and every invitation back."""
        own = sa.select(accounts.c.id).where(accounts.c.agency_id == agency_id)
        guests = sa.and_(case_members.c.case_id == case_id, case_members.c.account_id.not_in(own))
        self._connection.execute(sa.delete(case_members).where(guests))
        self._connection.execute(sa.delete(case_invitations).where(case_invitations.c.case_id == case_id))

    # ------------------------------------------------------------ invitations

    def invite(  # noqa: PLR0913, PLR0917 - what an invitation says
        self, case_id: int, email: str, role: CaseRole, until: date | None, invited_by: str, at: datetime
    ) -> CaseInvitation:
        """Invite an address; whether it has an account is not looked at (R46)."""
        new = secrets.token_hex(8)
        row = {"id": new, "case_id": case_id, "lookup": self._lookup(email), "role": role.value, "until": until}
        row |= {"invited_at": at, "sealed": self._sealed.seal(new, {"email": email, "invited_by": invited_by})}
        self._connection.execute(sa.insert(case_invitations), row)
        (made,) = self._invitations(case_invitations.c.id == new)
        return made

    def invitations_of(self, case_id: int) -> list[CaseInvitation]:
        """The invitations to a case that nobody took up yet, the oldest first."""
        return self._invitations(case_invitations.c.case_id == case_id)

    def invitations_for(self, email: str) -> list[CaseInvitation]:
        """The invitations that wait for whoever has that address, to whatever case, the oldest first."""
        return self._invitations(case_invitations.c.lookup == self._lookup(email))

    def take(self, invitation_id: str) -> tuple[int, CaseRole, date | None]:
        """Use an invitation up: the case, the role and the last day; NotFound where it is not there any more."""
        which = case_invitations.c.id == asked_id(invitation_id)
        row = self._connection.execute(sa.select(case_invitations).where(which)).mappings().one_or_none()
        if row is None:
            raise NotFound(what="invitation", name=invitation_id, hint="lineament case list")
        self.withdraw(invitation_id)
        return row["case_id"], CaseRole(row["role"]), row["until"]

    def withdraw(self, invitation_id: str) -> None:
        """Take an invitation back; nothing to do where it is gone."""
        self._connection.execute(sa.delete(case_invitations).where(case_invitations.c.id == asked_id(invitation_id)))

    # ------------------------------------------------------------ approvals

    def approve(self, probe_id: str, account_id: str, at: datetime) -> None:
        """Somebody approves that a probe is searched (R11); a second time changes nothing."""
        if account_id not in self.approvers(probe_id):
            self._connection.execute(sa.insert(approvals), {"probe_id": probe_id, "account_id": account_id, "at": at})

    def approvers(self, probe_id: str) -> list[str]:
        """The accounts that approved a probe, in the order in which they did."""
        query = sa.select(approvals.c.account_id).where(approvals.c.probe_id == asked_id(probe_id))
        return list(self._connection.scalars(query.order_by(approvals.c.at, approvals.c.account_id)))

    # ------------------------------------------------------------ rows

    def _lookup(self, email: str) -> bytes:
        return self._vault.lookup("case_invitations", email.strip().lower())

    def _invitations(self, which: sa.ColumnElement[bool]) -> list[CaseInvitation]:
        query = _INVITATIONS.where(which).order_by(case_invitations.c.invited_at, case_invitations.c.id)
        return [self._invitation(row) for row in self._connection.execute(query).mappings().all()]

    def _invitation(self, row: RowMapping) -> CaseInvitation:
        said = self._sealed.open(row["id"], row["sealed"])
        return CaseInvitation(
            id=row["id"],
            case=row["ref"],
            email=said["email"],
            role=CaseRole(row["role"]),
            until=row["until"],
            invited_by=said["invited_by"],
            invited_at=row["invited_at"],
            agency_name=AgencyRows(self._connection, self._vault).name(row["agency_id"]),
        )


def _membership(case_id: int, account_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(case_members.c.case_id == case_id, case_members.c.account_id == account_id)


def _holds(today: date) -> sa.ColumnElement[bool]:
    return sa.or_(case_members.c.until.is_(None), case_members.c.until >= today)
