"""The lock for many readers or one writer."""

from __future__ import annotations

import threading
import time

import pytest

from lineament.index.turnstile import Turnstile


def test_readers_are_in_together() -> None:
    turnstile, both = Turnstile(), threading.Barrier(2, timeout=5)

    def read() -> None:
        with turnstile.reading():
            both.wait()

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not both.broken


def test_a_writer_is_in_alone() -> None:
    turnstile, inside, observed = Turnstile(), [], []

    def act(kind: str) -> None:
        for _ in range(50):
            with turnstile.writing() if kind == "writer" else turnstile.reading():
                inside.append(kind)
                observed.append(tuple(inside))
                time.sleep(0)
                inside.remove(kind)

    threads = [threading.Thread(target=act, args=(kind,)) for kind in ["writer", "reader"] * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(together == ("writer",) for together in observed if "writer" in together)
    assert ("writer",) in observed


def test_a_waiting_writer_goes_first() -> None:
    turnstile, order = Turnstile(), []
    waiting = threading.Event()

    def write() -> None:
        waiting.set()
        with turnstile.writing():
            order.append("writer")

    def read() -> None:
        with turnstile.reading():
            order.append("reader")

    with turnstile.reading():
        writer = threading.Thread(target=write)
        writer.start()
        waiting.wait(5)
        time.sleep(0.05)
        reader = threading.Thread(target=read)
        reader.start()
        time.sleep(0.05)
        assert order == []
    writer.join(5)
    reader.join(5)
    assert order == ["writer", "reader"]


def test_an_error_inside_lets_the_next_in() -> None:
    turnstile = Turnstile()
    with pytest.raises(KeyError), turnstile.writing():
        raise KeyError
    with pytest.raises(KeyError), turnstile.reading():
        raise KeyError
    with turnstile.writing():
        pass
