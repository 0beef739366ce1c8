"""Which cases and sources an official may see, and what they may do in them. All others answer like missing ones."""

from __future__ import annotations

from collections.abc import Iterable

from lineament.errors import NotAllowed, NotFound, Refused
from lineament.model.accounts import Official, Permission, Role
from lineament.model.cases import GONE, Case, CaseRole, CaseState
from lineament.model.reasons import ReasonCode
from lineament.model.sources import Source, SourceState
from lineament.services.record import Record
from lineament.store.db import Tx
from lineament.store.searches import StoredSearch

_AS_MEMBER = {
    Permission.READ_CASES: frozenset(CaseRole),
    Permission.TAKE_PART: frozenset(CaseRole),
    Permission.OPEN_CASES: frozenset({CaseRole.EXAMINER}),
    Permission.SEARCH: frozenset({CaseRole.EXAMINER}),
    Permission.REVIEW: frozenset({CaseRole.EXAMINER, CaseRole.REVIEWER}),
    Permission.APPROVE: frozenset({CaseRole.EXAMINER, CaseRole.REVIEWER}),
}
"""What a member of a case may do in it, if the roles of the account allow it too."""

_AS_SUPERVISOR = frozenset(
    {
        Permission.READ_CASES,
        Permission.TAKE_PART,
        Permission.OPEN_CASES,
        Permission.REVIEW,
        Permission.MEASURE_REVIEWERS,
        Permission.APPROVE,
        Permission.MANAGE_CASES,
    }
)
"""What a supervisor may do in every case of their agency."""


def seen_case(tx: Tx, record: Record, name: str) -> Case:
    """Return the case with that key, or that reference in the own agency. Raises NotFound also for unseen ones."""
    return tx.cases.find(name, record.sight)


def may_in(tx: Tx, record: Record, case: Case, permission: Permission) -> bool:
    """Return whether the official has a permission in a case that they see."""
    official = record.official
    return _by_role(official, case, permission) or _as_member(official, member_role(tx, record, case), permission)


def may_as(official: Official, case: Case, permission: Permission, role: CaseRole | None) -> bool:
    """Return whether an official has a permission in a case in which they have that role as a member."""
    return _by_role(official, case, permission) or _as_member(official, role, permission)


def everything_as(official: Official, case: Case, role: CaseRole | None) -> frozenset[Permission]:
    """Return all permissions of an official in a case in which they have that role as a member."""
    return frozenset(permission for permission in Permission if may_as(official, case, permission, role))


def _by_role(official: Official, case: Case, permission: Permission) -> bool:
    """Return whether the permission needs no membership."""
    if official.solo:
        return official.may(permission)
    if not official.may(permission) or case.agency_id != official.agency_id:
        return False
    if Role.SUPERVISOR in official.roles and permission in _AS_SUPERVISOR:
        return True
    return Role.AUDITOR in official.roles and permission is Permission.READ_CASES


def _as_member(official: Official, role: CaseRole | None, permission: Permission) -> bool:
    return role is not None and official.may(permission) and role in _AS_MEMBER.get(permission, frozenset())


def member_role(tx: Tx, record: Record, case: Case) -> CaseRole | None:
    """Return the role of the official as a member of a case; None if they are no member."""
    account_id = record.official.account_id
    return None if account_id is None else tx.members.role_of(case.id, account_id, record.today)


def roles_in(tx: Tx, record: Record, found: Iterable[Case]) -> dict[int, CaseRole]:
    """Return the roles of the official as a member of these cases, by case number."""
    account_id = record.official.account_id
    if account_id is None:
        return {}
    roles = tx.members.roles([case.id for case in found], [account_id], record.today)
    return {case_id: role for (case_id, _), role in roles.items()}


def case_for(tx: Tx, record: Record, name: str, permission: Permission) -> Case:
    """Return a case in which the official has the permission. Raises NotFound if unseen, NotAllowed without it."""
    case = seen_case(tx, record, name)
    if not may_in(tx, record, case, permission):
        raise NotAllowed(what=f"{permission.value}, in this case")
    return case


def case_of_probe(tx: Tx, record: Record, probe_id: str) -> Case:
    """Return the case of a probe. Raises the same NotFound if there is no such probe or its case is not seen."""
    case = tx.cases.of_probe(probe_id, record.sight)
    if case is None:
        raise NotFound(what="probe", name=probe_id, hint="lineament case show")
    return case


def case_searched(tx: Tx, record: Record, search_id: str) -> Case:
    """Return the case of a search. Raises the same NotFound if there is no such search or its case is not seen."""
    case = tx.cases.of_search(search_id, record.sight)
    if case is None:
        raise NotFound(what="search", name=search_id, hint="lineament case show")
    return case


def case_of_search(tx: Tx, record: Record, search_id: str) -> tuple[Case, StoredSearch]:
    """Return the case and the search. Raises the same NotFound if there is no such search or its case is not seen.

    Raises RecordAltered if the search is not what its ledger entry recorded.
    """
    case = case_searched(tx, record, search_id)
    return case, tx.searches.compared([tx.searches.stored(search_id)])[0]


def probe_in(tx: Tx, probe_id: str, case: Case) -> None:
    """Raise the same NotFound if there is no such probe or it belongs to another case."""
    if tx.probes.case_key(probe_id) != case.key:
        raise NotFound(what="probe", name=probe_id, hint="lineament case show")


def own_case_for(tx: Tx, record: Record, name: str, permission: Permission) -> Case:
    """Return the case as ``case_for`` does, for decisions of its own agency. Raises NotAllowed for guests."""
    case = case_for(tx, record, name, permission)
    if case.agency_id != record.official.agency_id:
        raise NotAllowed(what=f"{permission.value}, in a case of your own agency")
    return case


def managed_case(tx: Tx, record: Record, name: str) -> Case:
    """Return a case of the own agency for whoever manages it.

    Raises as ``own_case_for``, and Refused if the case was destroyed.
    """
    case = own_case_for(tx, record, name, Permission.MANAGE_CASES)
    if case.state in GONE:
        raise Refused(ReasonCode.CASE_DESTROYED.reason(ref=case.ref))
    return case


def require_open(case: Case, code: ReasonCode = ReasonCode.CASE_NOT_OPEN) -> None:
    """Raise Refused with ``code`` unless the case is open."""
    if case.state is not CaseState.OPEN:
        raise Refused(code.reason(ref=case.ref, state=case.state))


def source_seen(record: Record, source: Source) -> bool:
    """Return whether the official sees a source: all if they manage sources, else those their agency may search."""
    official = record.official
    if not official.may_use(source.name):
        return False
    if official.may(Permission.MANAGE_SOURCES):
        return True
    return source.state is not SourceState.DRAFTED and source.open_to(official.agency_id, record.today)


def seen_source(tx: Tx, record: Record, name: str) -> Source:
    """Return the source of that name. Raises the same NotFound if there is none or the agency may not search it."""
    official = record.official
    source = None
    if official.may_use(name):
        if official.may(Permission.MANAGE_SOURCES):
            return tx.sources.get(name)
        source = tx.sources.open_to(name, official.agency_id, record.today)
    if source is None:
        raise NotFound(what="source", name=name, hint="lineament source list")
    return source
