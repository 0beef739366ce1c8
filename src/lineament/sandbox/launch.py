"""Starts worker processes: an isolated interpreter that finds this package, and sees nothing else of its parent.

Every worker gets an environment that says only that libraries start no threads, a session of its own, “/” as its
folder, and no descriptors but the ones listed here. Before anything else its memory becomes private
(``sandbox.private``). What it gives up after that is its own business (``sandbox.confine``).
"""

from __future__ import annotations

import importlib.util
import mimetypes
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

DISCARD = subprocess.DEVNULL
PIPE = subprocess.PIPE

_FIND = "import sys; sys.path[{at}:{at}] = {folders}\n"
_BEGIN = "from lineament.sandbox.private import begin_worker; begin_worker()\n"
_BOOT = "import {module} as worker; worker.main(*sys.argv[1:])"
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """The descriptors that a worker starts with; DISCARD and PIPE are allowed for the first three."""

    stdin: int
    stdout: int
    stderr: int | IO[bytes] = DISCARD
    inherited: tuple[int, ...] = ()


def launch(
    module: str,
    arguments: Sequence[object],
    channels: Channels,
    *,
    packages: Sequence[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start ``module``'s ``main`` in a new process.

    Args:
        module: The worker's module.
        arguments: Passed to ``main`` as texts.
        channels: Its descriptors.
        packages: The installed packages it can import beside this one and the standard library; None: all of them.
            A short list keeps site-packages, and the time it takes to set up, out of the process.
        environment: Its environment variables besides those for libraries with threads.

    Raises:
        ModuleNotFoundError: One of ``packages`` is not installed.
    """
    folders = [str(_SOURCE), *(_folder_of(package) for package in packages or ())]
    find = _FIND.format(at=0 if packages is None else "len(sys.path)", folders=ascii(list(dict.fromkeys(folders))))
    flags = ["-I"] if packages is None else ["-I", "-S"]
    return subprocess.Popen(  # noqa: S603 - every argument is ours
        [sys.executable, *flags, "-c", find + _BEGIN + _BOOT.format(module=module), *map(str, arguments)],
        stdin=channels.stdin,
        stdout=channels.stdout,
        stderr=channels.stderr,
        pass_fds=channels.inherited,
        env=_ONE_THREAD | dict(environment or {}),
        cwd="/",
        start_new_session=True,
    )


def readable_by_libraries() -> Iterator[Path]:
    """Yield the files and folders that Python, its packages and name resolution read: none holds a secret."""
    yield from (Path(folder) for folder in sys.path if folder)
    yield from (Path(sys.prefix), Path(sys.base_prefix), _SOURCE)
    yield from map(Path, certificates().values())
    yield from map(Path, _READABLE)


def certificates() -> dict[str, str]:
    """Return the environment variables that make a worker trust the same certificate authorities as this process."""
    import ssl

    paths = ssl.get_default_verify_paths()
    known = {"SSL_CERT_FILE": paths.cafile, "SSL_CERT_DIR": paths.capath}
    return {name: path for name, path in known.items() if path is not None}


_READABLE = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/usr/share/ca-certificates"),
    *("/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/crypto-policies", "/etc/ld.so.cache", "/etc/localtime"),
    *("/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services"),
    *("/dev/null", "/dev/urandom", *mimetypes.knownfiles),
)
_SOURCE = Path(__file__).resolve().parents[2]
"""The folder that holds this package."""


def _folder_of(package: str) -> str:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(name=package)
    return str(Path(found.origin).resolve().parents[1])
