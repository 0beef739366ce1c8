"""How the values of settings are written as text. Each reader raises ValueError, which says how to write it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/?")


@dataclass(frozen=True, slots=True)
class Address:
    """A network address and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Secret:
    """A text that is never shown: not in a message, a log or a traceback."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(…)"


def one_of(kind: type[T]) -> Callable[[str], T]:
    """Return what reads one of the values of an enumeration."""

    def parse(text: str) -> T:
        try:
            return kind(text)  # type: ignore[call-arg] # an enumeration
        except ValueError:
            raise ValueError(f"it is one of {', '.join(kind)}") from None  # type: ignore[arg-type] # as above

    return parse


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return what reads a whole number from ``least`` on, up to ``most``."""
    limits = f"of at least {least:,}" if most is None else f"from {least} to {most}"

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text.strip()) or not least <= int(text) <= (most or int(text)):
            raise ValueError(f"write a whole number {limits}")
        return int(text)

    return parse


def seconds(text: str) -> float:
    """Return seconds, above 0."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text.strip()) or not float(text) > 0:
        raise ValueError("write seconds, above 0")
    return float(text)


def switch(text: str) -> bool:
    """Return whether something is switched on."""
    if (word := text.strip().lower()) not in {"1", "0", "true", "false", "yes", "no", "on", "off"}:
        raise ValueError("write 1 or 0")
    return word in {"1", "true", "yes", "on"}


def header(text: str) -> str:
    """Return the name of a header of HTTP, in lower case."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,63}", text):
        raise ValueError("write the name of a header, such as X-Real-IP")
    return text.lower()


def origin(text: str) -> str:
    """Return scheme, host and port, if any, in lower case, as a browser writes an origin."""
    parts = _ORIGIN.fullmatch(text.lower())
    if parts is None or not 0 < int(parts["port"] or 443) < 2**16:
        raise ValueError("write it as https://lineament.agency.example, without a path")
    standard = {"https": "443", "http": "80"}[parts["scheme"]]
    port = "" if parts["port"] in {None, standard} else f":{parts['port']}"
    return f"{parts['scheme']}://{parts['host']}{port}"


def addresses(text: str) -> tuple[str, ...]:
    """Return addresses with their ports, as ``HOST[:PORT]``; whether each can be one is checked where they are used."""
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not all(re.fullmatch(r"(\[[0-9a-f:.]+\]|[0-9.]+)(:[0-9]{1,5})?", part.lower()) for part in found):
        raise ValueError("write addresses such as 10.1.2.3:8443, with commas between them")
    return found


def address(text: str) -> Address:
    """Return an address of this network with its port."""
    parts = re.fullmatch(r"(\[[0-9a-f:.]+\]|[0-9.]+|localhost):([0-9]{1,5})", text.strip().lower())
    if parts is None or not int(parts[2]) < 2**16:
        raise ValueError("write an address and a port, such as 127.0.0.1:9471")
    return Address(parts[1].strip("[]"), int(parts[2]))


def endpoint(text: str) -> str:
    """Return the address of a service of HTTP."""
    if not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9/._-]*)?", text):
        raise ValueError("write it as http://127.0.0.1:4318/v1/traces")
    return text


def host_and_port(text: str) -> str:
    """Return a host and its port, in lower case."""
    if not re.fullmatch(r"([a-z0-9.-]+|\[[0-9a-f:.]+\]):[0-9]{1,5}", text.lower()):
        raise ValueError("write it as 10.1.2.3:6379")
    return text.lower()
