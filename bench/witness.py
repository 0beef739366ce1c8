"""Measures what the ledger costs a search: its entry, and whether it is witnessed, with and without a witness.

    python -m bench.witness [--rounds 300]

docs/adr/0026-witnesses-and-time-stamps.md has the figures.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from bench import machine
from lineament.ledger.checkpoint import PublicKey
from lineament.model.events.ledger import LedgerRead
from lineament.model.witnessing import WitnessAddress, WitnessPolicy
from lineament.services.witnessing.in_force import reason_not_witnessed
from lineament.settings import Settings
from lineament.witness.app import witness_server
from lineament.witness.folder import WitnessFolder
from lineament.workspace import Desk, Workspace


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=300)
    rounds: int = parser.parse_args().rounds
    print(machine.line("sqlalchemy", "cryptography"))
    print(f"load before: {os.getloadavg()[0]:.1f}; median of {rounds} rounds, in CPU time")
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        Workspace.create(Settings(home=Path(name) / "ws")) as workspace,
    ):
        desk = workspace.desk_at_the_machine()
        show("without a witness", desk, rounds)
        folder = WitnessFolder.create(Path(name) / "witness", "witness.example/bench")
        folder.add_log(PublicKey.parse(desk.audit.public_key))
        server = witness_server(folder, lambda: datetime.now(UTC))
        with closing(socket.create_server(("127.0.0.1", 0))) as listener:
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            address = WitnessAddress(key=str(folder.public_key), url=f"http://127.0.0.1:{listener.getsockname()[1]}")
            desk.witnesses.propose(WitnessPolicy(witnesses=(address,), witnesses_needed=1), "to measure it")
            for _ in range(20):
                record(desk)
                desk.witnesses.submit()
            show("with a witness", desk, rounds)
            submitted = timed(desk.witnesses.submit, max(3, rounds // 10))
            print(f"one submission to a witness on this machine, in the worker: {submitted * 1e3:.2f} ms")
            server.should_exit = True
            thread.join()


def show(label: str, desk: Desk, rounds: int) -> None:
    entry = timed(lambda: record(desk), rounds)
    asked = timed(lambda: look(desk), rounds)
    print(f"{label}: an entry with its commit {entry * 1e3:.2f} ms; whether it is witnessed {asked * 1e3:.2f} ms")


def record(desk: Desk) -> None:
    with desk.record.change() as change:
        change.record(LedgerRead(before=None))


def look(desk: Desk) -> None:
    with desk.record.read() as tx:
        reason = reason_not_witnessed(tx, desk.record)
    if reason is not None:
        raise RuntimeError(str(reason))


def timed(act: Callable[[], object], rounds: int) -> float:
    """Return the median seconds of CPU of a call."""
    seconds = []
    for _ in range(rounds):
        started = time.process_time()
        act()
        seconds.append(time.process_time() - started)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
