"""Compiles the loops of the scan index (src/lineament/index/native/scan.c) when Lineament is built or installed.

The machine's C compiler does it, or the one that CC names; without any, the one of the wheel ``ziglang``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NATIVE = Path("src/lineament/index/native")
OPTIONS = ["-std=c11", "-O3", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra"]


def compiler() -> list[str]:
    """Return the command of the machine's C compiler; empty if it has none."""
    named = os.environ.get("CC") or next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), "")
    return named.split()


class CompileHook(BuildHookInterface):  # type: ignore[type-arg]
    """Compiles before a wheel is put together."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Return what the build needs besides hatchling."""
        return [] if compiler() or self.target_name != "wheel" else ["ziglang==0.15.2"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the plugin's interface
        """Compile, and add the library to the wheel, which is then for this kind of machine alone."""
        if self.target_name != "wheel":
            return
        folder = Path(self.root) / NATIVE
        library, beside = folder / "scan.so", folder / f"scan.so.{os.getpid()}"
        command = [*(compiler() or [sys.executable, "-m", "ziglang", "cc"]), *OPTIONS]
        try:
            subprocess.run([*command, "-o", beside, folder / "scan.c", "-lm"], check=True)  # noqa: S603 - our own file
            beside.replace(library)  # whoever has the old one open keeps it
        finally:
            beside.unlink(missing_ok=True)
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"
        build_data["pure_python"] = False
        build_data["artifacts"].append(str(NATIVE / "scan.so"))
