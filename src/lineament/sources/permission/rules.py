"""What a host reserves in its well-known files: robots.txt (RFC 9309), tdmrep.json (TDMRep) and ai.txt; pure functions.

The strictest wins (R3). A file that cannot be had reserves everything, for then nobody knows what it says; one that is
not there reserves nothing. Where a robots.txt speaks to us by name, what it says to all counts as well.
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
"""What a robots.txt may call us."""
ROBOTS, TDMREP, AI = "/robots.txt", "/.well-known/tdmrep.json", "/ai.txt"
FILES = (ROBOTS, TDMREP, AI)
"""In the order in which they are asked for."""
LARGEST = 2**20
"""Bytes of one of these files; a larger one counts as not had. RFC 9309 asks for 500 KiB at least."""
FRESH = 24 * 3600.0
"""Seconds for which what was read counts (RFC 9309)."""
ASK_AGAIN = 3600.0
"""Seconds after which a file that could not be had is asked for again."""
LONGEST_DELAY = 3600.0
"""Seconds between two requests beyond which a host is not worth asking."""
_AGENTS = ("lineament", "*")
_MOST_RULES = 10_000
_MOST_COPIES = 2**20  # of rules: the parser keeps each rule once for each agent that it is for
_RULES = frozenset({"allow", "disallow", "crawl-delay", "request-rate"})
_ANY_TIME = datetime.min.replace(tzinfo=UTC)
_FIELD = re.compile(r"[A-Za-z-]{1,40}")


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """What a host answered when it was asked for such a file."""

    status: int | None  # None where there was no answer, or one that nobody can use
    body: bytes = b""

    @property
    def missing(self) -> bool:
        """Whether there is no such file. RFC 9309: any client error means that, but “too many requests” does not."""
        return self.status is not None and 400 <= self.status < 500 and self.status != 429

    @property
    def there(self) -> bool:
        """Whether the file was had."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def known(self) -> bool:
        """Whether it is known what the file says."""
        return self.there or self.missing


@dataclass(frozen=True, slots=True)
class _PathRule:
    """Where something is reserved, or said to be free."""

    path: str
    reserved: bool
    shown: str


class HostRules:
    """What one host reserves."""

    def __init__(self, answers: Mapping[str, FileAnswer]) -> None:
        """``answers`` has one for each of FILES that was asked for; the others count as ones that cannot be had."""
        self._whole: str | None = None
        self._robots = self._parsed(ROBOTS, answers)
        self._usages = list(_usages(_text(answers.get(ROBOTS, FileAnswer(None)))))
        self._tdm: list[_PathRule] = []
        self._read_tdm(answers.get(TDMREP, FileAnswer(None)))
        self._ai = self._parsed(AI, answers)

    def refusal(self, url: str) -> str | None:
        """What reserves the page or picture at ``url``, to complete “its publisher reserves it (…)”; None: nothing."""
        for name, parsed in (("robots.txt", self._robots), ("ai.txt", self._ai)):
            for agent in _AGENTS:
                if parsed is not None and not parsed.can_fetch(url, agent):
                    return f"{name}, for {AGENT}" if agent != "*" else f"{name}, for all"
        if self._whole is not None:
            return self._whole
        path = _path(url)
        for one in self._usages:
            if matches(one.path, path):
                return f"robots.txt: {one.shown}"
        found = [one for one in self._tdm if matches(one.path, path)]
        if found and (found[0].reserved or max(found, key=lambda one: len(one.path)).reserved):
            return "tdmrep.json: tdm-reservation"  # rules are read in order, or the longest wins: the strictest does
        return None

    @property
    def delay(self) -> float:
        """Seconds that the host wants between two requests."""
        said = [0.0] if self._robots is None else [_delay(self._robots, agent) for agent in _AGENTS]
        return max(said)

    def _parsed(self, name: str, answers: Mapping[str, FileAnswer]) -> Protego | None:
        answer = answers.get(name, FileAnswer(None))
        text = _text(answer)
        if not answer.known or _copies(text) > _MOST_COPIES:
            self._whole = self._whole or f"its {name.strip('/')} cannot be read, so nobody knows what it reserves"
            return None
        return Protego.parse(text)

    def _read_tdm(self, answer: FileAnswer) -> None:
        if answer.missing:
            return
        found = _tdm(_text(answer)) if answer.there else None
        if found is None:
            self._whole = self._whole or "its tdmrep.json cannot be read, so nobody knows what it reserves"
        else:
            self._tdm = found


def _text(answer: FileAnswer) -> str:
    """The file as text; a page of HTML stands for a file that is not there, as many servers answer anything."""
    text = answer.body.decode("utf-8-sig", "replace") if answer.there else ""
    return "" if text.lstrip()[:1] == "<" else text


def _delay(robots: Protego, agent: str) -> float:
    said = robots.crawl_delay(agent) or 0.0
    rate = robots.request_rate(agent)
    if rate is not None and rate.requests > 0:
        said = max(said, rate.seconds / rate.requests)
    return said if 0 <= said <= LONGEST_DELAY else LONGEST_DELAY


def _copies(robots: str) -> int:
    """How many rules for one agent each the file comes to, at most: many agents may share many rules."""
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
    """Content-Usage (aipref) and Content-Signal in a robots.txt, where they refuse a use that ours is one of."""
    ours, named, count = True, False, 0
    for line in robots.splitlines():
        name, colon, said = line.partition("#")[0].partition(":")
        field, value = name.strip().lower(), said.strip()
        if not colon or not _FIELD.fullmatch(field):
            continue
        if field == "user-agent":
            applies = value.lower() in _AGENTS
            ours = applies or (ours and named)
            named = True
            continue
        named = False
        if ours and field in {"content-usage", "content-signal"}:
            path, rest = value.split(maxsplit=1) if value.startswith("/") and " " in value else ("/", value)
            if usage(rest, _ANY_TIME):
                count += 1
                yield _PathRule(path if count < _MOST_RULES else "/", reserved=True, shown=f"{field}: {rest}"[:80])
            if count >= _MOST_RULES:
                return


def _tdm(text: str) -> list[_PathRule] | None:
    """The rules of a tdmrep.json; None where it is none."""
    if not text:
        return []
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or len(found) > _MOST_RULES:
        return None
    rules = []
    for one in found:
        if not isinstance(one, dict) or not isinstance(one.get("location"), str):
            return None
        said = one.get("tdm-reservation")
        free = said == "0" or (said == 0 and not isinstance(said, bool))
        rules.append(_PathRule(one["location"], reserved=not free, shown=""))
    return rules


def matches(pattern: str, path: str) -> bool:
    """Whether ``path`` begins as ``pattern`` says, where “*” is anything and “$” the end (RFC 9309, 2.2.3)."""
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
