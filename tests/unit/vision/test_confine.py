"""What a worker can do: the attempts run inside a real one, which reports them in its pixels."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineament.errors import GuardsMissing
from lineament.sandbox import launch
from lineament.sandbox.calls import crawler_program, parser_program, thread_program
from lineament.sandbox.confine import GUARDS
from lineament.testing import chart, encoded
from lineament.vision.decode import Decoder

TRYING = """
import ctypes, mmap, os, resource, signal, socket, subprocess
from lineament.vision import decode_worker
from lineament.vision.decode_protocol import DecodeReply, Status
syscall = ctypes.CDLL(None, use_errno=True).syscall
def called(*words):
    ctypes.set_errno(0)
    syscall(*words)
    return os.strerror(ctypes.get_errno())
def answer(handler, untrusted, part, wish):
    if untrusted is None or untrusted[:1] == b"\\xff":
        return plain(handler, untrusted, part, wish)
    if untrusted.startswith(b"rare ") and handler._rare is None:
        return DecodeReply(Status.ELSEWHERE)
    try:
        found = repr(eval(untrusted.removeprefix(b"rare ")))
    except BaseException as error:
        found = type(error).__name__ + ": " + str(error)
    handler._outbox[: 64 * 64 * 3] = found.encode().ljust(64 * 64 * 3, b"\\0")
    return DecodeReply(0, 0, 0, 1, 64, 64, 64, 64, 1, 1)
plain, decode_worker.RequestHandler.answer = decode_worker.RequestHandler.answer, answer
decode_worker.main(*sys.argv[1:])
"""


def tried(decoder: Decoder, attempt: str) -> str:
    return decoder.decode(attempt.encode()).pixels.tobytes().rstrip(b"\0").decode()


def decoder_with(boot: str) -> Decoder:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "_BOOT", boot)
        decoder = Decoder(workers=1, max_pixels=10**6, max_bytes=10**6, memory=512 * 2**20, seconds=10.0)
        assert decoder.confinement  # starts both kinds of process
    return decoder


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with decoder_with(TRYING) as decoder:
        yield decoder


def test_everything_is_in_force_here(decoder: Decoder) -> None:
    assert decoder.confinement == tuple(GUARDS.values())


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.socket(socket.AF_INET)",
        "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
        "socket.socket(socket.AF_UNIX)",
        "socket.socketpair()",
        "open('/etc/passwd')",
        "os.listdir('/')",
        "os.stat('/')",
        "os.memfd_create('more')",
        "os.pipe()",
        "os.ftruncate(int(sys.argv[-4]), 0)",
        "os.fork()",
        "subprocess.run(['/bin/true'])",
        "os.execv('/bin/true', ['true'])",
        "os.kill(os.getppid(), signal.SIGKILL)",
        "os.setuid(0)",
        "os.unlink('/tmp/nothing')",
        "resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (0, 0))",
        "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
    ],
)
@pytest.mark.parametrize("kind", ["", "rare "])
def test_the_kernel_refuses(decoder: Decoder, kind: str, attempt: str) -> None:
    """Also if a worker has loaded the libraries for rare formats."""
    assert tried(decoder, kind + attempt).startswith("PermissionError")


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are of one processor")
@pytest.mark.parametrize("number", [42, 101, 310, 311, 425, 157, 317, 321, 0x40000029])
def test_the_kernel_refuses_calls_unknown_to_python(decoder: Decoder, number: int) -> None:
    """In order: connect, ptrace, process_vm_readv and writev, io_uring, prctl, seccomp, bpf, and x32's socket."""
    assert tried(decoder, f"called({number}, 0, 0, 0, 0)") == "'Operation not permitted'"


def test_no_file_can_be_written(decoder: Decoder) -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "written")
        assert tried(decoder, f"open({str(target)!r}, 'w')").startswith("PermissionError")
        assert not target.exists()


def test_nothing_of_the_parent_is_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "of the parent")
    listener = socket.socketpair()
    try:
        for end in listener:
            end.set_inheritable(True)
        with decoder_with(TRYING) as fresh:
            environment = tried(fresh, "dict(os.environ)")
            assert "SECRET" not in environment
            assert environment == "{'OPENBLAS_NUM_THREADS': '1', 'OMP_NUM_THREADS': '1'}" or "LC_CTYPE" in environment
            files = "[f for f in range(200) if called(5, f, ctypes.create_string_buffer(200)) == 'Success']"
            # requests, replies, stderr, inbox, outbox, and the duplicate that a mapping keeps
            assert tried(fresh, f"len({files})") == "6"
    finally:
        for end in listener:
            end.close()


@pytest.mark.parametrize(
    ("kind", "limit"),
    [("AS", 512 * 2**20 + 3 * 10**6), ("FSIZE", 0), ("CORE", 0), ("NOFILE", 16), ("CPU", 1210)],
)
def test_limits_are_set(decoder: Decoder, kind: str, limit: int) -> None:
    decoder.decode(encoded(chart(), "JPEG"))
    process = decoder._slots[0].process
    assert process is not None
    names = {"AS": "address space", "FSIZE": "file size", "CORE": "core file", "NOFILE": "open files", "CPU": "cpu"}
    limits = Path(f"/proc/{process.pid}/limits").read_text().splitlines()
    (line,) = (line for line in limits if line.lower().startswith(f"max {names[kind]}"))
    assert str(limit) in line.split()


def test_without_a_filter_for_the_processor_nothing_is_decoded() -> None:
    with (
        Decoder(workers=1, max_pixels=10**6, max_bytes=10**6, memory=512 * 2**20, seconds=10.0) as decoder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(launch, "_BOOT", "import platform; platform.machine = lambda: 'riscv64'\n" + TRYING)
        with pytest.raises(GuardsMissing, match="seccomp"):
            decoder.decode(encoded(chart(), "JPEG"))
        with pytest.raises(GuardsMissing, match="seccomp"):
            _ = decoder.confinement


def test_both_processors_have_every_filter() -> None:
    for machine in ("x86_64", "aarch64"):
        programs = [parser_program(machine, threads=True), crawler_program(machine), thread_program(machine)]
        for program in programs:
            assert program is not None
            assert len(program) % 8 == 0
            assert len(program) // 8 <= 4096
    assert parser_program("riscv64", threads=False) is None
    assert crawler_program("riscv64") is None
    assert thread_program("riscv64") is None
