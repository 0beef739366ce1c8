"""Exports of a case for other systems."""

from __future__ import annotations

from enum import StrEnum


class DataModel(StrEnum):
    """A version of the data model of Project VIC (VICS)."""

    OLDER = "1.3"
    NEWER = "2.0"
