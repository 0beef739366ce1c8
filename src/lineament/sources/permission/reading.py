"""The order in which the well-known files of one host are read, given the replies so far. No I/O.

A file may be redirected, to hosts that the source lists. Once one file cannot be read, everything counts as reserved,
and the rest of the files are not requested.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lineament.errors import HostRefused
from lineament.sources.addresses import absolute
from lineament.sources.permission.hosts import Origin
from lineament.sources.permission.rules import AI, FILES, ROBOTS, TDMREP, FileAnswer, HostRules

MOST_REDIRECTS = 5
"""Most redirects of one file (RFC 9309, 2.3.1.2)."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReply:
    """The reply to a request for a well-known file."""

    status: int
    body: bytes = b""
    location: str | None = None


class RulesReading:
    """The well-known files of one origin while they are being read."""

    def __init__(self, origin: Origin, allows: Callable[[str], object]) -> None:
        """``allows`` raises HostRefused for an address that may not be requested."""
        self._origin, self._allows = origin, allows
        self._redirects = 0
        self.answers: dict[str, FileAnswer] = {}
        self.url: str | None = f"{origin}{ROBOTS}"
        """The next address to request; None when everything has been read."""

    def answered(self, reply: FileReply) -> None:
        """Process the reply to the request for ``url``."""
        if reply.status not in REDIRECTS:
            self._finish_file(FileAnswer(reply.status, reply.body))
            return
        target = absolute(self.url or "", reply.location or "")
        self._redirects += 1
        if target is None or self._redirects > MOST_REDIRECTS or not self._is_allowed(target):
            self.failed()
        else:
            self.url = target

    def failed(self) -> None:
        """Note that the request for ``url`` got no usable reply."""
        self._finish_file(FileAnswer(None))

    def _is_allowed(self, url: str) -> bool:
        try:
            self._allows(url)
        except HostRefused:
            return False
        return True

    def _finish_file(self, answer: FileAnswer) -> None:
        self.answers[FILES[len(self.answers)]] = answer
        self._redirects, self.url = 0, None
        if answer.known and len(self.answers) < len(FILES):
            following = f"{self._origin}{FILES[len(self.answers)]}"
            if self._robots_permit(following):
                self.url = following
            else:
                self._finish_file(FileAnswer(None))

    def _robots_permit(self, url: str) -> bool:
        missing = FileAnswer(404)
        robots_alone = HostRules({ROBOTS: self.answers[ROBOTS], TDMREP: missing, AI: missing})
        return robots_alone.refusal(url) is None
