"""Registers, vets and licenses agencies, sets their policies, and reports what they use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from lineament.errors import InvalidValue, Refused
from lineament.model.accounts import (
    ACCOUNT_NEXT,
    HOME_AGENCY,
    Account,
    AccountEvent,
    AccountState,
    Permission,
    Role,
    checked_email,
)
from lineament.model.agencies import Agency, AgencyTerms, Licence, Usage, Vetting, VettingOutcome, month_of
from lineament.model.events.people import AgencyLicensed, AgencyRegistered, AgencyRenamed, AgencyVetted, PolicyChanged
from lineament.model.folding import says_something
from lineament.model.lifecycle import advance
from lineament.model.policy import AGENCY, Policy, stricter
from lineament.model.reasons import ReasonCode
from lineament.model.texts import require_said
from lineament.services.needs import needs
from lineament.services.people.invitations import Invitation, PendingInvitation, Post, invite_account, reinvite
from lineament.services.people.policies import base_for, policy_for
from lineament.services.record import Change, Record
from lineament.store.db import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class VettingGrounds:
    """The findings of a vetting. ``Agencies.vet`` adds who vetted, and when."""

    outcome: VettingOutcome
    legal_restrictions: str
    human_rights_record: str
    renew_on: date
    by: str = ""  # who vetted, if not the official who records it


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The policy of an agency, and the preset that it is based on."""

    policy: Policy
    base: Policy  # the preset
    wishes: Mapping[str, bool | int]  # settings that the agency made stricter


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAgency:
    """An official's own agency, as that official sees it."""

    agency: Agency
    rules: Rules
    usage: Usage
    today: date


class Agencies:
    """The register of agencies for the operator, and the own agency for every official."""

    def __init__(self, record: Record, post: Post) -> None:
        self._record = record
        self._post = post

    # ------------------------------------------------------------ for the operator

    @needs(Permission.OPERATE)
    def list(self) -> Sequence[Agency]:
        """Return all agencies, sorted by name."""
        with self._record.read() as tx:
            return tx.agencies.all()

    @needs(Permission.OPERATE)
    def get(self, name: str) -> Agency:
        """Return the agency with that name or id. Raises NotFound if there is none."""
        with self._record.read() as tx:
            return tx.agencies.find(name)

    @needs(Permission.OPERATE)
    def register(self, terms: AgencyTerms) -> Agency:
        """Register an agency. None of its people can sign in before it is vetted and licensed."""
        require_said(terms.name, "The name of an agency", "name")
        with self._record.change() as change:
            agency = change.tx.agencies.add(terms, change.at)
            change.in_agency(agency.id)
            change.record(AgencyRegistered(agency=agency.id, name=terms.name, jurisdiction=terms.jurisdiction))
            return agency

    @needs(Permission.OPERATE)
    def rename_home(self, terms: AgencyTerms) -> Agency:
        """Set the name and terms of the agency that runs this workspace."""
        require_said(terms.name, "The name of an agency", "name")
        with self._record.change() as change:
            change.in_agency(HOME_AGENCY)
            change.tx.agencies.set_terms(HOME_AGENCY, terms)
            change.record(AgencyRenamed(agency=HOME_AGENCY, name=terms.name, jurisdiction=terms.jurisdiction))
            return change.tx.agencies.get(HOME_AGENCY)

    @needs(Permission.OPERATE)
    def vet(self, name: str, grounds: VettingGrounds) -> Agency:
        """Record a vetting, in place of the last one; the ledger keeps both."""
        require_said(grounds.legal_restrictions, "The field “legal restrictions” of a vetting", "legal_restrictions")
        require_said(grounds.human_rights_record, "The field “human-rights record” of a vetting", "human_rights_record")
        with self._record.change() as change:
            agency = self._find_other_agency(change, name)
            vetting = Vetting(
                by=grounds.by.strip() if says_something(grounds.by) else self._record.official.name,
                at=change.at,
                outcome=grounds.outcome,
                legal_restrictions=grounds.legal_restrictions,
                human_rights_record=grounds.human_rights_record,
                renew_on=grounds.renew_on,
            )
            change.tx.agencies.set_vetting(agency.id, vetting)
            change.record(
                AgencyVetted(
                    agency=agency.id,
                    by=vetting.by,
                    outcome=vetting.outcome.value,
                    legal_restrictions=vetting.legal_restrictions,
                    human_rights_record=vetting.human_rights_record,
                    renew_on=vetting.renew_on,
                )
            )
            return change.tx.agencies.get(agency.id)

    @needs(Permission.OPERATE)
    def license(self, name: str, licence: Licence) -> Agency:
        """Give an agency a licence, in place of the last one. Raises Refused if no vetting has approved it."""
        with self._record.change() as change:
            agency, today = self._find_other_agency(change, name), change.at.date()
            if agency.vetting is None or agency.vetting.outcome is not VettingOutcome.OPEN:
                raise Refused(ReasonCode.LICENSED_AFTER_VETTING.reason())
            if licence.last_day < today:
                label, why = "The last day of the licence", "it is in the past"
                raise InvalidValue(what=label, value=licence.last_day, why=why, field="last_day")
            change.tx.agencies.set_licence(agency.id, licence)
            change.record(
                AgencyLicensed(
                    agency=agency.id,
                    kind=licence.kind.value,
                    first_day=licence.first_day,
                    last_day=licence.last_day,
                    seats=licence.seats,
                    searches_a_month=licence.searches_a_month,
                    price=licence.price,
                    reference=licence.reference,
                )
            )
            return change.tx.agencies.get(agency.id)

    @needs(Permission.OPERATE)
    def invite_administrator(self, name: str, email: str, person: str) -> Invitation:
        """Invite the first administrator of an agency, or reset the account of one who lost every credential.

        Raises Refused if the agency has another active administrator: its people are then its own responsibility.
        """
        return self._invite(name, email, person, Role.ADMINISTRATOR)

    @needs(Permission.OPERATE)
    def invite_operator(self, email: str, person: str) -> Invitation:
        """Invite an operator to the agency that runs this workspace, or reset one who lost every credential."""
        return self._invite(HOME_AGENCY, email, person, Role.OPERATOR)

    def _invite(self, name: str, email: str, person: str, role: Role) -> Invitation:
        address = checked_email(email)
        with self._record.change() as change:
            agency = self._find_for_change(change, name)
            waiting = self._prepare_invitation(change, agency, address, person, role)
        return self._post.deliver(waiting)

    def _prepare_invitation(
        self, change: Change, agency: Agency, address: str, person: str, role: Role
    ) -> PendingInvitation:
        inviter = self._record.official.name
        holders = change.tx.accounts.of_agency(agency.id, [role])
        known = next((account for account in holders if account.email == address), None)
        if known is not None:
            self._refuse_own_account(known)
            advance(ACCOUNT_NEXT, known.state, AccountEvent.RESET, what="account", name=known.id)
            return reinvite(change, inviter, known)
        if role is Role.ADMINISTRATOR and any(account.state is AccountState.ACTIVE for account in holders):
            raise Refused(ReasonCode.HAS_ADMINISTRATOR.reason())
        return invite_account(change, inviter, agency.id, address, person, {role})

    def _refuse_own_account(self, account: Account) -> None:
        if account.id == self._record.official.account_id:
            raise Refused(ReasonCode.OWN_ACCOUNT.reason(who=Role.OPERATOR))

    # ------------------------------------------------------------ policy

    @needs(Permission.OPERATE)
    def rules_of(self, name: str) -> Rules:
        """Return the policy of an agency, for the operator."""
        with self._record.read() as tx:
            return _rules(tx, tx.agencies.find(name).id)

    @needs(Permission.MANAGE_PEOPLE, Permission.OPERATE)
    def tighten(self, settings: Mapping[str, bool | int], name: str | None = None) -> Rules:
        """Change single settings of a policy; a setting may be relaxed to the preset's value, but not below it.

        Without ``name`` the own agency's policy changes (MANAGE_PEOPLE), with it that of any agency (OPERATE).
        """
        self._record.require(Permission.MANAGE_PEOPLE if name is None else Permission.OPERATE)
        with self._record.change() as change:
            if name is None:
                agency = change.tx.agencies.get(self._record.official.agency_id)
            else:
                agency = self._find_for_change(change, name)
            before = _rules(change.tx, agency.id)
            if before.base.accounts != settings.get("accounts", before.base.accounts) and not before.policy.accounts:
                raise Refused(ReasonCode.ACCOUNTS_SETTING.reason())
            wishes = {**before.wishes, **settings}
            stricter(before.base, wishes)  # raises if a setting is laxer
            kept = {setting: value for setting, value in wishes.items() if value != getattr(before.base, setting)}
            stricter(AGENCY, kept)  # they must still be valid when solo ends
            change.tx.agencies.set_wishes(agency.id, kept)
            after = _rules(change.tx, agency.id)
            changed = {setting: getattr(after.policy, setting) for setting in settings}
            change.record(PolicyChanged(agency=agency.id, settings=changed))
            return after

    # ------------------------------------------------------------ usage

    @needs(Permission.READ_USAGE)
    def own(self) -> OwnAgency:
        """Return the own agency with its policy and its usage."""
        agency_id = self._record.official.agency_id
        with self._record.read() as tx:
            agency = tx.agencies.get(agency_id)
            return OwnAgency(
                agency=agency,
                rules=_rules(tx, agency_id),
                usage=_usage(tx, agency, self._record.clock()),
                today=self._record.today,
            )

    @needs(Permission.OPERATE)
    def usage_of(self, name: str) -> Usage:
        """Return the usage of one agency, for the operator."""
        with self._record.everywhere.read() as tx:
            return _usage(tx, tx.agencies.find(name), self._record.clock())

    @needs(Permission.OPERATE)
    def usage(self) -> Sequence[Usage]:
        """Return the usage of every agency, for the operator, sorted by name."""
        first, following = month_of(self._record.today)
        with self._record.everywhere.read() as tx:
            counts = tx.searches.counts(first, following)
            return [
                Usage(agency=agency, month=first, searches=counts.get(agency.id, 0), seats=agency.seats_taken)
                for agency in tx.agencies.all()
            ]

    # ------------------------------------------------------------ finding an agency

    def _find_for_change(self, change: Change, name: str) -> Agency:
        agency = change.tx.agencies.find(name)
        change.in_agency(agency.id)
        return agency

    def _find_other_agency(self, change: Change, name: str) -> Agency:
        agency = self._find_for_change(change, name)
        if agency.home:
            raise Refused(ReasonCode.HOME_AGENCY.reason())
        return agency


def _rules(tx: Tx, agency_id: str) -> Rules:
    return Rules(policy=policy_for(tx, agency_id), base=base_for(tx, agency_id), wishes=tx.agencies.wishes(agency_id))


def _usage(tx: Tx, agency: Agency, at: datetime) -> Usage:
    first, following = month_of(at.date())
    searches = tx.searches.count_of(agency.id, first, following)
    return Usage(agency=agency, month=first, searches=searches, seats=agency.seats_taken)
