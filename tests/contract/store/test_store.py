"""Transactions, snapshots and schema, on either database."""

from __future__ import annotations

import subprocess
import sys
import threading
import traceback
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.support.database import raw_database
from tests.support.postgresql import owner_of
from tests.support.store_rows import NOW, RawSql, Rows

from lineament.errors import (
    Damaged,
    InvalidValue,
    NoWorkspace,
    Refused,
    StorageFull,
    StoreUnavailable,
    WorkspaceBusy,
    WorkspaceExists,
    WorkspaceNewer,
)
from lineament.model.accounts import HOME_AGENCY
from lineament.model.cases import CaseState
from lineament.store import migrations
from lineament.store.columns import metadata
from lineament.store.db import Store, Tx
from lineament.testing import VAULT


def test_committed_changes_are_there_after_reopening(url: str) -> None:
    store = Store.open(url, VAULT)
    with store.begin() as tx:
        tx.meta.set("a", "1")
        tx.meta.set("a", "2")
    store.close()
    again = Store.open(url, VAULT)
    with again.read() as tx:
        assert tx.meta.get("a") == "2"
        assert tx.meta.get("b") is None
    again.close()


def test_an_error_undoes_the_whole_transaction(store: Store, rows: Rows) -> None:
    def fail(tx: Tx) -> None:
        rows.enrolled(tx, rows.source(tx))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), store.begin() as tx:
        fail(tx)
    with store.begin() as tx:
        assert tx.sources.all() == []
        assert rows.source(tx).source.id == 1


def test_an_interruption_of_a_statement_leaves_the_block_as_it_came(store: Store) -> None:
    """It breaks the connection, of which nothing can be asked any more."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def write(tx: Tx) -> None:
        sa.event.listen(tx.connection, "after_cursor_execute", interrupt)
        tx.meta.set("a", "1")

    with pytest.raises(KeyboardInterrupt), store.begin() as tx:
        write(tx)
    with store.begin() as tx:
        assert tx.meta.get("a") is None
        tx.meta.set("a", "2")
    with store.read() as tx:
        assert tx.meta.get("a") == "2"


def test_a_reader_keeps_the_state_at_which_it_started(store: Store) -> None:
    with store.begin() as tx:
        tx.meta.set("state", "before")
    with store.read() as early:
        with store.begin() as tx:
            tx.meta.set("state", "after")
        with store.read() as late:
            assert late.meta.get("state") == "after"
        assert early.meta.get("state") == "before"


def test_nothing_can_be_written_by_a_reader(store: Store) -> None:
    with pytest.raises(StoreUnavailable), store.read() as tx:
        tx.meta.set("a", "1")


def test_a_writer_that_waits_too_long_says_who_is_busy(store: Store, url: str) -> None:
    other = Store.open(url, VAULT, patience=0.2)
    # the lock is held from the start, not from the first change on
    with store.begin(), pytest.raises(WorkspaceBusy), other.begin():
        pass
    with other.begin() as tx:
        tx.meta.set("a", "2")
    other.close()


def test_a_reader_that_finds_no_connection_free_waits_and_then_says_so(postgresql_url: str) -> None:
    store = Store.open(postgresql_url, VAULT, patience=0.2, connections=4)
    with ExitStack() as readers:
        for _ in range(4):
            readers.enter_context(store.read())
        with pytest.raises(WorkspaceBusy, match="all connections are in use"), store.read():
            pass
    with store.read() as tx:
        assert tx.meta.get("a") is None
    store.close()


def test_a_transaction_inside_another_one_is_refused_and_does_not_hang(url: str) -> None:
    store = Store.open(url, VAULT, patience=0.1)
    with pytest.raises(WorkspaceBusy), store.begin(), store.begin():
        pass
    store.close()


def test_threads_write_in_turn_and_ids_follow_the_commits(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
    sizes: list[int] = []

    def work() -> None:
        for _ in range(5):
            with store.begin() as tx:
                ids = tx.captures.add_all([rows.capture(keyed.source) for _ in range(3)])
                assert tx.ledger.size() == len(sizes)
                rows.entry(tx)
                sizes.append(ids[0])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes == list(range(1, 60, 3))


WRITER = """
import sys
from lineament.store.db import Store
from lineament.testing import VAULT
store = Store.open(sys.argv[1], VAULT)
for number in range(25):
    with store.begin() as tx:
        tx.meta.set(f"{sys.argv[2]} {number}", "there")
        tx.meta.set("sum", str(int(tx.meta.get("sum") or 0) + 1))
store.close()
"""


def test_two_processes_write_to_one_workspace(store: Store, url: str) -> None:
    command = [sys.executable, "-W", "error", "-c", WRITER, url]
    processes = [subprocess.Popen([*command, name], stderr=subprocess.PIPE) for name in ("a", "b")]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
    with store.read() as tx:
        assert tx.meta.get("sum") == "50"
        assert all(tx.meta.get(f"{name} {number}") == "there" for name in "ab" for number in range(25))


KILLED = """
import sys
from lineament.store.db import Store
from lineament.testing import VAULT
store = Store.open(sys.argv[1], VAULT)
number = int(sys.argv[2])
while True:
    with store.begin() as tx:
        tx.meta.set(f"a {number}", "x" * 2000)
        tx.meta.set(f"b {number}", "x" * 2000)
    print(number, flush=True)
    number += 1
"""


def test_acknowledged_writes_survive_a_killed_writer(store: Store, url: str) -> None:
    acknowledged = -1
    for _ in range(3):
        command = [sys.executable, "-W", "error", "-c", KILLED, url, str(acknowledged + 1)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(20):
                acknowledged = int(process.stdout.readline())
            process.kill()
            acknowledged = max([acknowledged, *map(int, process.stdout.read().split())])
        with store.read() as tx:
            assert all(tx.meta.get(f"a {number}") for number in range(acknowledged + 1))
            one_more = tx.meta.get(f"a {acknowledged + 1}") is not None
            assert (tx.meta.get(f"b {acknowledged + 1}") is not None) is one_more
            assert tx.meta.get(f"a {acknowledged + 2}") is None
        acknowledged += one_more
    store.examine()


# ---------------------------------------------------------------- creating, opening, upgrading


def test_create_makes_what_open_opens(fresh_url: str) -> None:
    Store.create(fresh_url, VAULT, owner=owner_of(fresh_url)).close()
    store = Store.open(fresh_url, VAULT)
    with store.read() as tx:
        assert tx.sources.all() == []
        assert tx.ledger.size() == 0
    assert store.dialect in {"sqlite", "postgresql"}
    store.close()


def test_create_refuses_an_existing_database(fresh_url: str) -> None:
    Store.create(fresh_url, VAULT, owner=owner_of(fresh_url)).close()
    with pytest.raises(WorkspaceExists):
        Store.create(fresh_url, VAULT, owner=owner_of(fresh_url))


def test_an_empty_database_is_no_workspace(fresh_url: str) -> None:
    if fresh_url.startswith("sqlite"):
        Path(fresh_url.removeprefix("sqlite:///")).touch()
    with pytest.raises(NoWorkspace):
        Store.open(fresh_url, VAULT)


def test_a_newer_schema_is_left_alone(url: str, raw: RawSql) -> None:
    raw("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(WorkspaceNewer, match="9999"):
        Store.open(url, VAULT)
    assert raw("SELECT version_num FROM alembic_version") == [("9999",)]


def test_open_without_a_database(tmp_path: Path) -> None:
    with pytest.raises(NoWorkspace):
        Store.open(f"sqlite:///{tmp_path}/nothing.db", VAULT)
    assert not (tmp_path / "nothing.db").exists()


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"not a database, but longer than a header of one" * 100)
    with pytest.raises(Damaged, match=r"a\.db"):
        Store.open(f"sqlite:///{tmp_path}/a.db", VAULT)


def test_damage_inside_the_file_is_damage(sqlite_path: Path) -> None:
    content = bytearray(sqlite_path.read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 : page * 4096 + 100] = b"\xff" * 100
    sqlite_path.write_bytes(content)
    with pytest.raises(Damaged, match="backup"):
        Store.open(f"sqlite:///{sqlite_path}", VAULT)


def test_a_sound_database_says_so(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        rows.enrolled(tx, rows.source(tx))
    assert store.examine().startswith(store.dialect)
    assert store.examine().endswith("sound")


def test_rows_that_lost_their_parents_are_damage(sqlite_path: Path, rows: Rows) -> None:
    store = Store.open(f"sqlite:///{sqlite_path}", VAULT)
    with store.begin() as tx:
        rows.enrolled(tx, rows.source(tx))
    with raw_database(sqlite_path.parent) as database:  # a connection that does not keep foreign keys
        database.execute("DELETE FROM captures")
    with pytest.raises(Damaged, match="captures"):
        store.examine()
    store.close()


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    url = "postgresql+psycopg://who:secret@/nothing?host=/nonexistent/folder"
    with pytest.raises(StoreUnavailable) as caught:
        Store.open(url, VAULT)
    assert "secret" not in str(caught.value)


def test_the_file_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    store = Store.create(f"sqlite:///{tmp_path}/a.db", VAULT)
    with store.begin() as tx:
        tx.meta.set("a", "1")
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    store.close()
    assert modes == {"a.db": 0o600, "a.db-wal": 0o600, "a.db-shm": 0o600}


HEAD = migrations.HEAD
LATER = """
from alembic import op
import sqlalchemy as sa
revision, down_revision = "9999", "{head}"
def upgrade():
    op.create_table("later", sa.Column("id", sa.Integer, primary_key=True))
    {more}
"""


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a migrations folder with a later revision, as of a program newer than the workspace."""
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    versions = [f"versions/{path.name}" for path in (migrations.FOLDER / "versions").glob("[0-9]*.py")]
    for name in ("env.py", "script.py.mako", *versions):
        (folder / name).write_bytes((migrations.FOLDER / name).read_bytes())
    monkeypatch.setattr(migrations, "FOLDER", folder)
    monkeypatch.setattr(migrations, "HEAD", "9999")
    return folder / "versions"


def schema(url: str) -> tuple[str | None, set[str]]:
    """Return the revision and the tables."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        found = migrations.revision(connection), set(sa.inspect(connection).get_table_names())
    engine.dispose()
    return found


def test_an_older_schema_is_upgraded_when_it_is_opened(url: str, history: Path, rows: Rows) -> None:
    (history / "9999_later.py").write_text(LATER.format(head=HEAD, more=""))
    store = Store.open(url, VAULT, owner=owner_of(url))
    with store.begin() as tx:
        rows.source(tx)
    store.close()
    revision, tables = schema(url)
    assert revision == "9999"
    assert "later" in tables
    Store.open(url, VAULT).close()


def test_an_upgrade_that_fails_leaves_nothing_behind(url: str, history: Path) -> None:
    (history / "9999_later.py").write_text(LATER.format(head=HEAD, more="raise ZeroDivisionError"))
    with pytest.raises(ZeroDivisionError):
        Store.open(url, VAULT, owner=owner_of(url))
    revision, tables = schema(url)
    assert revision == HEAD
    assert "later" not in tables


def test_head_is_the_newest_file() -> None:
    newest = max(path.name for path in (migrations.FOLDER / "versions").glob("[0-9]*.py"))
    assert newest.partition("_")[0] == migrations.HEAD


def test_the_migrations_make_exactly_the_tables(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store.read() as tx:
        context = MigrationContext.configure(tx.connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_migrations_make_exactly_the_constraints(store: Store) -> None:
    """Alembic does not compare CHECK constraints, so names and texts are compared here."""
    with store.read() as tx:
        inspector = sa.inspect(tx.connection)
        for table in metadata.sorted_tables:
            checks = {str(check["name"]): check["sqltext"] for check in inspector.get_check_constraints(table.name)}
            expected = {
                str(check.name): str(check.sqltext)
                for check in table.constraints
                if isinstance(check, sa.CheckConstraint)
            }
            assert sorted(checks) == sorted(expected), table.name
            rephrased = store.dialect == "postgresql"
            assert checks == expected or rephrased, table.name


# ---------------------------------------------------------------- errors of the database


def test_a_text_that_one_database_cannot_hold_is_refused_by_both(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        source = rows.source(tx).source
    for wrong in ("a\0b", "\ud800"):
        with pytest.raises(InvalidValue), store.begin() as tx:
            tx.captures.add(rows.capture(source, uri=f"https://example.org/{wrong}"))


def test_a_constraint_is_named_when_it_refuses(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        case, key = rows.case(tx)
        probe = rows.probe(case)
        tx.probes.add(probe, case.id, rows.sha256(), key)
    with pytest.raises(Refused, match=r"fk_searches|FOREIGN KEY"), store.begin() as tx:
        tx.searches.add(rows.result(probe, entry=77), case.id, agency_id=HOME_AGENCY, examiner="an examiner")


def test_personal_data_of_a_refused_row_is_not_in_the_error(store: Store, rows: Rows) -> None:
    """Neither is it in the chained errors, which a log might show."""
    with store.begin() as tx:
        case, _ = rows.case(tx, offence="a secret offence")
        tx.cases.set_hold(case.id, "a secret order")
    with pytest.raises(Refused, match="held_is_kept") as caught, store.begin() as tx:
        tx.cases.destroy(case.id, CaseState.DESTROYED, NOW)
    assert "secret" not in "".join(traceback.format_exception(caught.value))
    statement = sa.text("INSERT INTO meta (name, value) VALUES (:name, :value)")
    hidden = [{"name": "a hidden name", "value": None}]
    with pytest.raises(Refused) as caught, store.begin() as tx:
        tx.connection.execute(statement, hidden)
    assert "hidden name" not in "".join(traceback.format_exception(caught.value))


def test_a_full_disk_is_reported_as_full(sqlite_path: Path) -> None:
    store = Store.open(f"sqlite:///{sqlite_path}", VAULT)
    with store.begin() as tx:  # the next transaction is on the same connection
        pages = int(tx.connection.exec_driver_sql("PRAGMA page_count").scalar_one())
        tx.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StorageFull, match=r"lineament\.db"), store.begin() as tx:
        tx.meta.set("much", "x" * 100_000)
    with store.read() as tx:
        assert tx.meta.get("much") is None
    store.close()


FULL = """
import sys
from pathlib import Path
from lineament.errors import StorageFull
from lineament.store.db import Store
from lineament.testing import VAULT
store = Store.create(f"sqlite:///{sys.argv[1]}/full/lineament.db", VAULT)
number = 0
try:
    while number < 2000:
        with store.begin() as tx:
            tx.meta.set(f"row {number}", "x" * 5000)
        number += 1
except StorageFull as error:
    print("FULL", error)
with store.read() as tx:
    assert tx.meta.get(f"row {number - 1}") and not tx.meta.get(f"row {number}")
store.close()
Store.open(f"sqlite:///{sys.argv[1]}/full/lineament.db", VAULT).close()
print("KEPT", number)
"""


def test_changes_committed_before_the_disk_was_full_are_kept(tmp_path: Path) -> None:
    answer = on_small_disk(FULL, tmp_path)
    assert "FULL The disk at" in answer
    assert "KEPT" in answer


def on_small_disk(program: str, folder: Path) -> str:
    """Run a program with a file system of 3 MiB at folder/full, in a namespace of its own."""
    (folder / "full").mkdir()
    mount = f"mount -t tmpfs -o size=3m none {folder}/full"
    if subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a small file system")
    script = f'{mount} && exec "$0" -W error -c "$1" "$2"'
    command = ["unshare", "-rm", "sh", "-c", script, sys.executable, program, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout
