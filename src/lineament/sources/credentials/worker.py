"""The worker that reads the content credentials (C2PA) of the picture on standard input, and sends one JSON object.

Started by ``credentials.reader``. Nothing is fetched: no remote manifest, no list of revoked certificates.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from c2pa import C2paError, Reader

from lineament.sandbox.process import END, FAILED, confine_worker, send

FOUND = b"C"
_MEMORY = 2**30
_SECONDS = 20
_MOST = 100
_ALLOWED = "allowed"


def main(media_type: str) -> None:
    """Send what the credentials say."""
    with suppress(C2paError):  # load the library, and whatever it starts, before confinement
        Reader("image/jpeg", io.BytesIO(b"\xff\xd8\xff\xd9"))
    untrusted = sys.stdin.buffer.read()
    confine_worker(memory=_MEMORY, seconds=_SECONDS)
    try:
        with Reader(media_type, io.BytesIO(untrusted)) as reader:
            manifests: Any = json.loads(reader.json())
            state = str(reader.get_validation_state())
        send(FOUND, json.dumps(_summary(manifests) | {"state": state}).encode("ascii"))
    except (C2paError, ValueError, LookupError, TypeError, AttributeError, MemoryError, RecursionError) as error:
        send(FAILED, type(error).__name__.encode())
        return
    send(END)


def _summary(store: Any) -> dict[str, Any]:
    active = store["manifests"][store["active_manifest"]]
    signed = active.get("signature_info") or {}
    infos = active.get("claim_generator_info") or []
    names = [" ".join(str(info.get(part, "")) for part in ("name", "version")).strip() for info in infos]
    everything = [found for manifest in store["manifests"].values() for found in manifest.get("assertions") or []]
    return {
        "generator": ", ".join(names) or active.get("claim_generator"),
        "issuer": signed.get("issuer"),
        "signed_at": signed.get("time"),
        "kinds": sorted(set(_kinds(everything)))[:_MOST],
        "reserved": sorted(set(_reserved_uses(active.get("assertions") or [])))[:_MOST],
    }


def _kinds(assertions: list[Any]) -> Iterator[str]:
    """Yield the digital source types of all actions, on the picture and on its ingredients."""
    for assertion in assertions:
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            for action in assertion["data"].get("actions") or []:
                kind = action.get("digitalSourceType")
                if isinstance(kind, str):
                    yield kind.rstrip("/").rpartition("/")[2]


def _reserved_uses(assertions: list[Any]) -> Iterator[str]:
    """Yield the uses for training and mining that are not simply allowed."""
    for assertion in assertions:
        if ".training-mining" in str(assertion.get("label", "")):
            for name, entry in (assertion["data"].get("entries") or {}).items():
                if entry.get("use") != _ALLOWED:
                    yield f"{name} {entry.get('use')}"
