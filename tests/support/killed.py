"""Kills at a chosen moment, inside the process of the test."""

from __future__ import annotations

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
    """Kill the program before its write transaction or its call of the key holder number ``step``, from 0."""
    steps: list[str] = []

    def counted(patched: pytest.MonkeyPatch, kind: type, name: str) -> None:
        original = getattr(kind, name)

        def call(self: Any, *arguments: Any) -> Any:
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
