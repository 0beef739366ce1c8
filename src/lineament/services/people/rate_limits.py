"""How much strangers may ask of the sign-in, each client by itself. The windows are in the memory of this process.

What guards an account, its lock, is in the store (``attempts``). These limits guard the server and everybody else's
accounts: they bound what one client may try and how many costly checks run at once, and refuse what exceeds them at
once, so that no thread that serves pages waits for a stranger.
"""

from __future__ import annotations

import math
import os
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime

from lineament.errors import LineamentError, SignInRefused, TooManyAttempts
from lineament.services.people.callers import Caller

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

MOST_CLIENTS = 20_000
"""Clients that are remembered; beyond them the one that was idle longest is forgotten."""


class MovingWindow:
    """Counts what each client did within the last ``seconds``, up to ``most``."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def seconds_to_wait(self, client: str, now: float, under_way: int = 0) -> int:
        """Return how long until the client may do it once more, at least 1; 0 if it may now.

        ``under_way`` are those that may still be added.
        """
        recent = [time for time in self._times.get(client, ()) if now - time < self._seconds]
        if len(recent) + under_way < self._most:
            return 0
        return max(1, math.ceil(recent[0] + self._seconds - now)) if len(recent) >= self._most else 1

    def add(self, client: str, now: float) -> None:
        """Count once."""
        self._times.setdefault(client, deque(maxlen=self._most)).append(now)
        self._times.move_to_end(client)
        if len(self._times) > MOST_CLIENTS:
            self._times.popitem(last=False)


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
    """The limits of one process. A client is a network address, or a device whose key we signed."""

    def __init__(self, clock: Callable[[], datetime], signed: Callable[[str], bool]) -> None:
        self._clock = clock
        self._signed = signed
        self._lock = threading.Lock()
        self._visits, self._failures = MovingWindow(*VISITS), MovingWindow(*FAILURES)
        self._under_way: Counter[str] = Counter()
        self._strangers = Slots(STRANGERS_AT_ONCE, "many others are signing in just now")
        self._known = Slots(KNOWN_AT_ONCE, "many others are signing in just now")
        self._provider = Slots(PROVIDER_AT_ONCE, "many others are waiting for your agency's sign-in")

    def visit(self, caller: Caller) -> None:
        """Count a request for a page that is open before signing in. Raises TooManyAttempts."""
        client, now = self._client(caller), self._clock().timestamp()
        if not client:
            return
        with self._lock:
            wait = self._visits.seconds_to_wait(client, now)
            if not wait:
                self._visits.add(client, now)
        if wait:
            raise TooManyAttempts(why="your network address sends too many requests", seconds=wait)

    def refuse_early(self, caller: Caller) -> None:
        """Raise TooManyAttempts if a stranger's form would be refused anyway, before any work is done for it."""
        client = self._client(caller)
        if not client:
            return
        with self._lock:
            self._require_left(client)
        if client == caller.client and self._strangers.full:
            raise self._strangers.refusal

    @contextmanager
    def attempt(self, caller: Caller, failure: type[LineamentError] = SignInRefused) -> Iterator[None]:
        """Run one attempt, which counts against its client if it ends with ``failure``.

        Raises TooManyAttempts if the client failed too often; attempts in parallel gain nothing.
        """
        client = self._client(caller)
        if not client:
            yield
            return
        self._begin(client)
        failed = False
        try:
            yield
        except failure:
            failed = True
            raise
        finally:
            self._end(client, failed=failed)

    def _begin(self, client: str) -> None:
        with self._lock:
            self._require_left(client)
            self._under_way[client] += 1

    def _require_left(self, client: str) -> None:
        under_way = self._under_way.get(client, 0)
        wait = self._failures.seconds_to_wait(client, self._clock().timestamp(), under_way)
        if wait:
            raise TooManyAttempts(why="too many from your network address failed", seconds=wait)

    def _end(self, client: str, *, failed: bool) -> None:
        with self._lock:
            self._under_way[client] -= 1
            if not self._under_way[client]:
                del self._under_way[client]
            if failed:
                self._failures.add(client, self._clock().timestamp())

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
