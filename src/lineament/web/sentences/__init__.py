"""Each entry of the ledger as a plain English sentence; one module for each noun, as ``model/events`` has them."""

from lineament.web.sentences import (
    accounts,
    cases,
    collections,
    leads,
    oversight,
    programs,
    record,
    reviews,
    searches,
    sources,
    watches,
)
from lineament.web.sentences.base import Names, sentence_of

__all__ = [
    "Names",
    "accounts",
    "cases",
    "collections",
    "leads",
    "oversight",
    "programs",
    "record",
    "reviews",
    "searches",
    "sentence_of",
    "sources",
    "watches",
]
