"""Reservations in the well-known files of a host."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineament.sources.permission.rules import AI, LONGEST_DELAY, ROBOTS, TDMREP, FileAnswer, HostRules, matches

URL = "http://a.test/free/a.jpg?size=1"


def rules(robots: str = "", tdm: str | None = None, ai: str | None = None, status: int = 200) -> HostRules:
    """Return the rules of a host whose other files are missing."""
    missing = FileAnswer(404)
    return HostRules(
        {
            ROBOTS: FileAnswer(status, robots.encode()),
            TDMREP: missing if tdm is None else FileAnswer(200, tdm.encode()),
            AI: missing if ai is None else FileAnswer(200, ai.encode()),
        }
    )


@pytest.mark.parametrize(
    "host_rules",
    [
        rules(),
        rules("\ufeffUser-agent: *\nDisallow: /private"),
        rules("User-agent: *\nDisallow:"),
        rules("User-agent: *\nDisallow: /free\nAllow: /free/a"),
        rules("User-agent: gptbot\nDisallow: /"),
        rules("<html>no such page</html>"),
        rules(status=404),
        rules(status=403),
        rules(status=401),
        rules("User-agent: gptbot\nContent-Usage: train-ai=n"),
        rules("User-agent: *\nContent-Usage: train-ai=y"),
        rules("User-agent: *\nContent-Usage: /private/ train-ai=n"),
        rules("User-agent: *\nContent-Signal: search=yes, ai-train=yes"),
        rules(tdm='[{"location": "/private", "tdm-reservation": 1}]'),
        rules(tdm='[{"location": "/", "tdm-reservation": 0}]'),
        rules(tdm="[]"),
        rules(tdm="<!doctype html>"),
        rules(ai="User-Agent: *\nDisallow: *.png"),
        rules(ai="User-Agent: *\nAllow: /"),
    ],
)
def test_unreserved_addresses_are_permitted(host_rules: HostRules) -> None:
    assert host_rules.refusal(URL) is None


@pytest.mark.parametrize(
    "host_rules",
    [
        rules("User-agent: *\nDisallow: /"),
        rules("User-agent: *\nDisallow: /free/*.jpg"),
        rules("User-agent: *\nDisallow: /*?size="),
        rules("User-agent: *\r\nDisallow: /free"),
        rules("User-agent: lineament\nDisallow: /free\n\nUser-agent: *\nAllow: /"),
        rules("User-agent: Lineament\nAllow: /\n\nUser-agent: *\nDisallow: /free"),
        rules("User-agent: gptbot\nUser-agent: *\nDisallow: /"),
        rules(status=500),
        rules(status=503),
        rules(status=429),
        rules(status=301),
        HostRules({}),
        HostRules({ROBOTS: FileAnswer(None)}),
        HostRules({ROBOTS: FileAnswer(404)}),
        HostRules({ROBOTS: FileAnswer(404), TDMREP: FileAnswer(404), AI: FileAnswer(500)}),
        HostRules({ROBOTS: FileAnswer(404), TDMREP: FileAnswer(500), AI: FileAnswer(404)}),
        rules("User-agent: *\nContent-Usage: train-ai=n"),
        rules("Content-Usage: train-ai=n"),
        rules("User-agent: gptbot\nUser-agent: *\nAllow: /\ncontent-usage : /free/ bots=y, search=n"),
        rules("User-agent: *\nContent-Signal: search=yes, ai-train=no"),
        rules(tdm='[{"location": "/", "tdm-reservation": 1}]'),
        rules(tdm='[{"location": "/free/*.jpg", "tdm-reservation": 1}]'),
        rules(tdm='[{"location": "/", "tdm-reservation": true}]'),
        rules(tdm='[{"location": "/"}]'),
        rules(tdm='[{"location": "/", "tdm-reservation": 0}, {"location": "/free", "tdm-reservation": 1}]'),
        rules(tdm='[{"location": "/", "tdm-reservation": 1}, {"location": "/free", "tdm-reservation": 0}]'),
        rules(tdm="{}"),
        rules(tdm="[" * 100_000),
        rules(tdm="reserved"),
        rules(tdm='["/"]'),
        rules(ai="User-Agent: *\nDisallow: *.jpg"),
        rules(ai="User-Agent: *\nDisallow: /"),
    ],
)
def test_reserved_or_doubtful_addresses_are_refused(host_rules: HostRules) -> None:
    assert host_rules.refusal(URL)


def test_how_much_time_a_host_wants() -> None:
    assert rules().delay == 0
    assert rules("User-agent: *\nCrawl-delay: 5").delay == 5
    assert rules("User-agent: *\nCrawl-delay: 5\n\nUser-agent: Lineament\nCrawl-delay: 1").delay == 5
    assert rules("User-agent: *\nRequest-rate: 1/10").delay == 10
    for value in ("inf", "nan", "1e400", "-5", "99999999"):
        assert 0 <= rules(f"User-agent: *\nCrawl-delay: {value}").delay <= LONGEST_DELAY


@pytest.mark.parametrize(
    ("pattern", "path", "does"),
    [("/a", "/ab", True), ("/a$", "/ab", False), ("/*$", "/x", True),
      ("/a$", "/a", True), ("/a*c$", "/abc", True), ("/a*c$", "/abcd", False),
     ("/*a$", "/a", True), ("*", "/x", True), ("/a*a$", "/a", False), ("", "/", True), ("/a*b*c", "/a-b-c-d", True),
     ("/a*b*c", "/a-c-b", False)],
)  # fmt: skip
def test_patterns(pattern: str, path: str, does: bool) -> None:
    assert matches(pattern, path) is does


def test_many_wildcards_take_no_time() -> None:
    assert not matches("/" + "*a" * 5000 + "b", "/" + "a" * 4000)


def test_many_blanks_take_no_time() -> None:
    assert rules("a: b" + " " * 1_000_000 + "c").refusal(URL) is None


def test_many_agents_that_share_many_rules_take_no_memory() -> None:
    agents, free = (
        "".join(f"User-agent: a{n}\n" for n in range(30_000)),
        "".join(f"Allow: /{n}\n" for n in range(30_000)),
    )
    assert "robots.txt cannot be read" in (rules(agents + free).refusal(URL) or "")
    assert "robots.txt cannot be read" in (rules(agents.replace("\n", "\nSitemap: x\n") + free).refusal(URL) or "")
    assert rules(agents.replace("\n", "\nDisallow: /\n") + free).refusal(URL) is None, "each for itself"


@given(st.binary(max_size=200), st.binary(max_size=100), st.binary(max_size=100))
def test_any_file_gives_pictures_or_refusals(robots: bytes, tdm: bytes, ai: bytes) -> None:
    host_rules = HostRules({ROBOTS: FileAnswer(200, robots), TDMREP: FileAnswer(200, tdm), AI: FileAnswer(200, ai)})
    host_rules.refusal(URL)
    assert 0 <= host_rules.delay <= LONGEST_DELAY


LINES = ["User-agent: *", "User-agent: Lineament", "Disallow: /", "Allow: /", "Disallow: /*$", "", "Sitemap: x"]
LINES += ["Content-Usage: bots=n", "Crawl-delay: x", "Request-rate: 1/0"]


@given(st.lists(st.sampled_from(LINES)))
def test_however_its_lines_are_mixed_there_is_an_answer(lines: list[str]) -> None:
    host_rules = rules("\n".join(lines))
    host_rules.refusal(URL)
    assert 0 <= host_rules.delay <= LONGEST_DELAY
