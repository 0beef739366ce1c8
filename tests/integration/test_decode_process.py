"""Decoders that fail. The worker's code is real; what it runs for some files is hostile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from lineament.errors import DecoderDied, DecoderUnavailable
from lineament.sandbox import launch
from lineament.testing import chart, encoded
from lineament.vision import decode_process
from lineament.vision.decode import DecodedPicture, Decoder

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - looked at, not written
ODD = b"hostile "
PLAIN = encoded(chart(), "JPEG")
TAKEN_OVER = """
import time, ctypes
from lineament.vision import decode_worker
from lineament.vision.decode_protocol import DecodeReply, Status
plain = decode_worker.RequestHandler.answer
reply = dict(status=0, media=0, width=40, height=40, across=40, down=40, parts=1)
def answer(handler, untrusted, part, wish):
    if untrusted is not None and not untrusted.startswith(b"hostile "):
        return plain(handler, untrusted, part, wish)
    try:
        return eval(untrusted[8:]) if untrusted else plain(handler, untrusted, part, wish)
    except MemoryError:
        return DecodeReply(Status.OUT_OF_MEMORY)
decode_worker.RequestHandler.answer = answer
decode_worker.main(*sys.argv[1:])
"""


def hostile(monkeypatch: pytest.MonkeyPatch, *, workers: int = 1, seconds: float = 5.0) -> Decoder:
    monkeypatch.setattr(launch, "_BOOT", TAKEN_OVER)
    return Decoder(workers=workers, max_pixels=200_000_000, max_bytes=2**20, memory=512 * 2**20, seconds=seconds)


def pid(decoder: Decoder) -> int:
    process = decoder._slots[0].process
    assert process is not None
    return process.pid


def has_ended(process: int) -> bool:
    for _ in range(100):
        if not Path(f"/proc/{process}").exists():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize(
    ("attack", "why"),
    [
        (b"ctypes.string_at(0)", "signal 11"),
        (b"sys.exit(3)", "code 3"),
        (b"bytearray(2**40)", "512 MiB"),
        (b"DecodeReply(**reply | dict(status=99))", "invalid reply"),
        (b"DecodeReply(**reply | dict(media=200))", "invalid reply"),
        (b"DecodeReply(**reply | dict(width=2**32-1))", "invalid reply"),
        (b"DecodeReply(**reply | dict(width=0))", "invalid reply"),
        (b"DecodeReply(**reply | dict(across=2**31, down=2**31))", "invalid reply"),
        (b"DecodeReply(**reply | dict(across=41, down=41))", "invalid reply"),
        (b"DecodeReply(**reply | dict(down=20))", "invalid reply"),
        (b"DecodeReply(**reply | dict(width=20000, height=20000))", "invalid reply"),
        (b"DecodeReply(**reply | dict(part=2))", "invalid reply"),
        (b"DecodeReply(**reply | dict(parts=2**32-1))", "invalid reply"),
        (b"DecodeReply(**reply | dict(parts=0))", "invalid reply"),
        (b"DecodeReply(**reply | dict(seconds=float('nan')))", "invalid reply"),
        (b"DecodeReply(**reply | dict(missing=2.0))", "invalid reply"),
        (b"DecodeReply(8, width=2**31, height=2**31)", "invalid reply"),
        (b"DecodeReply(8, width=40, height=40)", "invalid reply"),
    ],
)
def test_one_picture_is_lost_and_no_more(monkeypatch: pytest.MonkeyPatch, attack: bytes, why: str) -> None:
    with hostile(monkeypatch) as decoder:
        decoder.decode(PLAIN)
        before = pid(decoder)
        with pytest.raises(DecoderDied, match=why):
            decoder.decode(ODD + attack)
        assert has_ended(before)
        assert decoder.decode(PLAIN).width == 96


def test_a_slow_picture_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    with hostile(monkeypatch, seconds=0.5) as decoder:
        decoder.decode(PLAIN)
        with pytest.raises(DecoderDied, match=r"longer than 0\.5 s"):
            decoder.decode(ODD + b"exec('while True: pass')")
        assert decoder.decode(PLAIN).width == 96


def test_a_worker_killed_in_the_middle_takes_only_its_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    with hostile(monkeypatch, workers=2) as decoder, ThreadPoolExecutor(2) as threads:
        decoder.decode(PLAIN)
        killed = decoder._free.queue[-1].process
        assert killed is not None
        lost = threads.submit(decoder.decode, ODD + b"time.sleep(60)")
        while killed._pictures == 1 and len(decoder._free.queue) == 2:
            time.sleep(0.01)
        kept = [threads.submit(decoder.decode, PLAIN) for _ in range(5)]
        assert all(picture.result().width == 96 for picture in kept)
        os.kill(killed.pid, signal.SIGKILL)
        with pytest.raises(DecoderDied, match="signal 9"):
            lost.result()
        assert decoder.decode(PLAIN).width == 96


def test_a_worker_that_died_between_pictures_loses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with hostile(monkeypatch) as decoder:
        decoder.decode(PLAIN)
        before = pid(decoder)
        os.kill(before, signal.SIGKILL)
        os.waitid(os.P_PID, before, os.WEXITED | os.WNOWAIT)
        assert decoder.decode(PLAIN).width == 96
        assert pid(decoder) != before


def test_an_interrupt_does_not_leave_a_worker_with_half_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    with hostile(monkeypatch) as decoder:
        decoder.decode(PLAIN)
        before = pid(decoder)
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            decoder.decode(ODD + b"time.sleep(3)")
        timer.join()
        assert has_ended(before)
        assert decoder.decode(PLAIN).width == 96


def test_threads_share_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [encoded(chart("RGB", (40 + step, 60)), "PNG") for step in range(20)]
    with hostile(monkeypatch, workers=2) as decoder, ThreadPoolExecutor(8) as threads:
        found = list(threads.map(decoder.decode, pictures * 3))
        assert [picture.width for picture in found] == [40 + step for step in range(20)] * 3
        assert sum(slot.process is not None for slot in decoder._slots) == 2


def test_workers_start_when_needed_and_leave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    files = len(list(Path("/proc/self/fd").iterdir()))
    shared = sorted(SHARED_MEMORY.iterdir())
    with hostile(monkeypatch, workers=3) as decoder:
        assert all(slot.process is None for slot in decoder._slots)
        decoder.start()
        decoder.decode(PLAIN)
        running = [slot.process.pid for slot in decoder._slots if slot.process is not None]
        assert len(running) == 1
    assert has_ended(running[0])
    assert len(list(Path("/proc/self/fd").iterdir())) == files
    assert sorted(SHARED_MEMORY.iterdir()) == shared


def test_a_forgotten_decoder_ends_its_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = hostile(monkeypatch)
    decoder.decode(PLAIN)
    process = pid(decoder)
    del decoder
    assert has_ended(process)


@pytest.mark.parametrize("busy", [False, True])
def test_workers_end_with_their_parent(busy: bool) -> None:
    ask = f"decoder.decode({ODD + b'time.sleep(600)'!r})" if busy else "time.sleep(600)"
    script = f"""
import threading, time
from lineament.sandbox import launch
from lineament.vision.decode import DecodedPicture, Decoder
launch._BOOT = {TAKEN_OVER!r}
decoder = Decoder(workers=1, max_pixels=10**6, max_bytes=10**6, memory=2**29, seconds=1.0 if {busy} else 600.0)
decoder.decode({PLAIN!r})
print(decoder._slots[0].process.pid, flush=True)
threading.Timer(0.2, print, ("asked",), dict(flush=True)).start()
{ask}
"""
    folder = str(Path(decode_process.__file__).parents[2])
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env={"PYTHONPATH": folder}) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.stdout.readline()
        assert Path(f"/proc/{worker}").exists()
        parent.kill()
    assert has_ended(worker)


def test_a_worker_is_replaced_after_many_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_process, "_PICTURES", 3)
    with hostile(monkeypatch) as decoder:
        used = []
        for _ in range(7):
            decoder.decode(PLAIN)
            used.append(pid(decoder))
        assert len(set(used)) == 3


def test_a_worker_is_not_replaced_between_its_reply_and_its_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new process has neither the file nor the pixels: the picture would be black, and nobody would be told."""
    monkeypatch.setattr(decode_process, "_PICTURES", 2)
    shades = [Image.new("RGB", (64, 64), (shade, 40, 40)) for shade in (50, 100, 150, 200, 250)]
    pages = encoded(shades[0], "TIFF", save_all=True, append_images=shades[1:])
    with hostile(monkeypatch) as decoder:
        seen = [decoder.decode(encoded(shade, "PNG")).pixels[0, 0, 0] for shade in shades]
        several = list(decoder.pictures(pages))
    assert seen == [50, 100, 150, 200, 250]
    assert [page.pixels[0, 0, 0] for page in several if isinstance(page, DecodedPicture)] == seen


def test_a_decoder_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "_BOOT", "import no_such_package")
    decoder = Decoder(workers=1, max_pixels=10**6, max_bytes=10**6, memory=2**29, seconds=1.0)
    with pytest.raises(DecoderUnavailable, match="no_such_package"):
        decoder.decode(PLAIN)
    decoder.close()
