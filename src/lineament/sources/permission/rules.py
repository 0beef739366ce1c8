"""Reservations in the well-known files of a host: robots.txt (RFC 9309), tdmrep.json (TDMRep) and ai.txt. No I/O.

The strictest wins (R3). A file that cannot be read reserves everything, because its content is unknown; one that does
not exist reserves nothing. If a robots.txt addresses us by name, what it says to all counts as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from protego import Protego

from lineament.sources.permission.reservations import usage

AGENT = "Lineament"
"""Our name in a robots.txt."""
ROBOTS, TDMREP, AI = "/robots.txt", "/.well-known/tdmrep.json", "/ai.txt"
FILES = (ROBOTS, TDMREP, AI)
"""The well-known files, in the order in which they are requested."""
LARGEST = 2**20
"""Most bytes of one of these files; a larger one counts as unreadable. RFC 9309 requires at least 500 KiB."""
FRESH = 24 * 3600.0
"""Seconds for which a file is valid after it was read (RFC 9309)."""
ASK_AGAIN = 3600.0
"""Seconds after which an unreadable file is requested again."""
LONGEST_DELAY = 3600.0
"""Most seconds between two requests that a host can ask for."""
_AGENTS = ("lineament", "*")
_MOST_RULES = 10_000
_MOST_COPIES = 2**17  # of rules: the parser keeps one for each agent that a rule addresses, some 100 bytes each
_RULES = frozenset({"allow", "disallow", "crawl-delay", "request-rate"})
_ANY_TIME = datetime.min.replace(tzinfo=UTC)
_FIELD = re.compile(r"[A-Za-z-]{1,40}")


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """The response to a request for a well-known file."""

    status: int | None  # None: no response, or none that can be used
    body: bytes = b""

    @property
    def missing(self) -> bool:
        """Whether there is no such file: any client error (RFC 9309) except “too many requests”."""
        return self.status is not None and 400 <= self.status < 500 and self.status != 429

    @property
    def was_sent(self) -> bool:
        """Whether the file was sent."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def known(self) -> bool:
        """Whether we know what the file says."""
        return self.was_sent or self.missing


@dataclass(frozen=True, slots=True)
class _PathRule:
    """A path that is reserved, or declared free."""

    path: str
    reserved: bool
    shown: str


class HostRules:
    """The reservations of one host."""

    def __init__(self, answers: Mapping[str, FileAnswer]) -> None:
        """``answers`` has one for each of FILES that was requested; the others count as unreadable."""
        self._whole: str | None = None
        self._robots = self._parse(ROBOTS, answers)
        self._usages = list(_usages(_text(answers.get(ROBOTS, FileAnswer(None)))))
        self._tdm: list[_PathRule] = []
        self._read_tdm(answers.get(TDMREP, FileAnswer(None)))
        self._ai = self._parse(AI, answers)

    def refusal(self, url: str) -> str | None:
        """Return what reserves ``url``, to complete “its publisher reserves it (…)”; None if nothing does."""
        for name, parsed in (("robots.txt", self._robots), ("ai.txt", self._ai)):
            for agent in _AGENTS:
                if parsed is not None and not parsed.can_fetch(url, agent):
                    return f"{name}, for {AGENT}" if agent != "*" else f"{name}, for all"
        if self._whole is not None:
            return self._whole
        path = _path(url)
        for rule in self._usages:
            if matches(rule.path, path):
                return f"robots.txt: {rule.shown}"
        found = [rule for rule in self._tdm if matches(rule.path, path)]
        if found and (found[0].reserved or max(found, key=lambda rule: len(rule.path)).reserved):
            return "tdmrep.json: tdm-reservation"  # first or longest rule, whichever is stricter
        return None

    @property
    def were_read(self) -> bool:
        """Whether every file was read; if not, ``refusal`` refuses in doubt, and what was collected before stays."""
        return self._whole is None

    @property
    def delay(self) -> float:
        """Seconds that the host asks for between two requests."""
        delays = [0.0] if self._robots is None else [_delay(self._robots, agent) for agent in _AGENTS]
        return max(delays)

    def _parse(self, name: str, answers: Mapping[str, FileAnswer]) -> Protego | None:
        answer = answers.get(name, FileAnswer(None))
        text = _text(answer)
        if not answer.known or _copies(text) > _MOST_COPIES:
            self._whole = self._whole or f"its {name.strip('/')} cannot be read, so everything may be reserved"
            return None
        return Protego.parse(text)

    def _read_tdm(self, answer: FileAnswer) -> None:
        if answer.missing:
            return
        found = _tdm(_text(answer)) if answer.was_sent else None
        if found is None:
            self._whole = self._whole or "its tdmrep.json cannot be read, so everything may be reserved"
        else:
            self._tdm = found


def _text(answer: FileAnswer) -> str:
    """Return the file as text; HTML counts as empty, because many servers answer any address with a page."""
    text = answer.body.decode("utf-8-sig", "replace") if answer.was_sent else ""
    return "" if text.lstrip()[:1] == "<" else text


def _delay(robots: Protego, agent: str) -> float:
    seconds = robots.crawl_delay(agent) or 0.0
    rate = robots.request_rate(agent)
    if rate is not None and rate.requests > 0:
        seconds = max(seconds, rate.seconds / rate.requests)
    return seconds if 0 <= seconds <= LONGEST_DELAY else LONGEST_DELAY


def _copies(robots: str) -> int:
    """Return the number of rules once each is copied for each agent it addresses, as the parser does."""
    copies, agents, is_open = 0, 0, True
    for line in robots.splitlines():
        name, colon, _ = line.partition("#")[0].lower().partition(":")
        if name.lstrip().startswith("user"):
            agents = agents + 1 if is_open else 1
            is_open = True
        elif colon and name.strip() in _RULES:
            is_open = False
        copies += agents
    return copies


def _usages(robots: str) -> Iterable[_PathRule]:
    """Yield the Content-Usage (aipref) and Content-Signal rules of a robots.txt that refuse a use like ours."""
    is_ours, named, count = True, False, 0
    for line in robots.splitlines():
        name, colon, text = line.partition("#")[0].partition(":")
        field, value = name.strip().lower(), text.strip()
        if not colon or not _FIELD.fullmatch(field):
            continue
        if field == "user-agent":
            applies = value.lower() in _AGENTS
            is_ours = applies or (is_ours and named)
            named = True
            continue
        named = False
        if is_ours and field in {"content-usage", "content-signal"}:
            path, rest = value.split(maxsplit=1) if value.startswith("/") and " " in value else ("/", value)
            if usage(rest, _ANY_TIME):
                count += 1
                yield _PathRule(path if count < _MOST_RULES else "/", reserved=True, shown=f"{field}: {rest}"[:80])
            if count >= _MOST_RULES:
                return


def _tdm(text: str) -> list[_PathRule] | None:
    """Parse a tdmrep.json; None if it is not one."""
    if not text:
        return []
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or len(found) > _MOST_RULES:
        return None
    rules = []
    for entry in found:
        if not isinstance(entry, dict) or not isinstance(entry.get("location"), str):
            return None
        value = entry.get("tdm-reservation")
        free = value == "0" or (value == 0 and not isinstance(value, bool))
        rules.append(_PathRule(entry["location"], reserved=not free, shown=""))
    return rules


def matches(pattern: str, path: str) -> bool:
    """Return whether ``path`` starts with ``pattern``, in which “*” is anything and “$” the end (RFC 9309, 2.2.3)."""
    is_whole = pattern.endswith("$")
    first, *others = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    last = others.pop() if others else None
    for part in others:
        found = path.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    if last is None:
        return not is_whole or at == len(path)
    return path.endswith(last) and len(path) - len(last) >= at if is_whole else path.find(last, at) >= 0


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
