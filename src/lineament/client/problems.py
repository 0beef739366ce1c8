"""What can go wrong between a program and a server: a problem, no answer, or an answer that is not Lineament's."""

from __future__ import annotations

from dataclasses import dataclass


class ClientError(Exception):
    """Whatever this client raises."""


class Unreachable(ClientError):
    """The server could not be reached, or the connection ended before it had answered."""


class UnexpectedAnswer(ClientError):
    """An answer came that is not of Lineament's API: from something in between, or of an unknown form."""


class WrongSignature(ClientError):
    """A message to a web hook was not signed with its secret, or is too old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason of a refusal, and what can be done about it."""

    code: str
    words: str
    remedy: str | None = None
    command: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A face of a photograph that can be chosen: its number, and its box in pixels (x, y, width, height)."""

    face: int
    box: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A part of a request that is wrong."""

    field: str
    why: str


@dataclass(kw_only=True, eq=False)
class Problem(ClientError):
    """What the server answered instead of what was asked for (RFC 9457)."""

    status: int
    code: str
    """Never changes; docs/reference/errors.md lists all codes."""
    title: str
    detail: str
    """One line: what is wrong, and what to do next."""
    type: str = ""
    reasons: tuple[Reason, ...] = ()
    """Every reason of a refusal."""
    faces: tuple[Choice, ...] = ()
    """The faces of which one has to be chosen."""
    errors: tuple[Fault, ...] = ()
    """The parts of the request that are wrong."""
    retry_after: float | None = None
    """Seconds until it makes sense to ask again, if the server said so."""

    def __str__(self) -> str:
        return f"{self.detail} ({self.code})"
