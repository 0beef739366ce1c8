"""What goes wrong, or takes long, as one line of JSON on standard error for each event.

Ordinary requests are in no log: the ledger has what was done, for those who may read it, and a line for each would tell
how often somebody searched (R46).
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

FACTS = ("request", "method", "route", "status", "ms", "code", "job", "kind")
"""Every fact that a line may have besides time, level, logger and message."""

SLOW_SECONDS = 5.0
"""A request that takes longer is an event."""


class JsonLines(logging.Formatter):
    """Formats an event as one line of JSON; a traceback is one of its texts."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: vars(record)[name] for name in FACTS if name in vars(record)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def write_json_lines() -> None:
    """Write every event of this process from the level of a warning on, and those of our own from that of a note on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("lineament").setLevel(logging.INFO)


def facts(**known: object) -> dict[str, object]:
    """Return facts for a line. Raises KeyError for one that no line may have."""
    if unknown := known.keys() - set(FACTS):
        raise KeyError(*unknown)
    return known
