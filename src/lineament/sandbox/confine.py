"""Confines a process before it reads what it does not trust (R50).

The decoders of pictures (``vision.decode_worker``), the parsers of a source's files (``sandbox.process``) and crawls
(``sources.crawl.worker``) do this. Nothing here needs privileges: resource limits, an empty set of capabilities,
``no_new_privs``, memory that no other process reads, Landlock, and a seccomp filter that lists the few system calls it
makes. Who starts such a process reads nothing through it unless every guard holds (``require``).
"""

from __future__ import annotations

import platform
import resource
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lineament.errors import GuardsMissing
from lineament.sandbox import landlock
from lineament.sandbox.calls import crawler_program, parser_program, seccomp_number, thread_program
from lineament.sandbox.kernel import buffer_address, call, succeeds
from lineament.sandbox.private import keep_private

LIMITS, CAPABILITIES, NO_NEW_PRIVILEGES, FILTER, PRIVATE, LANDLOCK = 1, 2, 4, 8, 16, 32
GUARDS = {
    LIMITS: "limits of memory, time and files",
    CAPABILITIES: "no capabilities",
    NO_NEW_PRIVILEGES: "no new privileges",
    FILTER: "no network, no files, no processes (seccomp)",
    PRIVATE: "no core dumps",
    LANDLOCK: "no files, no ports, no signals (Landlock)",
}
"""The guards of a confined process, by their bits. A crawl, which needs them, keeps its own files and the network."""

_PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_DROP = 38, 24
_SET_MODE_FILTER, _OF_ALL_THREADS, _WITH_LISTENER = 1, 1, 8
_CAPABILITY_VERSION = 0x20080522


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The resource limits of a confined process."""

    memory: int  # bytes of address space, all libraries and mappings included
    cpu_seconds: int | None = None  # for the whole life of the process; None: no limit
    open_files: int | None = None  # descriptors are lower than this; 0: no new ones at all; None: no limit of our own
    file_bytes: int | None = 0  # that may be written to one file; None: no limit of our own


def confine(limits: Limits, *, threads: bool = False) -> int:
    """Confine this process for good to parsing what it was handed; everything it needs must be imported by now.

    Args:
        limits: Its resource limits.
        threads: Whether it may start threads; ``ask_for_threads`` was called before, to bound them.

    Returns:
        The guards in force, as a sum of the keys of ``GUARDS``; ``require`` says whether they are enough.
    """
    guards = give_up(limits)
    return guards + _install(parser_program(platform.machine(), threads=threads)) * FILTER


def give_up(limits: Limits, *, read: Iterable[Path] = (), write: Iterable[Path] = (), connects: bool = False) -> int:
    """Give up everything but system calls, for good; return the guards in force.

    Args:
        limits: The resource limits.
        read: Files and folders that stay readable, if the kernel has Landlock.
        write: Folders that stay writable.
        connects: Whether it still connects to other hosts.
    """
    guards = keep_private() * PRIVATE
    guards += _restrict(read, write, connects=connects) * LANDLOCK if _no_new_privileges() else 0
    guards += _limit(limits) * LIMITS
    guards += _drop_capabilities() * CAPABILITIES
    return guards + _no_new_privileges() * NO_NEW_PRIVILEGES


def filter_crawler() -> int:
    """Leave this process only the system calls of a crawl; return FILTER, or 0 if the kernel refuses."""
    return _install(crawler_program(platform.machine())) * FILTER


def ask_for_threads() -> int | None:
    """Let each new thread of this process wait for permission; return the descriptor that gives it.

    ``threads.ThreadGate`` answers there. None if the kernel cannot do that (before Linux 5.5).
    """
    program, number = thread_program(platform.machine()), seccomp_number()
    if program is None or number is None or not _no_new_privileges():
        return None
    try:
        return _filter(number, program, _WITH_LISTENER)
    except OSError:
        return None


def needed_guards() -> int:
    """Return the guards that must hold: all, except Landlock if the kernel does not have it.

    The kernel is asked, so a process calls this before it is confined.
    """
    return sum(GUARDS) if kernel_has_landlock() else sum(GUARDS) - LANDLOCK


def require(guards: int) -> None:
    """Raise GuardsMissing unless every guard holds that must; ``guards`` is what ``confine`` returned elsewhere."""
    missing = needed_guards() & ~guards
    if missing:
        raise GuardsMissing(guards=", ".join(name for bit, name in GUARDS.items() if missing & bit))


def kernel_has_landlock() -> bool:
    """Return whether the kernel has Landlock; also if it refuses it to this process, which then is a missing guard."""
    try:
        return landlock.version() > 0
    except OSError:
        return True


def _no_new_privileges() -> bool:
    return succeeds("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _limit(limits: Limits) -> bool:
    wanted = {
        resource.RLIMIT_AS: limits.memory,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: limits.open_files,
    }
    for kind, most in wanted.items():
        if most is None:
            continue
        hardest = resource.getrlimit(kind)[1]
        value = most if hardest == resource.RLIM_INFINITY else min(most, hardest)
        try:
            resource.setrlimit(kind, (value, value))
        except (OSError, ValueError):
            return False
    return True


def _drop_capabilities() -> bool:
    """Drop all capabilities, so that none can come back: the process may belong to root."""
    for capability in range(64):  # out of the bounding set too, if permitted
        succeeds("prctl", _PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    return succeeds("capset", header, bytes(24))


def _restrict(read: Iterable[Path], write: Iterable[Path], *, connects: bool) -> bool:
    try:
        if landlock.version() == 0:
            return False
        landlock.restrict(read, write, connects=connects)
    except OSError:
        return False
    return True


def _install(program: bytes | None) -> bool:
    """Install a filter in all threads: libraries have started some by now."""
    number = seccomp_number()
    if program is None or number is None:
        return False
    try:
        return _filter(number, program, _OF_ALL_THREADS) == 0  # or else it is a thread that could not be reached
    except OSError:
        return False


def _filter(number: int, program: bytes, flags: int) -> int:
    _kept, address = buffer_address(program)
    header = struct.pack("@HP", len(program) // 8, address)  # struct sock_fprog
    return call("syscall", number, _SET_MODE_FILTER, flags, header)
