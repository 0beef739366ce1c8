"""What workers can do: the attempts are made inside real ones, warmed up and confined."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lineament.errors import GuardsMissing, NotRead
from lineament.sandbox import launch
from lineament.sandbox import process as confined
from lineament.sandbox.confine import GUARDS
from lineament.sandbox.files import locate

LIMITS = confined.WorkerLimits(message=1000, patience=30, seconds=60)
WORKERS = {
    "lineament.sources.video.worker": (),
    "lineament.sources.manifest.parquet_worker": (0,),
    "lineament.sources.credentials.worker": ("image/jpeg",),
}
TRYING = """
sys.dont_write_bytecode = True
import ctypes, mmap, os, platform, resource, signal, socket, subprocess, threading
import {module} as worker
from lineament.sandbox.process import END, confine_worker, send
confined, tried = threading.Event(), threading.Event()
def attempt(call):
    try:
        call()
    except OSError as error:
        return str(error.errno).encode()
    except MemoryError:
        return b"memory"
    return b"could"
def elsewhere():
    confined.wait()
    send(b"t", attempt(socket.socket))
    tried.set()
def trying(*, memory, seconds):
    threading.Thread(target=elsewhere, daemon=True).start()
    {before}
    confine_worker(memory=2**28, seconds=seconds)
    confined.set()
    tried.wait()
    send(b"o", attempt(lambda: os.open("/etc/hostname", 0)))
    send(b"w", attempt(lambda: os.open("/tmp/new", os.O_CREAT | os.O_WRONLY)))
    send(b"s", attempt(socket.socket))
    send(b"u", attempt(lambda: socket.socket(socket.AF_UNIX)))
    send(b"f", attempt(os.fork))
    send(b"p", attempt(lambda: subprocess.run(["/bin/true"])))
    send(b"e", attempt(lambda: os.execv("/bin/true", ["true"])))
    send(b"k", attempt(lambda: os.kill(os.getppid(), signal.SIGTERM)))
    send(b"l", attempt(lambda: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (0, 0))))
    send(b"x", attempt(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)))
    send(b"m", attempt(lambda: bytearray(2**30)))
    send(b"h", os.environb.get(b"HOME", b"none"))
    send(END)
    sys.exit(0)
worker.confine_worker = trying
worker.main(*sys.argv[1:])
"""
REFUSED = b"1"  # EPERM
ALL_HOLD = confined.HEADER.pack(confined.READY, 4) + sum(GUARDS).to_bytes(4, "little")
HERE = locate(Path(__file__))[0]


def tried(module: str, monkeypatch: pytest.MonkeyPatch, words: tuple[object, ...] = ()) -> dict[bytes, bytes]:
    """Return the outcome of each attempt: its error number, or “could” if it succeeded."""
    monkeypatch.setattr(launch, "_BOOT", TRYING.replace("{before}", "pass"))
    return dict(confined.messages_about(module, HERE, LIMITS, *words))


@pytest.mark.parametrize("module", WORKERS)
def test_nothing_is_in_reach_of_a_process_that_reads(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = tried(module, monkeypatch, WORKERS[module])
    assert outcome.pop(b"h") == b"none"
    assert outcome.pop(b"m") == b"memory"
    assert outcome == dict.fromkeys((bytes([letter]) for letter in b"towsufpeklx"), REFUSED)  # t: in an older thread


@pytest.mark.parametrize(
    ("before", "missing"),
    [
        ("platform.machine = lambda: 'riscv64'", "seccomp"),
        ("resource.setrlimit = lambda *_: signal.signal(-1, None)", "limits of memory, time and files"),  # ValueError
    ],
)
def test_without_one_of_its_guards_nothing_is_read(before: str, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[bytes] = []
    monkeypatch.setattr(launch, "_BOOT", TRYING.replace("{before}", before))
    with pytest.raises(GuardsMissing, match=re.escape(missing)):
        attempts += [kind for kind, _ in confined.messages_about("lineament.sources.video.worker", HERE, LIMITS)]
    assert attempts == [], "it ended before it did anything else"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("import time; time.sleep(60)", "took too long"),
        ("os.write(1, b'F' + b'\\xff' * 4)", "invalid reply"),
        ("os.kill(os.getpid(), 9)", "ended by signal 9"),
        ("os.write(1, b'F\\x01')", "ended early"),
        (f"os.write(1, {ALL_HOLD!r} + b'X\\x03\\0\\0\\0a\\x1bb')", "a b"),
        ("os.write(1, b'X\\x03\\0\\0\\0a\\x1bb')", "invalid reply"),
    ],
)
def test_a_worker_that_was_taken_over_costs_the_file(
    body: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.py").write_text(f"import os\ndef main():\n    {body}\n")
    monkeypatch.setattr(launch, "_SOURCE", tmp_path)
    with pytest.raises(NotRead, match=re.escape(why)):
        list(
            confined.messages_about(
                "bad", locate(tmp_path / "bad.py")[0], confined.WorkerLimits(message=9, patience=1, seconds=9)
            )
        )
