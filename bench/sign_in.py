"""Measures how long a page takes for others while 60 clients guess passwords, against the same server without them.

    python -m bench.sign_in [--clients 60] [--pages 40] [--seconds 10]

Each client sends its next guess as soon as the last one is answered, and waits for no Retry-After. Clients and server
share the processors of this machine. docs/adr/0022-signing-in-under-attack.md has the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

from bench import machine
from bench.serving import serving
from lineament.identity import passwords
from lineament.model.accounts import HOME_AGENCY, FactorKind, Role
from lineament.model.policy import Preset
from lineament.services.people.sessions import digest_of
from lineament.settings import Settings
from lineament.web.security import BrowserSession, new_key
from lineament.workspace import Workspace

HOST = "lineament.agency.example"
PROXY = {"LINEAMENT_PUBLIC_URL": f"http://{HOST}", "LINEAMENT_CLIENT_HEADER": "X-Real-IP"}
PAGE = "/account"
ATTACKS = {"all at one address": "203.0.113.7", "each at an address of its own": ""}
_ROOT = Path(__file__).parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--clients", type=int, default=60)
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each attack")
    parser.add_argument("--attack", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--address", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.attack:
        return asyncio.run(attack(options.attack, options.clients, options.address, options.seconds))
    print(machine.line("argon2-cffi", "uvicorn"))
    print(f"load before: {os.getloadavg()[0]:.1f}; {PAGE}, one request after the other; {options.clients} clients")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        home = Path(folder) / "ws"
        key = build(home)
        with serving(home, PROXY) as running:
            port = running.port
            pages(port, key, 5)
            idle = statistics.median(pages(port, key, options.pages))
            print(f"without an attack: {idle:.1f} ms (median)")
            for words, address in ATTACKS.items():
                print(f"{words}: {under_attack(port, key, options, address, idle)}", flush=True)
    return 0


def under_attack(port: int, key: str, options: argparse.Namespace, address: str, idle: float) -> str:
    """Return the times of the page during an attack, in words."""
    taken: list[float] = []
    counts = ("--attack", str(port), "--clients", str(options.clients), "--seconds", str(options.seconds))
    command = [sys.executable, "-m", "bench.sign_in", *counts, "--address", address]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as attacking:
        assert attacking.stdout is not None
        attacking.stdout.readline()  # it has begun
        until = time.monotonic() + options.seconds
        while not taken or time.monotonic() < until:
            taken += pages(port, key, 1)
        statuses: dict[str, int] = json.loads(attacking.stdout.read())
    median, late = statistics.median_high(taken), sorted(taken)[int(len(taken) * 0.95)]
    answers = ", ".join(f"{many:,} times {status}" for status, many in sorted(statuses.items()))
    return f"{median:.1f} ms (median), {late:.1f} ms (95 %), {median / idle:.1f} times as long; {answers}"


# ---------------------------------------------------------------- the server


def build(home: Path) -> str:
    """Create a workspace with one examiner; return the key of an open session."""
    with Workspace.create(Settings(home=home)) as workspace, workspace.store.begin() as tx:
        account = tx.accounts.add(HOME_AGENCY, "emil@agency.example", "Emil", [Role.EXAMINER], datetime.now(UTC))
        tx.accounts.join(account.id, "Emil", passwords.hash_password(new_key()))
        tx.agencies.set_preset(HOME_AGENCY, Preset.AGENCY)
        key = new_key()
        session = tx.sessions.begin(account.id, digest_of(key), datetime.now(UTC), "bench", terminal=False)
        tx.factors.add(account.id, FactorKind.TOTP, "phone", {"secret": "A" * 32}, datetime.now(UTC))
        tx.sessions.prove(session.id, datetime.now(UTC))
    return key


def pages(port: int, key: str, times: int) -> list[float]:
    """Return how long each request of the page takes, in ms."""
    taken = []
    headers = {"host": HOST, "cookie": f"lineament={key}", "x-real-ip": "192.0.2.33"}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        for _ in range(times):
            began = time.perf_counter()
            connection.request("GET", PAGE, headers=headers)
            response = connection.getresponse()
            response.read()
            assert response.status == 200, (response.status, response.headers)
            taken.append(1000 * (time.perf_counter() - began))
    return taken


# ---------------------------------------------------------------- the attack


async def attack(port: int, clients: int, address: str, seconds: float) -> int:
    """Guess with so many clients at once, and print how often each status was answered."""
    statuses: Counter[str] = Counter()
    until = time.monotonic() + seconds
    guessing = [
        guess(port, number, address or f"198.18.{number // 200}.{number % 200}", until, statuses)
        for number in range(clients)
    ]
    print("begun", flush=True)
    await asyncio.gather(*guessing)
    print(json.dumps(statuses), flush=True)
    return 0


async def guess(port: int, number: int, address: str, until: float, statuses: Counter[str]) -> None:
    """Send one guess after the other, over one connection as long as it lasts."""
    key = new_key()
    form = {"csrf": BrowserSession(key).csrf, "email": f"nobody{number}@agency.example", "password": "wrong and long"}
    body = urlencode(form)
    head = f"POST /sign-in HTTP/1.1\r\nhost: {HOST}\r\nx-real-ip: {address}\r\ncookie: lineament-form={key}\r\n"
    head += f"content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(body)}\r\n\r\n"
    while time.monotonic() < until:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while time.monotonic() < until:
                writer.write((head + body).encode())
                await writer.drain()
                answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = answer.partition("content-length: ")[2].partition("\r\n")[0]
                await reader.readexactly(int(length))
                statuses[answer.split(" ", 2)[1]] += 1
        except (OSError, asyncio.IncompleteReadError):
            statuses["connection ended"] += 1
        finally:
            writer.close()


if __name__ == "__main__":
    sys.exit(main())
