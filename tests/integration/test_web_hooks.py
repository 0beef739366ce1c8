"""Web hooks: a real receiver that fails first, signatures that it verifies, and addresses that are never told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import ROOT
from tests.support.clock import TICK, Clock
from tests.support.database import raw_database
from tests.support.killed import Killed, killed_at
from tests.support.watched import REASON, SAME, add_source, compare, enrol, keep_watch
from tests.support.world import CASE, SOURCE, World, settings, solo

from lineament.errors import InvalidValue, NotFound
from lineament.model.jobs import LEASE, MOST_ATTEMPTS, JobState
from lineament.model.watches import NOTICE_DELAYS, Notice
from lineament.services.jobs.ended import wanting_notice
from lineament.services.jobs.kinds import INGEST
from lineament.services.watches.hooks import BOTH_SECRETS, MOST_HOOKS
from lineament.services.watches.sending import new_secret
from lineament.workspace import Workspace

BROKER = "http://127.0.0.1:{}/lineament?for=us"


@dataclass(slots=True)
class Receiver:
    """A server of the agency that takes what is sent to it."""

    port: int = 0
    answers: list[int] = field(default_factory=list)  # statuses, in order; afterwards 204
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return BROKER.format(self.port)

    def verified(self, number: int, secret: str) -> bool:
        """Return whether a message is signed with a secret: what the guide tells a receiver to do."""
        head = self.headers[number]
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + self.bodies[number]
        wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return any(hmac.compare_digest(wanted, given) for given in head["webhook-signature"].split())


@contextmanager
def receiving(*answers: int) -> Iterator[Receiver]:
    """Run a receiver that answers with these statuses first."""
    received = Receiver(answers=list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            received.headers.append({name.lower(): value for name, value in self.headers.items()})
            status = received.answers.pop(0) if received.answers else 204
            self.send_response(status)
            if status == 302:
                self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("begun")
    with solo(folder / "ws") as world:
        add_source(world)
        enrol(world, "ardern-2018.jpg")
        world.machine.casework.open(CASE)
        keep_watch(world)
    return folder / "ws"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as received:
        yield received


def open_with(begun: Path, tmp_path: Path, *receivers: Receiver) -> World:
    """Open a copy of the workspace whose operator lets web hooks lead to these receivers."""
    shutil.copytree(begun, tmp_path / "ws")
    own = tuple(f"127.0.0.1:{receiver.port}" for receiver in receivers)
    clock = Clock(tick=TICK)
    return World(Workspace.open(settings(tmp_path / "ws", web_hook_addresses=own), clock=clock), clock)


@pytest.fixture
def world(begun: Path, tmp_path: Path, receiver: Receiver) -> Iterator[World]:
    with open_with(begun, tmp_path, receiver) as world:
        yield world


def notices(world: World) -> list[Notice]:
    """Return the notices of the only web hook, the oldest first."""
    (hook,) = world.machine.web_hooks.list()
    return list(hook.notices)[::-1]


def fire(world: World) -> None:
    enrol(world, SAME)
    compare(world)


def test_a_watch_that_fires_is_told_signed_and_with_nothing_of_the_case(world: World, receiver: Receiver) -> None:
    added = world.machine.web_hooks.add(receiver.url)
    fire(world)
    (notice,) = notices(world)
    assert (notice.standing, notice.attempts) == ("delivered", 1)
    (body,) = receiver.bodies
    told = json.loads(body)
    assert told == {"id": notice.id, "type": "watch.fired", "timestamp": notice.at.isoformat(timespec="seconds")}
    assert receiver.verified(0, added.secret)
    assert not receiver.verified(0, "whsec_" + base64.b64encode(b"x" * 32).decode())
    assert int(receiver.headers[0]["webhook-timestamp"]) == int(world.clock.at.timestamp())
    everything = body + repr(receiver.headers).encode()
    for secret in (CASE.ref, REASON, "examiner-a", "portraits", SAME):
        assert secret.encode() not in everything
    assert "notice_delivered" in world.actions()
    world.machine.audit.verify()


def test_the_lines_of_the_guide_verify_a_message(world: World, receiver: Receiver) -> None:
    guide = (ROOT / "docs" / "guide" / "watches.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    space: dict[str, Any] = {}
    exec(lines, space)  # noqa: S102 - of this repository
    added = world.machine.web_hooks.add(receiver.url)
    world.clock.at = datetime.now(UTC)
    world.machine.web_hooks.test(added.hook.id)
    compare(world)
    is_genuine, headers, (body,) = space["is_genuine"], receiver.headers[0], receiver.bodies
    assert is_genuine(added.secret, headers, body)
    assert not is_genuine(added.secret, headers, body.replace(b"test", b"rest"))
    assert not is_genuine(new_secret(), headers, body)
    assert not is_genuine(added.secret, headers | {"webhook-timestamp": "1700000000"}, body)


def test_a_receiver_that_fails_is_told_again_with_growing_delays(begun: Path, tmp_path: Path) -> None:
    with receiving(503, 500) as receiver, open_with(begun, tmp_path, receiver) as world:
        world.machine.web_hooks.add(receiver.url)
        fire(world)
        (notice,) = notices(world)
        assert (notice.standing, notice.attempts, notice.why) == ("waiting", 1, "it answered with 503")
        assert compare(world) == 0, "it waits"
        for delay in NOTICE_DELAYS[:2]:
            world.clock.advance(seconds=delay.total_seconds())
            compare(world)
        (notice,) = notices(world)
        assert (notice.standing, notice.attempts, notice.why) == ("delivered", 3, "")
        assert len(set(receiver.bodies)) == 1, "the same event, so that the receiver knows it"
        times = [head["webhook-timestamp"] for head in receiver.headers]
        assert len(set(times)) == 3, "each attempt is signed with its own time"


def test_a_receiver_that_never_answers_is_given_up_after_three_days(begun: Path, tmp_path: Path) -> None:
    with receiving(*[500] * 50) as receiver, open_with(begun, tmp_path, receiver) as world:
        world.machine.web_hooks.add(receiver.url)
        fire(world)
        for delay in NOTICE_DELAYS:
            world.clock.advance(seconds=delay.total_seconds())
            compare(world)
        (notice,) = notices(world)
        assert (notice.standing, notice.attempts) == ("given up", len(NOTICE_DELAYS) + 1)
        world.clock.advance(days=9)
        assert compare(world) == 0
        assert "notice_given_up" in world.actions()


def test_a_redirect_is_not_followed(begun: Path, tmp_path: Path) -> None:
    with receiving(302) as receiver, open_with(begun, tmp_path, receiver) as world:
        world.machine.web_hooks.add(receiver.url)
        fire(world)
        assert notices(world)[0].why == "it answered with 302"
        assert len(receiver.bodies) == 1


def test_a_kill_while_notices_are_sent_loses_none(begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver, open_with(begun, tmp_path, receiver) as world:
        hook = world.machine.web_hooks.add(receiver.url).hook
        world.machine.web_hooks.test(hook.id)
        with pytest.raises(Killed), killed_at(1, monkeypatch):  # it was claimed and sent, and not noted
            compare(world)
        assert len(receiver.bodies) == 1
        world.clock.advance(seconds=LEASE.total_seconds())
        compare(world)
        assert notices(world)[0].standing == "delivered"
        assert len(set(receiver.bodies)) == 1, "told twice at the most, as the same event"


def test_both_secrets_sign_for_a_day_after_a_rotation(world: World, receiver: Receiver) -> None:
    first = world.machine.web_hooks.add(receiver.url)
    second = world.machine.web_hooks.rotate(first.hook.id)
    assert second.secret != first.secret
    world.machine.web_hooks.test(first.hook.id)
    compare(world)
    assert receiver.verified(0, first.secret)
    assert receiver.verified(0, second.secret)
    world.clock.advance(seconds=BOTH_SECRETS.total_seconds())
    world.machine.web_hooks.test(first.hook.id)
    compare(world)
    assert not receiver.verified(1, first.secret)
    assert receiver.verified(1, second.secret)


def test_a_removed_web_hook_is_told_nothing_and_its_secret_is_gone(begun: Path, tmp_path: Path) -> None:
    with receiving(500) as receiver, open_with(begun, tmp_path, receiver) as world:
        hook = world.machine.web_hooks.add(receiver.url).hook
        world.machine.web_hooks.test(hook.id)
        compare(world)
        world.machine.web_hooks.remove(hook.id)
        world.clock.advance(days=1)
        compare(world)
        assert len(receiver.bodies) == 1
        assert world.machine.web_hooks.list() == []
        with world.workspace.store.read() as tx:
            assert tx.notices.secrets(hook.id).current == ""
        with pytest.raises(NotFound):
            world.machine.web_hooks.test(hook.id)
        with raw_database(world.workspace.home) as database:
            assert database.execute("SELECT why, next_at FROM notices").fetchall() == [
                ("the web hook was removed", None)
            ]


@pytest.mark.parametrize(
    "url",
    [
        "http://agency.example/hook",
        "http://127.0.0.1:1/hook",
        "ftp://agency.example/",
        "https://user:secret@agency.example/",
        "https:///hook",
        "agency.example/hook",
        "https://agency.example/#fragment",
        "https://agency.example\n.evil.example/",
    ],
)
def test_only_a_whole_https_address_is_added(begun: Path, tmp_path: Path, url: str) -> None:
    with open_with(begun, tmp_path) as world, pytest.raises(InvalidValue):
        world.machine.web_hooks.add(url)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "10.0.0.1", "[::1]", "169.254.169.254", "192.168.1.1", "[fd00:ec2::254]", "0.0.0.1", "2130706433"],
)
def test_no_message_goes_into_a_private_network(begun: Path, tmp_path: Path, host: str) -> None:
    with open_with(begun, tmp_path) as world:
        hook = world.machine.web_hooks.add(f"https://{host}/hook").hook
        world.machine.web_hooks.test(hook.id)
        compare(world)
        (notice,) = notices(world)
        assert notice.standing == "waiting"
        assert "not allowed" in notice.why


def test_another_port_of_an_allowed_address_is_refused(begun: Path, tmp_path: Path) -> None:
    with receiving() as receiver, receiving() as other, open_with(begun, tmp_path, receiver) as world:
        hook = world.machine.web_hooks.add(other.url).hook
        world.machine.web_hooks.test(hook.id)
        compare(world)
        assert "not allowed" in notices(world)[0].why
        assert other.bodies == []


def test_an_agency_has_a_few_web_hooks_each_once(world: World, receiver: Receiver) -> None:
    for number in range(MOST_HOOKS):
        world.machine.web_hooks.add(f"{receiver.url}&number={number}")
    with pytest.raises(InvalidValue):
        world.machine.web_hooks.add(receiver.url)
    last = world.machine.web_hooks.list()[-1].hook
    world.machine.web_hooks.remove(last.id)
    with pytest.raises(InvalidValue):
        world.machine.web_hooks.add(f"{receiver.url}&number=0")


def test_secrets_are_nowhere_in_the_files_of_the_workspace(world: World, receiver: Receiver) -> None:
    added = world.machine.web_hooks.add(receiver.url)
    stored = world.stored_bytes()
    assert added.secret.encode() not in stored
    assert receiver.url.encode() not in stored
    assert added.secret not in world.all_details()


# ---------------------------------------------------------------- jobs


def test_a_job_that_ends_is_told_if_whoever_asked_for_it_wants_that(world: World, receiver: Receiver) -> None:
    added = world.machine.web_hooks.add(receiver.url)
    arguments = {"source": SOURCE, "what": ["/nowhere"], "kind": "folder"}
    for notify in (False, True):
        world.machine.jobs.add(INGEST, wanting_notice(arguments, notify=notify), source=SOURCE)
    world.workspace.worker.drain()
    queued = world.machine.jobs.add(INGEST, wanting_notice(arguments, notify=True), source=SOURCE)
    world.machine.jobs.stop(queued.id)
    world.workspace.worker.drain()
    told = [json.loads(body) for body in receiver.bodies]
    assert [sorted(each) for each in told] == [["id", "timestamp", "type"]] * 2
    assert [each["type"] for each in told] == ["job.ended"] * 2
    assert receiver.verified(0, added.secret)
    assert [notice.standing for notice in notices(world)] == ["delivered", "delivered"]


def test_a_job_whose_workers_died_is_told_as_ended(world: World, receiver: Receiver) -> None:
    world.machine.web_hooks.add(receiver.url)
    arguments = {"source": SOURCE, "what": ["/nowhere"], "kind": "folder"}
    given_up = world.machine.jobs.add(INGEST, wanting_notice(arguments, notify=True), source=SOURCE)
    stopped = world.machine.jobs.add(INGEST, wanting_notice(arguments, notify=True), source=SOURCE)
    for attempt in range(MOST_ATTEMPTS):
        with world.workspace.store.begin() as tx:
            claimed = [tx.jobs.claim(f"elsewhere {attempt} {number}", world.clock()) for number in range(2)]
        assert {each.id for each in claimed if each is not None} == {given_up.id, stopped.id}
        world.clock.advance(seconds=LEASE.total_seconds() + 1)
    world.machine.jobs.stop(stopped.id)
    assert receiver.bodies == []
    world.workspace.worker.drain()
    states = [world.machine.jobs.show(job.id).state for job in (given_up, stopped)]
    assert states == [JobState.FAILED, JobState.STOPPED]
    assert [json.loads(body)["type"] for body in receiver.bodies] == ["job.ended"] * 2
