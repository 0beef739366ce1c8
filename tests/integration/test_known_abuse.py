"""Known-abuse material is recognised by digest; the lists here are digests of portraits (R52)."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conftest import PORTRAITS, Ran
from tests.support.refusals import refused
from tests.support.world import solo, staffed

from lineament.errors import NotAllowed
from lineament.model.accounts import HOME_AGENCY, Role
from lineament.model.cases import CaseTerms
from lineament.model.faces import Provenance
from lineament.model.reasons import ReasonCode
from lineament.model.search import Mode, SearchRequest
from lineament.model.sources import SourceTerms
from lineament.sources.base import Item, Refusal
from lineament.sources.folder.connector import FolderConnector
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
    assert (loaded.digests, loaded.new, loaded.empty_lines, loaded.barred) == (1, 1, 1, 0)
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

    def __init__(self, workspace: Workspace, kind: str) -> None:
        self._workspace, self._kind = workspace, kind

    def count(self) -> None:
        """Never called."""

    def items(self) -> Iterator[Item | Refusal]:
        others = [(PORTRAITS / "sunak.jpg").read_bytes() + bytes(number) for number in range(15)]
        for number, untrusted in enumerate([LISTED.read_bytes(), *others]):
            yield Item(name=str(number), untrusted=untrusted, provenance=Provenance(uri=f"file:///{number}"))
        deadline = time.monotonic() + 60
        while files(self._workspace) < 3 + 15 + 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert self._workspace.desk_at_the_machine().known_abuse.load([digest(self._kind)]).barred == 0


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_a_list_that_is_loaded_during_an_ingest_misses_no_picture(workspace: Workspace, kind: str) -> None:
    workspace.desk_at_the_machine().ingest.run("press", ListInTheMiddle(workspace, kind), workers=1)
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
    assert done == {"digests": 50, "new": 50, "empty_lines": 0, "barred": 0}
    assert "never given out" in ready("source", "known-abuse", tmp_path / "list.txt").out
    assert ready("source", "known-abuse", tmp_path / "nowhere").code == 3


def test_examiners_load_no_list(tmp_path: Path) -> None:
    with staffed(tmp_path / "ws") as world:
        examiner = world.desk(world.join(HOME_AGENCY, Role.EXAMINER))
        with pytest.raises(NotAllowed):
            examiner.known_abuse.load([digest("md5")])
