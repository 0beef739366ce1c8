"""SoftHSM, Debian's token in software, with a token of a test's own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
TOKEN = "lineament-tests"
PIN = "839201"


def configure(folder: Path) -> dict[str, str]:
    """Make an empty token store in ``folder``; return the environment that SoftHSM finds it by."""
    (folder / "tokens").mkdir(parents=True)
    configuration = folder / "softhsm2.conf"
    configuration.write_text(
        f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    return {"SOFTHSM2_CONF": str(configuration)}


def new_token(environment: dict[str, str]) -> None:
    """Make the token."""
    command = ["softhsm2-util", "--init-token", "--free", "--label", TOKEN, "--pin", PIN, "--so-pin", "5" * 8]
    subprocess.run(command, env={"PATH": "/usr/bin:/bin", **environment}, check=True, capture_output=True)


def pin_file(folder: Path, pin: str = PIN) -> Path:
    """Write the PIN to a file that only its owner may read."""
    path = folder / "pin"
    path.write_text(pin + "\n")
    path.chmod(0o600)
    return path


def tokens(factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield the file of the PIN of a token; to be called once in a process, as the library looks for tokens once."""
    folder = factory.mktemp("softhsm")
    environment = configure(folder)
    new_token(environment)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield pin_file(folder)
