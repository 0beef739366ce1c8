"""Who works on a case, and what is in its room, as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lineament.model.cases import CaseInvitation, Member, Paper, TimelineEntry
from lineament.views.values import iso


def members_json(listed: Iterable[Member]) -> dict[str, Any]:
    """Return the members of a case as JSON."""
    return {"members": [_member_json(member) for member in listed]}


def _member_json(member: Member) -> dict[str, Any]:
    return {
        "account": member.account_id,
        "name": member.name,
        "agency": member.agency_name,
        "role": member.role.value,
        "since": iso(member.since),
        "until": iso(member.until),
    }


def case_invitation_json(invitation: CaseInvitation) -> dict[str, Any]:
    """Return an invitation to a case as JSON."""
    return {
        "invitation": invitation.id,
        "case": invitation.case,
        "agency": invitation.agency_name,
        "email": invitation.email,
        "role": invitation.role.value,
        "until": iso(invitation.until),
        "invited_by": invitation.invited_by,
        "invited_at": iso(invitation.invited_at),
    }


def case_invitations_json(listed: Iterable[CaseInvitation]) -> dict[str, Any]:
    """Return a list of invitations to cases as JSON."""
    return {"invitations": [case_invitation_json(invitation) for invitation in listed]}


def papers_json(listed: Iterable[Paper]) -> dict[str, Any]:
    """Return the messages, notes and files of a room as JSON; size and digest are those of a file."""
    return {"papers": [_paper_json(paper) for paper in listed]}


def _paper_json(paper: Paper) -> dict[str, Any]:
    return {
        "paper": paper.id,
        "kind": paper.kind.value,
        "author": paper.author,
        "agency": paper.agency_name,
        "at": iso(paper.at),
        "text": paper.text,
        "size": paper.size,
        "sha256": paper.sha256,
    }


def timeline_json(entries: Iterable[TimelineEntry], *, numbered: bool) -> dict[str, Any]:
    """Return the timeline of a case as JSON; ``numbered`` gives the numbers of its ledger entries."""
    return {"timeline": [_timeline_entry_json(entry, numbered=numbered) for entry in entries]}


def _timeline_entry_json(entry: TimelineEntry, *, numbered: bool) -> dict[str, Any]:
    return {
        "entry": entry.seq if numbered else None,
        "commitment": entry.commitment,
        "at": iso(entry.at),
        "action": entry.action,
        "actor": entry.actor,
        "details": entry.details,
    }
