"""Witnesses that serve on a loopback port of their own, and the requests that they receive."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lineament.ledger.checkpoint import Checkpoint, PublicKey, SigningKey, encode_base64
from lineament.ledger.cosignature import WitnessKey
from lineament.ledger.merkle import Frontier, consistency_proof
from lineament.testing import MemoryLeafStore
from lineament.witness.app import witness_server
from lineament.witness.folder import WitnessFolder

NAME = "witness.example/one"
Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class RunningWitness:
    """A witness that serves."""

    folder: WitnessFolder
    url: str

    @property
    def key(self) -> WitnessKey:
        return self.folder.public_key

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@contextmanager
def witness(path: Path, *logs: PublicKey, name: str = NAME, clock: Now | None = None) -> Iterator[RunningWitness]:
    """Run a witness of these logs until the end of the block; a folder that exists is opened again."""
    folder = WitnessFolder.open(path) if path.exists() else WitnessFolder.create(path, name)
    for log in logs:
        folder.add_log(log)
    server = witness_server(folder, clock or (lambda: datetime.now(UTC)))
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield RunningWitness(folder, f"http://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join()


def note_of(rows: MemoryLeafStore, key: SigningKey, size: int) -> str:
    """Return the signed checkpoint of the first ``size`` entries."""
    return Checkpoint(origin=key.public.name, size=size, root=Frontier.read(size, rows.node).root()).sign(key)


def request_of(rows: MemoryLeafStore, key: SigningKey, old: int, size: int) -> bytes:
    """Return the body of a request to cosign ``size`` entries, after ``old`` were cosigned."""
    proof = consistency_proof(old, size, rows.node) if old else []
    lines = [f"old {old}", *map(encode_base64, proof)]
    return ("\n".join(lines) + "\n\n" + note_of(rows, key, size)).encode()
