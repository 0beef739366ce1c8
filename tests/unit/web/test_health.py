"""How the process stands, however many ask."""

from __future__ import annotations

import asyncio
import threading

from lineament.web.health import STOPPING, Readiness


def test_one_look_serves_everybody_who_asks_meanwhile() -> None:
    looks: list[str | None] = ["store-unavailable", None]
    go_on = threading.Event()

    def look() -> str | None:
        assert go_on.wait(30)
        return looks.pop(0)

    async def flood() -> list[str | None]:
        readiness = Readiness(look)
        asked = [asyncio.create_task(readiness.code()) for _ in range(500)]
        await asyncio.sleep(0)
        asked[0].cancel()  # a client that leaves ends nobody else's look
        go_on.set()
        answers = await asyncio.gather(*asked[1:])
        return [*answers, await readiness.code()]

    assert asyncio.run(flood()) == ["store-unavailable"] * 500
    assert looks == [None]


def test_a_process_that_stops_is_not_ready_and_looks_at_nothing() -> None:
    readiness = Readiness(lambda: "looked")
    readiness.stopping = True
    assert asyncio.run(readiness.code()) == STOPPING
