"""How the client sends, repeats and gives up, in both worlds."""

from __future__ import annotations

import contextlib
import json
from datetime import date
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from tests.support.both_clients import HASTE, WORLDS, answering, client_of

from lineament.client import Client, Face, Patience, Problem, UnexpectedAnswer, Unreachable, WatchTerms
from lineament.client.requests import Answer, Request, act, fields_of, get, place
from lineament.client.steps import Listen, Send, Steps, exchange
from lineament.client.transports import MOST_BYTES

KEY = {
    "id": "0011223344556677",
    "name": "a program",
    "acts_for": "examiner-a",
    "rights": ["search"],
    "case": None,
    "reason": "",
    "sources": [],
    "per_minute": 600,
    "ends_at": "2026-12-24T08:00:00+00:00",
}
PROBLEM = "application/problem+json"


def problem(status: int, *, after: int | None = None, **more: Any) -> httpx.Response:
    content = {"type": "/v1/problems/x", "title": "t", "status": status, "detail": "It is off.", "code": "x", **more}
    headers = {"content-type": PROBLEM} | ({} if after is None else {"retry-after": str(after)})
    return httpx.Response(status, json=content, headers=headers)


def answer(content: object) -> httpx.Response:
    return httpx.Response(200, json=content)


def job(state: str, done: int) -> dict[str, Any]:
    at = "2026-12-24T08:00:00+00:00"
    told = {"job": "j", "kind": "ingest", "arguments": {}, "requested_by": "x", "requested_at": at, "state": state}
    ended = at if state == "done" else None
    return told | {"stopping": False, "attempts": 1, "ended_at": ended, "done": done, "doing": "", "later": "unknown"}


def key() -> httpx.Response:
    return answer(KEY)


@pytest.mark.parametrize("world", WORLDS)
class TestBothClients:
    def test_a_request_has_the_key_and_its_answer_becomes_a_value(self, world: str) -> None:
        transport, asked = answering(key())
        with client_of(world, "lin_secret", transport=transport) as client:
            found = client.key()
        assert (found.rights, found.ends_at.year) == (("search",), 2026)
        assert (str(asked[0].url), asked[0].headers["authorization"]) == (
            "http://127.0.0.1/v1/key",
            "Bearer lin_secret",
        )

    @pytest.mark.parametrize(
        "passing", [httpx.ConnectError("refused"), httpx.ReadTimeout(""), problem(503), problem(429, after=0)]
    )
    def test_what_passes_is_tried_again(self, world: str, passing: httpx.Response | Exception) -> None:
        transport, asked = answering(passing, passing, key())
        with client_of(world, "k", transport=transport) as client:
            assert client.key().name == "a program"
        assert len(asked) == 3

    def test_it_gives_up_after_as_many_times_as_it_is_told(self, world: str) -> None:
        transport, asked = answering(*[httpx.ConnectError("refused")] * 3)
        impatient = Patience(repeats=2, first=0.0)
        with (
            client_of(world, "k", transport=transport, patience=impatient) as client,
            pytest.raises(Unreachable, match=r"127\.0\.0\.1 did not answer: refused"),
        ):
            client.key()
        assert len(asked) == 3

    def test_a_problem_is_raised_with_all_it_says(self, world: str) -> None:
        reason = {"code": "no-purpose", "words": "it has no purpose", "remedy": "state it", "command": "lineament x"}
        more: dict[str, Any] = {
            "reasons": [reason],
            "errors": [{"field": "limit", "why": "too much"}],
            "faces": [{"face": 1, "box": [1, 2, 3, 4.5]}],
        }
        transport, asked = answering(problem(403, later="unknown", **more))
        with client_of(world, "k", transport=transport) as client, pytest.raises(Problem) as caught:
            client.key()
        found = caught.value
        assert (found.status, found.code, str(found)) == (403, "x", "It is off. (x)")
        assert (found.reasons[0].command, found.errors[0].field, found.faces[0].box) == (
            "lineament x",
            "limit",
            (1.0, 2.0, 3.0, 4.5),
        )
        assert len(asked) == 1

    def test_an_act_whose_answer_was_lost_is_waited_for(self, world: str) -> None:
        under_way = [problem(409, after=0)] * 9
        transport, asked = answering(httpx.ReadTimeout(""), *under_way, answer(job("stopped", 1)))
        with client_of(world, "k", transport=transport) as client:
            assert client.jobs.stop("j").done == 1
        assert len({request.headers["idempotency-key"] for request in asked}) == 1

    def test_a_server_that_asks_for_much_patience_gets_none(self, world: str) -> None:
        transport, asked = answering(problem(429, after=3600))
        with client_of(world, "k", transport=transport) as client, pytest.raises(Problem) as caught:
            client.key()
        assert (caught.value.retry_after, len(asked)) == (3600, 1)

    @pytest.mark.parametrize(
        "strange",
        [
            httpx.Response(500, text="<html>"),
            httpx.Response(302, headers={"location": "https://elsewhere.example/"}),
            httpx.Response(200, text="<html>"),
            httpx.Response(200, json=[]),
            httpx.Response(200, json=KEY | {"ends_at": "soon"}),
            httpx.Response(200, json=KEY | {"per_minute": "many"}),
            httpx.Response(200, json={"id": "1"}),
            httpx.Response(404, json={"status": 404}, headers={"content-type": PROBLEM}),
            httpx.DecodingError("not compressed as it says"),
        ],
        ids=["html", "elsewhere", "no JSON", "a list", "no moment", "no number", "too little", "no problem", "broken"],
    )
    def test_what_is_not_of_lineament_is_told_apart_and_followed_nowhere(
        self, world: str, strange: httpx.Response | Exception
    ) -> None:
        transport, asked = answering(strange)
        with client_of(world, "k", transport=transport) as client, pytest.raises(UnexpectedAnswer):
            client.key()
        assert len(asked) == 1

    def test_a_job_is_followed_by_its_events_and_asked_for_where_none_arrive(
        self, world: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("lineament.client.listening.EVERY", 0)
        lines = [f"event: progress\ndata: {json.dumps(job('running', done))}\n\n" for done in (0, 0, 1)]
        closed = 'event: closed\ndata: {"code": "stopping"}\n\n'
        stream = httpx.Response(200, text="".join(lines) + closed, headers={"content-type": "text/event-stream"})
        answers: list[httpx.Response | Exception] = [
            stream,
            answer(job("running", 2)),
            httpx.ConnectError("cut"),
            answer(job("running", 2)),
        ]
        answers += [httpx.Response(502, text="a proxy"), answer(job("running", 3)), answer(job("done", 4))]
        transport, asked = answering(*answers)
        with client_of(world, "k", transport=transport) as client:
            assert [seen.done for seen in client.jobs.follow("j")] == [0, 1, 2, 3, 4]
        of_events = [request.url.path.endswith("/events") for request in asked]
        assert of_events == [True, False, True, False, True, False, False]

    @pytest.mark.parametrize("broken", ["no JSON", "[" * 100_000], ids=["no JSON", "too deep"])
    def test_events_that_break_off_tell_nothing_twice(
        self, world: str, broken: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("lineament.client.listening.EVERY", 0)
        lines = f"data: {json.dumps(job('running', 0))}\n\ndata: {broken}\n\n"
        stream = httpx.Response(200, text=lines, headers={"content-type": "text/event-stream"})
        now = answer(job("running", 0))
        transport, asked = answering(stream, now, stream, now, answer(job("done", 1)))
        with client_of(world, "k", transport=transport) as client:
            assert [seen.done for seen in client.jobs.follow("j")] == [0, 1]
        assert [request.url.path.endswith("/events") for request in asked] == [True, False, True, False, False]

    def test_what_was_done_is_not_sent_again_because_a_proxy_says_when_to_come_back(self, world: str) -> None:
        done = httpx.Response(200, json=KEY, headers={"retry-after": "0"})
        transport, asked = answering(done)
        with client_of(world, "k", transport=transport) as client:
            assert client.key().name == "a program"
        assert len(asked) == 1

    def test_a_refused_stream_is_not_read_without_end(self, world: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("lineament.client.transports.MOST_BYTES", 10)
        transport, _ = answering(problem(404))
        with (
            client_of(world, "k", transport=transport) as client,
            pytest.raises(UnexpectedAnswer, match="more than 10"),
        ):
            client._transport.perform(listened())

    def test_a_list_that_goes_round_is_left(self, world: str) -> None:
        part = {"items": [], "next": "x"}
        transport, _ = answering(answer(part), answer(part))
        with client_of(world, "k", transport=transport) as client, pytest.raises(UnexpectedAnswer, match="circle"):
            list(client.jobs.list())

    def test_an_answer_is_not_read_without_end(self, world: str, monkeypatch: pytest.MonkeyPatch) -> None:
        assert MOST_BYTES == 2**30
        monkeypatch.setattr("lineament.client.transports.MOST_BYTES", 10)
        transport, _ = answering(key())
        with (
            client_of(world, "k", transport=transport) as client,
            pytest.raises(UnexpectedAnswer, match="more than 10"),
        ):
            client.key()


def listened() -> Steps[Answer]:
    """Listen to the events of a job, and return how the server answers."""
    answered: Answer = yield Listen(get(dict, place("jobs", "j", "events")))
    return answered


def times_sent(request: Request[Any]) -> int:
    """Return how often a request is sent to a server that never answers."""
    steps = exchange(request, HASTE)
    times, step = 1, next(steps)
    with contextlib.suppress(Unreachable):
        while True:
            was_sent = isinstance(step, Send)
            step = steps.throw(Unreachable("away")) if was_sent else steps.send(None)
            times += isinstance(step, Send)
    return times


def test_only_what_may_be_repeated_is_repeated() -> None:
    named = act(dict, place("cases"), reason="x")
    assert times_sent(named) == times_sent(get(dict, place("key"))) == 5
    unnamed = Request(method="POST", path="/v1/cases", read=lambda answer: answer)
    assert times_sent(unnamed) == 1


def test_what_is_under_way_for_longer_than_patience_is_not_waited_for() -> None:
    steps = exchange(act(dict, place("cases")), HASTE)
    assert isinstance(next(steps), Send)
    answered = Answer(status=409, headers={"retry-after": "3600"}, body=b"")
    with pytest.raises(StopIteration) as ended:
        steps.send(answered)
    assert ended.value.value is answered


def test_a_request_says_what_its_values_hold_and_leaves_out_what_they_do_not() -> None:
    face, day = Face(probe="p"), date(2027, 1, 1)
    sent = act(dict, place("cases"), faces=[face], until=day, checklist=MappingProxyType({"nose": None}), reason=None)
    said = {"faces": [{"probe": "p"}], "until": "2027-01-01", "checklist": {"nose": None}}
    assert json.loads(sent.body) == said
    assert fields_of(WatchTerms(until=day)) == {"until": day, "sources": ()}
    asked = get(dict, place("ledger", "entries"), case=None, views=False, source=(), state=("open", "closed"), limit=3)
    assert asked.query == {"views": "false", "state": ("open", "closed"), "limit": "3"}
    with pytest.raises(TypeError, match="bytes"):
        act(dict, place("cases"), photograph=b"x")


def test_an_act_keeps_its_name_and_another_has_another() -> None:
    first, second = (act(dict, place("cases")) for _ in range(2))
    assert first.headers["idempotency-key"] != second.headers["idempotency-key"]
    assert len(first.headers["idempotency-key"]) >= 32


def test_pauses_grow_and_vary_and_are_never_shorter_than_asked() -> None:
    patience = Patience(repeats=8, first=1.0, longest=20.0)
    pauses = [patience.pause(repeated, None) for repeated in range(9)]
    assert pauses[8] is None
    within = [0.5 * 2**n <= float(pause or 0) <= 2**n for n, pause in enumerate(pauses[:4])]
    assert all(within)
    assert all(float(pause or 99) <= 20 for pause in pauses[4:8])
    assert float(patience.pause(0, 15.0) or 0) == 15.0


def test_a_part_of_an_address_stays_one_part() -> None:
    assert place("sources", "a/b?c#d", 7) == "/v1/sources/a%2Fb%3Fc%23d/7"
    for way_up in ("", ".", ".."):
        with pytest.raises(ValueError, match="only dots"):
            place("sources", way_up)


@pytest.mark.parametrize(
    "url",
    ["http://lineament.example", "lineament.example", "ftp://127.0.0.1", "https://u:p@lineament.example", "https://"],
)
def test_the_key_travels_only_where_nobody_reads_it(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Client(url, "k")


@pytest.mark.parametrize("key", ["", " ", "one\nmore", "schlüssel"])
def test_what_cannot_be_a_key_is_refused_before_it_is_sent(key: str) -> None:
    with pytest.raises(ValueError, match="no key"):
        Client("http://localhost:8000", key)


def test_the_key_is_not_told_by_what_holds_it() -> None:
    transport, _ = answering()
    with Client("https://lineament.example", "lin_secret", transport=transport) as client:
        held = [repr(client), repr(vars(client)), repr(client._transport._connection)]
    assert "secret" not in "".join(held)
