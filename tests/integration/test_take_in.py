"""Files that are dropped in the browser: the protocol, what is kept of them, and what they become."""

from __future__ import annotations

import json
import os
import shutil
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bench.archives import Archive, Body
from tests.conftest import PORTRAITS
from tests.support.clock import Clock
from tests.support.dropping import DropClient
from tests.support.films import film as make_film
from tests.support.films import pan
from tests.support.killable_server import KillableServer
from tests.support.processes import run_well, vary_portraits
from tests.support.serving import Served, serving
from tests.support.world import SOURCE, gallery, settings
from tests.support.xmp import marked

from lineament.errors import DropUnderWay
from lineament.model.drops import LONGEST_PATH, PART, OfferedFile
from lineament.model.sources import SourceState
from lineament.services.doctor import Verdict
from lineament.services.gallery import take_in
from lineament.workspace import Workspace

pytestmark = pytest.mark.enable_socket
PICTURES = sorted(PORTRAITS.glob("*.jpg"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("take-in") / "ws"
    gallery(home).close()
    with Workspace.open(settings(home)) as workspace, serving(workspace) as running:
        yield running


@pytest.fixture
def client(served: Served) -> Iterator[DropClient]:
    """A browser with a drop of its own; whatever is left of it is stopped."""
    with served.client() as browser:
        client = DropClient(browser, SOURCE).open()
        yield client
        if not client.standing()["over"]:
            assert client.send(f"/{client.id}/stop", {}).status_code == 303


def ingest(served: Served) -> None:
    """Run every job that waits."""
    assert served.workspace.worker.drain() > 0


def captures(served: Served) -> dict[str, int]:
    """Return how many captures there are at each address of an upload."""
    with served.workspace.store.read() as tx:
        rows = tx.connection.exec_driver_sql(
            "SELECT uri, count(*) FROM captures WHERE uri LIKE 'upload:%' OR uri LIKE 'https://told%' GROUP BY uri"
        )
        return {str(uri): int(many) for uri, many in rows.all()}


def on_disk(served: Served, client: DropClient) -> list[Path]:
    """Return the files that lie sealed of a drop."""
    return [path for path in (served.workspace.home / "drops").rglob("*") if path.parent.name == client.id]


def varied(folder: Path, many: int, seed: int) -> Path:
    """Return a folder of pictures that nobody dropped before."""
    return vary_portraits(folder, many, width=300 + seed)


# ---------------------------------------------------------------- what is taken in


def test_a_folder_is_taken_in_and_nothing_is_left_of_it(served: Served, client: DropClient, tmp_path: Path) -> None:
    folder = varied(tmp_path / "press", 8, 1)
    (folder / "0" / "0001.jpg.json").write_text('{"uri": "https://told.example/1.jpg", "licence": "CC0"}')
    (folder / "0" / "notes.txt").write_text("no picture")
    (folder / "empty.jpg").write_bytes(b"")
    client.drop(folder)
    before = client.standing()
    assert (before["files"], before["arrived"]["files"], before["job"]["standing"]) == (11, 11, "queued")
    assert all(PICTURES[0].read_bytes()[:64] not in path.read_bytes() for path in on_disk(served, client))
    ingest(served)
    after = client.standing()
    assert after["over"]
    assert after["run"]["counts"] == {"side_car": 1, "enrolled": 8, "refused": 2}
    assert {name for name, _ in after["refusals"]} == {"press/0/notes.txt", "press/empty.jpg"}
    assert on_disk(served, client) == []
    found = captures(served)
    assert found["https://told.example/1.jpg"] == 1
    assert found[f"upload:{client.id}/press/0/0002.jpg"] == 1


def test_a_table_in_a_folder_tells_where_its_pictures_are_from(
    served: Served, client: DropClient, tmp_path: Path
) -> None:
    folder = varied(tmp_path / "pressé 2", 3, 2)
    table = "file,uri\n0000.jpg,https://told.example/t0.jpg\nmissing.jpg,https://told.example/none.jpg\n"
    (folder / "0" / "captures.csv").write_text(table)
    client.drop(folder)
    ingest(served)
    after = client.standing()
    assert after["run"]["counts"] == {"side_car": 1, "enrolled": 3, "refused": 1}
    assert after["refusals"] == [
        ["pressé 2/0/missing.jpg", "It was not read: captures.csv names it, but there is no such picture here."]
    ]
    assert captures(served)["https://told.example/t0.jpg"] == 1
    assert f"upload:{client.id}/press%C3%A9%202/0/0001.jpg" in captures(served)


def test_an_xmp_file_beside_a_picture_is_read(served: Served, client: DropClient, tmp_path: Path) -> None:
    picture = varied(tmp_path / "marked", 1, 12) / "0" / "0000.jpg"
    packet = marked([((0.5, 0.5, 0.5, 0.5), "Ada")])
    send_files(client, {"marked/a.jpg": picture.read_bytes(), "marked/a.jpg.xmp": packet})
    ingest(served)
    assert client.standing()["run"]["counts"] == {"side_car": 1, "enrolled": 1}
    with served.workspace.store.read() as tx:
        query = f"SELECT evidence FROM captures WHERE uri = 'upload:{client.id}/marked/a.jpg'"
        assert "subject: Ada" in str(tx.connection.exec_driver_sql(query).scalar())


def send_files(client: DropClient, files: dict[str, bytes]) -> None:
    """List and send files by their paths."""
    listed = client.offer([(path, len(content), 5) for path, content in files.items()])
    for (number, *_), content in zip(listed, files.values(), strict=True):
        for first in range(0, len(content), PART):
            client.answer(client.part(number, first, content[first : first + PART]))


def test_an_archive_that_is_dropped_by_itself_is_opened_and_one_in_a_folder_is_refused(
    served: Served, client: DropClient, tmp_path: Path
) -> None:
    folder = varied(tmp_path / "packed", 3, 3)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in sorted((folder / "0").iterdir()):
            archive.write(path, f"inner/{path.name}")
    packed = (tmp_path / "a.zip").read_bytes()
    send_files(client, {"Our photos.zip": packed, "folder/b.zip": packed})
    ingest(served)
    after = client.standing()
    assert after["run"]["counts"] == {"enrolled": 3, "refused": 1}
    ((name, why),) = after["refusals"]
    assert name == "folder/b.zip"
    assert "dropped by itself" in why
    assert f"upload:{client.id}/Our%20photos.zip#inner/0001.jpg" in captures(served)
    assert not (served.workspace.home / "drops").is_dir() or on_disk(served, client) == []


def test_an_archive_without_a_picture_is_counted(served: Served, client: DropClient, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w"):
        pass
    send_files(client, {"a.zip": (tmp_path / "a.zip").read_bytes()})
    ingest(served)
    assert client.standing()["run"]["counts"] == {"refused": 1}


def test_a_manifest_tells_of_files_that_were_dropped_with_it(
    served: Served, client: DropClient, tmp_path: Path
) -> None:
    folder = varied(tmp_path / "told", 2, 9)
    rows = "image_url,page_url\nfolder/0.jpg,https://told.example/page\nfolder/none.jpg,\n../x.jpg,\n"
    pictures = {f"folder/{at}.jpg": path.read_bytes() for at, path in enumerate(sorted((folder / "0").iterdir()))}
    send_files(client, {"list.csv": rows.encode(), **pictures})
    ingest(served)
    after = client.standing()
    assert after["run"]["counts"] == {"enrolled": 2, "already_there": 1, "refused": 2}
    assert "no such file in what was dropped" in after["refusals"][0][1]
    assert "leads out of what was dropped" in after["refusals"][1][1]
    with served.workspace.store.read() as tx:
        query = "SELECT page_uri FROM captures WHERE uri = 'upload:{}/folder/0.jpg'"
        assert tx.connection.exec_driver_sql(query.format(client.id)).scalar() == "https://told.example/page"


def test_a_video_is_taken_in_frame_by_frame(served: Served, client: DropClient, tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", pan("ardern-2018.jpg", 30))
    send_files(client, {"folder/film.mp4": film.read_bytes()})
    ingest(served)
    after = client.standing()
    assert after["run"]["counts"].get("enrolled", 0) > 0
    assert any(uri.startswith(f"upload:{client.id}/folder/film.mp4#t=") for uri in captures(served))


def test_a_web_archive_keeps_the_page_that_showed_a_picture(served: Served, client: DropClient, tmp_path: Path) -> None:
    address, picture = "https://told.example/in-archive.jpg", (varied(tmp_path / "warc", 1, 11) / "0" / "0000.jpg")
    with Archive(tmp_path / "crawl.warc.gz") as archive:
        page = f'<html><title>Harbour</title><img src="{address}"></html>'.encode()
        archive.add("https://told.example/", Body(page, "text/html; charset=utf-8"))
        archive.add(address, Body(picture.read_bytes(), "image/jpeg"))
    send_files(client, {"crawl.warc.gz": (tmp_path / "crawl.warc.gz").read_bytes()})
    ingest(served)
    assert client.standing()["run"]["counts"]["enrolled"] == 1
    with served.workspace.store.read() as tx:
        query = f"SELECT page_title, page IS NOT NULL, evidence FROM captures WHERE uri = '{address}'"
        ((title, kept, evidence),) = tx.connection.exec_driver_sql(query).all()
    assert (title, bool(kept)) == ("Harbour", True)
    assert '"crawl.warc.gz"' in evidence


# ---------------------------------------------------------------- part by part


def test_a_large_file_arrives_in_parts_and_in_order(served: Served, client: DropClient) -> None:
    content = os.urandom(PART + 1000)
    ((number, received, size, why),) = client.offer([("big.bin", len(content), 1)])
    assert (received, size, why) == (0, len(content), None)
    early = client.answer(client.part(number, PART, content[PART:]))
    assert early == {"received": [[number, 0]]}
    first = client.answer(client.part(number, 0, content[:PART]))
    assert first == {"received": [[number, PART]]}
    again = client.answer(client.part(number, 0, content[:PART]))
    assert again == {"received": [[number, PART]]}
    assert client.answer(client.browser.get(f"{client.address}/{client.id}/missing"))["files"] == [
        [number, PART, len(content), None]
    ]
    client.answer(client.part(number, PART, content[PART:]))
    assert client.answer(client.browser.get(f"{client.address}/{client.id}/missing"))["files"] == []
    with served.workspace.store.read() as tx:
        drop = tx.drops.get(client.id)
        (file,) = tx.drops.after(drop.id, 0, 5)
    desk = served.workspace.desk_at_the_machine()
    reader = desk.collect.choose(SOURCE, [drop.what], kind="upload").drops[client.id]
    assert b"".join(reader.parts(file)) == content


def test_what_is_not_a_part_is_refused(client: DropClient) -> None:
    ((number, *_),) = client.offer([("a.bin", 100, 1)])
    wrong = [(number, 1, b"x" * 99), (number, 0, b"x" * 99), (number, 0, b"x" * 101), (number, 0, b"")]
    assert [client.part(*part).status_code for part in wrong] == [422] * 4
    assert client.part(number + 1, 0, b"x").status_code == 404
    assert client.standing()["arrived"]["bytes"] == 0


@pytest.mark.parametrize(
    "parts", ["nothing", "{}", "[1]", "[[1, 2]]", "[[1, true, 3]]", "[[1, -1, 3]]", '[["1", 0, 3]]', "[[1, 0, 1e9]]"]
)
def test_a_hostile_list_of_parts_is_refused_in_words(client: DropClient, parts: str) -> None:
    client.offer([("a.bin", 3, 1)])
    answer = client.send(f"/{client.id}/parts", {"parts": parts}, content=b"abc")
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid-value"


def test_too_much_in_one_request_is_refused(client: DropClient) -> None:
    ((number, *_),) = client.offer([("a.bin", 3 * PART, 1)])
    answer = client.part(number, 0, b"x" * (3 * PART))
    assert answer.status_code == 413
    assert client.standing()["arrived"]["bytes"] == 0


def test_hostile_names_name_nothing_on_the_disk(served: Served, client: DropClient) -> None:
    names = [
        "../../x.jpg",
        "/etc/passwd",
        "a/../../x.jpg",
        "a//b.jpg",
        "a\0b.jpg",
        "x" * 5000,
        "",
        "\ud800.jpg",
        "con.jpg",
        "a\nb.jpg",
        "C:\\x.jpg",
    ]
    found = client.offer([(name, 3, 1) for name in names])
    refused = [why is not None for *_, why in found]
    assert refused == [True] * 8 + [False] * 3
    for number, *_, why in found:
        assert client.part(number, 0, b"abc").status_code == (200 if why is None else 404)
    assert {path.name for path in on_disk(served, client)} == {"lock", *(str(n) for n, *_, why in found if why is None)}
    ingest(served)
    after = client.standing()
    assert after["run"]["counts"] == {"refused": len(names)}
    assert all(name.isprintable() for name, _ in after["refusals"])


def test_the_list_has_limits(client: DropClient, monkeypatch: pytest.MonkeyPatch) -> None:
    many = [(f"{number}.jpg", 1, 1) for number in range(take_in.MOST_LISTED + 1)]
    answer = client.send(f"/{client.id}/list", {}, list=json.dumps(many).encode())
    assert answer.status_code == 422
    monkeypatch.setattr(take_in, "MOST_FILES", 5)
    client.offer(many[:5], last=False)
    assert client.send(f"/{client.id}/list", {}, list=json.dumps(many[5:6]).encode()).status_code == 422
    longest = "x" * (LONGEST_PATH + 1)
    assert client.send(f"/{client.id}/list", {}, list=json.dumps([[longest, 1]]).encode()).status_code == 422


def test_more_than_the_disk_holds_is_refused_before_it_is_sent(client: DropClient) -> None:
    answer = client.send(f"/{client.id}/list", {}, list=json.dumps([["a.bin", 2**50, 1]]).encode())
    assert (answer.status_code, answer.json()["code"]) == (507, "storage-full")
    assert client.standing()["files"] == 0


def test_two_tabs_send_into_one_drop_and_every_file_is_there_once(
    served: Served, client: DropClient, tmp_path: Path
) -> None:
    folder = varied(tmp_path / "twice", 4, 4)
    with served.client() as browser:
        other = DropClient(browser, SOURCE).open()
        assert other.id == client.id
        other.drop(folder)
        client.drop(folder)
        assert client.list_folder(folder) == []
    assert client.standing()["files"] == 4
    ingest(served)
    assert client.standing()["run"]["counts"] == {"enrolled": 4}


def test_a_file_that_the_browser_lost_is_counted_as_refused(served: Served, client: DropClient) -> None:
    ((number, *_),) = client.offer([("a.jpg", 100, 1)])
    client.answer(client.send(f"/{client.id}/parts", {"unreadable": json.dumps([number])}))
    ingest(served)
    assert client.standing()["run"]["counts"] == {"refused": 1}


def test_the_pages_of_a_drop_need_the_token_and_this_origin(client: DropClient) -> None:
    for headers, csrf in (({}, "wrong"), ({"origin": "https://evil.example"}, client.csrf)):
        answer = client.browser.post(client.address, data={"csrf": csrf}, headers=headers)
        assert answer.status_code == 403


# ---------------------------------------------------------------- while it is arriving


def test_the_ingest_of_what_stops_arriving_is_resumed_by_the_rest(
    served: Served, client: DropClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineament.sources.upload.connector.PATIENCE", 0.0)
    folder = varied(tmp_path / "halves", 6, 5)
    wanted = client.list_folder(folder)
    for path, number, _ in wanted[:3]:
        client.answer(client.part(number, 0, path.read_bytes()))
    ingest(served)
    half = client.standing()
    assert (half["over"], half["job"]["standing"], half["run"]["counts"]) == (False, "stopped", {"enrolled": 3})
    left = [path.name for path in on_disk(served, client)]
    for path, number, _ in wanted[3:]:
        client.answer(client.part(number, 0, path.read_bytes()))
    ingest(served)
    whole = client.standing()
    assert left == ["lock"]
    assert (whole["over"], whole["run"]["id"], whole["run"]["counts"]) == (True, half["run"]["id"], {"enrolled": 6})


def test_a_job_that_somebody_stopped_starts_again_only_with_the_list(
    served: Served, client: DropClient, tmp_path: Path
) -> None:
    folder = varied(tmp_path / "stopped", 2, 6)
    (first, number, _), (second, other, _) = client.list_folder(folder)
    client.answer(client.part(number, 0, first.read_bytes()))
    served.workspace.desk_at_the_machine().jobs.stop(client.standing()["job"]["id"])
    client.answer(client.part(other, 0, second.read_bytes()))
    assert client.standing()["job"]["standing"] == "stopped"
    client.list_folder(folder)
    assert client.standing()["job"]["standing"] == "queued"


def test_stopping_keeps_what_is_taken_in_and_deletes_the_rest(served: Served, tmp_path: Path) -> None:
    with served.client() as browser:
        client = DropClient(browser, SOURCE).open()
        client.drop(varied(tmp_path / "unwanted", 2, 7))
        job = client.standing()["job"]["id"]
        assert client.send(f"/{client.id}/stop", {}).status_code == 303
        after = client.standing()
        assert (after["over"], after["job"]["standing"]) == (True, "stopped")
        assert job == after["job"]["id"]
        assert on_disk(served, client) == []
        assert client.part(1, 0, b"abc").status_code == 409


# ---------------------------------------------------------------- what else happens to a source


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime.now(UTC))


@contextmanager
def workspace_with_a_drop(home: Path, clock: Clock) -> Iterator[tuple[Workspace, Any]]:
    """Yield a workspace with a drop of which two files of three have arrived."""
    gallery(home).close()
    with Workspace.open(settings(home), clock=clock) as workspace:
        desk = workspace.desk_at_the_machine()
        drop = desk.take_in.begin(SOURCE)
        contents = [path.read_bytes()[:1000] for path in PICTURES[:2]]
        files = [OfferedFile(path=f"{n}.jpg", size=1000, modified=1) for n in range(3)]
        listed = desk.take_in.offer(SOURCE, drop.id, files, last=True)
        sent = [
            take_in.SentPart(number=file.number, first=0, untrusted=memoryview(content))
            for file, content in zip(listed, contents, strict=False)
        ]
        desk.take_in.take(SOURCE, drop.id, sent)
        yield workspace, drop


def test_a_withdrawn_source_leaves_nothing_of_its_drops(tmp_path: Path, clock: Clock) -> None:
    with workspace_with_a_drop(tmp_path / "ws", clock) as (workspace, drop):
        assert workspace.drops.folder(drop).is_dir()
        desk = workspace.desk_at_the_machine()
        desk.erase.source(SOURCE, "its supplier asked")
        assert not workspace.drops.of_source(drop.source_id).exists()
        assert '"drops": 0' in desk.erase.receipt(SOURCE) or '"drops":0' in desk.erase.receipt(SOURCE)
        assert desk.sources.get(SOURCE).state is SourceState.WITHDRAWN


def test_a_key_is_not_rotated_under_files_that_wait(tmp_path: Path, clock: Clock) -> None:
    with workspace_with_a_drop(tmp_path / "ws", clock) as (workspace, drop):
        desk = workspace.desk_at_the_machine()
        with pytest.raises(DropUnderWay, match="Take in"):
            desk.key_rotation.source(SOURCE)
        desk.take_in.stop(SOURCE, drop.id)
        desk.key_rotation.source(SOURCE)


def test_a_sweep_discards_what_was_abandoned(tmp_path: Path, clock: Clock) -> None:
    with workspace_with_a_drop(tmp_path / "ws", clock) as (workspace, drop):
        desk = workspace.desk_at_the_machine()
        clock.at += timedelta(days=6)
        assert desk.retain.sweep().drops == 0
        clock.at += timedelta(days=2)
        assert desk.retain.sweep().drops == 1
        assert not workspace.drops.folder(drop).exists()
        assert desk.retain.sweep().drops == 0


def test_a_folder_whose_drop_is_gone_is_deleted_when_the_workspace_is_opened(tmp_path: Path, clock: Clock) -> None:
    home = tmp_path / "ws"
    with workspace_with_a_drop(home, clock) as (workspace, drop):
        folder = workspace.drops.folder(drop)
        copy = folder.with_name("0123456789abcdef")
        shutil.copytree(folder, copy)
    Workspace.open(settings(home), clock=clock).close()
    assert folder.is_dir()
    assert not copy.exists()


def test_the_doctor_tells_what_is_missing_of_a_drop_and_mends_what_belongs_to_none(
    tmp_path: Path, clock: Clock
) -> None:
    with workspace_with_a_drop(tmp_path / "ws", clock) as (workspace, drop):
        doctor, folder = workspace.desk_at_the_machine().doctor, workspace.drops.folder(drop)

        def check() -> tuple[Verdict, str]:
            (found,) = (check for check in doctor.run() if check.name == "drops")
            return found.verdict, found.detail

        assert check() == (Verdict.GOOD, "3 dropped files wait to be ingested, of 1 drops")
        shutil.copytree(folder, folder.with_name("0123456789abcdef"))
        assert check()[0] is Verdict.WARNING
        assert doctor.mend().detail.startswith("1 files")
        (folder / "2").write_bytes((folder / "2").read_bytes()[:-1])
        verdict, detail = check()
        assert verdict is Verdict.BAD
        assert "1 of them are not whole" in detail


# ---------------------------------------------------------------- kill -9


def test_a_server_that_is_killed_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    home, folder = tmp_path / "ws", varied(tmp_path / "killed", 30, 8)
    gallery(home).close()
    server = KillableServer(home)
    try:
        with server.browser() as browser:
            client = DropClient(browser, SOURCE).open()
            wanted = client.list_folder(folder)
            for path, number, _ in wanted[:17]:
                client.answer(client.part(number, 0, path.read_bytes()))
            drop = client.id
        server.kill()
        server.start()
        with server.browser() as browser:
            again = DropClient(browser, SOURCE).open()
            assert again.id == drop
            left = again.list_folder(folder)
            assert [number for _, number, _ in left] == [number for _, number, _ in wanted[17:]]
            again.drop(folder)
            until = time.monotonic() + 600  # its worker gives way to whatever else runs here
            while not (standing := again.standing())["over"]:
                assert time.monotonic() < until, standing
                time.sleep(0.2)
    finally:
        server.end()
    assert standing["run"]["counts"]["enrolled"] == 30
    shown = json.loads(run_well(home, "source", "show", SOURCE, "--json"))
    assert shown["captures"] == 30 + 5
