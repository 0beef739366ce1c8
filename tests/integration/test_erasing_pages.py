"""Withdrawing a source, and erasing a face or a picture of it, in the browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.serving import Served, serving, token_in
from tests.support.world import SOURCE, copied_gallery, search_portraits

from lineament.model.jobs import JobState
from lineament.model.sources import SourceState

pytestmark = pytest.mark.enable_socket
AT = f"/sources/{SOURCE}"
WHY = "the archive asked us to forget it"


@pytest.fixture
def served(portraits: Path, tmp_path: Path) -> Iterator[Served]:
    with copied_gallery(portraits, tmp_path / "ws") as world, serving(world.workspace) as served:
        yield served


@pytest.fixture
def browser(served: Served) -> Iterator[httpx.Client]:
    with served.client() as browser:
        yield browser


def send(browser: httpx.Client, to: str, **fields: str) -> httpx.Response:
    page = browser.get(to)
    assert page.status_code == 200, page.text
    return browser.post(to, data={"csrf": token_in(page.text), **fields})


@pytest.mark.parametrize(
    ("to", "fields"),
    [("withdraw", {}), ("erase", {"of": "face", "number": "1"}), ("erase", {"of": "picture", "number": "1"})],
)
@pytest.mark.parametrize("typed", ["", "yes", SOURCE.upper(), f"{SOURCE} "])
def test_nothing_is_erased_unless_the_name_of_the_source_is_typed(
    served: Served, browser: httpx.Client, to: str, fields: dict[str, str], typed: str
) -> None:
    answer = send(browser, f"{AT}/{to}", reason=WHY, confirm=typed, **fields)
    desk = served.workspace.desk_at_the_machine()
    if typed.strip() == SOURCE:
        assert answer.status_code == 303
        assert len(desk.jobs.newest()) == 1
    else:
        assert answer.status_code == 422
        assert f"type {SOURCE}" in answer.text.lower()
        assert WHY in answer.text, "what was typed is kept"
        assert desk.jobs.newest() == []
        assert desk.sources.get(SOURCE).state is SourceState.LIVE


def test_a_source_is_withdrawn_by_a_job_and_leaves_a_receipt(served: Served, browser: httpx.Client) -> None:
    assert f"Withdraw {SOURCE} for good" in browser.get(AT).text
    assert "5 pictures and 5 faces" in browser.get(f"{AT}/withdraw").text
    job = send(browser, f"{AT}/withdraw", reason=WHY, confirm=SOURCE).headers["location"]
    waiting = browser.get(job).text
    assert f"Withdrawal of {SOURCE}" in waiting
    assert "It cannot be stopped" in waiting
    assert f"{job}/stop" not in waiting
    page = browser.get(AT).text
    assert f'href="{job}"' in page
    assert f"{AT}/resume" not in page, "it is not resumed while it is being withdrawn"
    assert "is under way already" in send(browser, f"{AT}/withdraw", reason=WHY, confirm=SOURCE).text
    served.workspace.worker.drain()
    assert "Its signed receipt" in browser.get(job).text
    gone = browser.get(AT).text
    assert WHY in gone
    assert "Save the receipt" in gone
    assert browser.get(f"{AT}/withdraw").status_code == 409
    assert browser.get(f"{AT}/erase").status_code == 409


def test_the_face_of_a_candidate_is_erased_from_its_page(served: Served, browser: httpx.Client) -> None:
    candidate = f"{search_portraits(served.workspace)}/candidates/1"
    desk = served.workspace.desk_at_the_machine()
    found = desk.search.get(candidate.split("/")[2]).candidates[0]
    assert f'href="{AT}/erase?face={found.face_id}"' in browser.get(candidate).text
    form = browser.get(f"{AT}/erase?face={found.face_id}").text
    assert f'value="{found.face_id}"' in form
    sent = {"of": "face", "number": str(found.face_id), "reason": WHY, "confirm": SOURCE}
    job = send(browser, f"{AT}/erase", **sent).headers["location"]
    served.workspace.worker.drain()
    assert desk.jobs.show(job.rpartition("/")[2]).state is JobState.DONE
    assert browser.get(candidate).status_code == 410
    assert desk.sources.get(SOURCE).faces == 4


@pytest.mark.parametrize("number", ["0", "-1", "99", "1.5", "9" * 30])
def test_a_number_that_is_not_of_this_source_is_refused_beside_its_field(browser: httpx.Client, number: str) -> None:
    answer = send(browser, f"{AT}/erase", of="picture", number=number, reason=WHY, confirm=SOURCE)
    assert answer.status_code == 422
    assert 'name="number"' in answer.text
    assert WHY in answer.text
