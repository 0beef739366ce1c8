"""Accounts, their sessions and invitations to them, as JSON and in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lineament.model.accounts import Account, SignedIn
from lineament.views.values import iso

if TYPE_CHECKING:
    from lineament.services.people.invitations import Invitation
    from lineament.services.people.officials import Person


def account_json(account: Account) -> dict[str, Any]:
    """Return an account as JSON."""
    return {
        "id": account.id,
        "email": account.email,
        "name": account.name,
        "roles": sorted(role.value for role in account.roles),
        "state": account.state.value,
        "trained_until": iso(account.trained_until),
        "last_seen_at": iso(account.last_seen_at),
        "created_at": iso(account.created_at),
    }


def accounts_json(listed: Iterable[Account]) -> dict[str, Any]:
    """Return a list of accounts as JSON."""
    return {"accounts": [account_json(account) for account in listed]}


def person_json(person: Person) -> dict[str, Any]:
    """Return an account as JSON with how its owner signs in."""
    return {
        **account_json(person.account),
        "sessions": len(person.sessions),
        "second_factors": ", ".join(f"{factor.kind.value} ({factor.name})" for factor in person.factors),
        "failures": person.failures,
        "locked": person.locked,
    }


def account_invitation_json(invitation: Invitation) -> dict[str, Any]:
    """Return an invitation to an account as JSON; the link is null if it was sent to the address."""
    return {
        **account_json(invitation.account),
        "link": invitation.link,
        "expires_at": iso(invitation.expires_at),
        "unsent": invitation.unsent or None,
        "ends_solo": invitation.ends_solo,
    }


def sessions_json(listed: Iterable[SignedIn]) -> dict[str, Any]:
    """Return the sessions of an account as JSON."""
    return {"sessions": [_session_json(session) for session in listed]}


def _session_json(session: SignedIn) -> dict[str, Any]:
    return {
        "id": session.id,
        "began_at": iso(session.began_at),
        "seen_at": iso(session.seen_at),
        "proved_at": iso(session.proved_at),
        "device": session.device,
        "terminal": session.terminal,
    }


def ended_sessions_json(count: int) -> dict[str, Any]:
    """Return how many sessions were ended, as JSON."""
    return {"ended": count}


def roles_line(account: Account) -> str:
    """Return the roles of an account in one line, in alphabetical order."""
    return ", ".join(sorted(role.value for role in account.roles))
