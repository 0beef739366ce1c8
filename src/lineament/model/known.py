"""Lists of known-abuse material: how they are written, and what of them is taken."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

CATEGORIES = frozenset({1, 2})
"""The categories of a VICS hash set that are taken, unless others are named."""
LEAST_QUALITY = 50
"""PDQ hashes of less quality than this, 0 to 100, are not compared, as their authors advise."""


class ListKind(StrEnum):
    """How a list is written."""

    DIGESTS = "digests"
    VICS = "vics"
    ICSE = "icse"
    PDQ = "pdq"


class NotListed(StrEnum):
    """Why an entry of a list is not taken; the value is its text for people."""

    NO_DIGEST = "without a digest"
    UNCATEGORISED = "not categorised (category 0, or none)"
    OTHER_CATEGORY = "of other categories"
    UNUSABLE = "damaged"
    EMPTY_FILE = "of the empty file"
    LOW_QUALITY = f"of a quality below {LEAST_QUALITY}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFile:
    """One file of a list: any of these says that a file is it."""

    digests: tuple[str, ...] = ()  # SHA-256, SHA-1 and MD5, in lower case
    hashes: tuple[bytes, ...] = ()  # PDQ, 32 bytes


ListEntryRead: TypeAlias = ListedFile | NotListed


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOrigin:
    """How a list is written, and which of its categories are taken (VICS only)."""

    kind: ListKind = ListKind.DIGESTS
    categories: tuple[int, ...] = ()
