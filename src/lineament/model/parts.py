"""Words about the pictures of a file, and about pictures that are incomplete."""

from __future__ import annotations

WHOLE = 0.005
"""Share that is missing below which a picture is called whole."""


def part_words(part: int | None, parts: int | None, seconds: float | None = None) -> str:
    """Return which picture of a file it is; empty if the file holds only one.

    Args:
        part: Its number, from 1.
        parts: How many the file holds.
        seconds: The time code, if the file is an animation.
    """
    if part is None or parts is None or parts < 2:
        return ""
    return f"page {part} of {parts:,}" if seconds is None else f"frame {part} of {parts:,}"


def incomplete_words(incomplete: bool, missing: float | None) -> str:
    """Return what is wrong with a damaged picture, as a sentence without its full stop; empty if nothing is.

    ``missing``: the share of the picture that is missing, 0 to 1; None if it is not known.
    """
    if not incomplete:
        return ""
    if missing is None:
        return "the file is damaged; what could be read of the picture is shown"
    if missing < WHOLE:
        return "the file is incomplete, but only its end is missing: the picture is whole"
    return f"the file is incomplete: about {max(1, round(100 * missing))} % of the picture is missing"
