"""Describes the machine that a figure was measured on, in one line."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path


def line(*packages: str) -> str:
    """Return the processor, the number of usable processors, memory, and the versions of Python and ``packages``."""
    model = "unknown processor"
    flags: set[str] = set()
    for row in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = row.partition(":")
        if name.strip() == "model name":
            model = value.strip()
        elif name.strip() == "flags":
            flags = set(value.split())
    special = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    facts = [
        f"{model} ({' '.join(special) or 'no AVX2'})",
        f"{len(os.sched_getaffinity(0))} processors",
        f"{memory:.0f} GiB",
        f"Python {platform.python_version()}",
    ]
    return "machine: " + ", ".join(facts + ([versions] if versions else []))


def absent(*modules: str) -> list[str]:
    """Return the peers among ``modules`` that are not installed, and print them in one line."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        print(f"not installed, so not measured: {', '.join(missing)} (`make bench` installs them)")
    return missing
