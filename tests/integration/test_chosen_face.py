"""A face that was chosen stays chosen while the photograph is edited, or the page says that it was not found."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image
from tests.conftest import PORTRAITS
from tests.support.serving import Served, serving, token_in
from tests.support.world import CASE, gallery

from lineament.model.search import Probe
from lineament.testing import encoded

pytestmark = pytest.mark.enable_socket
NAMES = ("macron-2014", "obama")
SIDE = 320


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with gallery(tmp_path_factory.mktemp("chosen") / "ws") as workspace, serving(workspace) as running:
        yield running


@pytest.fixture(scope="module")
def browser(served: Served) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


@pytest.fixture(scope="module")
def probe(served: Served) -> Probe:
    """Two people side by side."""
    both = Image.new("RGB", (SIDE * 2, SIDE))
    for place, name in enumerate(NAMES):
        with Image.open(PORTRAITS / f"{name}.jpg") as image:
            both.paste(image.convert("RGB").resize((SIDE, SIDE * image.height // image.width)), (SIDE * place, 0))
    taken = served.workspace.desk_at_the_machine().probes.take(CASE.ref, encoded(both, "PNG"))
    assert len(taken.faces) == 2
    return taken


def edit(browser: httpx.Client, probe_id: str, act: str, face: int | str, **form: str) -> tuple[str, str]:
    """Send an edit with the chosen face; return the new probe and the face that its address names."""
    csrf = token_in(browser.get("/help").text + browser.get("/cases/new").text)
    answer = browser.post(f"/probes/{probe_id}/{act}", data={"csrf": csrf, "face": str(face), **form})
    assert answer.status_code == 303, answer.text
    found = re.fullmatch(r"/probes/(\w+)(?:\?face=(\d+))?", answer.headers["location"])
    assert found is not None
    return found[1], found[2] or ""


def left_face(probe: Probe) -> int:
    return min((face.box.x, number) for number, face in enumerate(probe.faces, 1))[1]


def get(served: Served, probe_id: str) -> Probe:
    return served.workspace.desk_at_the_machine().probes.get(probe_id)


def test_a_face_is_followed_through_turns_light_and_undoing(
    served: Served, browser: httpx.Client, probe: Probe
) -> None:
    left = left_face(probe)
    turned_id, turned_face = edit(browser, probe.id, "turn", left, degrees="90")
    turned = get(served, turned_id)
    upper = min((face.box.y, number) for number, face in enumerate(turned.faces, 1))[1]
    assert int(turned_face) == upper  # what was on the left is on top
    lighter_id, lighter_face = edit(browser, turned_id, "expose", turned_face, stops="0.5")
    back_id, back_face = edit(browser, lighter_id, "undo", lighter_face)
    assert (back_id, back_face) == (turned_id, turned_face)
    assert edit(browser, back_id, "undo", back_face) == (probe.id, str(left))
    html = browser.get(f"/probes/{turned_id}?face={turned_face}").text
    assert re.search(rf'name="face" form="why" value="{upper}"[^>]* checked', html)


def test_a_face_that_is_cropped_away_is_not_replaced_by_another(
    served: Served, browser: httpx.Client, probe: Probe
) -> None:
    left = left_face(probe)
    right_half = {"x": str(SIDE), "y": "0", "width": str(SIDE), "height": str(SIDE)}
    cropped_id, face = edit(browser, probe.id, "crop", left, **right_half)
    assert len(get(served, cropped_id).faces) == 1
    assert face == "0"
    html = browser.get(f"/probes/{cropped_id}?face=0").text
    assert "was not found again after this edit" in html
    assert not re.search(r'name="face"[^>]* checked', html)


def test_without_a_chosen_face_none_is_chosen_by_an_edit(browser: httpx.Client, probe: Probe) -> None:
    for nothing in ("", "9", "x"):
        assert edit(browser, probe.id, "turn", nothing, degrees="180")[1] == ""
