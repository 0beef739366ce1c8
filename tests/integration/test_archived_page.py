"""The archived page of a candidate: kept sealed, shown inert, and its opening recorded."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import sync_playwright
from tests.conftest import SOURCE, Ran
from tests.support.archived import SITE, ingest_archive, search, write_archive
from tests.support.archives import Warc
from tests.support.browsers import NEEDS_CHROMIUM, start_chromium
from tests.support.database import raw_database
from tests.support.serving import Served, serving, token_in

from lineament.sources.choose import choose
from lineament.sources.registry import Terms
from lineament.sources.webarchive.archived import html_of, page_record

Run = Callable[..., Ran]


def test_the_record_is_stored_sealed_and_erased_with_its_capture(tmp_path: Path) -> None:
    warc = write_archive(tmp_path / "crawl.warc.gz")
    with ingest_archive(tmp_path / "ws", warc) as workspace:
        warc.unlink()
        search_id = search(workspace)
        record = workspace.desk_at_the_machine().pictures.page(search_id, "1")
        assert record.startswith(b"WARC/1.1\r\n")
        assert "Président « Macron »" in html_of(record)
        assert workspace.desk_at_the_machine().audit.page(limit=1).entries[0].action == "page_opened"
        blobs = [path for path in (workspace.home / "blobs").rglob("*") if path.is_file()]
        assert not [path for path in blobs if b"Macron" in path.read_bytes()]
        capture = workspace.desk_at_the_machine().pictures.capture(search_id, "1")
        assert capture.page is not None
        assert not workspace.blobs.missing([capture.page])
        workspace.desk_at_the_machine().erase.capture(capture.id, "asked")
        assert workspace.blobs.missing([capture.page])


def test_the_command_stores_the_page_too(lineament: Run, tmp_path: Path) -> None:
    write_archive(tmp_path / "crawl.warc.gz")
    lineament("init")
    lineament("source", "add", "press", *SOURCE)
    assert lineament("ingest", "press", "crawl.warc.gz", "--json").json["enrolled"] == 1
    with raw_database(tmp_path / "ws") as database:
        query = "SELECT page, page_title, sha256, evidence ->> '$.record.sha256' FROM captures"
        ((page, title, sha256, of_record),) = database.execute(query).fetchall()
    assert page is not None
    assert of_record == sha256.hex()
    assert title == "Élysée 2025"


def test_a_missing_or_changed_archive_is_no_error(tmp_path: Path) -> None:
    warc = write_archive(tmp_path / "crawl.warc.gz")
    (chosen,) = choose([str(warc)], Terms(max_bytes=2**20))
    record = next(iter(chosen.connector.items())).provenance.page_record  # type: ignore[union-attr]
    assert record is not None
    assert page_record([warc], record) is not None
    assert page_record([tmp_path], record) is not None
    assert page_record([tmp_path / "nothing", tmp_path / "ws"], record) is None
    other = Warc(warc)
    other.page(f"{SITE}/news", "another")
    other.close()
    assert page_record([warc], record) is None


# ---------------------------------------------------------------- in the browser


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """Yield the address and the log of a server that must get no request."""
    requested: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requested.append(self.path)
            self.send_response(204)
            self.end_headers()

        do_POST = do_GET  # noqa: N815 - as http.server calls it

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", requested
    server.shutdown()
    server.server_close()


@pytest.mark.enable_socket
def test_the_page_is_served_inert(tmp_path: Path) -> None:
    with (
        ingest_archive(tmp_path / "ws", write_archive(tmp_path / "a.warc.gz")) as workspace,
        serving(workspace) as running,
    ):
        address = f"/searches/{search(workspace)}/candidates/1"
        with running.client() as client:
            shown = client.get(address)
            assert "Open the archived page" in shown.text
            form = {"csrf": token_in(shown.text)}
            page = client.post(f"{address}/page", data=form)
            assert page.status_code == 200
            policy = page.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-src 'none'" in policy
            assert '<iframe class="archived" sandbox srcdoc=' in page.text
            assert "<script>fetch" not in page.text, "the whole page is quoted"
            record = client.post(f"{address}/page", data=form | {"as": "record"})
            assert record.content.startswith(b"WARC/1.1")
            assert record.headers["content-disposition"].startswith("attachment")
            assert client.post(f"{address}/page").status_code == 403
        with httpx.Client(base_url=running.url, timeout=60) as stranger:
            assert stranger.post(f"{address}/page", data=form).status_code in {401, 403}


@pytest.mark.enable_socket
@NEEDS_CHROMIUM
def test_an_archived_page_runs_nothing_and_requests_nothing(tmp_path: Path) -> None:
    with (
        listening() as (elsewhere, requested),
        ingest_archive(tmp_path / "ws", write_archive(tmp_path / "a.warc.gz", elsewhere)) as workspace,
        serving(workspace) as running,
        sync_playwright() as playwright,
    ):
        browser = start_chromium(playwright, ["--no-sandbox", "--headless"])
        check_inert(running, browser.new_page(), f"/searches/{search(workspace)}/candidates/1", requested)
        browser.close()


def check_inert(running: Served, page: object, address: str, requested: list[str]) -> None:
    page.goto(running.entrance)  # type: ignore[attr-defined]
    page.goto(running.url + address)  # type: ignore[attr-defined]
    with page.context.expect_page() as opened:  # type: ignore[attr-defined]
        page.get_by_role("button", name="Open the archived page").click()  # type: ignore[attr-defined]
    shown = opened.value
    shown.wait_for_load_state()
    frame = shown.frame_locator("iframe.archived")
    heading = frame.get_by_role("heading", name="Président « Macron »")
    assert heading.is_visible()
    for words in ("send", "top", "on"):  # where its button and its links were
        frame.get_by_text(words).first.click(no_wait_after=True)
    shown.wait_for_timeout(1500)
    assert shown.url.endswith("/page")
    assert "taken" not in shown.title()
    assert requested == []
