"""The pages as `lineament serve` serves them, in a process of their own with its worker."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def serve_command(home: Path, port: int, settings: Mapping[str, str]) -> Iterator[str]:
    """Run ``lineament serve`` on a workspace; yield the address that it prints."""
    environment = os.environ | settings | {"LINEAMENT_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    line = [sys.executable, "-m", "lineament", "serve", "--port", str(port)]
    with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            printed = running.stdout.readline()
            address = re.search(r"https?://\S+", printed)
            assert address is not None, printed
            yield address[0]
        finally:
            running.terminate()
