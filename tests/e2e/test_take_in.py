"""Pictures taken in by dropping and choosing files in Chromium, with a worker that ingests them."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, Route, expect
from tests.support.axe import violations
from tests.support.browsers import NEEDS_CHROMIUM, ConsoleLog, close_context, drag_onto
from tests.support.processes import vary_portraits
from tests.support.serving import Served, serving
from tests.support.world import SOURCE, gallery, settings
from tests.support.xmp import marked

from lineament.workspace import Workspace

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]
TAKE_IN = f"/sources/{SOURCE}/take-in"
DROP = """(files) => {
    const transfer = new DataTransfer();
    for (const [name, content] of files) {
        const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
        transfer.items.add(new File([bytes], name, { lastModified: 1700000000000 }));
    }
    document.getElementById("drop").dispatchEvent(
        new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("take-in") / "ws"
    gallery(home).close()
    with Workspace.open(settings(home)) as workspace, serving(workspace) as running:
        yield running


@pytest.fixture
def page(served: Served, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(base_url=served.url)
    page = context.new_page()
    page.goto(served.entrance)
    page.goto(TAKE_IN)
    yield page
    close_context(context)


@contextmanager
def working(served: Served) -> Iterator[None]:
    """Run jobs in a thread until the end of the block."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.1):
            served.workspace.worker.drain()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def drop(page: Page, files: dict[str, bytes]) -> None:
    """Drop files from outside the browser."""
    page.evaluate(DROP, [[name, base64.b64encode(content).decode()] for name, content in files.items()])


def test_a_folder_is_chosen_and_taken_in(served: Served, page: Page, tmp_path: Path) -> None:
    console = ConsoleLog(page.context)
    folder = vary_portraits(tmp_path / "press", 6, width=310)
    (folder / "0" / "notes.txt").write_text("no picture")
    with working(served):
        page.get_by_label("Choose a folder").set_input_files(folder)
        result = page.get_by_role("region", name="Result")
        expect(result).to_contain_text("7 pictures seen, 6 new faces taken in", timeout=60_000)
    expect(result).to_contain_text(re.compile(r"Pictures with faces\s*6"))
    expect(page.get_by_role("region", name="Refused")).to_contain_text("press/0/notes.txt")
    expect(page.get_by_role("status")).to_contain_text("6 new faces")
    assert violations(page) == []
    page.get_by_role("link", name="Every refused file and why").click()
    expect(page.get_by_role("heading", name="Run 2")).to_be_visible()
    assert console.messages == []


def test_files_are_dropped(served: Served, page: Page, tmp_path: Path) -> None:
    folder = vary_portraits(tmp_path / "press", 3, width=311)
    files = {path.name: path.read_bytes() for path in sorted((folder / "0").iterdir())}
    with working(served):
        drop(page, files)
        expect(page.get_by_role("region", name="Result")).to_contain_text("3 new faces", timeout=60_000)


def test_a_folder_is_dragged_with_everything_in_it(served: Served, page: Page, tmp_path: Path) -> None:
    folder = vary_portraits(tmp_path / "press", 4, width=315)
    (folder / "empty").mkdir()
    deeper = folder / "0" / "deeper" / "still deeper"
    deeper.mkdir(parents=True)
    first, *_ = sorted((folder / "0").glob("*.jpg"))
    first.rename(deeper / first.name)
    drag_onto(page.get_by_role("region", name="Drop pictures here"), folder)
    with working(served):
        result = page.get_by_role("region", name="Result")
        expect(result).to_contain_text("4 pictures seen, 4 new faces taken in", timeout=60_000)


def test_what_was_dropped_before_says_so_and_only_the_rest_is_sent(served: Served, page: Page, tmp_path: Path) -> None:
    folder = vary_portraits(tmp_path / "press", 8, width=312)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("/parts") else None)
    page.route("**/parts", lambda route: route.abort())
    page.get_by_label("Choose a folder").set_input_files(folder)
    expect(page.get_by_role("alert")).to_contain_text("The connection is lost")
    page.unroute("**/parts")
    expect(page.get_by_role("region", name="Progress")).to_contain_text("Everything has arrived", timeout=60_000)
    before = len(sent)

    page.goto(TAKE_IN)
    expect(page.get_by_role("region", name="Progress")).to_contain_text("8 of 8 files")
    page.get_by_label("Choose a folder").set_input_files(folder)
    with working(served):
        expect(page.get_by_role("region", name="Result")).to_contain_text("8 new faces", timeout=60_000)
    assert len(sent) == before


def test_a_page_that_is_left_says_what_has_arrived(served: Served, page: Page, tmp_path: Path) -> None:
    folder = vary_portraits(tmp_path / "press", 4, width=313)
    page.route("**/parts", lambda route: route.abort())
    page.get_by_label("Choose a folder").set_input_files(folder)
    expect(page.get_by_role("alert")).to_contain_text("The connection is lost")
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    page.goto(f"/sources/{SOURCE}")
    assert asked == ["beforeunload"]
    again = page.context.new_page()
    again.goto(TAKE_IN)
    expect(again.locator("#earlier")).to_contain_text("Of 4 files that were dropped earlier, 0 have arrived")
    again.on("dialog", lambda dialog: dialog.accept())
    again.get_by_role("button", name="Stop").click()
    expect(again.locator("#progress")).to_be_hidden()
    with served.workspace.store.read() as tx:
        assert tx.drops.under_way() == []


def test_what_has_just_arrived_is_not_called_missing(served: Served, page: Page, tmp_path: Path) -> None:
    folder = vary_portraits(tmp_path / "press", 3, width=316)
    standings: list[Route] = []
    parts: list[Route] = []
    page.route("**/parts", lambda route: parts.append(route))  # noqa: PLW0108 - Playwright sets attributes on it
    with page.expect_response(re.compile(r"/take-in/[^/]+$")):  # nothing has arrived by then
        page.get_by_label("Choose a folder").set_input_files(folder)
    page.route(re.compile(r"/take-in/[^/]+$"), lambda route: standings.append(route))  # noqa: PLW0108 - Playwright sets attributes on it
    page.unroute("**/parts")
    with page.expect_response("**/parts"):
        for route in parts:
            route.continue_()
    expect(page.get_by_role("button", name="Pause sending")).to_be_hidden()
    expect(page.get_by_role("region", name="Progress")).to_contain_text("Sending")
    expect(page.locator("#earlier")).to_be_hidden()
    page.unroute(re.compile(r"/take-in/[^/]+$"))
    for route in standings:
        route.continue_()
    with working(served):
        expect(page.get_by_role("region", name="Result")).to_contain_text("3 new faces", timeout=60_000)


def test_marks_of_faces_that_gave_none_are_counted(served: Served, page: Page, tmp_path: Path) -> None:
    folder = vary_portraits(tmp_path / "press", 1, width=317)
    (portrait,) = (folder / "0").glob("*.jpg")
    portrait.with_suffix(".xmp").write_bytes(marked([((0.05, 0.05, 0.05, 0.05), "Ada")]))
    with working(served):
        page.get_by_label("Choose a folder").set_input_files(folder)
        result = page.get_by_role("region", name="Result")
        expect(result).to_contain_text("1 new face taken in", timeout=60_000)
    expect(result).to_contain_text(re.compile(r"Marks of faces that gave none\s*1"))


def test_an_empty_folder_says_what_to_drop(page: Page, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    drag_onto(page.get_by_role("region", name="Drop pictures here"), tmp_path / "empty")
    expect(page.get_by_role("alert")).to_contain_text("Drop pictures, or a folder that holds some")
    expect(page.get_by_role("status")).to_have_text("")


def test_a_session_that_ended_goes_on_after_signing_in_in_another_tab(
    served: Served, page: Page, tmp_path: Path
) -> None:
    folder = vary_portraits(tmp_path / "press", 3, width=314)
    served.sessions._open.clear()  # as a server that was started again
    page.get_by_label("Choose a folder").set_input_files(folder)
    expect(page.get_by_role("alert")).to_contain_text("Open the newest address from the terminal")
    other = page.context.new_page()
    other.goto(served.entrance)
    with working(served):
        expect(page.get_by_role("region", name="Result")).to_contain_text("3 new faces", timeout=60_000)


def test_a_source_that_takes_nothing_in_says_so_before_anything_is_dropped(served: Served, page: Page) -> None:
    served.workspace.desk_at_the_machine().sources.suspend(SOURCE)
    try:
        page.goto(TAKE_IN)
        expect(page.get_by_role("alert")).to_contain_text("Nothing can be taken in now")
        expect(page.locator("#drop")).to_have_count(0)
    finally:
        served.workspace.desk_at_the_machine().sources.resume(SOURCE)
