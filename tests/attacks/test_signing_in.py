"""Attacks on signing in: guesses, locks as weapons, floods, stolen keys and links."""

from __future__ import annotations

import ast
import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from inspect import signature
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
import sqlalchemy as sa
from starlette.datastructures import Headers
from tests.conftest import ROOT
from tests.support.authenticator import PRESENT, VERIFIED, Authenticator
from tests.support.clock import Clock
from tests.support.fixtures import EMAIL, ORIGIN, RP
from tests.support.serving import ServedWorld, send_form, serving, serving_officials, token_in
from tests.support.world import OTHER_PASSWORD, PASSWORD, Person, World, solo

from lineament.errors import InvalidValue, OpenIdUnavailable, SignInRefused, TooManyAttempts
from lineament.identity import passwords
from lineament.model.accounts import Permission, Role
from lineament.model.policy import AGENCY
from lineament.services.people.attempts import factor_key, lock_length, password_key
from lineament.services.people.callers import TERMINAL, AttemptPlace, Caller
from lineament.services.people.factors import Factors
from lineament.services.people.rate_limits import (
    FAILURES,
    PROVIDER_AT_ONCE,
    STRANGERS_AT_ONCE,
    VISITS,
    RateLimits,
)
from lineament.services.people.sessions import Session, SessionState
from lineament.services.people.signin import SignIn
from lineament.services.people.windows import MOST_CLIENTS, Limit, MemoryWindows
from lineament.store.people_tables import devices
from lineament.web import doors
from lineament.web.app import create_app, declared
from lineament.web.doors import DOORS
from lineament.web.health import HEALTH
from lineament.web.security import SiteAddress
from lineament.web.serve import serve

pytestmark = pytest.mark.enable_socket


# ---------------------------------------------------------------- passkeys that do not know who holds them


def test_a_passkey_without_user_verification_is_not_enrolled(world: World, factors: Factors, rufus: Person) -> None:
    session = world.session(rufus.key)
    options = factors.begin_passkey_enrolment(session, ORIGIN)
    assert options["authenticatorSelection"]["userVerification"] == "required"
    with pytest.raises(SignInRefused, match="did not check who holds it"):
        factors.enrol_passkey(session, Authenticator(ORIGIN, RP, flags=PRESENT).create(options), ORIGIN, "found key")
    assert [factor.kind for factor in factors.all(session)] == ["totp"]


def test_a_passkey_without_user_verification_is_no_step_up(world: World, factors: Factors, rufus: Person) -> None:
    key = Authenticator(ORIGIN, RP)
    world.add_passkey(rufus, key)
    key.flags = PRESENT  # as a passkey answers that was enrolled before verification was required
    world.clock.advance(minutes=16)
    session = world.session(rufus.key)
    options = factors.begin_passkey(session, ORIGIN)
    assert options["userVerification"] == "required"
    with pytest.raises(SignInRefused, match="give it a PIN"):
        factors.prove_passkey(session, key.get(options), ORIGIN)
    assert not world.session(rufus.key).fresh
    key.flags = PRESENT | VERIFIED
    proved = factors.prove_passkey(session, key.get(factors.begin_passkey(session, ORIGIN)), ORIGIN)
    assert world.session(proved.key).fresh


def test_a_passkey_without_user_verification_unlocks_nothing(world: World, factors: Factors, rufus: Person) -> None:
    key = Authenticator(ORIGIN, RP)
    world.add_passkey(rufus, key)
    key.flags = PRESENT
    world.clock.advance(minutes=31)
    session = world.session(rufus.key)
    with pytest.raises(SignInRefused):
        factors.prove_passkey(session, key.get(factors.begin_passkey(session, ORIGIN)), ORIGIN)
    assert world.session(rufus.key).standing is SessionState.LOCKED


# ---------------------------------------------------------------- guesses, and locks as weapons

PUBLIC_URL = "http://lineament.agency.example"
WRONG = "wrong and long"
STRANGER, OFFICE, HOME = "203.0.113.7", "198.51.100.20", "192.0.2.33"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedWorld]:
    """A server behind a proxy that names the clients; it slows nobody down."""
    monkeypatch.setattr(doors, "SLOWED_SECONDS", 0.0)
    with serving_officials(tmp_path / "ws", public_url=PUBLIC_URL, client_header="x-real-ip") as site:
        yield site


@contextmanager
def browser_at(site: ServedWorld, address: str) -> Iterator[httpx.Client]:
    """Yield a new browser at a network address, as the proxy tells it."""
    with site.browser(host="lineament.agency.example", **{"x-real-ip": address}) as browser:
        yield browser


def enter(browser: httpx.Client, email: str, password: str) -> httpx.Response:
    """Send the form of the sign-in page, without whatever session the browser had."""
    if "lineament" in browser.cookies:
        browser.cookies.delete("lineament")
    page = browser.get("/sign-in")
    return (
        page
        if page.status_code == 429
        else browser.post("/sign-in", data={"csrf": token_in(page.text), "email": email, "password": password})
    )


def sign_in_fully(site: ServedWorld, browser: httpx.Client, person: Person) -> None:
    """Sign in with the password and an unused code: the browser is known to the account afterwards."""
    assert enter(browser, person.account.email, PASSWORD).status_code == 303
    site.world.clock.advance(minutes=1)
    answer = send_form(browser, "/second-factor", code=site.world.code(person))
    assert answer.status_code == 303, answer.text


def guess(site: ServedWorld, email: str, times: int, network: int = 0) -> None:
    """Send wrong passwords, each from a client of its own."""
    for number in range(times):
        with browser_at(site, f"100.64.{network}.{number}") as browser:
            assert enter(browser, email, WRONG).status_code == 403


def locks(world: World) -> int:
    return world.actions().count("sign_in_locked")


def test_one_client_locks_few_accounts_and_then_is_refused(site: ServedWorld) -> None:
    people = [site.world.sign_up_with_app(f"person{number}@agency.example") for number in range(12)]
    with browser_at(site, STRANGER) as browser:
        answers = [enter(browser, person.account.email, WRONG) for person in people for _ in range(5)]
    statuses = [answer.status_code for answer in answers]
    assert statuses == [403] * 10 + [429] * 50
    assert int(answers[-1].headers["retry-after"]) > 1
    assert locks(site.world) == 2
    with browser_at(site, OFFICE) as browser:
        assert enter(browser, people[5].account.email, PASSWORD).status_code == 303


def test_a_client_that_waited_may_try_again(site: ServedWorld) -> None:
    site.world.sign_up_with_app(EMAIL)
    with browser_at(site, STRANGER) as browser:
        for number in range(10):
            assert enter(browser, f"nobody{number}@agency.example", WRONG).status_code == 403
        refused = enter(browser, EMAIL, PASSWORD)
        site.world.clock.advance(seconds=int(refused.headers["retry-after"]) - 1)
        assert enter(browser, EMAIL, PASSWORD).status_code == 429
        site.world.clock.advance(seconds=2)
        assert enter(browser, EMAIL, PASSWORD).status_code == 303


def test_an_office_behind_one_address_signs_in_as_often_as_it_likes(site: ServedWorld) -> None:
    site.world.sign_up_with_app(EMAIL)
    with browser_at(site, OFFICE) as browser:
        assert {enter(browser, EMAIL, PASSWORD).status_code for _ in range(30)} == {303}


def test_strangers_lock_nobody_out_of_a_browser_that_the_account_knows(site: ServedWorld) -> None:
    rufus = site.world.sign_up_with_app(EMAIL)
    with browser_at(site, OFFICE) as known, browser_at(site, HOME) as new:
        sign_in_fully(site, known, rufus)
        guess(site, EMAIL, 5)
        assert enter(new, EMAIL, PASSWORD).status_code == 403  # the lock of R49 holds for every other device
        sign_in_fully(site, known, rufus)
        site.world.clock.advance(minutes=31)
        answer = send_form(known, "/locked", password=PASSWORD)
        assert answer.status_code == 303
        assert enter(new, EMAIL, PASSWORD).status_code == 303  # the lock has run out


def test_who_knows_the_password_locks_nobody_out_of_their_second_factor(site: ServedWorld) -> None:
    rufus = site.world.sign_up_with_app(EMAIL)
    with browser_at(site, OFFICE) as known, browser_at(site, STRANGER) as thief:
        sign_in_fully(site, known, rufus)
        assert enter(thief, EMAIL, PASSWORD).status_code == 303
        codes = [send_form(thief, "/second-factor", code="000000").status_code for _ in range(5)]
        assert codes == [403] * 5
        site.world.clock.advance(minutes=1)
        assert send_form(thief, "/second-factor", code=site.world.code(rufus)).status_code == 403
        assert send_form(known, "/step-up", code=site.world.code(rufus), next="/account").status_code == 303


def test_strangers_lock_nobody_out_of_the_terminal(world: World, rufus: Person) -> None:
    for number in range(5):
        with pytest.raises(SignInRefused):
            world.sign_in.password(EMAIL, WRONG, "a browser", caller=Caller(client=f"100.64.0.{number}"))
    with pytest.raises(SignInRefused):
        world.sign_in.password(EMAIL, PASSWORD, "a browser", caller=Caller(client=OFFICE))
    begun = world.sign_in.password(EMAIL, PASSWORD, "terminal", terminal=True)
    world.clock.advance(minutes=1)
    assert world.sign_in.factors.prove_code(world.session(begun.key), world.code(rufus))


def test_a_lock_doubles_with_each_further_failure_up_to_a_day(world: World, rufus: Person) -> None:
    def locked_for() -> int:
        """Return the minutes after which a try is counted again, and let it fail."""
        before = locks(world)
        for minutes in range(1, 2000):
            world.clock.advance(minutes=1)
            with pytest.raises(SignInRefused):
                world.sign_in.password(EMAIL, WRONG, "a browser")
            if locks(world) > before:
                return minutes
        return 0

    for _ in range(5):
        with pytest.raises(SignInRefused):
            world.sign_in.password(EMAIL, WRONG, "a browser")
    assert [locked_for() for _ in range(4)] == [15, 30, 60, 120]
    assert lock_length(10, AGENCY) == timedelta(hours=8)
    assert lock_length(12, AGENCY) == lock_length(1000, AGENCY) == timedelta(hours=24)
    world.clock.advance(hours=4, seconds=1)
    assert world.session(world.sign_in.password(EMAIL, PASSWORD, "a browser").key).account.id == rufus.account.id
    for _ in range(4):
        with pytest.raises(SignInRefused):
            world.sign_in.password(EMAIL, WRONG, "a browser")
    world.enter_password(rufus)  # whoever got in begins from nothing


def test_an_address_made_to_look_like_another_counter_locks_nothing(world: World, rufus: Person) -> None:
    session = world.new_session(rufus)
    for typed in (
        f"factor {rufus.account.id}",
        factor_key(rufus.account, AttemptPlace()),
        password_key(EMAIL, TERMINAL),
        password_key(EMAIL, AttemptPlace()),
    ):
        for _ in range(5):
            with pytest.raises(SignInRefused):
                world.sign_in.password(typed, WRONG, "a browser")
    world.clock.advance(minutes=1)
    assert world.sign_in.factors.prove_code(session, world.code(rufus))
    assert world.sign_in.password(EMAIL, PASSWORD, "terminal", terminal=True)
    assert world.enter_password(rufus)


# ---------------------------------------------------------------- known devices


def device_cookie(browser: httpx.Client) -> str:
    return browser.cookies["lineament-device"]


def test_the_cookie_of_a_device_is_for_the_server_alone(site: ServedWorld) -> None:
    rufus = site.world.sign_up_with_app(EMAIL)
    with browser_at(site, OFFICE) as browser:
        entered = enter(browser, EMAIL, PASSWORD)
        assert "lineament-device" not in entered.headers["set-cookie"]  # the password alone is half a sign-in
        site.world.clock.advance(minutes=1)
        answer = send_form(browser, "/second-factor", code=site.world.code(rufus))
        (cookie,) = [text for text in answer.headers.get_list("set-cookie") if text.startswith("lineament-device")]
        assert {"httponly", "samesite=strict", "path=/", "max-age=7776000"} <= set(cookie.lower().split("; "))
        assert rufus.account.id not in cookie
        key = device_cookie(browser)
    with site.world.workspace.store.read() as tx:
        rows = [bytes(row[0]) for row in tx.connection.execute(sa.select(devices.c.lookup))]
    assert len(rows) == 1
    assert key.encode() not in rows


def test_a_device_is_known_to_its_account_alone_and_cannot_be_made_up(site: ServedWorld) -> None:
    rufus, groucho = site.world.sign_up_with_app(EMAIL), site.world.sign_up_with_app("groucho@agency.example")
    with browser_at(site, OFFICE) as browser:
        sign_in_fully(site, browser, groucho)
        theirs = device_cookie(browser)
    guess(site, EMAIL, 5)
    tampered = theirs[:-1] + ("A" if theirs[-1] != "A" else "B")
    for cookie in (theirs, tampered, "", "x" * 64, ".".join([theirs] * 50), "\\", "é" * 40):
        with browser_at(site, HOME) as browser:
            page = browser.get("/sign-in")
            form = browser.cookies["lineament-form"]
            answer = browser.post(
                "/sign-in",
                headers=[(b"cookie", f"lineament-form={form}; lineament-device={cookie}".encode())],
                data={"csrf": token_in(page.text), "email": rufus.account.email, "password": PASSWORD},
            )
            assert answer.status_code == 403, cookie


def test_people_who_share_a_browser_are_each_known_in_it(site: ServedWorld) -> None:
    people = [site.world.sign_up_with_app(f"person{number}@agency.example") for number in range(3)]
    with browser_at(site, OFFICE) as browser:
        for person in people:
            sign_in_fully(site, browser, person)
        for number, person in enumerate(people):
            guess(site, person.account.email, 5, network=number)
        for person in people:
            sign_in_fully(site, browser, person)
        assert len(device_cookie(browser).split(".")) == 3  # none is added for a browser that is known


def test_a_known_device_that_guesses_is_known_no_longer(site: ServedWorld) -> None:
    rufus = site.world.sign_up_with_app(EMAIL)
    with browser_at(site, OFFICE) as stolen, browser_at(site, HOME) as new:
        sign_in_fully(site, stolen, rufus)
        assert [enter(stolen, EMAIL, WRONG).status_code for _ in range(5)] == [403] * 5
        assert locks(site.world) == 1
        with site.world.workspace.store.read() as tx:
            assert tx.connection.scalar(sa.select(sa.func.count()).select_from(devices)) == 0
        sign_in_fully(site, new, rufus)  # the others were not locked by it
        assert [enter(stolen, EMAIL, WRONG).status_code for _ in range(6)] == [403] * 5 + [429]


@pytest.mark.parametrize("ending", ["others", "password", "administrator", "ninety days"])
def test_a_device_is_forgotten_when_sessions_are_ended(site: ServedWorld, ending: str) -> None:
    world = site.world
    rufus, anna = world.sign_up_with_app(EMAIL), world.sign_up_with_app("anna@agency.example", Role.ADMINISTRATOR)
    with browser_at(site, OFFICE) as lost, browser_at(site, HOME) as own:
        sign_in_fully(site, lost, rufus)
        sign_in_fully(site, own, rufus)
        password = PASSWORD
        if ending == "others":
            assert send_form(own, "/account", to="/account/sessions/others/end").status_code == 303
        elif ending == "password":
            password = OTHER_PASSWORD
            fields = {"old": PASSWORD, "password": password, "again": password}
            assert send_form(own, "/account", to="/account/password", **fields).status_code == 303
        elif ending == "administrator":
            world.fresh_desk(anna.account).people.end_sessions(rufus.account.id)
        else:
            world.clock.advance(days=90)
        guess(site, EMAIL, 5)
        assert enter(lost, EMAIL, password).status_code == 403
        assert enter(own, EMAIL, password).status_code == (303 if ending in {"others", "password"} else 403)


# ---------------------------------------------------------------- who a client is


def test_nobody_chooses_the_address_under_which_they_are_counted(tmp_path: Path) -> None:
    with serving_officials(tmp_path / "ws") as site, site.browser() as browser:
        for number in range(12):
            address = f"203.0.113.{number}"
            browser.headers.update({"x-forwarded-for": address, "x-real-ip": address, "forwarded": f"for={address}"})
            statuses = enter(browser, f"nobody{number}@agency.example", WRONG).status_code
            assert statuses == (403 if number < 10 else 429)


def test_what_a_client_writes_before_the_proxy_is_not_read(site: ServedWorld) -> None:
    for number in range(11):
        with browser_at(site, f"203.0.113.{number}, {STRANGER}") as browser:
            answer = enter(browser, f"nobody{number}@agency.example", WRONG)
            assert answer.status_code == (403 if number < 10 else 429)
    with site.browser(**{"x-real-ip": HOME}) as browser:  # not for the public name, so not by the proxy
        for number in range(11):
            browser.headers["x-real-ip"] = f"203.0.113.{number}"
            answer = enter(browser, f"nobody{number}@agency.example", WRONG)
            assert answer.status_code == (403 if number < 10 else 429)


def client(header: str | None, peer: str = "127.0.0.1", host: str = "lineament.agency.example") -> str:
    site = SiteAddress(PUBLIC_URL, "x-real-ip")
    return site.client(Headers({"host": host} | ({} if header is None else {"x-real-ip": header})), peer)


def test_a_client_is_an_address_or_the_network_that_ipv6_gives_to_one() -> None:
    assert client("203.0.113.7") == client("::ffff:203.0.113.7") == "203.0.113.7"
    assert client("2001:db8:1:2:3:4:5:6") == client("2001:db8:1:2::1") == "2001:db8:1:2::/64"
    assert client("2001:db8:1:3::1") != client("2001:db8:1:2::1")
    assert {client(text) for text in ("", "no address", "1.2.3.4:80", "203.0.113.7, nobody")} == {"unknown"}
    assert client(None) == "unknown"  # a proxy that names nobody: all of these count as one
    assert client("203.0.113.7", peer="203.0.113.9") == "203.0.113.9"  # it is not on this machine
    assert client("203.0.113.7", host="localhost") == "127.0.0.1"


def test_the_pages_are_not_served_in_public_without_telling_clients_apart(tmp_path: Path) -> None:
    with solo(tmp_path / "ws", public_url=PUBLIC_URL) as world:
        announced: list[str] = []
        with pytest.raises(InvalidValue, match="X-Real-IP"):
            serve(world.workspace, "127.0.0.1", 0, announced.append)
        assert announced == []


# ---------------------------------------------------------------- floods


@contextmanager
def all_taken(limits: RateLimits) -> Iterator[None]:
    """Take every place in which passwords of strangers are checked."""
    with ExitStack() as stack:
        for _ in range(STRANGERS_AT_ONCE):
            stack.enter_context(limits.checking(known=False))
        yield


def test_a_password_that_cannot_be_checked_now_is_refused_at_once(
    site: ServedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    rufus = site.world.sign_up_with_app(EMAIL)
    with browser_at(site, OFFICE) as known, browser_at(site, STRANGER) as stranger:
        sign_in_fully(site, known, rufus)
        with all_taken(site.world.sign_in.limits):
            with monkeypatch.context() as patched:
                patched.setattr(passwords, "fits", lambda *_: pytest.fail("it was checked"))
                answers = [enter(stranger, EMAIL, WRONG) for _ in range(20)]
            assert {(answer.status_code, answer.headers["retry-after"]) for answer in answers} == {(429, "1")}
            with pytest.raises(TooManyAttempts):
                site.world.sign_in.password(EMAIL, WRONG, "x", caller=Caller(client=STRANGER))
            sign_in_fully(site, known, rufus)  # strangers never take the places of those who are known
        assert enter(stranger, EMAIL, PASSWORD).status_code == 303  # what was not checked counted as no failure


def test_no_thread_that_serves_pages_waits_for_strangers(site: ServedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    rufus = site.world.sign_up_with_app(EMAIL)
    finish, real = threading.Event(), passwords.fits

    def slow(stored: str | None, untrusted: str) -> bool:
        assert finish.wait(60)
        return real(stored, untrusted)

    def attack(number: int) -> int:
        with browser_at(site, f"100.64.1.{number}") as browser:
            return enter(browser, f"nobody{number}@agency.example", WRONG).status_code

    with browser_at(site, OFFICE) as browser, ThreadPoolExecutor(60) as pool:
        sign_in_fully(site, browser, rufus)
        monkeypatch.setattr(passwords, "fits", slow)
        attacks = [pool.submit(attack, number) for number in range(60)]
        try:
            at_once = [future.result(50) for future in islice(as_completed(attacks, 50), 60 - STRANGERS_AT_ONCE)]
            assert set(at_once) == {429}
            assert browser.get("/account", timeout=30).status_code == 200
        finally:
            finish.set()
        statuses = Counter(future.result(60) for future in attacks)
    assert statuses == {429: 60 - STRANGERS_AT_ONCE, 403: STRANGERS_AT_ONCE}


def test_requests_before_signing_in_are_counted_by_client(site: ServedWorld) -> None:
    most, seconds = VISITS
    with browser_at(site, STRANGER) as flooding, browser_at(site, OFFICE) as other:
        statuses = Counter(flooding.get("/sign-in").status_code for _ in range(most + 3))
        assert statuses == {200: most, 429: 3}
        assert flooding.get("/join/x").status_code == 429
        assert other.get("/sign-in").status_code == 200
        site.world.clock.advance(seconds=seconds)
        assert flooding.get("/sign-in").status_code == 200


def test_a_client_that_does_not_wait_is_slowed_down_without_a_thread(
    site: ServedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(doors, "SLOWED_SECONDS", 1000.0)
    monkeypatch.setattr(doors, "asyncio", SimpleNamespace(sleep=sleep, get_running_loop=asyncio.get_running_loop))
    with browser_at(site, STRANGER) as flooding, all_taken(site.world.sign_in.limits):
        assert [flooding.post("/sign-in").status_code for _ in range(4)] == [429] * 4
    assert waits == [1000.0] * 3  # the first refusal comes at once


def test_every_page_before_signing_in_is_behind_a_door() -> None:
    public = [route.path for route in declared() if route.access is Permission.PUBLIC]
    assert len(public) > 5
    free = ("/static/", "/answers/", *HEALTH)  # from memory, or of one look for everybody who asks within a second
    assert [path for path in public if not path.startswith((*DOORS, *free))] == []


def test_clients_that_are_counted_take_bounded_memory() -> None:
    clock = Clock()
    windows, limit = MemoryWindows(clock), Limit("visit", 3, 60, "too many")
    for number in range(MOST_CLIENTS + 50):
        windows.count(limit, f"client {number}")
    assert len(windows._counted["visit"]) == MOST_CLIENTS


# ---------------------------------------------------------------- every way in is limited

SECRETS_TAKEN = {
    "password", "unlock", "change_password", "invited", "join", "openid_finish",
    "prove_code", "prove_passkey", "enrol_passkey", "enrol_totp", "end_others",
}  # fmt: skip


def test_every_page_that_takes_a_secret_says_where_it_comes_from() -> None:
    takes = {
        name for service in (SignIn, Factors) for name, method in vars(service).items()
        if callable(method) and "caller" in signature(method).parameters and not name.startswith("_")
    }  # fmt: skip
    assert takes == SECRETS_TAKEN | {"prove_totp", "prove_recovery"}
    called: dict[str, list[bool]] = {}
    for path in (ROOT / "src" / "lineament" / "web").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SECRETS_TAKEN:
                served = ast.unparse(node.func.value).endswith(("sign_in", "factors"))
                called.setdefault(node.func.attr, []).append(
                    not served or any(word.arg == "caller" for word in node.keywords)
                )
    assert set(called) == SECRETS_TAKEN
    assert [name for name, said in called.items() if not all(said)] == []


Guess = Callable[[SignIn, Session, Caller], object]

WAYS_IN: dict[str, Guess] = {
    "a password": lambda sign_in, _, caller: sign_in.password("nobody@agency.example", WRONG, "x", caller=caller),
    "a link": lambda sign_in, _, caller: sign_in.invited("made up", caller=caller),
    "joining": lambda sign_in, _, caller: sign_in.join("made up", "x", PASSWORD, "x", caller=caller),
    "a code": lambda sign_in, session, caller: sign_in.factors.prove_code(session, "000000", caller=caller),
    "a recovery code": lambda sign_in, session, caller: sign_in.factors.prove_code(session, "x" * 16, caller=caller),
    "unlocking": lambda sign_in, session, caller: sign_in.unlock(session, WRONG, caller=caller),
    "a new password": lambda sign_in, session, caller: sign_in.change_password(session, WRONG, PASSWORD, caller=caller),
    "the provider": lambda sign_in, _, caller: sign_in.openid_finish("00", "", "http://x", "x", caller=caller),
}


@pytest.mark.parametrize("way", WAYS_IN)
def test_every_way_in_counts_against_its_client(world: World, rufus: Person, way: str) -> None:
    session, caller, guess = world.new_session(rufus), Caller(client=STRANGER), WAYS_IN[way]
    for _ in range(FAILURES[0]):
        with pytest.raises(SignInRefused):
            guess(world.sign_in, session, caller)
    for other in WAYS_IN.values():
        with pytest.raises(TooManyAttempts):
            other(world.sign_in, session, caller)
    with pytest.raises(SignInRefused):
        guess(world.sign_in, session, Caller(client=OFFICE))


def test_few_requests_wait_for_the_provider_at_a_time(world: World) -> None:
    limits = world.sign_in.limits
    with ExitStack() as stack:
        for _ in range(PROVIDER_AT_ONCE):
            stack.enter_context(limits.asking_provider())
        with pytest.raises(TooManyAttempts):
            world.sign_in.openid_begin("http://localhost/back")
    with pytest.raises(OpenIdUnavailable):  # there is none here, but it would have been asked
        world.sign_in.openid_begin("http://localhost/back")


def test_guesses_in_parallel_gain_nothing(world: World) -> None:
    limits, caller, most = world.sign_in.limits, Caller(client=STRANGER), FAILURES[0]
    with ExitStack() as stack:
        for _ in range(most):
            stack.enter_context(limits.attempt(caller))
        with pytest.raises(TooManyAttempts), limits.attempt(caller):
            pytest.fail("one more than may fail is under way")
    with limits.attempt(caller):  # none of them failed
        pass


# ---------------------------------------------------------------- the start-up link


def test_the_link_that_serve_prints_works_once(tmp_path: Path) -> None:
    with solo(tmp_path / "ws") as world, serving(world.workspace) as served:
        first = served.entrance
        with (
            httpx.Client(base_url=served.url, timeout=60) as browser,
            httpx.Client(base_url=served.url, timeout=60) as thief,
        ):
            assert browser.get(first).status_code == 303
            assert thief.get(first).status_code == 403
            assert "set-cookie" not in thief.get(first).headers
            assert thief.get("/").status_code == 403
            tabs = [browser.get(address).status_code for address in ("/", "/cases", "/", "/ledger")]
            assert tabs == [200] * 4  # the cookie is good for every tab
            assert browser.get(first).headers["location"] == "/"  # a tab that was restored
        second = served.entrance
        assert second != first
        with httpx.Client(base_url=served.url, timeout=60) as other:
            assert other.get(second).status_code == 303
            assert other.get("/cases").status_code == 200


def test_the_next_link_is_announced_when_one_was_used(tmp_path: Path) -> None:
    with solo(tmp_path / "ws") as world:
        announced: list[str] = []
        sessions = create_app(world.workspace, "first", announced.append).state.sessions
        assert sessions.admit("first") is not None
        assert sessions.admit("first") is None
        assert announced == [sessions.token]
        assert sessions.admit(announced[0]) is not None


def test_guesses_at_the_link_are_counted(tmp_path: Path) -> None:
    with solo(tmp_path / "ws", Clock()) as world, serving(world.workspace) as served:
        statuses = [httpx.get(f"{served.url}/?token=guess{number}", timeout=60).status_code for number in range(12)]
        assert statuses == [403] * 10 + [429] * 2
