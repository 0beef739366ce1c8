"""The pages of a case over a real workspace: what they show, and what their forms do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from PIL import Image
from tests.conftest import PORTRAITS
from tests.support.programs import desk_of_key
from tests.support.serving import Served, serving, token_in
from tests.support.world import CASE, PROBE, gallery

from lineament.model.accounts import Permission
from lineament.model.api_keys import KeyTerms
from lineament.model.cases import CaseState, PaperKind
from lineament.model.watches import WatchTerms
from lineament.web.addresses import case_address

pytestmark = pytest.mark.enable_socket
HOSTILE = "</p><script>alert(1)</script>"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("case-pages")
    with gallery(home / "ws") as workspace, serving(workspace) as running:
        yield running


@pytest.fixture(scope="module")
def browser(served: Served) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


@pytest.fixture(scope="module")
def csrf(browser: httpx.Client) -> str:
    return token_in(browser.get("/cases/new").text)


@pytest.fixture
def case(served: Served, request: pytest.FixtureRequest) -> str:
    """The address of a case of this test's own."""
    terms = replace(CASE, ref=f"K-{request.node.name}"[:100])
    return case_address(served.workspace.desk_at_the_machine().casework.open(terms).key)


def take(browser: httpx.Client, csrf: str, case: str, name: str, **form: str) -> httpx.Response:
    data = {"csrf": csrf, "case": case.rpartition("/")[2], **form}
    return browser.post("/search", data=data, files={"photograph": (name, (PORTRAITS / name).read_bytes())})


def text_of(html: str) -> str:
    """Return the text of a page without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


# ---------------------------------------------------------------- the parts of a case


@pytest.mark.parametrize("part", ["", "/people", "/room", "/timeline", "/authorisation"])
def test_every_part_of_a_case_is_marked_and_recorded(
    served: Served, browser: httpx.Client, case: str, part: str
) -> None:
    html = browser.get(case + part).text
    name = part[1:] or "searches"
    assert re.search(rf'<a href="{case}{part}" aria-current="page">{name}</a>', html, re.IGNORECASE)
    line = served.workspace.desk_at_the_machine().casework.timeline(case.rpartition("/")[2])[0]
    assert (line.action, line.details["part"]) == ("case_read", name)
    assert browser.get(f"/cases/0000000000000000{part}").status_code == 404


def test_messages_notes_and_files_are_shown_unchanged(
    served: Served, browser: httpx.Client, csrf: str, case: str
) -> None:
    for form in ({"text": f"two\nlines {HOSTILE}"}, {"text": "for us alone", "to": "agency"}):
        assert browser.post(f"{case}/messages", data={"csrf": csrf, **form}).status_code == 303
    content = b"<script>alert(2)</script>"
    file = {"file": ('a"b;\nc.html', content, "text/html")}
    assert browser.post(f"{case}/files", data={"csrf": csrf}, files=file).status_code == 303
    html = browser.get(f"{case}/room").text
    assert "&lt;script&gt;alert(1)" in html
    assert "<script>alert" not in html
    assert "note for the agency only" in html
    (paper,) = served.workspace.desk_at_the_machine().room.papers(case.rpartition("/")[2], kinds=(PaperKind.FILE,))
    answer = browser.get(f"{case}/files/{paper.id}")
    assert answer.content == content
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''a")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert served.workspace.desk_at_the_machine().casework.timeline(case.rpartition("/")[2])[0].action == "paper_opened"


def test_the_room_says_why_something_cannot_be_added(browser: httpx.Client, csrf: str, case: str) -> None:
    empty = browser.post(f"{case}/messages", data={"csrf": csrf, "text": "  "})
    assert empty.status_code == 422
    assert "1 to 20,000 characters" in empty.text
    nothing = browser.post(f"{case}/files", data={"csrf": csrf}, files={"file": ("a", b"")})
    assert nothing.status_code == 422
    assert "The file cannot be empty" in nothing.text
    assert browser.get(f"{case}/files/0000").status_code == 404
    assert browser.post(f"{case}/messages", data={"text": "no token"}).status_code == 403


def test_an_authorisation_is_recorded_with_its_document(browser: httpx.Client, csrf: str, case: str) -> None:
    form = {
        "csrf": csrf,
        "outcome": "granted",
        "authority": "Court of Ys",
        "scope": "one photograph",
        "decided-at": "2026-01-31T09:30",
        "until": "2999-12-31",
    }
    answer = browser.post(f"{case}/ruling", data=form, files={"document": ("order.pdf", b"%PDF")})
    assert answer.headers["location"] == f"{case}/authorisation"
    page = text_of(browser.get(f"{case}/authorisation").text)
    for word in ("granted", "Court of Ys", "2026-01-31 09:30", "2999-12-31", "order.pdf"):
        assert word in page
    for wrong in ({"decided-at": "soon"}, {"decided-at": "2999-01-01T00:00"}, {"scope": " "}):
        again = browser.post(f"{case}/ruling", data=form | wrong)
        assert again.status_code == 422
        assert again.text.count('value="Court of Ys"') == 1
    perhaps = browser.post(f"{case}/ruling", data=form | {"outcome": "perhaps"})  # no form of the page sends this
    assert perhaps.status_code == 422
    assert "choose one of granted, refused" in perhaps.text


def test_a_refusal_needs_the_reference_and_says_what_is_destroyed(
    served: Served, browser: httpx.Client, csrf: str, case: str
) -> None:
    take(browser, csrf, case, PROBE.name)
    ref = served.workspace.desk_at_the_machine().casework.get(case.rpartition("/")[2]).ref
    warning = text_of(browser.get(f"{case}/authorisation").text)
    assert "destroys what the case holds: 1 photograph, 0 searches" in warning
    form = {"csrf": csrf, "outcome": "refused", "authority": "Court", "scope": "no", "decided-at": "2026-01-31T09:30"}
    for typed in ("", "K", ref.lower() if ref != ref.lower() else ref.upper()):
        answer = browser.post(f"{case}/ruling", data={**form, "reference": typed})
        assert answer.status_code == 422
        assert "to confirm" in answer.text
    assert served.workspace.desk_at_the_machine().casework.get(ref).state is CaseState.OPEN
    assert browser.post(f"{case}/ruling", data={**form, "reference": ref}).status_code == 303
    page = text_of(browser.get(case).text)
    assert "The authorisation was refused by Court" in page
    assert "Nothing is left here" in page
    assert CASE.offence not in page
    assert browser.post(f"{case}/messages", data={"csrf": csrf, "text": "hello"}).status_code == 403


def test_a_legal_hold_is_put_and_released(browser: httpx.Client, csrf: str, case: str) -> None:
    assert browser.post(f"{case}/hold", data={"csrf": csrf, "because": " "}).status_code == 422
    browser.post(f"{case}/hold", data={"csrf": csrf, "because": "the defence asks"})
    browser.post(f"{case}/close", data={"csrf": csrf})
    page = text_of(browser.get(case).text)
    assert "Closed, and on legal hold" in page
    assert "the defence asks" in page
    browser.post(f"{case}/release", data={"csrf": csrf})
    assert re.search(r"What it holds is destroyed on \d{4}-\d\d-\d\d", text_of(browser.get(case).text))


def test_the_timeline_is_read_in_parts(served: Served, browser: httpx.Client, case: str) -> None:
    for number in range(60):
        served.workspace.desk_at_the_machine().room.say(case.rpartition("/")[2], str(number))
    newest = browser.get(f"{case}/timeline").text
    older = re.search(r'rel="next" href="([^"]+)"', newest)
    assert older is not None
    assert "opened the case" not in newest
    rest = browser.get(older[1].replace("&amp;", "&")).text
    assert "opened the case. Offence: “ fraud ”" in text_of(rest)
    sentences = re.findall(r"<li[^>]*>\s*<time", newest + rest)
    assert len(sentences) == 60 + 1  # messages, opened


def test_the_timeline_leaves_out_who_only_looked_until_asked(browser: httpx.Client, case: str) -> None:
    html = browser.get(f"{case}/timeline").text
    assert "1 entry says only that somebody looked" in text_of(html)
    assert "read the timeline of the case" not in text_of(html)
    shown = re.search(rf'href="({case}/timeline[?]views=shown)"', html)
    assert shown is not None
    assert text_of(browser.get(shown[1]).text).count("read the timeline of the case") == 2


# ---------------------------------------------------------------- the list, and opening a case


def test_the_list_continues_on_the_next_page(served: Served, browser: httpx.Client) -> None:
    for number in range(60):
        served.workspace.desk_at_the_machine().casework.open(replace(CASE, ref=f"L-{number:03}", offence="longlisted"))
    first = browser.get("/cases?q=longlisted").text
    assert first.count('<th scope="row">') == 50
    after = re.search(r'rel="next" href="([^"]+)"', first)
    assert after is not None
    assert not re.search(r"after=\d{1,9}$", after[1])  # a running number would count the cases of others
    second = browser.get(after[1].replace("&amp;", "&")).text
    refs = re.findall(r"L-\d{3}", first) + re.findall(r"L-\d{3}", second)
    assert refs == sorted(set(refs), reverse=True)
    assert len(refs) == 60
    assert 'rel="next"' not in second
    assert browser.get("/cases?q=longlisted&state=closed").text.count('<th scope="row">') == 0
    assert browser.get("/cases?after=none").status_code == 404
    assert browser.get("/cases?state=nonsense").status_code == 200


def test_a_case_says_whom_it_seeks_and_some_purposes_are_refused(browser: httpx.Client, csrf: str) -> None:
    form = {"csrf": csrf, "ref": "S-1", "offence": "fraud", "purpose": "find who it was", "basis": "CPP 77"}
    missing = browser.post("/cases", data={**form, "seeks": "initial identification"})
    assert missing.status_code == 422
    assert "which facts link" in missing.text
    assert re.search(r'value="initial identification"[^>]* checked', missing.text)
    refused = browser.post("/cases", data={**form, "purpose": "find the protesters"})
    assert refused.status_code == 403
    assert "nobody is searched for taking part" in refused.text
    assert 'value="find the protesters"' in refused.text
    assert browser.post("/cases", data={**form, "seeks": "somebody"}).status_code == 422
    assert browser.post("/cases", data={**form, "jurisdiction": "France"}).status_code == 422
    facts = {"seeks": "initial identification", "exempt-because": "the camera shows him", "jurisdiction": "fr"}
    opened = browser.post("/cases", data={**form, **facts}).headers["location"]
    page = text_of(browser.get(opened).text)
    assert "An unknown suspect the camera shows him" in page
    assert "Jurisdiction FR" in page


# ---------------------------------------------------------------- photographs


def test_a_picture_that_is_no_photograph_is_refused_with_the_reason(
    browser: httpx.Client, csrf: str, case: str
) -> None:
    form = browser.get(f"/search?case={case.rpartition('/')[2]}").text
    for word in ("Sketch", "Composite", "Look-alike", "Generated or altered"):
        assert word in form
    refused = take(browser, csrf, case, PROBE.name, kind="sketch")
    assert refused.status_code == 403
    assert "a drawing shows what a witness remembers" in refused.text
    assert take(browser, csrf, case, PROBE.name, kind="hologram").status_code == 422
    probe = take(browser, csrf, case, PROBE.name, kind="cctv").headers["location"]
    assert "CCTV" in browser.get(probe).text


def test_an_exposure_can_be_replayed_and_undone(served: Served, browser: httpx.Client, csrf: str, case: str) -> None:
    probe = take(browser, csrf, case, PROBE.name).headers["location"]
    lighter = browser.post(f"{probe}/expose", data={"csrf": csrf, "stops": "0.5"}).headers["location"]
    darker = browser.post(f"{lighter}/expose", data={"csrf": csrf, "stops": "-1.0"}).headers["location"]
    assert "lighter by half a stop, darker by 1 stop" in text_of(browser.get(darker).text)
    replay = browser.post(f"{darker}/replay", data={"csrf": csrf}, follow_redirects=True)
    assert "Every step gave the same pixels." in replay.text
    assert replay.text.count('aria-label="Copy the digest ') >= 3
    assert browser.post(f"{probe}/expose", data={"csrf": csrf, "stops": "9"}).status_code == 422
    assert browser.post(f"{darker}/undo", data={"csrf": csrf}).headers["location"] == lighter
    with served.workspace.store.begin() as tx:
        forged = f'["{"0" * 64}", "{"1" * 64}"]'
        tx.connection.exec_driver_sql(
            "UPDATE probes SET digests = ? WHERE id = ?", (forged, lighter.rpartition("/")[2])
        )
    forgery = browser.post(f"{lighter}/replay", data={"csrf": csrf}, follow_redirects=True).text
    assert "as it is decoded now it has other pixels than were recorded" in forgery


def test_further_photographs_are_offered_and_fused(browser: httpx.Client, csrf: str, case: str) -> None:
    first = take(browser, csrf, case, PROBE.name).headers["location"]
    assert "Further photographs" not in browser.get(first).text
    other = take(browser, csrf, case, "macron-2025.jpg").headers["location"]
    html = browser.get(first).text
    assert re.search(r"of a thousand people who are in the gallery, 1 photograph missed \d+", text_of(html))
    value = f"{other.rpartition('/')[2]}:1"
    assert f'name="other" value="{value}"' in html
    form = {"csrf": csrf, "face": "1", "reason": "to see", "source": "portraits", "mode": "investigation"}
    form |= {"limit": "20", "since": "", "until": "", "other": value}
    result = browser.post(f"{first}/search", data=form).headers["location"]
    assert "Fused with 1 further photograph of the same person" in text_of(browser.get(result).text)
    assert "fused with 1 more" in text_of(browser.get(f"{result}/candidates/1").text)
    assert "2 photographs fused" in browser.get(case).text
    again = re.search(r'href="([^"]+again=[^"]+)"', browser.get(result).text)
    assert again is not None
    assert re.search(rf'value="{value}" checked', browser.get(again[1]).text)
    for wrong in ("x", "0123:1", f"{other.rpartition('/')[2]}:9", f"{first.rpartition('/')[2]}:1"):
        assert browser.post(f"{first}/search", data={**form, "other": wrong}).status_code in {404, 422}


def test_a_case_shows_photographs_that_were_not_searched(browser: httpx.Client, csrf: str, case: str) -> None:
    probe = take(browser, csrf, case, PROBE.name, kind="social media").headers["location"]
    html = browser.get(case).text
    assert "Photographs not searched yet" in html
    assert f"{probe}/faces/1" in browser.get("/").text
    assert f'href="{probe}"' in html
    assert "Social media" in html


def test_the_first_page_shows_what_ends_this_week(served: Served, browser: httpx.Client, csrf: str, case: str) -> None:
    soon = (served.workspace.clock() + timedelta(days=3)).date()
    form = {"csrf": csrf, "outcome": "granted", "authority": "C", "scope": "s", "decided-at": "2026-01-31T09:30"}
    browser.post(f"{case}/ruling", data={**form, "until": soon.isoformat()})
    home = text_of(browser.get("/").text)
    assert f"authorisation {soon}" in home
    assert Path(case).name not in home


def test_a_file_of_several_pages_shows_the_first_with_a_face(
    browser: httpx.Client, csrf: str, case: str, tmp_path: Path
) -> None:
    path = tmp_path / "scan.tif"
    with Image.open(PROBE) as image:
        shown = image.convert("RGB").resize((240, 300))
    empty = Image.new("RGB", (240, 300), (90, 110, 90))
    empty.save(path, save_all=True, append_images=[shown, empty], compression="jpeg")
    sent = {"photograph": (path.name, path.read_bytes(), "image/tiff")}
    form = {"csrf": csrf, "case": case.rpartition("/")[2], "kind": "other photograph"}
    probe = browser.post("/search", data=form, files=sent).headers["location"]
    page = text_of(browser.get(probe).text)
    assert "Page 2 of 3." in page
    assert "1 face found" in page
    first = browser.post(f"{probe}/page", data={"csrf": csrf, "part": "1"}).headers["location"]
    assert first != probe
    page = text_of(browser.get(first).text)
    assert "Page 1 of 3." in page
    assert "No face found" in page
    assert browser.post(f"{first}/page", data={"csrf": csrf, "part": "2"}).headers["location"] == probe
    wrong = browser.post(f"{first}/page", data={"csrf": csrf, "part": "4"})
    assert wrong.status_code == 422
    assert "the file holds 3" in wrong.text


def test_a_damaged_photograph_says_what_is_missing(browser: httpx.Client, csrf: str, case: str) -> None:
    whole = PROBE.read_bytes()
    for data, words in ((whole[:-2], "only its end is missing"), (whole[: len(whole) * 4 // 5], "is missing.")):
        sent = {"photograph": ("cut.jpg", data, "image/jpeg")}
        form = {"csrf": csrf, "case": case.rpartition("/")[2], "kind": "other photograph"}
        probe = browser.post("/search", data=form, files=sent).headers["location"]
        page = text_of(browser.get(probe).text)
        assert "The file is incomplete" in page
        assert words in page


# ---------------------------------------------------------------- candidates


def test_the_candidates_of_older_searches_are_a_page_further(
    browser: httpx.Client, csrf: str, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No candidate yet" in browser.get(f"{case}/candidates").text
    probe = take(browser, csrf, case, PROBE.name, kind="cctv").headers["location"]
    form = {"csrf": csrf, "face": "1", "reason": "who is it", "source": "portraits", "mode": "investigation"}
    older, newer = (browser.post(f"{probe}/search", data=form | {"limit": n}).headers["location"] for n in ("2", "3"))
    whole = browser.get(f"{case}/candidates").text
    assert [whole.count(f'src="{search}/candidates/') for search in (older, newer)] == [2, 3]
    assert "pager" not in whole
    monkeypatch.setattr("lineament.web.reviews.LISTS", 1)
    first = browser.get(f"{case}/candidates").text
    assert [first.count(f'src="{search}/candidates/') for search in (older, newer)] == [0, 3]
    further = re.search(r'rel="next" href="([^"]+)"', first)
    assert further is not None
    last = browser.get(further[1]).text
    assert [last.count(f'src="{search}/candidates/') for search in (older, newer)] == [2, 0]
    assert f'rel="prev" href="{case}/candidates"' in last
    assert 'rel="next"' not in last
    assert "Nothing older" in browser.get(f"{case}/candidates?before={older.rpartition('/')[2]}").text


def test_a_watch_of_a_program_says_so_and_goes_on_by_a_button_once_its_key_is_revoked(
    served: Served, browser: httpx.Client, csrf: str, case: str
) -> None:
    desk, ref = served.workspace.desk_at_the_machine(), case.rpartition("/")[2]
    rights = frozenset({Permission.SEARCH})
    key = desk.api_keys.make(KeyTerms(name="a program", rights=rights, days=1, case=ref, reason="missing"))
    terms = WatchTerms(reason="missing since Monday", ends_on=desk.clock().date())
    watch = desk_of_key(served.workspace, key).watches.begin(desk.probes.take(ref, PROBE.read_bytes()).id, terms)
    page = browser.get(f"{case}/watches").text
    assert f'data-copy="{key.key.id}"' in page
    assert "Let it go on" not in page
    desk.api_keys.revoke(key.key.id)
    page = browser.get(f"{case}/watches").text
    assert "The key with which a program began the watch was revoked" in page
    assert f'action="{case}/watches/{watch.id}/go-on"' in page
    sent = browser.post(f"{case}/watches/{watch.id}/go-on", data={"csrf": csrf})
    assert (sent.status_code, sent.headers["location"]) == (303, f"{case}/watches")
    page = browser.get(f"{case}/watches").text
    assert "let go on by <bdi>" in page
    assert "Let it go on" not in page
