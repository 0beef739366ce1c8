"""Programs of CompreFace: the calls of its SDK and of double-take, replayed; and what Lineament does in another way.

compreface-sdk 0.6.0 wants urllib3 below 2, which the packages of the tests do not: so its requests are sent as it
writes them, to a real server.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from tests.conftest import PORTRAITS, side_by_side
from tests.support.programs import FACELESS, RIGHTS, addresses, key_for
from tests.support.serving import serving
from tests.support.squad import Squad
from tests.support.world import CASE, World, copied_gallery

from lineament.api.admission import Admission
from lineament.api.compat.compreface import create_compreface
from lineament.model.accounts import HOME_AGENCY, Permission, Role
from lineament.model.sources import SourceTerms

SERVICE = "staff"
ARDERN, LATER = PORTRAITS / "ardern-2018.jpg", PORTRAITS / "ardern-2022.jpg"
MACRON, OBAMA = PORTRAITS / "macron-2014.jpg", PORTRAITS / "obama.jpg"
NO_FACE = {"message": "No face is found in the given image", "code": 28}
API = "/compat/compreface/api/v1"
SUBJECTS, FACES = f"{API}/recognition/subjects", f"{API}/recognition/faces"
RECOGNIZE = f"{API}/recognition/recognize"


def sent(picture: Path | bytes, name: str = "file") -> dict[str, tuple[str, bytes]]:
    """Return a picture as a form has it."""
    return {name: ("image.jpg", picture if isinstance(picture, bytes) else picture.read_bytes())}


@dataclass(slots=True)
class Service:
    """A server with a service of CompreFace, and a program that has a key for it."""

    world: World
    url: str
    client: httpx.Client

    def key(self, *rights: Permission, sources: tuple[str, ...] = (SERVICE,)) -> dict[str, str]:
        """Return the header with another key."""
        made = key_for(self.world, *rights, case=CASE.ref if Permission.SEARCH in rights else None, sources=sources)
        return {"x-api-key": made.text}

    def add(self, subject: str, picture: Path | bytes) -> str:
        """Add an example; return its id."""
        answer = self.client.post(FACES, params={"subject": subject}, files=sent(picture))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["image_id"])

    def recognize(self, picture: Path | bytes, **options: str) -> Any:
        """Return the result of recognising the faces of a picture."""
        answer = self.client.post(RECOGNIZE, params=options, files=sent(picture))
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]


@pytest.fixture
def service(portraits: Path, tmp_path: Path) -> Iterator[Service]:
    with copied_gallery(portraits, tmp_path / "ws") as world:
        terms = SourceTerms(name=SERVICE, controller="Ministry", basis="consent", jurisdiction="FR")
        world.machine.sources.add(terms)
        key = key_for(world, *RIGHTS, case=CASE.ref, sources=(SERVICE,)).text
        with serving(world.workspace) as served:
            url = served.url.replace("127.0.0.1", "localhost")  # as the SDK's examples write it
            with httpx.Client(base_url=url, headers={"x-api-key": key}, timeout=60) as client:
                yield Service(world, url, client)


# ---------------------------------------------------------------- programs as they are


def test_the_calls_of_the_sdk(service: Service) -> None:
    client, json = service.client, {"content-type": "application/json"}
    answer = client.post(SUBJECTS, content=b'{"subject": "Test Subject"}', headers=json)
    assert (answer.status_code, answer.json()) == (201, {"subject": "Test Subject"})
    assert client.get(SUBJECTS, headers=json).json() == {"subjects": ["Test Subject"]}
    renamed = b'{"subject": "Updated Subject", "api_endpoint": "Test Subject"}'
    assert client.put(f"{SUBJECTS}/Test Subject", content=renamed, headers=json).json() == {"updated": True}
    assert client.get(SUBJECTS).json() == {"subjects": ["Updated Subject"]}

    added = client.post(f"{FACES}?subject=Jonathan Petit&det_prob_threshold=0.8", files=sent(MACRON))
    image_id = added.json()["image_id"]
    assert (added.status_code, added.json()) == (201, {"image_id": image_id, "subject": "Jonathan Petit"})
    found = client.post(
        f"{RECOGNIZE}?&limit=0&det_prob_threshold=0.8&prediction_count=1&status=true", files=sent(MACRON)
    ).json()
    (face,) = found["result"]
    assert face["subjects"] == [{"subject": "Jonathan Petit", "similarity": 1.0}]
    assert set(face) == {"box", "subjects", "execution_time"}
    assert set(found["plugins_versions"]) == {"detector", "calculator"}

    listed = client.get(FACES).json()
    assert listed["faces"] == [{"image_id": image_id, "subject": "Jonathan Petit"}]
    assert [listed[name] for name in ("page_number", "page_size", "total_pages", "total_elements")] == [0, 20, 1, 1]
    options = "limit=0&det_prob_threshold=0.8&status=true"
    verified = client.post(f"{FACES}/{image_id}/verify?&{options}", files=sent(MACRON)).json()
    assert [each["similarity"] for each in verified["result"]] == [1.0]

    both = {**sent(MACRON, "source_image"), **sent(MACRON, "target_image")}
    guesses = f"?&{options}&face_plugins=age,gender"
    (compared,) = client.post(f"{API}/verification/verify{guesses}", files=both).json()["result"]
    assert [each["similarity"] for each in compared["face_matches"]] == [1.0]
    assert set(compared["source_image_face"]) == {"box", "execution_time"}
    (detected,) = client.post(f"{API}/detection/detect{guesses}", files=sent(MACRON)).json()["result"]
    assert set(detected) == {"box", "execution_time"}
    assert set(detected["box"]) == {"probability", "x_max", "y_max", "x_min", "y_min"}

    gone = client.delete(f"{FACES}/{image_id}")
    assert (gone.status_code, gone.json()) == (200, {"image_id": image_id, "subject": "Jonathan Petit"})
    assert client.delete(f"{FACES}?subject=Jonathan Petit").json() == {"deleted": 0}
    assert client.delete(f"{SUBJECTS}/Updated Subject", headers=json).json() == {"subject": "Updated Subject"}
    assert client.delete(SUBJECTS, headers=json).json() == {"deleted": 0}
    assert client.get(f"{SUBJECTS}/").json() == {"subjects": []}


def test_the_calls_of_double_take(service: Service) -> None:
    client = service.client
    client.post(FACES, params={"subject": "Jacinda"}, files=sent(ARDERN)).raise_for_status()
    for plugins in ("undefined", "mask,gender,age"):  # the first if its configuration names none
        options = {"face_plugins": plugins, "det_prob_threshold": 0.8}
        (face,) = client.post(RECOGNIZE, params=options, files=sent(LATER)).json()["result"]
        assert set(face) == {"box", "subjects"}
    (subject,) = face["subjects"]
    assert subject["subject"] == "Jacinda"
    assert 99 < round(100 * subject["similarity"], 2) <= 100
    assert 0 < face["box"]["x_min"] < face["box"]["x_max"]
    answer = client.post(RECOGNIZE, params={"det_prob_threshold": 0.8}, files=sent(FACELESS))
    assert (answer.status_code, answer.json()) == (400, NO_FACE)
    assert client.delete(FACES, params={"subject": "Jacinda"}).json() == {"deleted": 1}
    assert client.delete(FACES, params={"subject": "Jacinda"}).json() == {"deleted": 0}
    assert client.get(SUBJECTS).json() == {"subjects": []}


def test_pictures_are_sent_as_base64_too(service: Service) -> None:
    client = service.client

    def file(picture: Path, name: str = "file") -> dict[str, str]:
        return {name: base64.b64encode(picture.read_bytes()).decode()}

    added = client.post(FACES, params={"subject": "Jacinda"}, json=file(ARDERN))
    assert added.status_code == 201
    key = added.json()["image_id"]
    (face,) = client.post(RECOGNIZE, json=file(LATER)).json()["result"]
    assert face["subjects"][0]["subject"] == "Jacinda"
    (verified,) = client.post(f"{FACES}/{key}/verify", json=file(LATER)).json()["result"]
    assert verified["similarity"] == face["subjects"][0]["similarity"]
    both = {**file(ARDERN, "source_image"), **file(LATER, "target_image")}
    (compared,) = client.post(f"{API}/verification/verify", json=both).json()["result"]
    assert compared["face_matches"][0]["similarity"] == face["subjects"][0]["similarity"]
    assert len(client.post(f"{API}/detection/detect", json=file(LATER)).json()["result"]) == 1


# ---------------------------------------------------------------- what is told


def test_nothing_is_guessed_about_a_person_and_no_template_leaves(service: Service) -> None:
    plugins = "age,gender,pose,mask,landmarks"
    service.add("Jacinda", ARDERN)
    (face,) = service.recognize(LATER, face_plugins=plugins)
    assert set(face) == {"box", "landmarks", "subjects"}
    assert [len(point) for point in face["landmarks"]] == [2, 2, 2, 2, 2]
    for address in (RECOGNIZE, f"{API}/detection/detect"):
        answer = service.client.post(address, params={"face_plugins": "calculator"}, files=sent(LATER))
        assert (answer.status_code, answer.json()["code"]) == (400, 36)
        assert "template never leaves" in answer.json()["message"]


def test_every_face_of_a_picture_is_searched_for(service: Service) -> None:
    service.add("Jacinda", ARDERN)
    service.add("Barack", OBAMA)
    group = side_by_side(LATER.name, OBAMA.name)
    best = {face["subjects"][0]["subject"]: face for face in service.recognize(group)}
    assert set(best) == {"Jacinda", "Barack"}
    assert len(service.recognize(group, limit="1")) == 1
    both = service.recognize(group, prediction_count="2")
    assert [len(face["subjects"]) for face in both] == [2, 2]
    shares = [subject["similarity"] for subject in both[0]["subjects"]]
    assert shares == sorted(shares, reverse=True)
    assert service.world.actions().count("search") == 5

    answer = service.client.post(FACES, params={"subject": "Both"}, files=sent(group))
    assert (answer.status_code, answer.json()["code"]) == (400, 31)
    both_shown = {**sent(group, "source_image"), **sent(OBAMA, "target_image")}
    answer = service.client.post(f"{API}/verification/verify", files=both_shown)
    assert (answer.status_code, answer.json()["code"]) == (400, 31)
    assert service.client.get(SUBJECTS).json() == {"subjects": ["Barack", "Jacinda"]}
    unsure = side_by_side(OBAMA.name, LATER.name)
    answer = service.client.post(RECOGNIZE, params={"det_prob_threshold": "0.999"}, files=sent(unsure))
    assert (answer.status_code, answer.json()) == (400, NO_FACE)
    assert service.world.actions().count("probe_added") == 1


def test_each_search_is_one_in_the_case_of_the_key(service: Service) -> None:
    key = service.add("Jacinda", ARDERN)
    service.recognize(LATER)
    service.client.post(f"{FACES}/{key}/verify", files=sent(LATER)).raise_for_status()
    service.client.post(f"{API}/detection/detect", files=sent(LATER)).raise_for_status()
    both = {**sent(ARDERN, "source_image"), **sent(LATER, "target_image")}
    service.client.post(f"{API}/verification/verify", files=both).raise_for_status()
    searching = {"search", "probe_added", "compared", "faces_detected"}
    recorded = [action for action in service.world.actions() if action in searching]
    assert recorded == [
        *("faces_detected", "probe_added", "search"),
        *("compared", "faces_detected", "compared"),
    ]
    details = service.world.all_details()
    assert "to find where it was published" in details
    assert "Jacinda" not in details


# ---------------------------------------------------------------- what is done in another way


def test_two_subjects_are_never_merged(service: Service) -> None:
    service.add("Jacinda", ARDERN)
    service.add("Barack", OBAMA)
    answer = service.client.put(f"{SUBJECTS}/Jacinda", json={"subject": "Barack"})
    assert (answer.status_code, answer.json()["code"]) == (400, 43)
    assert service.client.get(SUBJECTS).json() == {"subjects": ["Barack", "Jacinda"]}
    assert service.recognize(LATER)[0]["subjects"][0]["subject"] == "Jacinda"
    same = service.client.put(f"{SUBJECTS}/Jacinda", json={"subject": "Jacinda"})
    assert same.json() == {"updated": False}
    answer = service.client.put(f"{SUBJECTS}/Nobody", json={"subject": "Somebody"})
    assert (answer.status_code, answer.json()) == (404, {"message": "Subject Nobody not found", "code": 42})


def test_a_picture_is_enrolled_once_and_not_again_after_it_was_erased(service: Service) -> None:
    key = service.add("Jacinda", ARDERN)
    assert service.add("Jacinda", ARDERN) == key
    answer = service.client.post(FACES, params={"subject": "Kate"}, files=sent(ARDERN))
    assert (answer.status_code, answer.json()["code"]) == (400, 36)
    assert "of another subject" in answer.json()["message"]
    assert service.client.delete(f"{SUBJECTS}/Jacinda").json() == {"subject": "Jacinda"}
    answer = service.client.post(FACES, params={"subject": "Jacinda"}, files=sent(ARDERN))
    assert answer.status_code == 409
    assert "cannot be enrolled again" in answer.json()["message"]
    assert service.client.get(FACES).json()["total_elements"] == 0


def test_faces_that_no_program_named_are_neither_listed_nor_erased(service: Service) -> None:
    header = service.key(*RIGHTS, sources=("portraits",))
    before = service.world.machine.sources.get("portraits").faces
    assert service.client.get(FACES, headers=header).json()["faces"] == []
    assert service.client.delete(FACES, headers=header).json() == {"deleted": 0}
    assert service.client.delete(SUBJECTS, headers=header).json() == {"deleted": 0}
    assert service.world.machine.sources.get("portraits").faces == before > 0
    answer = service.client.post(RECOGNIZE, headers=header, files=sent(MACRON))
    assert answer.json()["result"][0]["subjects"] == []


def test_examples_are_listed_in_parts_and_erased_by_their_ids(service: Service) -> None:
    first, second = service.add("Jacinda", ARDERN), service.add("Jacinda", LATER)
    other = service.add("Barack", OBAMA)
    part = service.client.get(FACES, params={"page": 1, "size": 2}).json()
    assert [face["image_id"] for face in part["faces"]] == [other]
    assert (part["total_pages"], part["total_elements"]) == (2, 3)
    part = service.client.get(FACES, params={"subject": "Jacinda"}).json()
    assert [face["image_id"] for face in part["faces"]] == [first, second]
    assert service.client.get(FACES, params={"subject": "Nobody"}).json()["faces"] == []
    missing = "6b135f5b-a365-4522-b1f1-4c9ac2dd0728"
    answer = service.client.post(f"{FACES}/delete", json=[first, missing, first])
    assert answer.json() == [{"image_id": first, "subject": "Jacinda"}]
    answer = service.client.delete(f"{FACES}/{first}")
    assert (answer.status_code, answer.json()) == (404, {"message": f"Image {first} not found", "code": 44})
    before = service.world.ledger_size()
    assert service.client.delete(FACES).json() == {"deleted": 2}
    read = service.world.actions()[before:].count("collection_read")
    assert read == 1, "the names of the subjects were read; erasing is no reading"


def test_the_face_of_an_example_is_shown_and_no_key_stands_in_an_address(service: Service) -> None:
    key = service.add("Jacinda", ARDERN)
    answer = service.client.get(f"{FACES}/{key}/img")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "no-store"
    with Image.open(io.BytesIO(answer.content)) as shown, Image.open(ARDERN) as whole:
        assert shown.format == "JPEG"
        assert shown.width < whole.width
    assert service.client.get(f"{FACES}/6b135f5b-a365-4522-b1f1-4c9ac2dd0728/img").content == b""
    answer = service.client.get(f"{API}/static/lin_x/images/{key}")
    assert (answer.status_code, answer.json()["code"]) == (403, 1)


# ---------------------------------------------------------------- keys and faults


def test_a_key_opens_one_service_and_what_its_rights_say(service: Service) -> None:
    key = service.add("Jacinda", ARDERN)
    client = httpx.Client(base_url=service.url, timeout=60)
    answer = client.get(SUBJECTS)
    assert (answer.status_code, answer.json()) == (400, {"message": "Missing header: x-api-key", "code": 20})
    answer = client.get(SUBJECTS, headers={"x-api-key": "00000000-0000-0000-0000-000000000002"})
    assert (answer.status_code, answer.json()["code"]) == (404, 10)
    own = client.get(SUBJECTS, headers={"x-api-key": service.client.headers["x-api-key"]})
    assert own.json() == {"subjects": ["Jacinda"]}
    several = [("x-api-key", service.client.headers["x-api-key"]), ("x-api-key", "another")]
    assert client.get(SUBJECTS, headers=several).json()["code"] == 10, "a proxy may have read the other"
    for sources in ((), (SERVICE, "portraits")):
        answer = client.get(SUBJECTS, headers=service.key(*RIGHTS, sources=sources))
        assert (answer.status_code, answer.json()["code"]) == (404, 10)
    elsewhere = service.key(*RIGHTS, sources=("portraits",))
    assert client.delete(f"{FACES}/{key}", headers=elsewhere).json()["code"] == 44
    assert client.get(f"{FACES}/{key}/img", headers=elsewhere).content == b""
    assert client.post(f"{FACES}/{key}/verify", headers=elsewhere, files=sent(LATER)).json()["code"] == 44

    enrolling = service.key(Permission.READ_SOURCES, Permission.MANAGE_SOURCES)
    for address in (RECOGNIZE, f"{FACES}/{key}/verify"):
        answer = client.post(address, headers=enrolling, files=sent(LATER))
        assert (answer.status_code, answer.json()["code"]) == (403, 1)
    searching = service.key(Permission.READ_SOURCES, Permission.READ_CASES, Permission.OPEN_CASES, Permission.SEARCH)
    answer = client.post(FACES, params={"subject": "Kate"}, headers=searching, files=sent(LATER))
    assert (answer.status_code, answer.json()["code"]) == (403, 1)
    assert client.get(f"{FACES}/{key}/img", headers=searching).status_code == 403
    assert client.post(RECOGNIZE, headers=searching, files=sent(LATER)).status_code == 200
    client.close()


def test_no_address_answers_without_a_key(service: Service) -> None:
    found = addresses(create_compreface(Admission(service.world.workspace)))
    assert len(found) == 17
    with httpx.Client(base_url=service.url, timeout=60) as client:
        answers = {each: client.request(*each) for each in found}
    codes = {each: answer.json()["code"] for each, answer in answers.items()}
    static = ("GET", f"{API}/static/{{key}}/images/{{image_id}}")
    assert codes == {each: 1 if each == static else 20 for each in found}


def test_a_file_of_several_pictures_is_no_example_of_one_subject(service: Service) -> None:
    first, second = (Image.open(portrait).convert("RGB") for portrait in (MACRON, OBAMA))
    written = io.BytesIO()
    first.save(written, "TIFF", save_all=True, append_images=[second], compression="jpeg")
    answer = service.client.post(FACES, params={"subject": "Emmanuel"}, files=sent(written.getvalue()))
    assert (answer.status_code, answer.json()["code"]) == (400, 36)
    assert "holds 2 pictures" in answer.json()["message"]
    assert service.client.get(FACES).json()["faces"] == []
    assert service.recognize(OBAMA)[0]["subjects"] == []


def test_a_name_that_cannot_be_kept_enrols_nothing(service: Service) -> None:
    before = service.world.machine.sources.get(SERVICE).faces
    for subject in ("x" * 256, "line\nbreak"):
        answer = service.client.post(FACES, params={"subject": subject}, files=sent(ARDERN))
        assert (answer.status_code, answer.json()["code"]) == (400, 36)
    assert service.world.machine.sources.get(SERVICE).faces == before == 0


def test_what_is_wrong_has_a_number(service: Service) -> None:
    client = service.client
    faults = {
        34: client.post(RECOGNIZE),
        33: client.post(FACES, files=sent(ARDERN)),
        26: client.post(RECOGNIZE, params={"limit": "-1"}, files=sent(ARDERN)),
        21: client.post(RECOGNIZE, files=sent(b"no picture")),
        36: client.post(RECOGNIZE, content=b"{", headers={"content-type": "application/json"}),
        0: client.get(f"{API}/recognition/nothing"),
    }
    assert {code: answer.json()["code"] for code, answer in faults.items()} == {code: code for code in faults}
    assert [answer.status_code for answer in faults.values()] == [400, 400, 400, 400, 400, 404]
    half = client.post(f"{FACES}/delete", content=b'["\\ud800"]', headers={"content-type": "application/json"})
    assert (half.status_code, half.json()) == (404, {"message": "Image \\ud800 not found", "code": 44})
    assert client.patch(SUBJECTS).status_code == 405
    assert client.post(FACES, params={"subject": "A"}, files=sent(b"x" * 2**21)).status_code == 413


# ---------------------------------------------------------------- in an agency


def test_in_an_agency_enrolling_and_searching_have_keys_of_their_own_and_lists_stay_blind(team: Squad) -> None:
    second = team.join(HOME_AGENCY, Role.OPERATOR, name="Omar Operator")
    terms = SourceTerms(name=SERVICE, controller="Ministry", basis="Act 7", jurisdiction="NZ")
    team.fresh_desk(team.operator).sources.add(terms)
    team.fresh_desk(second).sources.approve(SERVICE)
    case = team.open_case()
    operating = (Permission.READ_SOURCES, Permission.MANAGE_SOURCES)
    searching = (Permission.READ_SOURCES, Permission.READ_CASES, Permission.OPEN_CASES, Permission.SEARCH)
    operator = key_for(team, *operating, account=team.operator, sources=(SERVICE,)).text
    examiner = key_for(team, *searching, account=team.examiner, case=case.key, sources=(SERVICE,)).text
    with serving(team.workspace) as served, httpx.Client(base_url=served.url, timeout=60) as client:
        added = client.post(FACES, params={"subject": "A"}, headers={"x-api-key": operator}, files=sent(ARDERN))
        assert added.status_code == 201
        key = added.json()["image_id"]
        answer = client.post(RECOGNIZE, headers={"x-api-key": examiner}, files=sent(LATER))
        assert (answer.status_code, answer.json()["code"]) == (403, 1)
        assert "reviewed blind" in answer.json()["message"]
        assert "search" in team.actions()
        answer = client.post(f"{FACES}/{key}/verify", headers={"x-api-key": examiner}, files=sent(LATER))
        assert (answer.status_code, answer.json()["code"]) == (403, 1)
        assert "reviewed blind" in answer.json()["message"]
        assert "compared" not in team.actions()
