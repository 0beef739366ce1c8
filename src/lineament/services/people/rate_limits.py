"""How much strangers may ask of the sign-in, each client by itself (``windows``).

What guards an account, its lock, is in the store (``attempts``). These limits guard the server and everybody else's
accounts: they bound what one client may try and how many costly checks run at once, and refuse what exceeds them at
once, so that no thread that serves pages waits for a stranger.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from lineament.errors import LineamentError, SignInRefused, TooManyAttempts
from lineament.services.people.callers import Caller
from lineament.services.people.windows import Limit, Windows

VISITS = (60, 60)
"""Requests for pages that are open before signing in, and the seconds in which one client may send so many."""

FAILURES = (10, 15 * 60)
"""Wrong passwords, codes, links and tokens, and the seconds in which one client may send so many."""

STRANGERS_AT_ONCE = max(1, min(4, (os.cpu_count() or 1) // 2))
"""How many passwords are checked at a time for strangers; each takes 46 MiB and a processor."""
KNOWN_AT_ONCE = 4
"""How many for those who have a session, an invitation or a known device; strangers never take these."""
PROVIDER_AT_ONCE = 4
"""How many requests wait for the agency's provider at a time; each may take ten seconds."""

_VISITS = Limit("visit", *VISITS, "your network address sends too many requests")
_FAILURES = Limit("failure", *FAILURES, "too many from your network address failed")


class Slots:
    """A fixed number of places for costly work; whoever comes while all are taken is refused at once."""

    def __init__(self, most: int, why: str) -> None:
        self._most = most
        self._why = why
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def full(self) -> bool:
        """Whether no place is free."""
        return self._taken >= self._most

    @property
    def refusal(self) -> TooManyAttempts:
        """The error if no place is free."""
        return TooManyAttempts(why=self._why, seconds=1)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold a place. Raises TooManyAttempts if none is free."""
        with self._lock:
            if self.full:
                raise self.refusal
            self._taken += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken -= 1


class RateLimits:
    """The limits of a workspace. A client is a network address, or a device whose key we signed."""

    def __init__(self, windows: Windows, signed: Callable[[str], bool], processes: int = 1) -> None:
        """``processes`` serve the pages of this machine, and share the places for costly work."""
        self._windows = windows
        self._signed = signed
        strangers, known, provider = (
            max(1, most // processes) for most in (STRANGERS_AT_ONCE, KNOWN_AT_ONCE, PROVIDER_AT_ONCE)
        )
        self._strangers = Slots(strangers, "many others are signing in just now")
        self._known = Slots(known, "many others are signing in just now")
        self._provider = Slots(provider, "many others are waiting for your agency's sign-in")

    @property
    def shared(self) -> bool:
        """Whether counting asks the database, so that it must not be done where requests are awaited."""
        return self._windows.shared

    def visit(self, caller: Caller) -> None:
        """Count a request for a page that is open before signing in. Raises TooManyAttempts."""
        if client := self._client(caller):
            self._windows.count(_VISITS, client)

    def refuse_early(self, caller: Caller) -> None:
        """Raise TooManyAttempts if a stranger's form would be refused anyway, before any work is done for it."""
        client = self._client(caller)
        if not client:
            return
        self._windows.require_left(_FAILURES, client)
        if client == caller.client and self._strangers.full:
            raise self._strangers.refusal

    @contextmanager
    def attempt(self, caller: Caller, failure: type[LineamentError] = SignInRefused) -> Iterator[None]:
        """Run one attempt, which counts against its client if it ends with ``failure``.

        Raises TooManyAttempts if the client failed too often. It is counted as it begins, so attempts in parallel gain
        nothing, and one whose process is killed counts.
        """
        client = self._client(caller)
        if not client:
            yield
            return
        counted = self._windows.count(_FAILURES, client)
        failed = False
        try:
            yield
        except failure:
            failed = True
            raise
        finally:
            if not failed:
                self._windows.take_back(_FAILURES, client, counted)

    def checking(self, *, known: bool) -> AbstractContextManager[None]:
        """Hold one of the few places for checking a password. Raises TooManyAttempts at once if none is free."""
        return (self._known if known else self._strangers).held()

    def asking_provider(self) -> AbstractContextManager[None]:
        """Hold one of the few places for asking the agency's provider. Raises TooManyAttempts likewise."""
        return self._provider.held()

    def _client(self, caller: Caller) -> str:
        """Return what the limits of a caller are counted under; "" at the machine."""
        device = next((key for key in caller.devices if self._signed(key)), None)
        return caller.client if device is None or not caller.client else f"device {device}"
