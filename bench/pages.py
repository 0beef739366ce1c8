"""Measures the server's time for each page, in a workspace with the demo's portraits.

It prints for each page its size, and the median and 95th percentile from the request to the last byte.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np
from tests.support.serving import serving, token_in
from tests.support.world import CASE, PROBE, gallery

from bench import machine
from lineament.web.addresses import case_address

LIMIT_MS = 100.0
WARM = 3


def main() -> int:
    """Print the table; return 1 if a page is slower than the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=100)
    times = parser.parse_args().times
    print(machine.line("fastapi", "jinja2", "uvicorn"))
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        workspace = stack.enter_context(gallery(Path(folder) / "ws"))
        client = stack.enter_context(stack.enter_context(serving(workspace)).client())
        return _measure(client, _addresses(client), times)


def _addresses(client: httpx.Client) -> dict[str, str]:
    csrf = token_in(client.get("/cases/new").text)
    photograph = {"photograph": ("probe.jpg", PROBE.read_bytes())}
    probe = client.post("/search", data={"csrf": csrf, "case": CASE.ref}, files=photograph).headers["location"]
    form = {
        "csrf": csrf,
        "face": "1",
        "reason": "the bench",
        "source": "portraits",
        "mode": "investigation",
        "limit": "20",
    }
    result = client.post(f"{probe}/search", data=form).headers["location"]
    return {
        "home": "/",
        "cases": "/cases",
        "open a case": "/cases/new",
        "case": case_address(CASE.ref),
        "sources": "/sources",
        "source": "/sources/portraits",
        "new search, photograph": "/search",
        "new search, face and why": probe,
        "result": result,
        "candidate": f"{result}/candidates/1",
        "candidate's crop": f"{result}/candidates/1/crop",
        "probe's crop": f"{probe}/faces/1",
        "ledger": "/ledger",
        "keys": "/help",
    }


def _measure(client: httpx.Client, addresses: dict[str, str], times: int) -> int:
    slow = []
    print(f"{'page':28}{'p50 ms':>8}{'p95 ms':>8}{'kB':>8}   ({times} requests each, one at a time)")
    for name, address in addresses.items():
        taken = []
        for at in range(WARM + times):
            began = time.perf_counter()
            response = client.get(address)
            if at >= WARM:
                taken.append(1000 * (time.perf_counter() - began))
            if response.status_code != 200:
                raise SystemExit(f"{address}: {response.status_code}")
        p50, p95 = np.percentile(taken, [50, 95])
        print(f"{name:28}{p50:8.1f}{p95:8.1f}{len(response.content) / 1000:8.1f}")
        if p95 > LIMIT_MS and not re.search("crop", name):
            slow.append(name)
    if slow:
        print(f"slower than {LIMIT_MS:.0f} ms: {', '.join(slow)}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
