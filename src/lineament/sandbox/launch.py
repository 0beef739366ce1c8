"""Starts worker processes: an isolated interpreter that finds this package, and sees nothing else of its parent.

Every worker gets an empty environment, a session of its own, “/” as its folder, and no descriptors but the ones listed
here. What it gives up after that is its own business (``sandbox.confine``).
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

DISCARD = subprocess.DEVNULL
PIPE = subprocess.PIPE

_FIND = "import sys; sys.path[{at}:{at}] = {folders}\n"
_BOOT = "import {module} as worker; worker.main(*sys.argv[1:])"


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
        environment: Its environment variables; none by default.

    Raises:
        ModuleNotFoundError: One of ``packages`` is not installed.
    """
    folders = [str(_SOURCE), *(_folder_of(package) for package in packages or ())]
    find = _FIND.format(at=0 if packages is None else "len(sys.path)", folders=ascii(list(dict.fromkeys(folders))))
    flags = ["-I"] if packages is None else ["-I", "-S"]
    return subprocess.Popen(  # noqa: S603 - every argument is ours
        [sys.executable, *flags, "-c", find + _BOOT.format(module=module), *map(str, arguments)],
        stdin=channels.stdin,
        stdout=channels.stdout,
        stderr=channels.stderr,
        pass_fds=channels.inherited,
        env=dict(environment or {}),
        cwd="/",
        start_new_session=True,
    )


def certificates() -> dict[str, str]:
    """Return the environment variables that make a worker trust the same certificate authorities as this process."""
    import ssl

    paths = ssl.get_default_verify_paths()
    known = {"SSL_CERT_FILE": paths.cafile, "SSL_CERT_DIR": paths.capath}
    return {name: path for name, path in known.items() if path is not None}


_SOURCE = Path(__file__).resolve().parents[2]
"""The folder that holds this package."""


def _folder_of(package: str) -> str:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(name=package)
    return str(Path(found.origin).resolve().parents[1])
