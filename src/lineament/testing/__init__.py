"""Test helpers that ship with Lineament: fakes, and pictures from ordinary to hostile."""

from lineament.testing.hashing import cheap_passwords
from lineament.testing.memory import (
    VAULT,
    MemoryBlobs,
    MemoryEntry,
    MemoryLeafStore,
    MemoryOutbox,
    SentMessage,
)
from lineament.testing.pictures import CHART, CHART_SIZE, PAYLOAD, Corpus, bad_pictures, chart, encoded, png
from lineament.testing.syncing import unsynced

__all__ = [
    "CHART",
    "CHART_SIZE",
    "PAYLOAD",
    "VAULT",
    "Corpus",
    "MemoryBlobs",
    "MemoryEntry",
    "MemoryLeafStore",
    "MemoryOutbox",
    "SentMessage",
    "bad_pictures",
    "chart",
    "cheap_passwords",
    "encoded",
    "png",
    "unsynced",
]
