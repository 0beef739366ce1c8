"""What workers can do: the attempts are made inside real ones, warmed up and confined."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from lineament.errors import NotRead
from lineament.sandbox import launch
from lineament.sandbox import process as confined
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
NO_DESCRIPTOR = b"24"  # EMFILE
BAD_DESCRIPTOR = b"9"  # EBADF


def tried(
    module: str, monkeypatch: pytest.MonkeyPatch, words: tuple[object, ...] = (), before: str = "pass"
) -> dict[bytes, bytes]:
    """Return the outcome of each attempt: its error number, or “could” if it succeeded."""
    monkeypatch.setattr(launch, "_BOOT", TRYING.replace("{before}", before))
    place = locate(Path(__file__))[0]
    return dict(confined.messages_about(module, place, LIMITS, *words))


@pytest.mark.parametrize("module", WORKERS)
def test_nothing_is_in_reach_of_a_process_that_reads(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = tried(module, monkeypatch, WORKERS[module])
    assert outcome.pop(b"h") == b"none"
    assert outcome.pop(b"m") == b"memory"
    assert outcome == dict.fromkeys((bytes([letter]) for letter in b"towsufpeklx"), REFUSED)  # t: in an older thread


def test_without_a_filter_for_the_processor_there_is_no_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    harmless = "os.fork = os.execv = os.kill = resource.prlimit = lambda *_: None"
    before = f"platform.machine = lambda: 'riscv64'; {harmless}"
    outcome = tried("lineament.sources.video.worker", monkeypatch, before=before)
    assert {outcome[value] for value in (b"t", b"o", b"w", b"s", b"u")} == {NO_DESCRIPTOR}
    # subprocess opens a pipe first. From Python 3.13 on it calls posix_spawn instead where that can close all
    # descriptors from 3 up; the C library refuses to, because no descriptor is below the limit of 0.
    assert outcome[b"p"] == (BAD_DESCRIPTOR if hasattr(os, "POSIX_SPAWN_CLOSEFROM") else NO_DESCRIPTOR)
    assert outcome[b"m"] == b"memory"


def test_without_limits_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    before = "resource.setrlimit = lambda *_: signal.signal(-1, None)"  # ValueError
    with pytest.raises(NotRead, match="cannot be confined here"):
        tried("lineament.sources.video.worker", monkeypatch, before=before)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("import time; time.sleep(60)", "took too long"),
        ("os.write(1, b'F' + b'\\xff' * 4)", "invalid reply"),
        ("os.kill(os.getpid(), 9)", "ended by signal 9"),
        ("os.write(1, b'F\\x01')", "ended early"),
        ("os.write(1, b'X\\x03\\0\\0\\0a\\x1bb')", "a b"),
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
