"""Signing in at the terminal, where the session's key lies in a file of one's own."""

from __future__ import annotations

import hashlib
import io
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from tests.conftest import Ran
from tests.support.authenticator import Authenticator
from tests.support.world import PASSWORD

from lineament.model.accounts import HOME_AGENCY, Role
from lineament.model.policy import Preset
from lineament.settings import Settings
from lineament.workspace import Workspace

EMAIL = "rufus@agency.example"
ORIGIN = "https://lineament.agency.example"


class Rufus:
    """An examiner of a workspace in which everybody signs in, and the terminal where he sits."""

    def __init__(self, home: Path, run: Callable[..., Ran], patch: pytest.MonkeyPatch) -> None:
        self._home = home
        self._run = run
        self._patch = patch
        self._codes = 0
        self.secret = ""
        assert run("init").code == 0
        with self.workspace() as opened, opened.store.begin() as tx:
            tx.agencies.set_preset(HOME_AGENCY, Preset.AGENCY)
            account = tx.accounts.add(HOME_AGENCY, EMAIL, "Rufus T. Firefly", [Role.EXAMINER], opened.clock())
            expires = opened.clock() + timedelta(days=1)
            tx.accounts.invite(account.id, hashlib.sha256(b"token").digest(), expires)
        with self.workspace() as opened:
            self.key = opened.sign_in.join("token", "Rufus T. Firefly", PASSWORD, "a browser").key

    def workspace(self) -> Workspace:
        return Workspace.open(Settings(home=self._home))

    def adds_an_app(self) -> None:
        with self.workspace() as opened:
            session = opened.sign_in.session(self.key)
            assert session is not None
            new = opened.sign_in.factors.begin_totp(session)
            self.secret = new.secret
            code = pyotp.TOTP(new.secret).at(datetime.now(UTC) - timedelta(seconds=30))  # so that two more are left
            self.key = opened.sign_in.factors.enrol_totp(session, new.pending, code, "phone").key

    def adds_a_passkey(self) -> None:
        with self.workspace() as opened:
            session = opened.sign_in.session(self.key)
            assert session is not None
            factors, key = opened.sign_in.factors, Authenticator(ORIGIN, "lineament.agency.example")
            answer = key.create(factors.begin_passkey_enrolment(session, ORIGIN))
            self.key = factors.enrol_passkey(session, answer, ORIGIN, "blue key").key

    def code(self) -> str:
        """What the app shows: each time a later one, for each is good once."""
        self._codes += 1
        return pyotp.TOTP(self.secret).at(datetime.now(UTC) + timedelta(seconds=30 * (self._codes - 1)))

    def types(self, *lines: str) -> Callable[..., Ran]:
        """Commands while those lines are piped in."""
        self._patch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        return self._run


@pytest.fixture
def rufus(tmp_path: Path, lineament: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> Rufus:
    monkeypatch.setenv("LINEAMENT_STATE", str(tmp_path / "state"))
    return Rufus(tmp_path / "ws", lineament, monkeypatch)


@pytest.fixture
def kept(tmp_path: Path) -> Callable[[], list[Path]]:
    return lambda: [path for path in (tmp_path / "state").rglob("*") if path.is_file()]


def test_an_examiner_signs_in_works_and_signs_out(rufus: Rufus, kept: Callable[[], list[Path]]) -> None:
    rufus.adds_an_app()
    before = rufus.types()("case", "list")
    assert before.code == 13
    assert "lineament sign-in" in before.err
    signed_in = rufus.types(PASSWORD, rufus.code())("sign-in", EMAIL)
    assert (signed_in.code, signed_in.out) == (0, "Signed in as Rufus T. Firefly.\n")
    (file,) = kept()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    key = file.read_text().strip()
    assert key not in signed_in.out + signed_in.err
    assert rufus.types()("case", "list").code == 0
    assert rufus.types()("ledger", "export", "x.jsonl").code in {2, 4}  # not what an examiner may do
    assert rufus.types(rufus.code())("step-up").code == 0
    assert file.read_text().strip() != key
    with rufus.workspace() as opened:
        assert opened.sign_in.session(key) is None
    newest = file.read_text().strip()
    assert rufus.types()("sign-out").code == 0
    assert kept() == []
    with rufus.workspace() as opened:
        assert opened.sign_in.session(newest) is None
    assert rufus.types()("case", "list").code == 13
    assert rufus.types()("step-up").code == 13
    assert rufus.types()("sign-out").code == 0


def test_wrong_answers_leave_no_session(rufus: Rufus, kept: Callable[[], list[Path]]) -> None:
    rufus.adds_an_app()
    for lines in (("wrong and long", "000000"), (PASSWORD, "000000"), (PASSWORD,), ()):
        ran = rufus.types(*lines)("sign-in", EMAIL)
        assert ran.code == 13
        assert not any(line in ran.out + ran.err for line in lines)
    assert kept() == []
    with rufus.workspace() as opened:
        session = opened.sign_in.session(rufus.key)
        assert session is not None
        assert [one.id for one in opened.sign_in.sessions(session)] == [session.id]


def test_somebody_without_an_app_is_told_what_to_do(rufus: Rufus) -> None:
    assert "sign in on the pages" in rufus.types(PASSWORD)("sign-in", EMAIL).err
    rufus.adds_a_passkey()
    assert "add an app that shows codes" in rufus.types(PASSWORD)("sign-in", EMAIL).err
    with rufus.workspace() as opened, opened.store.begin() as tx:
        tx.agencies.set_wishes(HOME_AGENCY, {"passkey_only": True})
    assert "sign in on the pages" in rufus.types(PASSWORD)("sign-in", EMAIL).err


def test_a_key_that_others_can_read_is_not_used(rufus: Rufus, kept: Callable[[], list[Path]]) -> None:
    rufus.adds_an_app()
    assert rufus.types(PASSWORD, rufus.code())("sign-in", EMAIL).code == 0
    (file,) = kept()
    file.chmod(0o640)
    ran = rufus.types()("case", "list")
    assert ran.code == 8
    assert file.read_text().strip() not in ran.err


def test_a_session_that_is_idle_is_locked_at_the_terminal_too(rufus: Rufus) -> None:
    rufus.adds_an_app()
    assert rufus.types(PASSWORD, rufus.code())("sign-in", EMAIL).code == 0
    with rufus.workspace() as opened, opened.store.begin() as tx:
        tx.connection.exec_driver_sql("UPDATE sessions SET seen_at = datetime(seen_at, '-31 minutes')")
    locked = rufus.types()("case", "list")
    assert locked.code == 13
    assert "lineament step-up" in locked.err
    assert rufus.types(rufus.code())("step-up").code == 0
    assert rufus.types()("case", "list").code == 0


def test_each_workspace_has_a_session_of_its_own(rufus: Rufus, kept: Callable[[], list[Path]], tmp_path: Path) -> None:
    rufus.adds_an_app()
    assert rufus.types(PASSWORD, rufus.code())("sign-in", EMAIL).code == 0
    other = tmp_path / "other"
    assert rufus.types()("--home", other, "init").code == 0
    with Workspace.open(Settings(home=other)) as opened, opened.store.begin() as tx:
        tx.agencies.set_preset(HOME_AGENCY, Preset.AGENCY)
    assert rufus.types()("--home", other, "case", "list").code == 13
    assert len(kept()) == 1
    assert kept()[0].name.isalnum()
