"""What the runtimes do to the process."""

from __future__ import annotations

import subprocess
import sys

CLOSED_THEN_INTERRUPTED = """
import gc, os, signal
import numpy as np
from pathlib import Path
from lineament.vision.packs import shipped_pack
from lineament.vision.runtime import sessions

detector = shipped_pack("sface-yunet", Path(os.environ["LINEAMENT_CACHE"])).detector
opened = [sessions("openvino", "f32", 1)(detector) for _ in range(3)]
for session in opened:
    session.run(np.zeros((1, 320, 320, 3), np.uint8))
for _ in range(3):
    del opened[0]  # the oldest first
    session = None
    gc.collect()
held = [bytearray(12_000) for _ in range(500)]  # where freed memory was, something else is now
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_is_an_interrupt_after_sessions_were_closed() -> None:
    ran = subprocess.run([sys.executable, "-c", CLOSED_THEN_INTERRUPTED], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "interrupted\n"), ran.stderr
