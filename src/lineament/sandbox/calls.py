"""Which system calls a confined process may make, as a program for the kernel's seccomp filter.

Every call that is not listed fails with EPERM. Numbers are those of the kernel's ``syscall(2)`` for x86-64 and ARM64;
the program is classic BPF over ``struct seccomp_data``.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterator, Mapping

_LOAD, _EQUALS, _HAS_BITS, _RETURN = 0x20, 0x15, 0x45, 0x06  # BPF: ld [k]; jeq k; jset k; ret k
_KILL, _ASK, _ALLOW = 0x80000000, 0x7FC00000, 0x7FFF0000
_REFUSE, _UNKNOWN = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_NUMBER, _MACHINE, _ARGUMENTS = 0, 4, 16  # in struct seccomp_data; arguments of 8 bytes, low half first
_PROT_EXEC, _CLONE_THREAD = 4, 0x10000
_INET, _INET6, _NETLINK = 2, 10, 16
_TCGETS, _FIONREAD, _FIONBIO, _FIOCLEX = 0x5401, 0x541B, 0x5421, 0x5451

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""By ``platform.machine``: the column below, and AUDIT_ARCH_…"""
_Calls = Mapping[str, tuple[int | None, int | None]]

_PARSING: _Calls = {
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
_CRAWLING: _Calls = {
    # files, of which Landlock leaves it a few
    "open": (2, None),
    "openat": (257, 56),
    "getdents64": (217, 61),
    "getcwd": (79, 17),
    "umask": (95, 166),
    "stat": (4, None),
    "lstat": (6, None),
    "newfstatat": (262, 79),
    "statx": (332, 291),
    "readlink": (89, None),
    "readlinkat": (267, 78),
    "access": (21, None),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "fcntl": (72, 25),
    "flock": (73, 32),
    "fsync": (74, 82),
    "fdatasync": (75, 83),
    "ftruncate": (77, 46),
    "fallocate": (285, 47),
    "pwrite64": (18, 68),
    "readv": (19, 65),
    "writev": (20, 66),
    "fchmod": (91, 52),
    "fchown": (93, 55),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "fstatfs": (138, 44),
    "msync": (26, 227),
    "dup": (32, 23),
    "dup2": (33, None),
    "dup3": (292, 24),
    "pipe2": (293, 59),
    "eventfd2": (290, 19),
    # waiting
    "epoll_create1": (291, 20),
    "epoll_ctl": (233, 21),
    "epoll_wait": (232, None),
    "epoll_pwait": (281, 22),
    "epoll_pwait2": (441, 441),
    "select": (23, None),
    "pselect6": (270, 72),
    "nanosleep": (35, 101),
    # sockets that connect, and none that listens
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "getsockname": (51, 204),
    "getpeername": (52, 205),
    "setsockopt": (54, 208),
    "getsockopt": (55, 209),
    "shutdown": (48, 210),
    "sendto": (44, 206),
    "recvfrom": (45, 207),
    "sendmsg": (46, 211),
    "recvmsg": (47, 212),
    "sendmmsg": (307, 269),
    "recvmmsg": (299, 243),
    # what a process asks about itself
    "getuid": (102, 174),
    "getgid": (104, 176),
    "geteuid": (107, 175),
    "getegid": (108, 177),
    "uname": (63, 160),
    "sysinfo": (99, 179),
    "getrlimit": (97, 163),
    "sigaltstack": (131, 132),
    "gettimeofday": (96, 169),
    "clock_getres": (229, 114),
    "time": (201, None),
}
_MMAP, _MPROTECT, _SOCKET, _IOCTL = (9, 222), (10, 226), (41, 198), (16, 29)
_CLONE = (56, 220)
_CLONE3 = (435, 435)  # a filter cannot see its flags, so it appears not to exist, and the C library falls back to clone
_SECCOMP = (317, 277)

_Step = tuple[int, int, int, int]


def seccomp_number() -> int | None:
    """Return the number of ``seccomp(2)`` on this processor; None if its calls are not known."""
    return _SECCOMP[_MACHINES[platform.machine()][0]] if platform.machine() in _MACHINES else None


def parser_program(machine: str, *, threads: bool) -> bytes | None:
    """Return the filter for a process that parses what it was handed: no file, no socket, no process.

    Args:
        machine: The processor, as ``platform.machine`` names it.
        threads: Whether it may start threads at all; ``thread_program`` says how many.

    Returns:
        The program; None if the calls of the processor are not known.
    """
    if machine not in _MACHINES:
        return None
    column = _MACHINES[machine][0]
    steps = [*_opening(machine), *_allowed(_PARSING, column), *_unless(_MMAP[column], 2, _PROT_EXEC)]
    steps += _unless(_MPROTECT[column], 2, _PROT_EXEC)
    if threads:
        steps += _if_bits(_CLONE[column], 0, _CLONE_THREAD, _ALLOW)
    return _packed([*steps, *_closing(column)])


def crawler_program(machine: str) -> bytes | None:
    """Return the filter for a process that connects to other hosts; None if the processor's calls are not known.

    It starts no process and no thread, listens nowhere, reaches no socket of this machine's services by its path, and
    makes no memory executable; Landlock says which files it opens.
    """
    if machine not in _MACHINES:
        return None
    column = _MACHINES[machine][0]
    steps = [*_opening(machine), *_allowed({**_PARSING, **_CRAWLING, "mmap": _MMAP}, column)]
    steps += _unless(_MPROTECT[column], 2, _PROT_EXEC)
    steps += _one_of(_SOCKET[column], 0, (_INET, _INET6, _NETLINK))
    steps += _one_of(_IOCTL[column], 1, (_TCGETS, _FIONREAD, _FIONBIO, _FIOCLEX))
    return _packed([*steps, *_closing(column)])


def thread_program(machine: str) -> bytes | None:
    """Return the filter that asks whoever holds its listener about each new thread, and permits everything else."""
    if machine not in _MACHINES:
        return None
    column = _MACHINES[machine][0]
    asked = _if_bits(_CLONE[column], 0, _CLONE_THREAD, _ASK)
    return _packed([*_opening(machine), *asked, (_RETURN, 0, 0, _ALLOW)])


def _opening(machine: str) -> Iterator[_Step]:
    yield _LOAD, 0, 0, _MACHINE
    yield _EQUALS, 1, 0, _MACHINES[machine][1]
    yield _RETURN, 0, 0, _KILL
    yield _LOAD, 0, 0, _NUMBER


def _closing(column: int) -> Iterator[_Step]:
    yield _EQUALS, 0, 1, _CLONE3[column]
    yield _RETURN, 0, 0, _UNKNOWN
    yield _RETURN, 0, 0, _REFUSE


def _allowed(calls: _Calls, column: int) -> Iterator[_Step]:
    for numbers in calls.values():
        number = numbers[column]
        if number is not None:
            yield _EQUALS, 0, 1, number
            yield _RETURN, 0, 0, _ALLOW


def _unless(number: int, argument: int, bits: int) -> list[_Step]:
    """Allow a call unless an argument has one of ``bits``."""
    refused = (_HAS_BITS, 1, 0, bits), (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)
    return [(_EQUALS, 0, 4, number), (_LOAD, 0, 0, _ARGUMENTS + 8 * argument), *refused]


def _if_bits(number: int, argument: int, bits: int, verdict: int) -> list[_Step]:
    """Give the verdict about a call if an argument has one of ``bits``, and refuse it otherwise."""
    decided = (_HAS_BITS, 0, 1, bits), (_RETURN, 0, 0, verdict), (_RETURN, 0, 0, _REFUSE)
    return [(_EQUALS, 0, 4, number), (_LOAD, 0, 0, _ARGUMENTS + 8 * argument), *decided]


def _one_of(number: int, argument: int, values: tuple[int, ...]) -> list[_Step]:
    """Allow a call if an argument is one of ``values``, and refuse it otherwise."""
    decided: list[_Step] = []
    for value in values:
        decided += [(_EQUALS, 0, 1, value), (_RETURN, 0, 0, _ALLOW)]
    block = [(_LOAD, 0, 0, _ARGUMENTS + 8 * argument), *decided, (_RETURN, 0, 0, _REFUSE)]
    return [(_EQUALS, 0, len(block), number), *block]


def _packed(steps: list[_Step]) -> bytes:
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
