"""Confines a process before it reads what it does not trust (R50).

The decoders of pictures (``vision.decode_worker``) and the parsers of a source's files (``sandbox.process``) do this.

Nothing here needs privileges: resource limits, an empty set of capabilities, ``no_new_privs``, and a seccomp filter
that lists the few system calls a parser makes. Every other call (socket, connect, open, execve, ptrace, clone …)
fails with EPERM. Layouts and numbers are those of the kernel's ``seccomp(2)``, ``capget(2)`` and ``syscall(2)``.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import struct

LIMITS, CAPABILITIES, NO_NEW_PRIVILEGES, FILTER = 1, 2, 4, 8
GUARDS = {
    LIMITS: "limits of memory, time and files",
    CAPABILITIES: "no capabilities",
    NO_NEW_PRIVILEGES: "no new privileges",
    FILTER: "no network, no files, no processes (seccomp)",
}
"""The guards of a confined process, by their bits."""

_PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_DROP = 38, 24
_SECCOMP_SET_MODE_FILTER, _OF_ALL_THREADS = 1, 1  # SECCOMP_FILTER_FLAG_TSYNC: libraries have started some by now
_LOAD, _EQUALS, _HAS_BITS, _RETURN = 0x20, 0x15, 0x45, 0x06  # BPF: ld [k]; jeq k; jset k; ret k
_KILL, _ALLOW = 0x80000000, 0x7FFF0000
_REFUSE, _UNKNOWN = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_NUMBER, _MACHINE, _FIRST_ARGUMENT, _THIRD_ARGUMENT = 0, 4, 16, 32  # in struct seccomp_data; low, little-endian
_PROT_EXEC, _CLONE_THREAD = 4, 0x10000
_CAPABILITY_VERSION = 0x20080522


_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""By ``platform.machine``: the column below, and AUDIT_ARCH_…"""
_ALLOWED = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "poll": (7, None),
    "lseek": (8, 62),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "pread64": (17, 67),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "setitimer": (38, 103),
    "getpid": (39, 172),
    "exit": (60, 93),
    "getrusage": (98, 165),
    "getppid": (110, 173),
    "gettid": (186, 178),
    "futex": (202, 98),
    "sched_getaffinity": (204, 123),
    "restart_syscall": (219, 128),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "ppoll": (271, 73),
    "set_robust_list": (273, 99),
    "getrandom": (318, 278),
    "membarrier": (324, 283),
    "rseq": (334, 293),
}
_SECCOMP = (317, 277)
_MMAP, _MPROTECT = (9, 222), (10, 226)  # allowed unless they ask for executable memory
_CLONE = (56, 220)  # allowed for a thread (libde265 starts one), never for a process
_CLONE3 = (435, 435)  # a filter cannot see its flags, so it appears not to exist, and the C library falls back to clone


def confine(*, memory: int, cpu_seconds: int, open_files: int) -> int:
    """Confine this process for good; everything it needs must be imported by now.

    Args:
        memory: Address space in bytes, all libraries and mappings included.
        cpu_seconds: Processor time for the whole life of the process.
        open_files: Descriptors are lower than this, and ``poll(2)`` waits for no more. 0: no new ones at all.

    Returns:
        The guards in force, as a sum of the keys of ``GUARDS``, without those that the kernel refused.
    """
    _volunteer_for_oom()
    guards = _limit(memory, cpu_seconds, open_files) * LIMITS
    guards += _drop_capabilities() * CAPABILITIES
    guards += _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) * NO_NEW_PRIVILEGES
    machine = platform.machine()
    program = filter_for(machine)
    if program is not None and guards & NO_NEW_PRIVILEGES:
        guards += _install(program, _SECCOMP[_MACHINES[machine][0]]) * FILTER
    return guards


def filter_for(machine: str) -> bytes | None:
    """Return the BPF program for a processor (as ``platform.machine`` names it); None if its calls are not known."""
    if machine not in _MACHINES:
        return None
    column, architecture = _MACHINES[machine]
    steps = [(_LOAD, 0, 0, _MACHINE), (_EQUALS, 1, 0, architecture), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _NUMBER)]
    for numbers in _ALLOWED.values():
        number = numbers[column]
        if number is not None:
            steps += [(_EQUALS, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    for number in (_MMAP[column], _MPROTECT[column]):
        steps += [(_EQUALS, 0, 4, number), (_LOAD, 0, 0, _THIRD_ARGUMENT), (_HAS_BITS, 1, 0, _PROT_EXEC)]
        steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    steps += [(_EQUALS, 0, 4, _CLONE[column]), (_LOAD, 0, 0, _FIRST_ARGUMENT), (_HAS_BITS, 0, 1, _CLONE_THREAD)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    steps += [(_EQUALS, 0, 1, _CLONE3[column]), (_RETURN, 0, 0, _UNKNOWN), (_RETURN, 0, 0, _REFUSE)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _limit(memory: int, cpu_seconds: int, open_files: int) -> bool:
    wanted = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: open_files,
    }
    for kind, most in wanted.items():
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
        _call("prctl", _PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    return _call("capset", header, bytes(24))


def _install(program: bytes, number: int) -> bool:
    steps = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(steps))  # struct sock_fprog
    return _call("syscall", number, _SECCOMP_SET_MODE_FILTER, _OF_ALL_THREADS, header)


def _call(name: str, *arguments: int | bytes) -> bool:
    try:
        function = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (OSError, AttributeError):
        return False
    words = [ctypes.c_char_p(word) if isinstance(word, bytes) else ctypes.c_ulong(word) for word in arguments]
    return bool(function(*words) == 0)


def _volunteer_for_oom() -> None:
    """Make the kernel end this process first, not its parent, when the machine runs out of memory."""
    try:
        file = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    except OSError:
        return  # no /proc: this is a convenience, not a guard
    try:
        os.write(file, b"1000")
    finally:
        os.close(file)
