"""Who may do and see what in the workspace of the two agencies: tables by hand, not those of the code under test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.support.two_agencies import OTHER_SOURCE, CaseIds, Participant, TwoAgencies
from tests.support.world import SOURCE

from lineament.model.accounts import Role
from lineament.model.cases import CaseRole

# ---------------------------------------------------------------- who may do what

_ALL = {"public", "own account", "read sources"}
BY_ROLE = {
    Role.EXAMINER: _ALL | {"read cases", "take part", "open cases", "search", "review"},
    Role.REVIEWER: _ALL | {"read cases", "take part", "review", "approve"},
    Role.SUPERVISOR: _ALL
    | {
        "read cases",
        "take part",
        "open cases",
        "review",
        "measure reviewers",
        "approve",
        "manage cases",
        "stop agency",
        "read usage",
        "read misuse",
    },
    Role.AUDITOR: _ALL | {"read cases", "read ledger", "read usage", "read misuse"},
    Role.ADMINISTRATOR: _ALL | {"manage people", "read usage", "stop agency"},
    Role.OPERATOR: _ALL | {"operate", "manage sources", "change threshold"},
}
IN_OWN_AGENCY = {
    Role.SUPERVISOR: {"read cases", "take part", "open cases", "review", "measure reviewers"}
    | {"approve", "manage cases"},
    Role.AUDITOR: {"read cases"},
}
AS_MEMBER = {
    CaseRole.EXAMINER: {"read cases", "take part", "open cases", "search", "review", "approve"},
    CaseRole.REVIEWER: {"read cases", "take part", "review", "approve"},
    CaseRole.OBSERVER: {"read cases", "take part"},
}
PEOPLE = [
    *(f"{letter} {role.value}" for letter in "AB" for role in Role if role is not Role.OPERATOR),
    *(f"B guest {role}" for role in ("examiner", "reviewer", "observer")),
    "home operator",
    "home administrator",
]


def in_case(person: Participant, case: str) -> set[str]:
    """Return the permissions of somebody in a case; without any, they do not see it."""
    member = person.in_case.get(case)
    permissions = set() if member is None else set(AS_MEMBER[member])
    if case[0] == person.name[0] or (case == "shared" and person.name[0] == "A"):
        permissions |= IN_OWN_AGENCY.get(person.role, set())
    return permissions & BY_ROLE[person.role]


# ---------------------------------------------------------------- targets

NOT_THERE = "0123456789abcdef"
NO_REF = "X-2026/9"


@dataclass(frozen=True, slots=True)
class Target:
    """The ids that a request names, and whether the person who asks may see them."""

    level: str  # own, colleague's, shared, foreign, any or not there
    ids: dict[str, str]
    permissions: set[str] | None = None  # in the case; None for what belongs to no case
    seen: bool = True

    def allows(self, access: str) -> bool:
        """Return whether somebody whose role permits ``access`` may do it here."""
        return self.seen and (self.permissions is None or access in self.permissions)


def ids_of(case: CaseIds) -> dict[str, str]:
    """Return the parts of addresses that name a case and what belongs to it."""
    return {
        "ref": case.key,
        "reference": case.ref,
        "probe_id": case.probe,
        "search_id": case.search,
        "paper_id": case.paper,
        "pack_id": case.pack,
        "batch_id": case.batch,
        "member": case.member,
        "invitation": case.invitation,
        "picture": case.picture,
        "opener": case.opener,
        "supervisor": case.supervisor,
        "face": "1",
    }


def colleague_of(person: Participant, ids: dict[str, str]) -> str:
    """Return the account of somebody else who reviews in the case of these ids."""
    return ids.get("opener" if ids.get("supervisor") == person.account.id else "supervisor", "")


NO_IDS = ids_of(
    CaseIds(
        agency="",
        key=NOT_THERE,
        ref=NO_REF,
        probe=NOT_THERE,
        search=NOT_THERE,
        paper=NOT_THERE,
        member=NOT_THERE,
        invitation=NOT_THERE,
        pack=NOT_THERE,
        picture=NOT_THERE,
        opener=NOT_THERE,
        supervisor=NOT_THERE,
        batch=NOT_THERE,
    )
)
IN_A_CASE = {"ref", "probe_id", "search_id", "paper_id", "pack_id", "batch_id", "picture", "face"}


Targets = Callable[[TwoAgencies, Participant], Iterator[Target]]
"""Yields the targets of one kind that a person may name."""


def codes(world: TwoAgencies, person: Participant) -> Iterator[Target]:
    """Yield the code of a jurisdiction with a pack, and one that has none."""
    yield Target("any", {"code": "US-MD"})
    yield Target("not there", {"code": "XX"}, seen=False)


def cases(world: TwoAgencies, person: Participant) -> Iterator[Target]:
    letter = person.name[0] if person.name[0] in "AB" else "A"
    other = "B" if letter == "A" else "A"
    for level, name in (
        ("own", f"{letter} own"),
        ("colleague's", f"{letter} colleague's"),
        ("shared", "shared"),
        ("foreign", f"{other} own"),
    ):
        permissions = in_case(person, name)
        yield Target(level, ids_of(world.cases[name]), permissions, bool(permissions))
    yield Target("not there", NO_IDS, set(), seen=False)


def accounts(world: TwoAgencies, person: Participant) -> Iterator[Target]:
    own = "home reviewer" if person.name[:4] == "home" else f"{person.name[0]} colleague"
    other = "B examiner" if person.name[0] != "B" else "A examiner"
    yield Target("own", {"account_id": world.people[own].account.id})
    yield Target("foreign", {"account_id": world.people[other].account.id}, seen=False)
    yield Target("not there", {"account_id": NOT_THERE}, seen=False)


def agencies(world: TwoAgencies, person: Participant) -> Iterator[Target]:
    if person.role is not Role.OPERATOR:
        yield Target("own", {"agency_id": world.agencies[person.name.split()[0]]})
        yield Target("foreign", {"agency_id": world.agencies["B" if person.name[0] != "B" else "A"]})
    yield Target("any", {"agency_id": world.agencies["C"]})
    yield Target("not there", {"agency_id": NOT_THERE}, seen=False)


def factors(world: TwoAgencies, person: Participant) -> Iterator[Target]:
    other = world.people["B examiner" if person.name != "B examiner" else "A examiner"]
    yield Target("own", {"factor_id": person.factor, "session_id": person.other_session})
    yield Target("foreign", {"factor_id": other.factor, "session_id": other.other_session}, seen=False)
    yield Target("not there", {"factor_id": NOT_THERE, "session_id": NOT_THERE}, seen=False)


def invitations(world: TwoAgencies, person: Participant) -> Iterator[Target]:
    other = world.people["B examiner" if person.name[0] == "A" else "A examiner"]
    if person.invitation:
        yield Target("own", {"invitation_id": person.invitation})
    yield Target("foreign", {"invitation_id": other.invitation}, seen=False)
    yield Target("not there", {"invitation_id": NOT_THERE}, seen=False)


def sources(world: TwoAgencies, person: Participant) -> Iterator[Target]:
    yield Target("own", {"name": SOURCE})
    yield Target("not there", {"name": "x" * len(SOURCE)}, seen=False)


def runs(world: TwoAgencies, person: Participant) -> Iterator[Target]:
    foreign = world.runs[OTHER_SOURCE]
    yield Target("own", {"name": SOURCE, "run_id": world.runs[SOURCE], "run_number": "1"})
    yield Target("foreign", {"name": SOURCE, "run_id": foreign, "run_number": foreign}, seen=False)
    yield Target("not there", {"name": SOURCE, "run_id": "9999", "run_number": "9999"}, seen=False)


def unsearched(_: TwoAgencies, __: Participant) -> Iterator[Target]:
    """Yield no picture without a face: the portraits all have one."""
    yield Target("not there", {"name": SOURCE, "capture_id": "9999", "face_id": "9999"}, seen=False)


def jobs(world: TwoAgencies, person: Participant) -> Iterator[Target]:
    """Yield a person's own job, one of a colleague, which an operator sees, and one of another agency."""
    colleague = "home administrator" if person.name[:4] == "home" else f"{person.name[0]} colleague"
    other = "B examiner" if person.name[0] != "B" else "A examiner"
    if person.name == colleague:
        colleague = "home operator"
    yield Target("own", {"job_id": person.job})
    yield Target("colleague's", {"job_id": world.people[colleague].job}, seen=person.role is Role.OPERATOR)
    yield Target("foreign", {"job_id": world.people[other].job}, seen=False)
    yield Target("not there", {"job_id": NOT_THERE}, seen=False)


def keys(world: TwoAgencies, person: Participant) -> Iterator[Target]:
    """Yield a key of the person, one of a colleague, which an administrator sees, and one of another agency."""
    colleague = "home reviewer" if person.name[:4] == "home" else f"{person.name[0]} colleague"
    other = "B examiner" if person.name[0] != "B" else "A examiner"
    if person.name == colleague:
        colleague = f"{person.name[0]} examiner"
    administers = person.role is Role.ADMINISTRATOR
    yield Target("own", {"key_id": person.program})
    yield Target("colleague's", {"key_id": world.people[colleague].program}, seen=administers)
    yield Target("foreign", {"key_id": world.people[other].program}, seen=False)
    yield Target("not there", {"key_id": NOT_THERE}, seen=False)


def drops(world: TwoAgencies, person: Participant) -> Iterator[Target]:
    """Yield the drop of an operator, which nobody else sees, and one of somebody else."""
    if person.role is Role.OPERATOR:
        yield Target("own", {"name": SOURCE, "drop_id": world.drops["own"]})
    yield Target("foreign", {"name": SOURCE, "drop_id": world.drops["foreign"]}, seen=False)
    yield Target("not there", {"name": SOURCE, "drop_id": NOT_THERE}, seen=False)


def changes(world: TwoAgencies, person: Participant) -> Iterator[Target]:
    """Yield the change that the preparation of a line proposes, and one that is not there."""
    yield Target("own", {"number": "1"})
    yield Target("not there", {"number": "9999"}, seen=False)


def entries(world: TwoAgencies, person: Participant) -> Iterator[Target]:
    """Yield an entry of the ledger that concerns the person's agency; test_ledger_page tries one that does not."""
    with world.workspace.store.read() as tx:
        (newest,) = tx.ledger.of_agency(world.agencies[person.name.split()[0]], None, 1)
    yield Target("own", {"entry": str(newest.seq)})
    yield Target("not there", {"entry": "999999"}, seen=False)


def oversight(world: TwoAgencies, person: Participant) -> Iterator[Target]:
    """Yield a finding and a guarded face of the person's agency, and of another."""
    letter = person.name[0] if person.name[0] in "AB" else ""
    if letter:
        yield Target("own", dict(zip(("finding_id", "guarded_id"), world.oversight[letter], strict=True)))
    other = world.oversight["A" if letter == "B" else "B"]
    yield Target("foreign", dict(zip(("finding_id", "guarded_id"), other, strict=True)), seen=False)
    yield Target("not there", {"finding_id": NOT_THERE, "guarded_id": NOT_THERE}, seen=False)


def nothing(world: TwoAgencies, person: Participant) -> Iterator[Target]:
    yield Target("own", {})


KINDS: dict[str, Targets] = {
    **dict.fromkeys(IN_A_CASE, cases),
    "account_id": accounts,
    "agency_id": agencies,
    "factor_id": factors,
    "session_id": factors,
    "invitation_id": invitations,
    "name": sources,
    "code": codes,
    "run_id": runs,
    "capture_id": unsearched,
    "face_id": unsearched,
    "job_id": jobs,
    "key_id": keys,
    "drop_id": drops,
    "number": changes,
    "finding_id": oversight,
    "guarded_id": oversight,
}
