"""Whether an HTTP response has the whole of what is at its address, by its status and its Content-Range."""

from __future__ import annotations

import re

_RANGE = re.compile(r"bytes\s+(\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII | re.IGNORECASE)


def why_not_whole(status: int, content_range: str | None) -> str | None:
    """Return why the body of a response is not the whole content of its address, as one sentence; None if it is."""
    if 200 <= status < 300 and status != 206:
        return None
    if status == 206:
        return _why_partial(content_range)
    if status in {401, 407}:
        return f"its host requires a log-in ({status})"
    if status in {404, 410}:
        return f"this address no longer exists ({status})"
    return f"its host answers with {status}"


def _why_partial(content_range: str | None) -> str | None:
    found = _RANGE.fullmatch((content_range or "").strip())
    if found is None:
        return "its host answers with a part (206) and does not say which"
    first, last, length = found.groups()
    if length != "*" and int(first) == 0 and int(last) + 1 == int(length):
        return None
    total = "an unknown number" if length == "*" else length
    return f"its host answers with a part (206), bytes {first} to {last} of {total}"
