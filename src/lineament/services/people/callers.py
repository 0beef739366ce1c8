"""Where an attempt to sign in comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Where a request comes from, as far as that is known before anybody has signed in."""

    client: str = ""  # its network address, as the server or its proxy saw it; "" for a command at the machine
    devices: tuple[str, ...] = ()  # untrusted: the keys of known devices in its cookie


MACHINE = Caller()
"""A command at the machine: whoever runs it can read the workspace's key, so no limit for clients applies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptPlace:
    """Where the attempts on an account are counted: each known device and the terminal by themselves.

    So failures elsewhere never lock the owner out of a device that the account knows.
    """

    name: str = ""  # "": every device that the account does not know
    device: str | None = None  # the key of a known device

    @property
    def known(self) -> bool:
        """Whether strangers cannot be here."""
        return bool(self.name)


TERMINAL = AttemptPlace(name="terminal")
"""The terminal of the machine."""
