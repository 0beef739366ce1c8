"""Signing in at the terminal, which stores the key of the session in a private file."""

from __future__ import annotations

import io
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.conftest import Ran
from tests.support.authenticator import Authenticator
from tests.support.fixtures import EMAIL, ORIGIN, RP
from tests.support.world import PASSWORD, World, opened

from lineament.store import guard


class Rufus:
    """An examiner of a workspace where everybody signs in, at his terminal."""

    def __init__(self, home: Path, run: Callable[..., Ran], patch: pytest.MonkeyPatch) -> None:
        self._home = home
        self._run = run
        self._patch = patch
        assert run("init").code == 0
        with self.world() as world:
            world.leave_solo()
            self.person = world.sign_up(EMAIL)

    def world(self) -> World:
        return opened(self._home)

    def add_app(self) -> None:
        with self.world() as world:
            world.add_app(self.person, seconds_ago=30)  # so that two codes are left

    def add_passkey(self) -> None:
        with self.world() as world:
            world.add_passkey(self.person, Authenticator(ORIGIN, RP))

    def code(self) -> str:
        return self.person.next_code(datetime.now(UTC))

    def typing(self, *lines: str) -> Callable[..., Ran]:
        """Return a function that runs a command with these lines as its input."""
        self._patch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        return self._run


@pytest.fixture
def rufus(tmp_path: Path, lineament: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> Rufus:
    monkeypatch.setenv("LINEAMENT_STATE", str(tmp_path / "state"))
    return Rufus(tmp_path / "ws", lineament, monkeypatch)


@pytest.fixture
def key_files(tmp_path: Path) -> Callable[[], list[Path]]:
    """Return a function that lists the files of the state folder."""
    return lambda: [path for path in (tmp_path / "state").rglob("*") if path.is_file()]


def test_an_examiner_signs_in_works_and_signs_out(rufus: Rufus, key_files: Callable[[], list[Path]]) -> None:
    rufus.add_app()
    before = rufus.typing()("case", "list")
    assert before.code == 13
    assert "lineament sign-in" in before.err
    signed_in = rufus.typing(PASSWORD, rufus.code())("sign-in", EMAIL)
    assert (signed_in.code, signed_in.out) == (0, "Signed in as rufus.\n")
    (file,) = key_files()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    key = file.read_text().strip()
    assert key not in signed_in.out + signed_in.err
    assert rufus.typing()("case", "list").code == 0
    assert rufus.typing()("ledger", "export", "x.jsonl").code in {2, 4}  # examiners may not
    assert rufus.typing(rufus.code())("step-up").code == 0
    assert file.read_text().strip() != key
    with rufus.world() as world:
        assert world.sign_in.session(key) is None
    newest = file.read_text().strip()
    assert rufus.typing()("sign-out").code == 0
    assert key_files() == []
    with rufus.world() as world:
        assert world.sign_in.session(newest) is None
    assert rufus.typing()("case", "list").code == 13
    assert rufus.typing()("step-up").code == 13
    assert rufus.typing()("sign-out").code == 0


def test_wrong_answers_leave_no_session(rufus: Rufus, key_files: Callable[[], list[Path]]) -> None:
    rufus.add_app()
    for lines in (("wrong and long", "000000"), (PASSWORD, "000000"), (PASSWORD,), ()):
        ran = rufus.typing(*lines)("sign-in", EMAIL)
        assert ran.code == 13
        assert not any(line in ran.out + ran.err for line in lines)
    assert key_files() == []
    with rufus.world() as world:
        session = world.session(rufus.person.key)
        assert [found.id for found in world.sign_in.sessions(session)] == [session.id]


def test_without_an_app_the_message_says_what_to_do(rufus: Rufus) -> None:
    assert "sign in on the pages" in rufus.typing(PASSWORD)("sign-in", EMAIL).err
    rufus.add_passkey()
    assert "add an app that shows codes" in rufus.typing(PASSWORD)("sign-in", EMAIL).err
    with rufus.world() as world:
        world.wish(passkey_only=True)
    assert "sign in on the pages" in rufus.typing(PASSWORD)("sign-in", EMAIL).err


def test_a_key_that_others_can_read_is_not_used(rufus: Rufus, key_files: Callable[[], list[Path]]) -> None:
    rufus.add_app()
    assert rufus.typing(PASSWORD, rufus.code())("sign-in", EMAIL).code == 0
    (file,) = key_files()
    file.chmod(0o640)
    ran = rufus.typing()("case", "list")
    assert ran.code == 8
    assert file.read_text().strip() not in ran.err


def test_an_idle_session_is_locked_at_the_terminal_too(rufus: Rufus) -> None:
    rufus.add_app()
    assert rufus.typing(PASSWORD, rufus.code())("sign-in", EMAIL).code == 0
    with rufus.world() as world, world.workspace.store.begin() as tx:
        tx.connection.exec_driver_sql("UPDATE sessions SET seen_at = datetime(seen_at, '-31 minutes') || '.000000'")
        guard.sign_everything(tx.connection, tx.vault)
    locked = rufus.typing()("case", "list")
    assert locked.code == 13
    assert "lineament step-up" in locked.err
    assert rufus.typing(rufus.code())("step-up").code == 0
    assert rufus.typing()("case", "list").code == 0


def test_each_workspace_has_its_own_session(rufus: Rufus, key_files: Callable[[], list[Path]], tmp_path: Path) -> None:
    rufus.add_app()
    assert rufus.typing(PASSWORD, rufus.code())("sign-in", EMAIL).code == 0
    other = tmp_path / "other"
    assert rufus.typing()("--home", other, "init").code == 0
    with opened(other) as world:
        world.leave_solo()
    assert rufus.typing()("--home", other, "case", "list").code == 13
    assert len(key_files()) == 1
    assert key_files()[0].name.isalnum()
