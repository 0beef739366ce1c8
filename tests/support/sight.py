"""Who may do what and sees what in the workspace of ``world``: tables by hand, not those of the code under test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.support.world import SOURCE, Person, Things, World

from lineament.model.accounts import Role
from lineament.model.cases import CaseRole

# ---------------------------------------------------------------- who may do what

_ALL = {"public", "own account", "read sources"}
BY_ROLE = {
    Role.EXAMINER: _ALL | {"read cases", "take part", "open cases", "search"},
    Role.REVIEWER: _ALL | {"read cases", "take part", "approve"},
    Role.SUPERVISOR: _ALL
    | {"read cases", "take part", "open cases", "approve", "manage cases", "stop agency", "read usage"},
    Role.AUDITOR: _ALL | {"read cases", "read ledger", "read usage"},
    Role.ADMINISTRATOR: _ALL | {"manage people", "read usage", "stop agency"},
    Role.OPERATOR: _ALL | {"operate", "manage sources"},
}
IN_OWN_AGENCY = {
    Role.SUPERVISOR: {"read cases", "take part", "open cases", "approve", "manage cases"},
    Role.AUDITOR: {"read cases"},
}
AS_MEMBER = {
    CaseRole.EXAMINER: {"read cases", "take part", "open cases", "search", "approve"},
    CaseRole.REVIEWER: {"read cases", "take part", "approve"},
    CaseRole.OBSERVER: {"read cases", "take part"},
}
PEOPLE = [
    *(f"{letter} {role.value}" for letter in "AB" for role in Role if role is not Role.OPERATOR),
    *(f"B guest {role}" for role in ("examiner", "reviewer", "observer")),
    "home operator",
    "home administrator",
]


def in_case(person: Person, called: str) -> set[str]:
    """What somebody may do in a case; nothing: it is not seen."""
    member = person.in_case.get(called)
    may = set() if member is None else set(AS_MEMBER[member])
    if called[0] == person.name[0] or (called == "shared" and person.name[0] == "A"):
        may |= IN_OWN_AGENCY.get(person.role, set())
    return may & BY_ROLE[person.role]


# ---------------------------------------------------------------- what is named

NOT_THERE = "0123456789abcdef"
NO_REF = "X-2026/9"


@dataclass(frozen=True, slots=True)
class Named:
    """What a request names, how it is seen, and what of the answer differs with the name alone."""

    level: str
    ids: dict[str, str]
    may: set[str] | None = None  # None: seen, without a case
    seen: bool = True


def things(one: Things) -> dict[str, str]:
    return {
        "ref": one.key,
        "reference": one.ref,
        "probe_id": one.probe,
        "search_id": one.search,
        "paper_id": one.paper,
        "member": one.member,
        "invitation": one.invitation,
        "rank": "1",
        "face": "1",
    }


NO_THINGS = things(
    Things(
        agency="",
        key=NOT_THERE,
        ref=NO_REF,
        probe=NOT_THERE,
        search=NOT_THERE,
        paper=NOT_THERE,
        member=NOT_THERE,
        invitation=NOT_THERE,
    )
)
IN_A_CASE = {"ref", "probe_id", "search_id", "paper_id", "rank", "face"}


def cases(world: World, who: Person) -> Iterator[Named]:
    letter = who.name[0] if who.name[0] in "AB" else "A"
    other = "B" if letter == "A" else "A"
    for level, called in (
        ("own", f"{letter} own"),
        ("colleague's", f"{letter} colleague's"),
        ("shared", "shared"),
        ("foreign", f"{other} own"),
    ):
        may = in_case(who, called)
        yield Named(level, things(world.cases[called]), may, bool(may))
    yield Named("not there", NO_THINGS, set(), seen=False)


def accounts(world: World, who: Person) -> Iterator[Named]:
    own = "home reviewer" if who.name[:4] == "home" else f"{who.name[0]} colleague"
    other = "B examiner" if who.name[0] != "B" else "A examiner"
    yield Named("own", {"account_id": world.people[own].account.id})
    yield Named("foreign", {"account_id": world.people[other].account.id}, seen=False)
    yield Named("not there", {"account_id": NOT_THERE}, seen=False)


def agencies(world: World, who: Person) -> Iterator[Named]:
    if who.role is not Role.OPERATOR:
        yield Named("own", {"agency_id": world.agencies[who.name.split()[0]]})
        yield Named("foreign", {"agency_id": world.agencies["B" if who.name[0] != "B" else "A"]})
    yield Named("any", {"agency_id": world.agencies["C"]})
    yield Named("not there", {"agency_id": NOT_THERE}, seen=False)


def factors(world: World, who: Person) -> Iterator[Named]:
    other = world.people["B examiner" if who.name != "B examiner" else "A examiner"]
    yield Named("own", {"factor_id": who.factor, "session_id": who.session})
    yield Named("foreign", {"factor_id": other.factor, "session_id": other.session}, seen=False)
    yield Named("not there", {"factor_id": NOT_THERE, "session_id": NOT_THERE}, seen=False)


def waiting(world: World, who: Person) -> Iterator[Named]:
    other = world.people["B examiner" if who.name[0] == "A" else "A examiner"]
    if who.waiting:
        yield Named("own", {"invitation_id": who.waiting})
    yield Named("foreign", {"invitation_id": other.waiting}, seen=False)
    yield Named("not there", {"invitation_id": NOT_THERE}, seen=False)


def sources(world: World, who: Person) -> Iterator[Named]:
    yield Named("own", {"name": SOURCE})
    yield Named("not there", {"name": "x" * len(SOURCE)}, seen=False)


def runs(world: World, who: Person) -> Iterator[Named]:
    foreign = world.runs[f"other-{SOURCE}"]
    yield Named("own", {"name": SOURCE, "run_id": world.runs[SOURCE], "run_number": "1"})
    yield Named("foreign", {"name": SOURCE, "run_id": foreign, "run_number": foreign}, seen=False)
    yield Named("not there", {"name": SOURCE, "run_id": "9999", "run_number": "9999"}, seen=False)


def jobs(world: World, who: Person) -> Iterator[Named]:
    """One's own; a colleague's, which an operator sees; another agency's."""
    colleague = "home administrator" if who.name[:4] == "home" else f"{who.name[0]} colleague"
    other = "B examiner" if who.name[0] != "B" else "A examiner"
    if who.name == colleague:
        colleague = "home operator"
    yield Named("own", {"job_id": who.job})
    yield Named("colleague's", {"job_id": world.people[colleague].job}, seen=who.role is Role.OPERATOR)
    yield Named("foreign", {"job_id": world.people[other].job}, seen=False)
    yield Named("not there", {"job_id": NOT_THERE}, seen=False)


def nothing(world: World, who: Person) -> Iterator[Named]:
    yield Named("own", {})


KINDS: dict[str, Callable[[World, Person], Iterator[Named]]] = {
    **dict.fromkeys(IN_A_CASE, cases),
    "account_id": accounts,
    "agency_id": agencies,
    "factor_id": factors,
    "session_id": factors,
    "invitation_id": waiting,
    "name": sources,
    "run_id": runs,
    "job_id": jobs,
}
