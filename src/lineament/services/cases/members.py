"""The members of a case: officials of its agency and invited ones of others, each with a role and a last day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from lineament.errors import AlreadyThere, InvalidValue, NotFound, Refused
from lineament.model.accounts import AccountState, Permission, checked_email
from lineament.model.cases import Case, CaseInvitation, CaseRole, CaseState, Member
from lineament.model.events.cases import InvitationWithdrawn, MemberAdded, MemberInvited, MemberJoined, MemberRemoved
from lineament.model.reasons import ReasonCode
from lineament.services.cases.access import case_for, require_open
from lineament.services.cases.casework import SOON
from lineament.services.needs import needs
from lineament.services.record import Change, Record
from lineament.store.db import Tx
from lineament.store.members import Ending


class Members:
    """Adds, invites and removes members of a case."""

    def __init__(self, record: Record) -> None:
        self._record = record

    @needs(Permission.READ_CASES, in_case=True)
    def of(self, name: str) -> Sequence[Member]:
        """Return the current members."""
        with self._record.read() as tx:
            case = case_for(tx, self._record, name, Permission.READ_CASES)
            return tx.members.of_case(case.id, self._record.today)

    @needs(Permission.MANAGE_CASES, in_case=True)
    def invitations(self, name: str) -> Sequence[CaseInvitation]:
        """Return the open invitations."""
        with self._record.read() as tx:
            return tx.members.invitations_of(case_for(tx, self._record, name, Permission.MANAGE_CASES).id)

    @needs(Permission.MANAGE_CASES, in_case=True)
    def add(self, name: str, account: str, role: CaseRole, until: date | None = None) -> None:
        """Add an official of the case's own agency, by e-mail address or account id. Raises NotFound."""
        with self._record.change() as change:
            case = self._find_open_case(change, name, until)
            official = change.tx.accounts.find(case.agency_id, account)
            if official.state is not AccountState.ACTIVE:
                raise Refused(ReasonCode.ACCOUNT_NOT_ACTIVE.reason(name=official.name, state=official.state))
            change.tx.members.put(case.id, official.id, role, change.at, until)
            change.record(MemberAdded(case=case.ref, member=official.name, role=role.value, until=until))

    @needs(Permission.MANAGE_CASES, in_case=True)
    def invite(self, name: str, email: str, role: CaseRole, until: date | None) -> CaseInvitation:
        """Invite an official of another agency until a day, without revealing whether the address has an account (R46).

        Whoever signs in with that address finds the invitation; nobody else learns of it.
        """
        address = checked_email(email)
        if until is None:
            why = "say on which day it ends"
            raise InvalidValue(what="The end of an invitation", value="", why=why, field="until")
        with self._record.change() as change:
            case = self._find_open_case(change, name, until)
            if any(invitation.email == address for invitation in change.tx.members.invitations_of(case.id)):
                raise AlreadyThere(what="invitation to this case", name=address, field="email")
            invitation = change.tx.members.invite(case.id, address, role, until, self._record.official.name, change.at)
            change.record(MemberInvited(case=case.ref, email=address, role=role.value, until=until))
            return invitation

    @needs(Permission.MANAGE_CASES, in_case=True)
    def withdraw(self, name: str, invitation_id: str) -> None:
        """Withdraw an invitation."""
        with self._record.change() as change:
            case = self._find_open_case(change, name, None)
            if all(invitation.id != invitation_id for invitation in change.tx.members.invitations_of(case.id)):
                raise NotFound(what="invitation", name=invitation_id, hint="lineament case show")
            change.tx.members.withdraw(invitation_id)
            change.record(InvitationWithdrawn(case=case.ref, invitation=invitation_id))

    @needs(Permission.MANAGE_CASES, in_case=True)
    def remove(self, name: str, account_id: str) -> None:
        """Remove a member from a case immediately."""
        with self._record.change() as change:
            case = self._find_open_case(change, name, None)
            found = [
                member
                for member in change.tx.members.of_case(case.id, change.at.date())
                if member.account_id == account_id
            ]
            if not found:
                raise NotFound(what="member", name=account_id, hint="lineament case show")
            change.tx.members.drop(case.id, account_id)
            change.record(MemberRemoved(case=case.ref, member=found[0].name))

    @needs(Permission.READ_CASES)
    def ending(self) -> Sequence[Ending]:
        """Return the memberships that end within a week, in the official's visible cases."""
        with self._record.read() as tx:
            return tx.members.ending(self._record.sight, self._record.today + SOON)

    @needs(Permission.READ_CASES)
    def mine(self) -> Sequence[CaseInvitation]:
        """Return the open invitations to the official."""
        official = self._record.official
        if official.account_id is None:
            return []
        with self._record.everywhere.read() as tx:  # another agency's case, until it is taken
            return self._waiting(tx, official.account_id)

    @needs(Permission.READ_CASES)
    def take(self, invitation_id: str) -> Case:
        """Accept an invitation, which makes the case visible. Raises NotFound if it is another's invitation."""
        official = self._record.official
        with self._record.everywhere.change() as change:
            waiting = [] if official.account_id is None else self._waiting(change.tx, official.account_id)
            if official.account_id is None or all(invitation.id != invitation_id for invitation in waiting):
                raise NotFound(what="invitation", name=invitation_id, hint="lineament case list")
            case_id, role, until = change.tx.members.take(invitation_id)
            case = change.tx.cases.by_id(case_id)
            if case.state is not CaseState.OPEN:
                raise Refused(ReasonCode.INVITATION_CASE_CLOSED.reason())
            change.concerns(case)
            change.tx.members.put(case.id, official.account_id, role, change.at, until)
            agency = change.tx.agencies.name(official.agency_id)
            change.record(MemberJoined(case=case.ref, member=official.name, agency=agency, role=role.value))
            return case

    def _waiting(self, tx: Tx, account_id: str) -> Sequence[CaseInvitation]:
        """Return the open invitations to an account."""
        found = tx.members.invitations_for(tx.accounts.get(account_id).email)
        return [
            invitation for invitation in found if invitation.until is None or invitation.until >= self._record.today
        ]

    def _find_open_case(self, change: Change, name: str, until: date | None) -> Case:
        case = case_for(change.tx, self._record, name, Permission.MANAGE_CASES)
        change.concerns(case)
        require_open(case)
        if until is not None and until < change.at.date():
            raise InvalidValue(what="The last day", value=until, why="it is in the past", field="until")
        return case
