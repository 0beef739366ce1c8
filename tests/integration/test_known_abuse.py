"""Known-abuse material is recognised by digest; the lists here are digests of portraits (R52)."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pdqhash
import pytest
from PIL import Image, ImageFilter
from tests.conftest import PORTRAITS, Ran
from tests.support.refusals import refused
from tests.support.several import until
from tests.support.vics import digests_of, document
from tests.support.world import solo, staffed

from lineament.errors import NotAllowed
from lineament.model.accounts import HOME_AGENCY, Role
from lineament.model.cases import CaseTerms
from lineament.model.faces import Provenance
from lineament.model.known import ListKind, ListOrigin, NotListed
from lineament.model.reasons import ReasonCode
from lineament.model.search import Mode, SearchRequest
from lineament.model.sources import SourceTerms
from lineament.services.gallery.abuse import LoadReport
from lineament.sources.base import Item, Refusal
from lineament.sources.folder.connector import FolderConnector
from lineament.sources.known.lists import pdq_entries
from lineament.store.abuse import KnownHashRows
from lineament.vision.derive import hash_quality, perceptual_hash
from lineament.workspace import Workspace

Run = Callable[..., Ran]
CASE = CaseTerms(ref="K-1", offence="abduction", purpose="find a missing child", basis="CPP 77")
LISTED = PORTRAITS / "macron-2025.jpg"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with solo(tmp_path / "ws") as world:
        world.machine.sources.add(SourceTerms(name="press", controller="Press", basis="LED 8", jurisdiction="FR"))
        world.machine.casework.open(CASE)
        yield world.workspace


def ingest(workspace: Workspace) -> None:
    connector = FolderConnector([LISTED, PORTRAITS / "sunak.jpg"], page_base=None, max_bytes=2**20)
    workspace.desk_at_the_machine().ingest.run("press", connector, workers=1)


def digest(kind: str) -> str:
    return hashlib.new(kind, LISTED.read_bytes()).hexdigest()


def check_only_face_shown(workspace: Workspace) -> None:
    probe = workspace.desk_at_the_machine().probes.take("K-1", (PORTRAITS / "macron-2014.jpg").read_bytes())
    request = SearchRequest(case="K-1", reason="why", mode=Mode.INVESTIGATION)
    search = workspace.desk_at_the_machine().search.run(probe.id, request)
    first, other = search.candidates
    assert "Macron_2025" in first.uri
    assert workspace.desk_at_the_machine().pictures.crop(search.search_id, str(first.rank)).startswith(b"\xff\xd8")
    for look in (workspace.desk_at_the_machine().pictures.original, workspace.desk_at_the_machine().pictures.thumbnail):
        with refused(ReasonCode.KNOWN_ABUSE):
            look(search.search_id, str(first.rank))
        assert look(search.search_id, str(other.rank))
    report = workspace.desk_at_the_machine().report.html(search.search_id)
    assert report.count("data:image/jpeg") == 3, "the probe and two faces"


def files(workspace: Workspace) -> int:
    return len([path for path in (workspace.home / "blobs").rglob("*") if path.is_file()])


@pytest.mark.parametrize("kind", ["sha256", "sha1", "md5"])
def test_only_the_face_of_a_listed_picture_is_stored(workspace: Workspace, kind: str) -> None:
    loaded = workspace.desk_at_the_machine().known_abuse.load([digest(kind).upper() + "\n", "", "no digest"])
    assert (loaded.digests, loaded.new, loaded.left_out, loaded.barred) == (1, 1, {NotListed.NO_DIGEST: 1}, 0)
    ingest(workspace)
    assert files(workspace) == 1 + 3
    check_only_face_shown(workspace)


def test_a_later_list_removes_pictures(workspace: Workspace) -> None:
    ingest(workspace)
    assert files(workspace) == 6
    loaded = workspace.desk_at_the_machine().known_abuse.load(iter([f"1,{digest('sha256')},made up"]))
    assert (loaded.new, loaded.barred) == (1, 1)
    assert files(workspace) == 4
    again = workspace.desk_at_the_machine().known_abuse.load([digest("sha256")])
    assert (again.new, again.barred) == (0, 0)
    check_only_face_shown(workspace)
    ingest(workspace)
    assert files(workspace) == 4 + 1, "the probe belongs to the case"


class ListInTheMiddle:
    """A connector that loads a list after all of its pictures were analysed, and before the ingest ends."""

    def __init__(self, workspace: Workspace, load: Callable[[], LoadReport]) -> None:
        self._workspace, self._load = workspace, load

    def count(self) -> None:
        """Never called."""

    def items(self) -> Iterator[Item | Refusal]:
        others = [(PORTRAITS / "sunak.jpg").read_bytes() + bytes(number) for number in range(15)]
        for number, untrusted in enumerate([LISTED.read_bytes(), *others]):
            yield Item(name=str(number), untrusted=untrusted, provenance=Provenance(uri=f"file:///{number}"))
        until(lambda: files(self._workspace) >= 3 + 15 + 2)
        assert self._load().barred == 0


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_a_list_that_is_loaded_during_an_ingest_misses_no_picture(workspace: Workspace, kind: str) -> None:
    desk = workspace.desk_at_the_machine()
    list_in_the_middle = ListInTheMiddle(workspace, lambda: desk.known_abuse.load([digest(kind)]))
    desk.ingest.run("press", list_in_the_middle, workers=1)
    assert files(workspace) == 15 + 2 + 1, "the stored pictures are gone, except for the face on a blurred background"
    with workspace.store.read() as tx:
        captures = list(tx.captures.of_source(tx.sources.get("press").id))
    barred = [capture for capture in captures if capture.barred]
    assert [(capture.sha256, capture.original, capture.thumbnail) for capture in barred] == [
        (digest("sha256"), None, None)
    ]
    assert len(captures) == 16
    entries = [
        json.loads(entry.details or "{}")
        for entry in workspace.desk_at_the_machine().audit.entries(0, workspace.desk_at_the_machine().audit.size())
    ]
    committed = [details["barred"] for details in entries if details.get("captures")]
    assert sum(committed) == 1, "a slow ingest is committed in parts"


def test_the_workspace_does_not_store_the_list(workspace: Workspace) -> None:
    workspace.desk_at_the_machine().known_abuse.load([digest("sha256")])
    ingest(workspace)
    workspace.store.scrub()
    details = [
        str(entry.details)
        for entry in workspace.desk_at_the_machine().audit.entries(0, workspace.desk_at_the_machine().audit.size())
    ]
    assert not [text for text in details if digest("sha256") in text and "known_abuse" in text]
    with workspace.store.read() as tx:
        rows = tx.connection.exec_driver_sql("SELECT hex(digest) FROM known_abuse").all()
    assert rows != [(digest("sha256").upper(),)]


def test_the_known_abuse_command(ready: Run, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("\n".join(hashlib.sha256(bytes([n])).hexdigest() for n in range(50)))
    done = ready("source", "known-abuse", tmp_path / "list.txt", "--json").json
    nothing = {"hashes": 0, "new_hashes": 0, "left_out": {}, "barred": 0}
    assert done == {"list": "digests", "digests": 50, "new": 50, **nothing}
    assert "never given out" in ready("source", "known-abuse", tmp_path / "list.txt").out
    assert ready("source", "known-abuse", tmp_path / "nowhere").code == 3


# ---------------------------------------------------------------- PDQ: what looks almost the same


def changed(file: Path = LISTED) -> bytes:
    """Return a portrait made smaller and compressed more: another file that looks the same."""
    image = Image.open(file).convert("RGB")
    out = io.BytesIO()
    image.resize((image.width * 3 // 4, image.height * 3 // 4)).save(out, "JPEG", quality=60)
    return out.getvalue()


def pdq(untrusted: bytes) -> str:
    """Return the hash as the package pdqhash computes it, and as lists have it."""
    vector, quality = pdqhash.compute(np.asarray(Image.open(io.BytesIO(untrusted)).convert("RGB")))
    assert quality >= 50
    return np.packbits(vector.astype(bool)).tobytes().hex()


def load_pdq(workspace: Workspace, *lines: str) -> LoadReport:
    service = workspace.desk_at_the_machine().known_abuse
    return service.load_entries(pdq_entries(lines), ListOrigin(kind=ListKind.PDQ))


def test_a_picture_near_a_listed_hash_is_barred_and_another_is_not(workspace: Workspace) -> None:
    loaded = load_pdq(workspace, pdq(changed()), pdq(changed()))
    assert (loaded.hashes, loaded.new_hashes, loaded.barred) == (2, 1, 0)
    assert load_pdq(workspace, pdq(changed())).new_hashes == 0
    ingest(workspace)
    assert files(workspace) == 1 + 3
    check_only_face_shown(workspace)


def test_a_later_list_of_hashes_removes_near_pictures(workspace: Workspace) -> None:
    ingest(workspace)
    assert load_pdq(workspace, pdq(changed())).barred == 1
    assert files(workspace) == 4
    assert load_pdq(workspace, pdq(changed())).barred == 0
    check_only_face_shown(workspace)


def test_a_list_of_hashes_is_opened_once_for_all_ingests_of_a_process(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    after = KnownHashRows.after

    def counted(rows: KnownHashRows, number: int) -> Iterator[bytes]:
        asked.append(number)
        return after(rows, number)

    monkeypatch.setattr(KnownHashRows, "after", counted)
    load_pdq(workspace, "0f" * 32)
    for portrait in ("sunak.jpg", "macron-2025.jpg", "obama.jpg"):
        connector = FolderConnector([PORTRAITS / portrait], page_base=None, max_bytes=2**20)
        workspace.desk_at_the_machine().ingest.run("press", connector, workers=1)
        if portrait == "macron-2025.jpg":
            load_pdq(workspace, "f0" * 32)
    assert asked == [0, 1]


def test_a_list_of_hashes_that_is_loaded_during_an_ingest_misses_no_picture(workspace: Workspace) -> None:
    list_in_the_middle = ListInTheMiddle(workspace, lambda: load_pdq(workspace, pdq(changed())))
    workspace.desk_at_the_machine().ingest.run("press", list_in_the_middle, workers=1)
    with workspace.store.read() as tx:
        captures = list(tx.captures.of_source(tx.sources.get("press").id))
    assert [capture.sha256 for capture in captures if capture.barred] == [digest("sha256")]
    assert files(workspace) == 15 + 2 + 1


def two_pages(path: Path) -> FolderConnector:
    """Write a file of two pages, of which the second is the listed picture."""
    both = [Image.open(file).convert("RGB").resize((360, 450)) for file in (PORTRAITS / "sunak.jpg", LISTED)]
    both[0].save(path, "TIFF", save_all=True, append_images=both[1:], compression="tiff_lzw")
    return FolderConnector([path], page_base=None, max_bytes=2**20)


def test_a_file_with_a_listed_page_is_kept_for_none_of_its_pages(workspace: Workspace, tmp_path: Path) -> None:
    connector = two_pages(tmp_path / "both.tif")
    desk = workspace.desk_at_the_machine()
    load_pdq(workspace, pdq(changed()))
    desk.ingest.run("press", connector, workers=1)
    with workspace.store.read() as tx:
        first, second = tx.captures.of_source(tx.sources.get("press").id)
    assert [(page.barred, page.original is None, page.thumbnail is None) for page in (first, second)] == [
        (False, True, False),
        (True, True, True),
    ]


def test_a_later_list_removes_the_file_from_the_other_pages_too(workspace: Workspace, tmp_path: Path) -> None:
    connector = two_pages(tmp_path / "both.tif")
    workspace.desk_at_the_machine().ingest.run("press", connector, workers=1)
    before = files(workspace)
    assert load_pdq(workspace, pdq(changed())).barred == 1
    assert files(workspace) == before - 2, "the file, and the thumbnail of the listed page"
    with workspace.store.read() as tx:
        first, second = tx.captures.of_source(tx.sources.get("press").id)
    assert (first.barred, first.original, second.barred, second.original) == (False, None, True, None)


def test_a_plain_picture_is_no_near_duplicate(workspace: Workspace) -> None:
    plain = Image.open(LISTED).convert("RGB").filter(ImageFilter.GaussianBlur(90))
    out = io.BytesIO()
    plain.save(out, "PNG")
    pixels = np.asarray(plain)
    assert hash_quality(pixels) < 50
    load_pdq(workspace, perceptual_hash(pixels).hex())
    item = Item(name="plain", untrusted=out.getvalue(), provenance=Provenance(uri="file:///plain"))
    workspace.desk_at_the_machine().ingest.run("press", Found([item]), workers=1)
    load_pdq(workspace, perceptual_hash(pixels).hex())
    with workspace.store.read() as tx:
        (capture,) = tx.captures.of_source(tx.sources.get("press").id)
    assert not capture.barred


class Found:
    """A connector over what is given."""

    def __init__(self, found: list[Item]) -> None:
        self._found = found

    def count(self) -> int:
        return len(self._found)

    def items(self) -> Iterator[Item]:
        yield from self._found


def test_the_bits_of_a_list_are_sealed_and_survive_a_rotation_of_the_key(workspace: Workspace) -> None:
    wanted = pdq(changed())
    load_pdq(workspace, wanted)
    with workspace.store.read() as tx:
        ((sealed,),) = tx.connection.exec_driver_sql("SELECT sealed FROM known_hashes").all()
    assert bytes.fromhex(wanted) not in bytes(sealed)
    workspace.desk_at_the_machine().key_rotation.workspace()
    with workspace.store.read() as tx:
        assert [hash_.hex() for hash_ in tx.abuse.hashes.after(0)] == [wanted]
    ingest(workspace)
    assert files(workspace) == 1 + 3


def test_a_hash_set_bars_by_md5_and_says_what_it_left_out(ready: Run, tmp_path: Path) -> None:
    listed = digests_of(LISTED.read_bytes())
    records = [
        {"Category": "1"} | listed,
        {"Category": 0, "MD5": "A" * 32},
        {"MD5": "B" * 32},
        {"Category": 3, "MD5": "C" * 32},
    ]
    (tmp_path / "set.json").write_bytes(document([*records, 5], "1.3"))
    done = ready("source", "known-abuse", tmp_path / "set.json", "--json").json
    left_out = {"uncategorised": 2, "other_category": 1, "unusable": 1}
    assert (done["list"], done["digests"], done["new"], done["left_out"]) == ("vics", 2, 2, left_out)
    told = ready("source", "known-abuse", tmp_path / "set.json", "--category", 3)
    assert "category 3. What a category means differs by country." in told.out
    assert "Not taken, not categorised (category 0, or none): 2 entries." in told.out
    assert ready("source", "known-abuse", tmp_path / "set.json", "--category", 9).code == 2
    assert ready("source", "known-abuse", tmp_path / "set.json", "--category", 0).code == 2
    (tmp_path / "list.txt").write_text("a" * 64)
    assert "only VICS hash sets" in ready("source", "known-abuse", tmp_path / "list.txt", "--category", 1).err


def test_a_hash_set_that_is_cut_off_is_loaded_up_to_there(ready: Run, tmp_path: Path) -> None:
    (tmp_path / "set.json").write_bytes(document([{"Category": 1, "MD5": f"{n:032x}"} for n in range(9)])[:-9])
    failed = ready("source", "known-abuse", tmp_path / "set.json")
    assert failed.code == 5
    assert "it is cut off; nothing after record 8 is read" in failed.err
    (tmp_path / "set.json").write_bytes(document([{"Category": 1, "MD5": f"{n:032x}"} for n in range(9)]))
    assert ready("source", "known-abuse", tmp_path / "set.json", "--json").json["new"] == 1


def test_the_record_says_which_list_was_loaded_and_which_categories(workspace: Workspace) -> None:
    load_pdq(workspace, pdq(changed()))
    audit = workspace.desk_at_the_machine().audit
    (told,) = (json.loads(entry.details or "{}") for entry in audit.entries(audit.size() - 1, audit.size()))
    wanted = {"list": "pdq", "hashes": 1, "new_hashes": 1}
    assert {name: told[name] for name in wanted} == wanted


def test_examiners_load_no_list(tmp_path: Path) -> None:
    with staffed(tmp_path / "ws") as world:
        examiner = world.desk(world.join(HOME_AGENCY, Role.EXAMINER))
        with pytest.raises(NotAllowed):
            examiner.known_abuse.load([digest("md5")])
