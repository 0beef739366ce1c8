"""Refused files grouped by reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lineament.views.values import upper_first

_NUMBER = re.compile(r"\d(?:[\d.,]*\d)?")


@dataclass(frozen=True, slots=True)
class RefusedGroup:
    """Files that were refused for one reason."""

    why: str  # as a sentence; numbers in which its files differ are “…”
    files: Sequence[tuple[str, str]]  # names, and reasons in full


def grouped(refusals: Iterable[tuple[str, str]]) -> list[RefusedGroup]:
    """Group refused files (name, reason) by reason, the most frequent first; reasons may differ in their numbers."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name, why in refusals:
        groups.setdefault(_NUMBER.sub("…", why), []).append((name, why))
    found = [RefusedGroup(_shared(shape, files), files) for shape, files in groups.items()]
    return sorted(found, key=lambda group: -len(group.files))


def _shared(shape: str, files: Sequence[tuple[str, str]]) -> str:
    first = files[0][1]
    return upper_first(first if all(why == first for _, why in files) else shape)
