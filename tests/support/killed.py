"""Kills at a chosen moment, inside the process of the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from lineament.store.db import Store
from lineament.store.holders.file import FileHolder


class Killed(BaseException):
    """Stands for a kill: nothing of the program handles it."""


@contextmanager
def killed_at(step: int, patch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Kill the program before its write transaction or its call of the key holder number ``step``, from 0.

    Those of this thread are counted, and not what another does by the clock, as the one that renews the lease of a job.
    """
    steps: list[str] = []
    here = threading.get_ident()

    def counted(patched: pytest.MonkeyPatch, kind: type, name: str) -> None:
        original = getattr(kind, name)

        def call(self: Any, *arguments: Any) -> Any:
            if threading.get_ident() == here:
                if len(steps) == step:
                    raise Killed
                steps.append(name)
            return original(self, *arguments)

        patched.setattr(kind, name, call)

    with patch.context() as patched:
        for name in ("rotate", "retire"):
            counted(patched, FileHolder, name)
        counted(patched, Store, "begin")
        yield steps
