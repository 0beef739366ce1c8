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
from lineament.testing.pictures import (
    CHART,
    CHART_SIZE,
    PAYLOAD,
    Corpus,
    bad_pictures,
    chart,
    damaged_pictures,
    encoded,
    png,
)
from lineament.testing.rare_pictures import camera_raw, deep_tiff, os2_bitmap, swapped_profile
from lineament.testing.syncing import unsynced
from lineament.testing.transit import FakeTransit, fake_transit

__all__ = [
    "CHART",
    "CHART_SIZE",
    "PAYLOAD",
    "VAULT",
    "Corpus",
    "FakeTransit",
    "MemoryBlobs",
    "MemoryEntry",
    "MemoryLeafStore",
    "MemoryOutbox",
    "SentMessage",
    "bad_pictures",
    "camera_raw",
    "chart",
    "cheap_passwords",
    "damaged_pictures",
    "deep_tiff",
    "encoded",
    "fake_transit",
    "os2_bitmap",
    "png",
    "swapped_profile",
    "unsynced",
]
