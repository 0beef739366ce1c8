"""Declares the permissions that a service's methods need, and checks them before the method runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from lineament.model.accounts import Permission
from lineament.services.record import Record

P = ParamSpec("P")
R = TypeVar("R")


class Service(Protocol):
    """An object that acts in an official's name."""

    @property
    def _record(self) -> Record: ...


S = TypeVar("S", bound=Service)
T = TypeVar("T")

_KEY = "declaration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """The permissions that a method needs."""

    permissions: tuple[Permission, ...]  # any one of them is enough; empty: open to all
    in_case: bool = False  # the method checks the permission again, for one case
    why_open: str = ""


def needs(
    *permissions: Permission, in_case: bool = False
) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R]]:
    """Declare that a method needs any one of these permissions, and refuse everybody else with NotAllowed.

    ``in_case`` means that the permission counts in one case, which the method checks with ``case_for`` or the gate; the
    check here refuses only those who cannot have it in any case.
    """

    def declare(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
        @wraps(method)
        def checked(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
            self._record.require(*permissions)
            return method(self, *args, **kwargs)

        vars(checked)[_KEY] = Declaration(permissions=permissions, in_case=in_case)
        return checked

    return declare


def open_to_all(why: str) -> Callable[[T], T]:
    """Declare that a method needs no permission, and why."""

    def declare(method: T) -> T:
        vars(method)[_KEY] = Declaration(permissions=(), why_open=why)
        return method

    return declare


def declaration(method: Any) -> Declaration | None:
    """Return what a method was declared to need, None if nothing was declared."""
    found = getattr(method, _KEY, None)
    return found if isinstance(found, Declaration) else None
