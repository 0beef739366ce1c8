"""Every public method of every service says what it needs, and refuses whoever lacks it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import pytest
from tests.conftest import ROOT

import lineament.services
from lineament.errors import NotAllowed
from lineament.ledger.log import Ledger
from lineament.model.accounts import ROLES, Official, Permission, Role
from lineament.services.needs import Declaration, declaration, needs, open_to_all
from lineament.services.people.factors import Factors
from lineament.services.people.signin import SignIn
from lineament.services.record import Record
from lineament.store.db import Store
from lineament.workspace.desk import Desk

SERVICES = ROOT / "src" / "lineament" / "services"


@dataclass(frozen=True, slots=True)
class Method:
    """A public method of a service."""

    service: type
    name: str
    call: Callable[..., Any]

    def __str__(self) -> str:
        return f"{self.service.__name__}.{self.name}"


def services() -> Iterator[type]:
    """Yield every service of a desk, and those that sign people in."""
    known: dict[str, type] = {}
    for module in pkgutil.walk_packages(lineament.services.__path__, "lineament.services."):
        found = vars(importlib.import_module(module.name)).items()
        known |= {name: kind for name, kind in found if isinstance(kind, type)}
    for member in (member for part in Desk.__mro__ for member in vars(part).values()):
        if isinstance(member, cached_property):
            returned = member.func.__annotations__["return"]
            if not returned.startswith("Mapping["):  # the handlers of jobs are methods of services
                yield known[returned]
    yield from (SignIn, Factors)


def methods(service: type) -> Iterator[Method]:
    """Yield the public methods and properties of a service."""
    for name, member in vars(service).items():
        if not name.startswith("_"):
            call = member.fget if isinstance(member, property) else member
            if inspect.isfunction(call):
                yield Method(service, name, call)


ALL = [method for service in services() for method in methods(service)]
GUARDED = [method for method in ALL if (found := declaration(method.call)) is not None and found.permissions]


def declared(method: Method) -> Declaration:
    found = declaration(method.call)
    assert found is not None
    return found


def acting(method: Method, official: Official) -> Any:
    """Return the service in that official's name, without a store."""
    record = Record(
        store=cast(Store, None),
        ledger=cast(Ledger, None),
        anchor=Path("nowhere"),
        official=official,
        clock=lambda: datetime(2026, 5, 4, tzinfo=UTC),
    )
    service: Any = object.__new__(method.service)
    vars(service)["_record"] = record
    return service


def test_the_services_of_a_desk_are_found() -> None:
    assert len(ALL) > 120
    assert {"Erase.face", "Ingest.run", "Casework.open", "Compare.run", "Retain.sweep"} < set(map(str, ALL))


@pytest.mark.parametrize("method", ALL, ids=str)
def test_every_public_method_says_what_it_needs(method: Method) -> None:
    found = declaration(method.call)
    assert found is not None, f"{method} has neither @needs nor @open_to_all"
    assert found.permissions or found.why_open
    assert Permission.PUBLIC not in found.permissions, "say with @open_to_all why it is open"


@pytest.mark.parametrize("method", GUARDED, ids=str)
def test_a_missing_permission_is_refused_first(method: Method) -> None:
    wanted = set(declared(method).permissions)
    without = [role for role in Role if not wanted & ROLES[role]]
    roles = [frozenset[Role](), *(frozenset({role}) for role in without)]
    officials = [Official(name="Nobody", account_id="a", roles=held) for held in roles]
    for official in officials:
        with pytest.raises(NotAllowed, match=" or ".join(declared(method).permissions)):
            method.call(acting(method, official))  # without arguments, which it must not get far enough to miss


@pytest.mark.parametrize("method", GUARDED, ids=str)
def test_a_permission_passes_that_check(method: Method) -> None:
    wanted = declared(method).permissions
    roles = {role for role in Role if set(wanted) & ROLES[role]}
    assert roles or wanted == (Permission.MACHINE,), "nobody could ever call it"
    for role in roles:
        official = Official(name=role, account_id="a", roles=frozenset({role}))
        with pytest.raises((TypeError, AttributeError)):  # an argument is missing, or the store
            _called(method, official)


def _called(method: Method, official: Official) -> None:
    answer = method.call(acting(method, official))
    if inspect.isgenerator(answer):
        next(answer)
    raise AttributeError(answer)


class Example:
    """A service with one method of each kind."""

    def __init__(self, record: Record) -> None:
        self._record = record

    @needs(Permission.SEARCH, Permission.APPROVE)
    def either(self, number: int, *, twice: bool = False) -> int:
        return number * (2 if twice else 1)

    @open_to_all("it is an example")
    def anybody(self) -> str:
        return "there you are"


def test_one_of_several_permissions_is_enough() -> None:
    method = Method(Example, "either", Example.either)
    for role, allowed in ((Role.EXAMINER, True), (Role.REVIEWER, True), (Role.AUDITOR, False)):
        example = acting(method, Official(name="a", account_id="a", roles=frozenset({role})))
        if allowed:
            assert example.either(21, twice=True) == 42
        else:
            with pytest.raises(NotAllowed, match="search or approve"):
                example.either(21)
        assert example.anybody() == "there you are"


def test_services_read_in_the_officials_name() -> None:
    """What reads past ``Record.read`` is upkeep, and says why."""
    found = []
    for path in sorted(SERVICES.rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(r"store\.read\(\)", line) and "# upkeep: " not in line and path.name != "record.py":
                found.append(f"{path.relative_to(SERVICES)}:{number}: {line.strip()}")
    assert found == []
