"""The policy of everything that fetches, without a network or a clock: what may be asked, when, and when no more."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineament.errors import HostRefused, NotRead, Reserved
from lineament.sources.permission.hosts import Hosts, origin_of
from lineament.sources.permission.policy import (
    FAILED,
    GIVEN_UP,
    LONGEST_ANSWER,
    LONGEST_BACK_OFF,
    LONGEST_REST,
    MOST_KEPT,
    AskNow,
    HostPolicy,
    ReadFile,
    RequestOutcome,
    Wait,
    outcome_of,
    seconds_asked_for,
)
from lineament.sources.permission.reading import MOST_REDIRECTS, FileReply
from lineament.sources.permission.rules import AI, ASK_AGAIN, FILES, FRESH, ROBOTS, TDMREP, FileAnswer

URL = "https://a.test/i.jpg"
ORIGIN = origin_of(URL)
OK = RequestOutcome(failed=False)
MISSING = FileReply(status=404)
FREE = {name: FileAnswer(404) for name in FILES}
NOW = 1_000_000.0


def policy(*hosts: str, delay: float = 1.0) -> HostPolicy:
    return HostPolicy(Hosts(hosts or ("a.test", "b.test")), delay)


def knowing(files: Mapping[str, FileAnswer] = FREE, delay: float = 1.0) -> HostPolicy:
    """Return a policy that has just read the files of a.test."""
    host_policy = policy(delay=delay)
    host_policy.learn(ORIGIN, files, NOW)
    return host_policy


def read(host_policy: HostPolicy, replies: Mapping[str, FileReply | None], url: str = URL) -> Iterator[str]:
    """Yield what is asked for before ``url``; ``replies`` answer the files, None stands for no answer."""
    now = NOW
    while not isinstance(step := host_policy.step(url, now), AskNow):
        if isinstance(step, Wait):
            now += step.seconds
            continue
        yield step.url
        host_policy.start(step.host, now)
        reply = replies.get(step.url.removeprefix("https://a.test"), MISSING)
        if reply is None:
            host_policy.finish(step.host, FAILED, now)
            host_policy.file_failed(step.origin, now)
        else:
            host_policy.finish(step.host, outcome_of(reply.status, None, now), now)
            host_policy.file_answered(step.origin, reply, now)


def asked_before_refusal(host_policy: HostPolicy, replies: Mapping[str, FileReply | None]) -> list[str]:
    asked: list[str] = []
    with pytest.raises(Reserved):
        asked.extend(read(host_policy, replies))  # what came before the refusal is kept
    return [url.removeprefix("https://a.test") for url in asked]


# ---------------------------------------------------------------- what hosts reserve


def test_the_well_known_files_come_before_anything_else() -> None:
    assert list(read(policy(), {})) == [f"{ORIGIN}{name}" for name in FILES]


def test_a_host_that_is_not_listed_is_refused_before_its_files_are_asked_for() -> None:
    with pytest.raises(HostRefused):
        policy().step("https://c.test/", NOW)


@pytest.mark.parametrize("reply", [None, *(FileReply(status=status) for status in (500, 503, 429, 302))])
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_had_reserves_everything_and_ends_the_asking(name: str, reply: FileReply | None) -> None:
    assert asked_before_refusal(policy(), {name: reply}) == list(FILES[: FILES.index(name) + 1])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_file_that_is_not_there_reserves_nothing(status: int) -> None:
    assert len(list(read(policy(), dict.fromkeys(FILES, FileReply(status=status))))) == len(FILES)


def test_a_file_that_robots_txt_forbids_is_not_asked_for_and_so_cannot_be_had() -> None:
    robots = FileReply(status=200, body=b"User-agent: *\nDisallow: /ai.txt")
    assert asked_before_refusal(policy(), {ROBOTS: robots}) == [ROBOTS, TDMREP]


@pytest.mark.parametrize(
    ("files", "reserved"),
    [
        ({}, []),
        ({ROBOTS: b"User-agent: *\nDisallow: /x"}, ["/x/1"]),
        ({ROBOTS: b"User-agent: Lineament\nDisallow: /x\n\nUser-agent: *\nDisallow: /y"}, ["/x/1", "/y/1"]),
        ({TDMREP: b'[{"location": "/x", "tdm-reservation": 1}]'}, ["/x/1"]),
        ({AI: b"User-agent: *\nDisallow: /y"}, ["/y/1"]),
        ({ROBOTS: b"User-agent: *\nAllow: /", AI: b"User-agent: *\nDisallow: /"}, ["/x/1", "/y/1", "/i.jpg"]),
    ],
)
def test_the_strictest_file_wins(files: Mapping[str, bytes], reserved: list[str]) -> None:
    host_policy = knowing(FREE | {name: FileAnswer(200, body) for name, body in files.items()})
    refused = []
    for path in ("/x/1", "/y/1", "/i.jpg"):
        try:
            host_policy.step(f"https://a.test{path}", NOW)
        except Reserved:
            refused.append(path)
    assert refused == reserved


def test_files_are_read_again_after_a_day_or_an_hour_if_they_could_not_be_had() -> None:
    known, unknown = knowing(), knowing({**FREE, ROBOTS: FileAnswer(500)})
    assert isinstance(known.step(URL, NOW + FRESH - 1), AskNow)
    assert isinstance(known.step(URL, NOW + FRESH), ReadFile)
    with pytest.raises(Reserved):
        unknown.step(URL, NOW + ASK_AGAIN - 1)
    assert isinstance(unknown.step(URL, NOW + ASK_AGAIN), ReadFile)


def test_each_origin_of_a_host_has_files_of_its_own() -> None:
    host_policy = HostPolicy(Hosts(("a.test", "a.test:8443")), 0.0)
    host_policy.learn(ORIGIN, FREE, NOW)
    step = host_policy.step("https://a.test:8443/i.jpg", NOW)
    assert isinstance(step, ReadFile)
    assert step.url == "https://a.test:8443/robots.txt"


# ---------------------------------------------------------------- redirects of files


def moved(to: str) -> FileReply:
    return FileReply(status=301, location=to)


def test_a_file_may_be_redirected_to_a_host_that_is_listed() -> None:
    asked = list(read(policy(), {ROBOTS: moved("https://b.test/r")}))
    assert asked[:2] == [f"{ORIGIN}{ROBOTS}", "https://b.test/r"]
    assert len(asked) == len(FILES) + 1


@pytest.mark.parametrize("to", ["https://c.test/robots.txt", "file:///etc/passwd", "", "http://127.0.0.1/"])
def test_a_file_that_is_redirected_elsewhere_cannot_be_had(to: str) -> None:
    assert asked_before_refusal(policy(), {ROBOTS: moved(to)}) == [ROBOTS]


def test_a_file_that_is_redirected_again_and_again_cannot_be_had() -> None:
    assert asked_before_refusal(policy(), {ROBOTS: moved(ROBOTS)}) == [ROBOTS] * (MOST_REDIRECTS + 1)


def test_a_file_on_a_host_that_wants_to_be_left_alone_cannot_be_had() -> None:
    host_policy = policy(delay=0.0)
    host_policy.leave_alone("b.test", NOW + LONGEST_ANSWER + 1)
    assert asked_before_refusal(host_policy, {ROBOTS: moved("https://b.test/r")}) == [ROBOTS]


# ---------------------------------------------------------------- pauses


def pause(host_policy: HostPolicy, outcome: RequestOutcome = OK, took: float = 0.0) -> float:
    """Return for how many seconds a.test is left alone after a request."""
    now = max(NOW, NOW + host_policy.wait("a.test", NOW))
    host_policy.start("a.test", now)
    host_policy.finish("a.test", outcome, now + took)
    return host_policy.wait("a.test", now + took)


def test_a_host_is_asked_one_thing_at_a_time() -> None:
    host_policy = knowing(delay=0.0)
    assert isinstance(host_policy.step(URL, NOW), AskNow)
    host_policy.start("a.test", NOW)
    assert isinstance(host_policy.step(URL, NOW), Wait)
    assert isinstance(host_policy.step(URL, NOW + 3600), Wait)
    assert host_policy.wait("b.test", NOW) == 0, "another host may be asked meanwhile"
    host_policy.finish("a.test", OK, NOW)
    assert isinstance(host_policy.step(URL, NOW), AskNow)


def test_the_longest_pause_wins() -> None:
    slow = FREE | {ROBOTS: FileAnswer(200, b"User-agent: *\nCrawl-delay: 7\nAllow: /")}
    assert pause(knowing(delay=2.0)) == 2
    assert pause(knowing(delay=2.0), took=3.0) == 3
    assert pause(knowing(delay=2.0), took=1e6) == LONGEST_ANSWER
    assert pause(knowing(slow, delay=2.0), took=3.0) == 7
    assert pause(knowing(slow, delay=9.0)) == 9
    assert pause(knowing(slow), outcome_of(503, "20", NOW)) == 20


def test_a_host_that_fails_is_left_alone_for_longer_each_time_and_at_last_given_up() -> None:
    host_policy = knowing()
    pauses = [pause(host_policy, FAILED) for _ in range(GIVEN_UP - 1)]
    assert pauses == [min(2.0**time, LONGEST_BACK_OFF) for time in range(1, GIVEN_UP)]
    assert not host_policy.has_given_up("a.test")
    pause(host_policy, FAILED)
    assert host_policy.has_given_up("a.test")
    with pytest.raises(NotRead, match="10 times in a row"):
        host_policy.step(URL, NOW + 1e6)


def test_an_answer_makes_up_for_failures() -> None:
    host_policy = knowing()
    for _ in range(3 * GIVEN_UP):
        pause(host_policy, FAILED)
        assert pause(host_policy) == 1
    assert not host_policy.has_given_up("a.test")


def test_a_request_that_never_left_counts_as_a_failure_without_time() -> None:
    host_policy = knowing()
    host_policy.finish("a.test", FAILED, NOW)
    assert host_policy.wait("a.test", NOW) == 2


@pytest.mark.parametrize(
    ("status", "retry_after", "outcome"),
    [
        (200, "30", OK),
        (304, None, OK),
        (404, None, OK),
        (429, None, RequestOutcome(failed=True, rest=1.0)),
        (429, "30", RequestOutcome(failed=True, rest=30.0)),
        (503, "0", RequestOutcome(failed=True, rest=1.0)),
        (503, "9" * 40, RequestOutcome(failed=True, rest=LONGEST_REST)),
        (500, None, RequestOutcome(failed=True)),
        (502, "30", RequestOutcome(failed=True, rest=30.0)),
    ],
)
def test_the_outcome_of_each_status(status: int, retry_after: str | None, outcome: RequestOutcome) -> None:
    assert outcome_of(status, retry_after, NOW) == outcome


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1e5), st.floats(0, 1e3)), max_size=30), st.floats(0, 10))
def test_no_history_lets_a_host_be_asked_too_soon(history: list[tuple[bool, float, float]], delay: float) -> None:
    host_policy, now = policy(delay=delay), NOW
    for failed, rest, took in history:
        now += host_policy.wait("a.test", now)
        host_policy.start("a.test", now)
        now += took
        host_policy.finish("a.test", RequestOutcome(failed=failed, rest=rest), now)
        assert host_policy.wait("a.test", now) >= max(delay, rest, min(took, LONGEST_ANSWER)) - 1e-3


SAID = [("5", 5), ("0", 0), (None, 0), ("x", 0), ("-5", 0), ("9" * 50, 86400), ("٥", 0), ("1" * 5000, 86400)]
SAID += [("Thu, 01 Jan 1970 07:28:00 GMT", 0)]


@pytest.mark.parametrize(("value", "seconds"), SAID)
def test_retry_after(value: str | None, seconds: float) -> None:
    assert seconds_asked_for(value, NOW) == seconds
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(NOW + 100))
    assert seconds_asked_for(later, NOW) == 100


def test_the_files_that_were_not_needed_for_longest_are_forgotten() -> None:
    policy = HostPolicy(Hosts(("*.example.org",)), 0.0)
    large = {ROBOTS: FileAnswer(200, b"#" * (MOST_KEPT // 4)), TDMREP: FileAnswer(404), AI: FileAnswer(404)}
    origins = [origin_of(f"https://h{index}.example.org/") for index in range(6)]
    for origin in origins[:4]:
        policy.learn(origin, large, 0.0)
    assert policy.rules(origins[0], 1.0) is not None
    for origin in origins[4:]:
        policy.learn(origin, large, 0.0)
    known = [policy.rules(origin, 1.0) is not None for origin in origins]
    assert known == [True, False, False, True, True, True]
    policy.learn(origins[1], {**large, ROBOTS: FileAnswer(200, b"#" * (2 * MOST_KEPT))}, 0.0)
    assert policy.rules(origins[1], 1.0) is not None, "the newest is kept, however large"
    assert [policy.rules(origin, 1.0) is not None for origin in origins].count(True) == 1
