"""Guards that fail open: whatever reads bytes from outside is confined, or reads nothing."""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from py7zr import SevenZipFile
from pyarrow import parquet, table
from tests.conftest import PORTRAITS, ROOT, Ran
from tests.support.crawls import crawl, stored_crawl
from tests.support.films import film, pan
from tests.support.hostile import (
    CAPSET,
    DUMPABLE,
    ENOSYS,
    EPERM,
    NO_NEW_PRIVILEGES,
    PRCTL,
    PRLIMIT,
    RESTRICT_SELF,
    SECCOMP,
    SET_SECCOMP,
    inside,
    where_refused,
)
from tests.support.local_web import CannedReply, LocalWeb, page
from tests.support.processes import command, counts, run_well
from tests.support.signed_pictures import signed

from lineament.errors import DecoderDied
from lineament.sandbox import launch
from lineament.sandbox.confine import GUARDS, kernel_has_landlock
from lineament.sandbox.files import locate
from lineament.sandbox.process import WorkerLimits, messages_about
from lineament.sandbox.threads import MOST_THREADS
from lineament.sources.crawl.connector import SiteConnector
from lineament.testing import chart, encoded
from lineament.vision.decode import Decoder
from lineament.vision.decode_process import DecodeLimits, DecodingProcess
from lineament.vision.decode_protocol import COMMON, RARE

Run = Callable[..., Ran]
HOST = "127.0.0.2"
pytestmark = pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers of the calls are of one processor")

# ---------------------------------------------------------------- a system that refuses a guard


@pytest.fixture(scope="module")
def web() -> Iterator[LocalWeb]:
    """A host that shows a portrait."""
    shown = {
        "/": page("News", "/1.jpg"),
        "/1.jpg": CannedReply((PORTRAITS / "obama.jpg").read_bytes(), 200, "image/jpeg"),
    }
    with LocalWeb() as web:
        web.host(HOST, shown)
        yield web


@pytest.fixture
def home(prepared: Path, web: LocalWeb, tmp_path: Path) -> Path:
    """A workspace with five portraits and a source that lists the host."""
    home = tmp_path / "ws"
    shutil.copytree(prepared, home)
    words = ("--controller", "A", "--basis", "B", "--jurisdiction", "FR", "--contact", "who@police.example")
    run_well(home, "source", "add", "site", *words, "--host", f"{HOST}:{web.port}")
    return home


REFUSED = [
    pytest.param(SECCOMP, None, ENOSYS, GUARDS[8], id="seccomp-unknown"),
    pytest.param(SECCOMP, None, EPERM, GUARDS[8], id="seccomp-refused"),
    pytest.param(CAPSET, None, EPERM, GUARDS[2], id="capset"),
    pytest.param(PRCTL, NO_NEW_PRIVILEGES, EPERM, GUARDS[4], id="no-new-privileges"),
    pytest.param(PRCTL, DUMPABLE, EPERM, "no core dumps", id="dumpable"),
    pytest.param(PRLIMIT, None, EPERM, "no core dumps", id="limits"),
    pytest.param(
        *(RESTRICT_SELF, None, EPERM, GUARDS[32]),
        id="landlock",
        marks=pytest.mark.skipif(not kernel_has_landlock(), reason="the kernel has no Landlock"),
    ),
]


@pytest.mark.parametrize(("call", "option", "error", "guard"), REFUSED)
def test_without_a_guard_no_picture_is_read_and_the_doctor_says_so(
    call: int, option: int | None, error: int, guard: str, home: Path
) -> None:
    before = counts(home)[:2]
    done = where_refused(call, option, error, command(home, "ingest", "press", PORTRAITS / "macron-2014.jpg", "--json"))
    assert done.returncode == 12, (done.stdout, done.stderr)
    told = json.loads(done.stdout)["error"]
    assert told["code"] == "guards-missing"
    assert guard in told["message"]
    assert len(done.stderr.strip().splitlines()) == 1
    assert counts(home)[:2] == before
    examined = where_refused(call, option, error, command(home, "doctor", "--json"))
    assert examined.returncode in {9, 12}  # 12: the command itself cannot keep the keys to itself
    assert guard in examined.stdout


def test_without_seccomp_nobody_is_searched_for(home: Path) -> None:
    line = command(home, "search", PORTRAITS / "macron-2014.jpg", "--case", "K-1", "--reason", "r", "--json")
    done = where_refused(SECCOMP, None, ENOSYS, line)
    assert done.returncode == 12, (done.stdout, done.stderr)
    assert json.loads(done.stdout)["error"]["code"] == "guards-missing"


def film_of_a_portrait(folder: Path) -> Path:
    return film(folder / "film.mp4", pan("obama.jpg", 5))


def archive(folder: Path) -> Path:
    with SevenZipFile(folder / "a.7z", "w") as packed:
        packed.write(PORTRAITS / "obama.jpg", "obama.jpg")
    return folder / "a.7z"


def manifest(folder: Path) -> Path:
    parquet.write_table(table({"url": ["https://example.org/a.jpg"]}), folder / "m.parquet")
    return folder / "m.parquet"


def signed_picture(folder: Path) -> Path:
    (folder / "signed.jpg").write_bytes(signed((PORTRAITS / "obama.jpg").read_bytes()))
    return folder / "signed.jpg"


@pytest.mark.parametrize("make", [film_of_a_portrait, archive, manifest, signed_picture])
def test_without_seccomp_no_file_is_parsed(make: Callable[[Path], Path], home: Path, tmp_path: Path) -> None:
    before = counts(home)[:2]
    done = where_refused(SECCOMP, None, ENOSYS, command(home, "ingest", "site", make(tmp_path), "--json"))
    assert done.returncode == 12, done.stdout + done.stderr
    assert json.loads(done.stdout)["error"]["code"] == "guards-missing"
    assert counts(home)[:2] == before


def test_without_seccomp_no_host_is_asked(home: Path, web: LocalWeb) -> None:
    asked = len(web.log)
    line = command(home, "ingest", "site", f"http://{HOST}:{web.port}/", "--json")
    done = where_refused(PRCTL, SET_SECCOMP, ENOSYS, line)  # not the call that is used: the crawl runs
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(web.log) > asked
    asked = len(web.log)
    done = where_refused(SECCOMP, None, ENOSYS, line)
    assert done.returncode == 12, done.stdout + done.stderr
    assert json.loads(done.stdout)["error"]["code"] == "guards-missing"
    assert len(web.log) == asked


# ---------------------------------------------------------------- every process that the product starts


def decoder_of(kind: str) -> Callable[[Path, LocalWeb], object]:
    def start(folder: Path, web: LocalWeb) -> object:
        limits = DecodeLimits(max_pixels=10**6, memory=512 * 2**20, seconds=30.0)
        with closing_process(DecodingProcess(limits, kind)) as process:
            return process.wait_until_ready()

    return start


class closing_process:  # noqa: N801 - a context manager
    def __init__(self, process: DecodingProcess) -> None:
        self._process = process

    def __enter__(self) -> DecodingProcess:
        return self._process

    def __exit__(self, *raised: object) -> None:
        self._process.end()


def parser_of(module: str, *words: object) -> Callable[[Path, LocalWeb], object]:
    limits = WorkerLimits(message=1000, patience=30, seconds=60)
    return lambda _folder, _web: list(messages_about(module, locate(Path(__file__))[0], limits, *words))


def crawled(folder: Path, web: LocalWeb) -> object:
    with closing(SiteConnector(crawl(web, HOST), stored_crawl(folder / "crawl"), 10**6).items()) as items:  # type: ignore[type-var]
        return list(items)


PROCESSES: dict[str, list[Callable[[Path, LocalWeb], object]]] = {
    "lineament.vision.decode_worker": [decoder_of(COMMON), decoder_of(RARE)],
    "lineament.sources.video.worker": [parser_of("lineament.sources.video.worker")],
    "lineament.sources.manifest.parquet_worker": [parser_of("lineament.sources.manifest.parquet_worker", 0)],
    "lineament.sources.vics.worker": [parser_of("lineament.sources.vics.worker", 0)],
    "lineament.sources.credentials.worker": [parser_of("lineament.sources.credentials.worker", "image/jpeg")],
    "lineament.sources.archive.seven_zip_worker": [parser_of("lineament.sources.archive.seven_zip_worker")],
    "lineament.sources.crawl.worker": [crawled],
}
"""Every module that runs in a process of its own, with what starts it."""
MADE_BY = {
    "lineament/sandbox/launch.py",  # those above
    "lineament/cli/beside.py",  # “lineament worker”, which begins as every command does
    "lineament/web/processes.py",  # “lineament serve” again, for each further process
}
"""Files that start processes."""


STARTS = {"Popen", "fork", "forkpty", "posix_spawn", "ProcessPoolExecutor", "create_subprocess_exec", "popen"}
STARTS |= {"create_subprocess_shell", "multiprocessing", "check_output", "check_call", "execv", "execve", "system"}


def names_in(path: Path) -> set[str]:
    """Return every name that a file calls or imports."""
    tree = ast.parse(path.read_text("utf-8"))
    called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    attributes = {ast.unparse(node) for node in called if isinstance(node, ast.Attribute)} - {"platform.system"}
    plain = {node.id for node in called if isinstance(node, ast.Name)}
    return imported | plain | {name.rpartition(".")[2] for name in attributes}


def test_no_process_is_started_elsewhere() -> None:
    files = {str(path.relative_to(ROOT / "src")): path for path in sorted((ROOT / "src").rglob("*.py"))}
    assert {name for name, path in files.items() if names_in(path) & STARTS} == MADE_BY
    workers = {
        name.removesuffix(".py").replace("/", ".")
        for name, path in files.items()
        if "worker" in path.stem
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name == "main"
    }
    assert workers == set(PROCESSES)


ATTEMPTS = """
import ctypes, mmap, resource, signal, socket, subprocess, threading
syscall = ctypes.CDLL(None, use_errno=True).syscall
def called(*words):
    ctypes.set_errno(0)
    result = syscall(*(ctypes.c_long(word) for word in words))
    return result if result >= 0 else -ctypes.get_errno()
parent = os.getppid()
scratch = ctypes.addressof(ctypes.create_string_buffer(4096))
def attempt(call):
    try:
        result = call()
    except (OSError, RuntimeError, MemoryError) as error:
        return "refused"
    return "refused" if isinstance(result, int) and result < 0 else "could"
def attempted():
    tried = {{
        "read the key": lambda: os.open({key!r}, os.O_RDONLY),
        "write a file": lambda: os.open({key!r} + ".new", os.O_CREAT | os.O_WRONLY),
        "read its parent's memory": lambda: os.open(f"/proc/{{parent}}/mem", os.O_RDONLY),
        "read its parent's environment": lambda: os.open(f"/proc/{{parent}}/environ", os.O_RDONLY),
        "process_vm_readv": lambda: called(310, parent, scratch, 1, scratch, 1, 0),
        "ptrace its parent": lambda: called(101, 16, parent, 0, 0),
        "kill its parent": lambda: os.kill(parent, 0),
        "limit its parent": lambda: resource.prlimit(parent, resource.RLIMIT_NOFILE),
        "pidfd_open": lambda: called(434, parent, 0),
        "connect": lambda: socket.socket(socket.AF_INET).connect(("127.0.0.2", {port})),
        "connect to a socket of this machine": lambda: socket.socket(socket.AF_UNIX),
        "listen": lambda: socket.create_server(("127.0.0.1", 0)),
        "fork": os.fork,
        "vfork": lambda: called(56, 17, 0, 0, 0, 0),
        "run a program": lambda: subprocess.run(["/bin/true"]),
        "execve": lambda: os.execv("/bin/true", ["true"]),
        "start a thread": lambda: threading.Thread(target=int).start(),
        "io_uring_setup": lambda: called(425, 8, scratch),
        "personality": lambda: called(135, 0xFFFFFFFF),
        "bpf": lambda: called(321, 0, scratch, 128),
        "perf_event_open": lambda: called(298, scratch, 0, -1, -1, 0),
        "userfaultfd": lambda: called(323, 0),
        "keyctl": lambda: called(250, 0, -3, 1),
        "mount": lambda: called(165, 0, 0, 0, 0, 0),
        "unshare": lambda: called(272, 0x10000000),
        "memfd_create": lambda: called(319, scratch, 0),
        "a call of x32": lambda: called(0x40000029, 2, 1, 0),
        "a further filter": lambda: called(317, 0, 0, 0),
        "prctl": lambda: called(157, 4, 1, 0, 0),
        "executable memory": lambda: mmap.mmap(-1, 4096, prot=7),
    }}
    return {{"tried": {{name: attempt(call) for name, call in tried.items()}}}}
"""
PERMITTED = {
    "lineament.vision.decode_worker": {"start a thread"},  # a few; see below
    "lineament.sources.crawl.worker": {"connect", "executable memory"},  # it loads libraries as it goes
}
"""What a process does for its work."""


def attempts_in(start: Callable[[Path, LocalWeb], object], tmp_path: Path, web: LocalWeb) -> Iterator[dict[str, Any]]:
    key = tmp_path / "keys" / "kek"
    key.parent.mkdir()
    key.write_bytes(b"k" * 32)
    attempts = ATTEMPTS.format(key=str(key), port=web.port)
    with inside(attempts, lambda: start(tmp_path, web), tmp_path) as report:
        yield report


EVERY = [(name, number) for name, ways in PROCESSES.items() for number in range(len(ways))]


@pytest.mark.parametrize(("module", "number"), EVERY)
def test_nothing_is_in_reach_of_any_process(module: str, number: int, tmp_path: Path, web: LocalWeb) -> None:
    for report in attempts_in(PROCESSES[module][number], tmp_path, web):
        status = Path(f"/proc/{report['pid']}/status").read_text()
        limits = Path(f"/proc/{report['pid']}/limits").read_text()
    could = {name for name, outcome in report["tried"].items() if outcome == "could"}
    assert could == PERMITTED.get(module, set())
    assert len(report["tried"]) == 30
    shown = dict(line.split(":\t", 1) for line in status.splitlines())
    assert (shown["NoNewPrivs"], shown["Seccomp"]) == ("1", "2")
    assert {shown[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert report["dumpable"] == 0
    assert "Max core file size        0                    0 " in limits
    (memory,) = (line.split()[3] for line in limits.splitlines() if line.startswith("Max address space"))
    assert memory.isdigit()
    assert not (tmp_path / "keys" / "kek.new").exists()


def test_calls_of_another_architecture_end_the_process(tmp_path: Path, web: LocalWeb) -> None:
    """The 32-bit entry has other numbers, which the filter does not know."""
    getpid = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"  # mov eax, 20; int 0x80; ret
    attempts = f"""
import ctypes, mmap
def called(*words):
    return 0
code = mmap.mmap(-1, 4096, prot=7)
code.write({getpid!r})
old = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
def attempted():
    os.write(out, json.dumps({{"pid": os.getpid()}}).encode())
    os.read(go, 1)
    old()
"""
    limits = DecodeLimits(max_pixels=10**6, memory=512 * 2**20, seconds=30.0)
    processes: list[DecodingProcess] = []

    def start() -> None:
        processes.append(DecodingProcess(limits, COMMON))
        processes[0].wait_until_ready()

    with inside(attempts, start, tmp_path) as report:
        assert report["pid"] == processes[0].pid
    assert processes[0]._process.wait() == -signal.SIGSYS
    processes[0].end()


TRYING = """
import ctypes, os, threading, time
from lineament.vision import decode_worker
from lineament.vision.decode_protocol import DecodeReply
plain = decode_worker.RequestHandler.answer
def answer(handler, untrusted, part, wish):
    if untrusted is None or not untrusted.startswith(b"hostile "):
        return plain(handler, untrusted, part, wish)
    scope = dict(globals(), handler=handler)
    exec(untrusted.removeprefix(b"hostile "), scope)
    return scope["reply"]
decode_worker.RequestHandler.answer = answer
decode_worker.main(*sys.argv[1:])
"""
FORGED = "reply = DecodeReply(0, 0, 0, 1, 40, 40, 40, 40, 1, 1)\n"
PLAIN = encoded(chart(), "JPEG")


@pytest.fixture
def decoder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Decoder]:
    """A decoder whose process runs what a hostile picture says."""
    monkeypatch.setattr(launch, "_BOOT", TRYING)
    with Decoder(workers=1, max_pixels=10**7, max_bytes=10**6, memory=512 * 2**20, seconds=60.0) as decoder:
        yield decoder


def test_a_picture_starts_only_a_few_threads(decoder: Decoder) -> None:
    """4,000 were started in 0.8 s. No limit of the kernel's own holds for root."""
    counting = """
started = 0
held = threading.Event()
try:
    while started < 4000:
        threading.Thread(target=held.wait, daemon=True).start()
        started += 1
except RuntimeError:
    pass
held.set()
reply = DecodeReply(0, 0, 0, 1, 32 + started, 40, 32 + started, 40, 1, 1)
"""
    started = decoder.decode(b"hostile " + counting.encode()).width - 32
    assert 0 < started < MOST_THREADS
    assert decoder.decode(PLAIN).width == 96
    assert decoder.decode(encoded(chart(), "HEIF")).width == 96, "its decoder needs one"


# ---------------------------------------------------------------- replies that nobody waits for


TWICE = (
    FORGED
    + """
write = os.write
os.write = lambda file, content: write(file, content + content)
"""
)
EARLY = FORGED + "os.write(1, bytes(8) + reply.pack())\n"
LATE = (
    FORGED
    + """
write, read, said = os.write, os.read, []
def remembering(file, content):
    said.append(content)
    return write(file, content)
def first_the_old(file, size):
    asked = read(file, size)
    write(1, said[0])
    return asked
os.write, os.read = remembering, first_the_old
"""
)
UNASKED = (
    FORGED
    + """
import signal
write = os.write
def afterwards(file, content):
    os.write = write
    signal.signal(signal.SIGALRM, lambda *_: write(file, content))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    return write(file, content)
os.write = afterwards
"""
)


@pytest.mark.parametrize("attack", [TWICE, EARLY])
def test_a_forged_reply_fails_the_picture_that_forged_it(decoder: Decoder, attack: str) -> None:
    alone = decoder.decode(PLAIN).pixels
    with pytest.raises(DecoderDied, match="nobody had asked for"):
        decoder.decode(b"hostile " + attack.encode())
    after = decoder.decode(PLAIN)
    assert (after.width, after.height) == (96, 64)
    assert (after.pixels == alone).all()


def test_a_late_reply_is_not_taken_for_that_to_the_next_picture(decoder: Decoder) -> None:
    assert decoder.decode(b"hostile " + LATE.encode()).width == 40
    taken_over = decoder._slots[0].process
    after = decoder.decode(PLAIN)
    assert (after.width, after.height) == (96, 64)
    assert decoder._slots[0].process is not taken_over


def test_whoever_speaks_unasked_is_replaced(decoder: Decoder) -> None:
    assert decoder.decode(b"hostile " + UNASKED.encode()).width == 40
    taken_over = decoder._slots[0].process
    assert taken_over is not None
    while not taken_over._speaks():
        pass
    assert decoder.decode(PLAIN).width == 96
    assert decoder._slots[0].process is not taken_over


# ---------------------------------------------------------------- core dumps


PRIVATE = """
import ctypes, os, resource, sys
from lineament.__main__ import main
from lineament.web import serve
def shown(*_):
    print("dumpable", ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), *resource.getrlimit(resource.RLIMIT_CORE), flush=True)
    os._exit(0)
serve.serve = shown
try:
    main(sys.argv[1:])
finally:
    shown()
"""


@pytest.mark.parametrize("words", [("serve", "--no-worker"), ("worker", "--drain"), ("--version",)])
def test_no_command_can_be_dumped(words: tuple[str, ...], home: Path) -> None:
    """A dump of “serve” held the key of the workspace."""
    line = [sys.executable, "-c", PRIVATE, "--home", str(home), *words]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    told = {said for said in done.stdout.splitlines() if said.startswith("dumpable")}
    assert told == {"dumpable 0 0 0"}
