"""What may be requested from a host, and when: the one policy of everything that fetches (R2, R3). No I/O.

A fetcher asks for the next step with an address and the time, takes it, and reports the outcome. Times are seconds
since 1970. The strictest rule wins: a host gets one request at a time, with the longest of our pause, the pause that
it asks for, and the time that it took to answer; after each failure the pause grows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from lineament.errors import NotRead, Reserved
from lineament.sources.permission.hosts import Hosts, Origin
from lineament.sources.permission.reading import FileReply, RulesReading
from lineament.sources.permission.rules import ASK_AGAIN, FRESH, FileAnswer, HostRules

BUSY = frozenset({429, 503})
"""Status codes of an overloaded host."""
GIVEN_UP = 10
"""Consecutive failures after which a host gets no more requests."""
LONGEST_BACK_OFF = 600.0
"""Most seconds of pause after a failure, unless the host asks for more."""
LONGEST_REST = 24 * 3600.0
"""Most seconds of pause, whatever a host asks for."""
LONGEST_ANSWER = 120.0
"""Most seconds of response time that count as the pause after it."""
MOST_KEPT = 2 * 2**20
"""Bytes of well-known files that are kept; those that were not needed for longest are forgotten beyond it."""
LEAST_BACK_OFF = 0.1
"""Seconds from which the pauses after failures double, if there is no pause of our own."""
_LOOK_AGAIN = 0.5  # seconds until it is worth looking whether a request has been answered


@dataclass(frozen=True, slots=True, kw_only=True)
class AskNow:
    """Request the address now."""

    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    """Request a well-known file first, and report its reply."""

    origin: Origin  # whose file it is
    url: str
    host: str  # that ``url`` leads to; another one after a redirect


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Wait that many seconds, then ask for the next step."""

    seconds: float


Step = AskNow | ReadFile | Wait


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOutcome:
    """The outcome of a request, as far as it concerns its host."""

    failed: bool
    rest: float = 0.0  # seconds of pause that the host asks for


FAILED = RequestOutcome(failed=True)
"""There was no response."""


def outcome_of(status: int, retry_after: str | None, now: float) -> RequestOutcome:
    """Return the outcome for a response; the pause after a busy one is at least a second."""
    if status < 500 and status not in BUSY:
        return RequestOutcome(failed=False)
    least = 1.0 if status in BUSY else 0.0
    return RequestOutcome(failed=True, rest=max(least, seconds_asked_for(retry_after, now)))


def seconds_asked_for(retry_after: str | None, now: float) -> float:
    """Return for how many seconds a Retry-After asks, at most LONGEST_REST; 0 if it cannot be read."""
    text = (retry_after or "").strip()[:100]
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_REST)
    try:
        return min(max(parsedate_to_datetime(text).timestamp() - now, 0.0), LONGEST_REST)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0


@dataclass(slots=True)
class _Host:
    """The state of a host."""

    free_at: float = 0.0
    started: float | None = None  # when the current request was sent
    failures: int = 0  # in a row
    delay: float = 0.0  # seconds between two requests that it asks for


def _size(answers: Mapping[str, FileAnswer]) -> int:
    return sum(len(answer.body) for answer in answers.values())


class HostPolicy:
    """What the hosts of a source permit, and their current requests and pauses."""

    def __init__(self, hosts: Hosts, delay: float) -> None:
        """``delay``: seconds between two requests to a host, at least."""
        self._hosts, self._delay = hosts, delay
        self._readings: dict[str, RulesReading] = {}
        self._learned: dict[str, tuple[float, Mapping[str, FileAnswer]]] = {}
        self._rules: dict[str, HostRules] = {}
        self._kept = 0  # bytes of the files in _learned
        self._states: defaultdict[str, _Host] = defaultdict(_Host)

    def step(self, url: str, now: float) -> Step:
        """Return the next step towards requesting ``url``.

        Raises:
            HostRefused: The source does not list its host.
            Reserved: Its publisher reserves it, or may do so in a file that cannot be read (``stated`` is False).
            NotRead: Its host failed too often.
        """
        origin = self._hosts.allows(url)
        if self.has_given_up(origin.host):
            raise NotRead(why=f"its host did not answer {GIVEN_UP} times in a row")
        rules = self.rules(origin, now)
        if rules is None:
            return self._reading_step(origin, now)
        reservation = rules.refusal(url)
        if reservation is not None:
            raise Reserved(reservation=reservation, stated=rules.were_read)
        seconds = self.wait(origin.host, now)
        return Wait(seconds=seconds) if seconds > 0 else AskNow(origin=origin)

    # ------------------------------------------------------------ what hosts reserve

    def rules(self, origin: Origin, now: float) -> HostRules | None:
        """Return what an origin reserves; None if its files must be read, or read again."""
        key = str(origin)
        if key not in self._learned:
            return None
        at, answers = self._learned[key] = self._learned.pop(key)  # it is needed last now
        fresh = FRESH if all(answer.known for answer in answers.values()) else ASK_AGAIN
        return self._rules[key] if now < at + fresh else None

    def learn(self, origin: Origin, answers: Mapping[str, FileAnswer], at: float) -> None:
        """Load the well-known files of an origin, as read at a time."""
        rules = HostRules(answers)
        self._forget(str(origin))
        self._learned[str(origin)], self._rules[str(origin)] = (at, answers), rules
        self._kept += _size(answers)
        while self._kept > MOST_KEPT and len(self._learned) > 1:
            self._forget(next(iter(self._learned)))
        state = self._states[origin.host]
        state.delay = max(state.delay, rules.delay)

    def _forget(self, origin: str) -> None:
        if origin in self._learned:
            self._kept -= _size(self._learned.pop(origin)[1])
            del self._rules[origin]

    def learned(self, origin: Origin) -> tuple[float, Mapping[str, FileAnswer]] | None:
        """Return when the files of an origin were read last, and what they were; None if that is not known now."""
        return self._learned.get(str(origin))

    def file_answered(self, origin: Origin, reply: FileReply, now: float) -> None:
        """Process the reply to a ReadFile."""
        self._readings[str(origin)].answered(reply)
        self._finish_reading(origin, now)

    def file_failed(self, origin: Origin, now: float) -> None:
        """Note that a ReadFile got no usable reply."""
        self._readings[str(origin)].failed()
        self._finish_reading(origin, now)

    def _reading_step(self, origin: Origin, now: float) -> Step:
        reading = self._readings.setdefault(str(origin), RulesReading(origin, self._hosts.allows))
        assert reading.url is not None  # noqa: S101 - one that is finished is not kept
        host = self._hosts.allows(reading.url).host
        seconds = self.wait(host, now)
        if host != origin.host and (seconds > LONGEST_ANSWER or self.has_given_up(host)):  # not worth waiting for
            self.file_failed(origin, now)
            return Wait(seconds=0.0)
        return Wait(seconds=seconds) if seconds > 0 else ReadFile(origin=origin, url=reading.url, host=host)

    def _finish_reading(self, origin: Origin, now: float) -> None:
        if self._readings[str(origin)].url is None:
            self.learn(origin, self._readings.pop(str(origin)).answers, now)

    # ------------------------------------------------------------ when hosts may be asked

    def wait(self, host: str, now: float) -> float:
        """Return for how many seconds a host must not get a request; 0 if it may now."""
        state = self._states[host]
        return max(state.free_at - now, 0.0 if state.started is None else _LOOK_AGAIN, 0.0)

    def has_given_up(self, host: str) -> bool:
        """Return whether a host failed so often that it gets no more requests."""
        return self._states[host].failures >= GIVEN_UP

    def leave_alone(self, host: str, until: float) -> None:
        """Send a host no request before a time."""
        self._states[host].free_at = max(self._states[host].free_at, until)

    def start(self, host: str, now: float) -> None:
        """Note that a request is sent to a host."""
        self._states[host].started = now

    def finish(self, host: str, outcome: RequestOutcome, now: float) -> None:
        """Note the outcome of the request to a host, also if it was never sent."""
        state = self._states[host]
        took = 0.0 if state.started is None else now - state.started
        state.started = None
        state.failures = state.failures + 1 if outcome.failed else 0
        back_off = max(self._delay, LEAST_BACK_OFF) * 2**state.failures if outcome.failed else 0.0
        pauses = (self._delay, state.delay, outcome.rest, min(back_off, LONGEST_BACK_OFF), min(took, LONGEST_ANSWER))
        self.leave_alone(host, now + max(pauses))
