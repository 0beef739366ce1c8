"""The files under deploy/ do what the guide says: run, as far as a machine without root and systemd allows."""

from __future__ import annotations

import json
import os
import re
import shutil
import ssl
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
import yaml
from tests.conftest import CASE, PORTRAITS, ROOT, SOURCE, Ran
from tests.support.postgresql import owner_of, postgresql_programs, postgresql_server, role_address, separate_roles
from tests.support.proxied import PUBLIC, free_port, make_certificate, proxied

import lineament
from lineament.settings import PREFIX, Settings, described

DEPLOY = ROOT / "deploy"
GUIDE = (ROOT / "docs" / "guide" / "deployment.md").read_text("utf-8")
UNITS = sorted(path.name for path in DEPLOY.glob("lineament-*.*"))
NGINX = (DEPLOY / "nginx.conf").read_text("utf-8")


def script(name: str, home: Path, *arguments: Path, url: str = "") -> subprocess.CompletedProcess[str]:
    """Run a script of deploy/ on a workspace."""
    environment = {
        "PATH": f"{postgresql_programs()}:{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "LINEAMENT_HOME": str(home),
        "LINEAMENT_DATABASE_URL": url,
        "LINEAMENT_DATABASE_OWNER_URL": (owner_of(url) or "") if url else "",
    }
    command = [str(DEPLOY / name), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def superuser() -> Iterator[str]:
    """The address of a PostgreSQL server, as its superuser."""
    with postgresql_server() as server:
        yield server.uri


def create_database(superuser: str, name: str) -> str:
    """Create a database with deploy/postgresql.sql; return its address as the service has it."""
    separate_roles(superuser, name)
    separate_roles(superuser, name)  # which changes nothing
    return role_address(superuser, "lineament", name)


# ---------------------------------------------------------------- backup and restore


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The database of a workspace, and an empty one to restore into; both empty for SQLite."""
    if request.param == "sqlite":
        return "", ""
    superuser: str = request.getfixturevalue("superuser")
    return create_database(superuser, "lineament"), create_database(superuser, "drill")


def test_a_backup_is_restored_elsewhere(
    databases: tuple[str, str], tmp_path: Path, lineament: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, drill = databases
    home, elsewhere = tmp_path / "ws", tmp_path / "elsewhere"
    monkeypatch.setenv("LINEAMENT_DATABASE_URL", url)
    if url:
        monkeypatch.setenv("LINEAMENT_DATABASE_OWNER_URL", owner_of(url) or "")
    for line in (
        ("init",),
        ("source", "add", "press", *SOURCE),
        ("ingest", "press", PORTRAITS / "macron-2025.jpg"),
        ("case", "open", "K-1", *CASE, "--seeks", "missing"),
    ):
        ran = lineament(*line)
        assert ran.code == 0, ran.err
    monkeypatch.delenv("LINEAMENT_DATABASE_OWNER_URL", raising=False)  # no service has it
    done = script("backup", home, tmp_path / "backups", tmp_path / "keys", url=url)
    assert done.returncode == 0, done.stderr
    backup = Path(done.stdout.strip())
    entries = lineament("verify", "--json").json["entries"]
    assert lineament("case", "close", "K-1", "--outcome", "found").code in {0, 2}  # after the backup, so not in it
    shutil.rmtree(home)

    assert not list(backup.rglob("kek"))
    done = script("restore", elsewhere, backup, tmp_path / "keys" / backup.name, url=drill)
    assert done.returncode == 0, done.stderr
    monkeypatch.setenv("LINEAMENT_DATABASE_URL", drill)
    monkeypatch.setenv("LINEAMENT_HOME", str(elsewhere))
    assert lineament("verify", "--json").json["entries"] == entries
    probe = PORTRAITS / "macron-2014.jpg"
    answer = lineament("search", probe, "--case", "K-1", "--reason", "a drill", "--json")
    assert [candidate["face_id"] for candidate in answer.json["candidates"]] == [1], answer.err


def test_backups_are_hidden_from_other_users_and_old_backups_are_deleted(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, keys = tmp_path / "backups", tmp_path / "keys"
    for parent in (folder, keys):
        old = parent / "2020-01-01T000000Z"
        old.mkdir(parents=True)
        os.utime(old, (0, 0))
    monkeypatch.setenv("BACKUP_DAYS", "30")
    environment = os.environ | {"PYTHON": sys.executable, "LINEAMENT_HOME": str(prepared)}
    subprocess.run([str(DEPLOY / "backup"), str(folder), str(keys)], env=environment, check=True, capture_output=True)
    (backup,), (copied,) = folder.iterdir(), keys.iterdir()
    assert backup.name == copied.name
    assert {path.name for path in backup.iterdir()} == {"checkpoint", "files.tar", "lineament.db"}
    for path in (backup, *backup.rglob("*"), copied, *copied.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_an_existing_workspace_is_not_overwritten(prepared: Path, tmp_path: Path) -> None:
    done = script("restore", prepared, tmp_path / "backup", tmp_path / "keys")
    assert done.returncode == 1
    assert "move it away first" in done.stderr


# ---------------------------------------------------------------- units and settings


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for name in UNITS:
        text = re.sub(r"^(ExecStart=)\S+", rf"\1{program}", (DEPLOY / name).read_text("utf-8"), flags=re.MULTILINE)
        (tmp_path / name).write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in UNITS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "lineament" in line]
    assert ours == []
    assert done.returncode == 0, done.stderr


def test_units_call_commands_that_exist() -> None:
    reference = (ROOT / "docs" / "reference" / "commands.md").read_text("utf-8")
    called = {
        command
        for name in UNITS
        for command in re.findall(
            r"^ExecStart=/opt/lineament/bin/lineament (\S+)", (DEPLOY / name).read_text("utf-8"), re.MULTILINE
        )
    }
    assert called >= {"serve", "worker", "sweep", "verify"}
    assert all(f"## `lineament {command}" in reference for command in called)


def test_every_service_gives_up_what_it_does_not_need(tmp_path: Path) -> None:
    """systemd's own measure of what a unit could do: 10 is everything; ours are between 3 and 4."""
    services = [name for name in UNITS if name.endswith(".service")]
    assert len(services) > 5
    for name in services:
        (tmp_path / name).write_text((DEPLOY / name).read_text("utf-8").replace("%i", "1"))
    paths = [str(tmp_path / name) for name in services]
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=40", "--no-pager", *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def test_a_further_worker_is_a_worker() -> None:
    """The template differs from the first worker in its metrics and in what says so."""
    first, further = ((DEPLOY / f"lineament-worker{at}.service").read_text("utf-8").splitlines() for at in ("", "@"))
    more = [line for line in further if line not in first]
    assert [line.partition("=")[0] for line in more] == ["Description", more[1].partition("=")[0], "ExecStart"]
    assert "LINEAMENT_WORKER_METRICS=127.0.0.1:948%i /opt/lineament/bin/lineament worker" in more[2]


# ---------------------------------------------------------------- containers


def test_the_containers_run_without_rights_and_with_secrets_in_files() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    services = compose["services"]
    assert set(services) == {"database", "serve", "worker", "proxy"}
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert int(service["user"].split(":")[0]) > 0, name
        words = json.dumps(service.get("environment", {}))
        assert not re.search(r'PASSWORD"|TOKEN"|SECRET"', words), name
    assert services["serve"]["image"].endswith(f":{lineament.__version__}")
    given = {name for service in services.values() for name in service.get("environment", {}) if PREFIX in name}
    assert given <= {name for name, *_ in described()}
    assert {"LINEAMENT_DATABASE_URL", "LINEAMENT_PUBLIC_URL", "LINEAMENT_CLIENT_HEADER"} <= given


def test_a_new_database_container_has_the_role_with_its_password(superuser: str, tmp_path: Path) -> None:
    (tmp_path / "role-password").write_text("it's \\ one\n")
    script = (DEPLOY / "compose-database").read_text("utf-8")
    places = {"/etc/lineament": str(DEPLOY), "/run/secrets": str(tmp_path), "=lineament --file": "=contained --file"}
    for place, here in places.items():
        assert place in script
        script = script.replace(place, here)
    address = httpx.URL(superuser)
    environment = {
        "PATH": f"{postgresql_programs()}:{os.environ['PATH']}",
        "PGHOST": address.params["host"],
        "PGPORT": str(address.port or 5432),
    }
    done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with psycopg.connect(superuser) as connection:
        (stored,) = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'lineament'").fetchone() or ()
        connection.execute("ALTER ROLE lineament PASSWORD NULL")
    assert stored.startswith("SCRAM-SHA-256$")


def test_a_timer_has_its_service() -> None:
    timers = [name for name in UNITS if name.endswith(".timer")]
    assert timers
    assert all(name.replace(".timer", ".service") in UNITS for name in timers)


def test_the_shell_and_the_program_read_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["env", "-i", "sh", "-c", f'set -a; . "{DEPLOY / "lineament.env"}"; exec /usr/bin/env']
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    variables = dict(line.split("=", 1) for line in printed.splitlines() if line.startswith("LINEAMENT_"))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.public_url == f"https://{PUBLIC}"
    assert str(settings.home) == "/var/lib/lineament/workspace"
    assert variables["LINEAMENT_DATABASE_URL"].endswith("?host=/run/postgresql")


@pytest.mark.parametrize("path", sorted(DEPLOY.iterdir()), ids=lambda path: path.name)
def test_the_guide_says_where_each_file_goes(path: Path) -> None:
    assert path.name in GUIDE or f"deploy/lineament-*{path.suffix}" in GUIDE


# ---------------------------------------------------------------- behind a TLS proxy


@contextmanager
def served(home: Path) -> Iterator[int]:
    """Run `lineament serve` as its unit does, on another port; yield the port."""
    unit = (DEPLOY / "lineament-serve.service").read_text("utf-8")
    (command,) = re.findall(r"^ExecStart=\S+/lineament (.*)$", unit, re.MULTILINE)
    port = free_port()
    line = [sys.executable, "-m", "lineament", *command.replace("8471", str(port)).split()]
    environment = os.environ | {"LINEAMENT_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        assert running.stdout is not None
        try:
            assert f"https://{PUBLIC}/" in running.stdout.readline()
            yield port
        finally:
            running.terminate()
            running.wait(timeout=60)


def test_another_machine_reaches_the_pages_only_by_the_public_name(
    prepared: Path, tmp_path: Path, lineament: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(prepared, tmp_path / "ws")
    monkeypatch.setenv("LINEAMENT_PUBLIC_URL", f"https://{PUBLIC}")
    monkeypatch.setenv("LINEAMENT_CLIENT_HEADER", "X-Real-IP")
    for name, role in (("olga", "operator"), ("ada", "administrator")):
        invited = lineament("user", "invite", f"{name}@ministry.example", "--name", name, "--role", role)
        assert f"https://{PUBLIC}/join/" in invited.out, invited.err
    authority = make_certificate(tmp_path / "tls")
    with served(tmp_path / "ws") as inside, proxied(tmp_path / "nginx", NGINX, tmp_path / "tls", inside) as outside:
        context = ssl.create_default_context(cafile=authority)
        with httpx.Client(verify=context, timeout=60, base_url=f"https://127.0.0.1:{outside}") as browser:
            page, foreign = (
                browser.get("/sign-in", headers={"host": host}, extensions={"sni_hostname": PUBLIC})
                for host in (PUBLIC, "other.example")
            )
    assert page.status_code == 200
    assert page.headers["strict-transport-security"]
    assert page.headers["set-cookie"].startswith("__Host-")
    assert foreign.status_code == 403


def test_the_authority_signs_for_one_name_only_and_outlasts_its_certificates(tmp_path: Path) -> None:
    authority = make_certificate(tmp_path)
    first, trusted = (tmp_path / "fullchain.pem").read_bytes(), authority.read_bytes()
    make_certificate(tmp_path)
    assert authority.read_bytes() == trusted
    assert (tmp_path / "fullchain.pem").read_bytes() != first
    assert verified(authority, tmp_path / "fullchain.pem") == 0
    assert stat.S_IMODE((tmp_path / "authority.key").stat().st_mode) == 0o600
    make_certificate(tmp_path, "bank.example")  # signed by the authority of the other name
    assert verified(authority, tmp_path / "fullchain.pem") != 0


def verified(authority: Path, chain: Path) -> int:
    """Return the exit status of OpenSSL's check of a certificate."""
    command = ["openssl", "verify", "-x509_strict", "-CAfile", str(authority), str(chain)]
    return subprocess.run(command, capture_output=True, check=False).returncode
