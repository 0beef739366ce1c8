"""What a crawl does with the answers of hosts, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lineament.sources.crawl.answers import AnswerHandler, CrawlReply
from lineament.sources.crawl.kept import KeptCrawl
from lineament.sources.crawl.plan import Crawl
from lineament.sources.crawl.rows import AddressKind, AddressState, NewAddress
from lineament.sources.crawl.state import CrawlState
from lineament.sources.webarchive.writer import Exchange, WarcWriter

CRAWL = Crawl(start=("http://a.test/",), hosts=("a.test",), contact="a@b.example", delay=0.0)
PICTURE = "http://a.test/i.jpg"
TAGGED = {"Content-Type": "image/jpeg", "ETag": '"1"'}
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def answers(state: CrawlState, tmp_path: Path) -> Iterator[AnswerHandler]:
    warc = WarcWriter(tmp_path, KeptCrawl(tmp_path, bytes(32)).seal, largest=2**20, software="test")
    yield AnswerHandler(CRAWL, CRAWL.allowed(), state, warc)
    warc.close()


def reply(status: int, headers: dict[str, str], body: bytes = b"") -> CrawlReply:
    exchange = Exchange(
        uri=PICTURE,
        at=NOW,
        request=[],
        status=status,
        reason="",
        answer=list(headers.items()),
        body=body,
        address=None,
    )
    return CrawlReply(exchange=exchange, whole=True)


def answer_next(state: CrawlState, answers: AnswerHandler, reply: CrawlReply) -> None:
    ask = state.next("a.test")
    assert ask is not None
    answers.take(ask, reply)


@pytest.mark.parametrize(
    ("headers", "reserved"),
    [
        ({"ETag": '"1"'}, None),
        ({"ETag": '"1"', "X-Robots-Tag": "noai"}, "X-Robots-Tag: noai"),
        ({"TDM-Reservation": "1"}, "TDM-Reservation: 1"),
    ],
)
def test_a_reservation_of_a_picture_that_did_not_change_counts(
    headers: dict[str, str], reserved: str | None, state: CrawlState, answers: AnswerHandler
) -> None:
    state.add(NewAddress(url=PICTURE, host="a.test", kind=AddressKind.PICTURE), alike=1)
    answer_next(state, answers, reply(200, TAGGED, b"\xff\xd8\xff picture"))
    state.end_run()
    state.start_run(NOW.timestamp() * 2)  # everything is asked again
    answer_next(state, answers, reply(304, headers))
    assert list(state.reserved_since()) == ([] if reserved is None else [(PICTURE, reserved)])
    assert state.state_of(PICTURE) is (AddressState.DONE if reserved is None else AddressState.REFUSED)
