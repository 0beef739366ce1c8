"""What is checked before a photograph is searched: its kind, edits and approvals; and how several are fused."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from tests.conftest import PORTRAITS, Ran
from tests.support.refusals import refused
from tests.support.squad import OTHER_PHOTOGRAPH, PHOTOGRAPH, REASON, Squad

from lineament.errors import Damaged, InvalidValue, NotAllowed, NotFound
from lineament.model.accounts import Account
from lineament.model.cases import CaseRole
from lineament.model.faces import Box
from lineament.model.fusion import damping, fuse
from lineament.model.reasons import ReasonCode
from lineament.model.search import DECLARED, NO_PROBES, Edit, EditKind, Mode, ProbeFace, ProbeKind, SearchRequest
from lineament.testing import encoded
from lineament.views.probes import replay_words

TURN = Edit(kind=EditKind.ROTATE, degrees=90)
BACK = Edit(kind=EditKind.ROTATE, degrees=270)
LIGHTER = Edit(kind=EditKind.EXPOSURE, stops=0.5)
CROP = Edit(kind=EditKind.CROP, box=Box(x=5, y=5, width=200, height=240))


# ---------------------------------------------------------------- the kind (R13)


@pytest.mark.parametrize("kind", list(NO_PROBES))
def test_a_picture_that_is_no_photograph_of_a_face_is_refused(team: Squad, kind: ProbeKind) -> None:
    case, probes = team.open_case(), team.fresh_desk(team.examiner).probes
    before = set(team.workspace.blobs.addresses())
    with refused(ReasonCode.PROBE_KIND):
        probes.take(case.key, PHOTOGRAPH, kind=kind)
    assert set(team.workspace.blobs.addresses()) == before
    assert team.fresh_desk(team.examiner).casework.probes(case.key) == []


@pytest.mark.parametrize("kind", DECLARED)
def test_the_kind_must_be_declared_and_is_kept(team: Squad, kind: ProbeKind) -> None:
    case, probes = team.open_case(), team.fresh_desk(team.examiner).probes
    with pytest.raises(InvalidValue, match="declare one"):
        probes.take(case.key, PHOTOGRAPH)
    taken = probes.take(case.key, PHOTOGRAPH, kind=kind)
    assert probes.get(taken.id).kind is kind
    assert probes.edit(taken.id, [TURN]).kind is kind
    assert probes.take(case.key, PHOTOGRAPH, kind=kind).id == taken.id


def test_in_a_solo_workspace_the_kind_is_optional(ready: Callable[..., Ran], tmp_path: Path) -> None:
    line = ("search", tmp_path / "probe.jpg", "--case", "K-1", "--reason", REASON)
    assert ready(*line, "--json").json["outcome"] == "candidates"
    refused = ready(*line, "--kind", "sketch")
    assert refused.code == 4
    assert "drawing" in refused.err


def test_the_command_line_says_that_a_photograph_was_turned(ready: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "turned.png").write_bytes(turned_copy(90))
    line = ("search", tmp_path / "turned.png", "--case", "K-1", "--reason", REASON)
    report = tmp_path / "report.html"
    assert "turned 270° clockwise to show its faces upright" in ready(*line, "--report", report).out
    assert "rotate by 270° (automatically, to show its faces upright)" in report.read_text(encoding="utf-8")
    (edit,) = ready(*line, "--json").json["probe"]["edits"]
    assert edit == {"kind": "rotate", "degrees": 270, "box": None, "stops": 0.0, "automatic": True}


# ---------------------------------------------------------------- the edits (R14)


def test_a_replay_of_every_edit_gives_the_same_pixels(team: Squad) -> None:
    case, probes = team.open_case(), team.fresh_desk(team.examiner).probes
    taken = team.take_probe(case)
    assert probes.replay(taken.id).steps == ((taken.digests[0],) * 2,)
    edited = probes.edit(taken.id, [TURN, BACK, CROP, LIGHTER])
    assert edited.id != taken.id
    assert len(set(edited.digests)) == 4  # decoded, turned, (back: as decoded), cropped, lighter
    assert edited.digests[0] == edited.digests[2] == taken.digests[0]
    replay = probes.replay(edited.id)
    assert replay.same
    assert [recorded for recorded, _ in replay.steps] == list(edited.digests)
    replays = [line.details.get("same") for line in team.fresh_desk(team.examiner).casework.timeline(case.key)]
    assert replays.count(True) == 2


def turned_copy(degrees: int) -> bytes:
    """Return the photograph turned clockwise."""
    return encoded(Image.open(io.BytesIO(PHOTOGRAPH)).rotate(-degrees, expand=True), "PNG")


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_photograph_is_turned_upright_and_that_can_be_undone(team: Squad, degrees: int) -> None:
    case, probes = team.open_case(), team.fresh_desk(team.examiner).probes
    untrusted = turned_copy(degrees)
    taken = probes.take(case.key, untrusted, kind=ProbeKind.CCTV)
    assert taken.edits == (Edit(kind=EditKind.ROTATE, degrees=360 - degrees, automatic=True),)
    assert taken.sha256 == hashlib.sha256(untrusted).hexdigest()
    (face,) = taken.faces
    assert abs(face.quality.roll) < 20
    shown = Image.open(io.BytesIO(probes.picture(taken.id)))
    assert shown.size == Image.open(io.BytesIO(PHOTOGRAPH)).size == (taken.width, taken.height)
    assert probes.replay(taken.id).same
    assert probes.take(case.key, untrusted, kind=ProbeKind.CCTV).id == taken.id

    undone = probes.edit(taken.id, taken.edits[:-1])
    assert (undone.edits, undone.faces[0].quality.quarters) == ((), degrees // 90)
    assert probes.edit(taken.id, ()).id == undone.id
    assert probes.take(case.key, untrusted, kind=ProbeKind.CCTV).id == taken.id
    timeline = team.fresh_desk(team.examiner).casework.timeline(case.key)
    added = [line.details["edits"] for line in timeline if line.details.get("sha256") == taken.sha256]
    turn = {"kind": "rotate", "degrees": 360 - degrees, "box": None, "stops": 0.0, "automatic": True}
    assert len(added) == 2
    assert all(edits in added for edits in ([], [turn]))


def test_a_photograph_is_turned_if_most_of_its_faces_are_turned_alike(team: Squad) -> None:
    case, probes = team.open_case(), team.fresh_desk(team.examiner).probes
    upright, turned = (Image.open(PORTRAITS / name).resize((240, 300)) for name in ("obama.jpg", "ardern-2018.jpg"))
    turned = turned.transpose(Image.Transpose.ROTATE_180)
    for count, edits in ((1, ()), (2, (Edit(kind=EditKind.ROTATE, degrees=180, automatic=True),))):
        beside = Image.new("RGB", (240 * (count + 1), 300))
        for at, picture in enumerate([upright, *[turned] * count]):
            beside.paste(picture, (240 * at, 0))
        taken = probes.take(case.key, encoded(beside, "PNG"), kind=ProbeKind.CCTV)
        assert (len(taken.faces), taken.edits) == (count + 1, edits)


@pytest.mark.parametrize("which", [0, 1])
def test_a_replay_shows_that_digests_were_changed(team: Squad, which: int) -> None:
    edited = team.fresh_desk(team.examiner).probes.edit(team.take_probe(team.open_case()).id, [LIGHTER])
    wrong = list(edited.digests)
    wrong[which] = "0" * 64
    with team.workspace.store.begin() as tx:
        tx.connection.exec_driver_sql("UPDATE probes SET digests = ? WHERE id = ?", (json.dumps(wrong), edited.id))
    assert not team.fresh_desk(team.examiner).probes.replay(edited.id).same


def test_a_replay_decodes_as_the_version_that_recorded_the_probe(team: Squad) -> None:
    """Version 0.2 reduced large pictures before it made the edits."""
    case, probes = team.open_case(), team.fresh_desk(team.examiner).probes
    large = encoded(Image.effect_noise((70, 50), 60).resize((4200, 3000)), "JPEG", quality=80)
    edited = probes.edit(probes.take(case.key, large, kind=ProbeKind.CCTV).id, [LIGHTER])
    recorded = list(team.workspace.analyser.replay_edits(large, [LIGHTER], as_before=True))
    assert not set(recorded) & set(edited.digests)
    with team.workspace.store.begin() as tx:
        tx.connection.exec_driver_sql("UPDATE probes SET digests = ? WHERE id = ?", (json.dumps(recorded), edited.id))
    replay = team.fresh_desk(team.examiner).probes.replay(edited.id)
    assert (replay.same, replay.as_before, replay.decoded_otherwise) == (True, True, False)
    assert "decoded as versions up to 0.2 did it" in replay_words(replay)
    recorded[0] = "0" * 64
    with team.workspace.store.begin() as tx:
        tx.connection.exec_driver_sql("UPDATE probes SET digests = ? WHERE id = ?", (json.dumps(recorded), edited.id))
    replay = team.fresh_desk(team.examiner).probes.replay(edited.id)
    assert (replay.same, replay.as_before, replay.decoded_otherwise) == (False, False, True)
    assert replay_words(replay).startswith("The original is unchanged")


def test_a_replay_shows_that_an_edit_was_added(team: Squad) -> None:
    edited = team.fresh_desk(team.examiner).probes.edit(team.take_probe(team.open_case()).id, [LIGHTER])
    more = json.dumps([{"kind": "exposure", "degrees": 0, "box": None, "stops": 1.0}])
    with team.workspace.store.begin() as tx:
        tx.connection.exec_driver_sql("UPDATE probes SET edits = ? WHERE id = ?", (more, edited.id))
    assert not team.fresh_desk(team.examiner).probes.replay(edited.id).same


def test_an_original_that_was_changed_does_not_open(team: Squad) -> None:
    taken = team.take_probe(team.open_case())
    with team.workspace.store.read() as tx:
        address = tx.probes.blob(taken.id)
    (path,) = [
        blob for blob in (team.workspace.home / "blobs").rglob("*") if blob.is_file() and address[4:20] in str(blob)
    ]
    sealed = bytearray(path.read_bytes())
    sealed[len(sealed) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(sealed)
    with pytest.raises(Damaged):
        team.fresh_desk(team.examiner).probes.replay(taken.id)


@pytest.mark.parametrize(
    "edit",
    [
        Edit(kind=EditKind.ROTATE, degrees=45),
        Edit(kind=EditKind.EXPOSURE, stops=9),
        Edit(kind=EditKind.EXPOSURE, stops=float("nan")),
        Edit(kind=EditKind.CROP, box=Box(x=100_000, y=0, width=10, height=10)),
    ],
)
def test_an_edit_out_of_bounds_is_refused(team: Squad, edit: Edit) -> None:
    taken = team.take_probe(team.open_case())
    with pytest.raises(InvalidValue):
        team.fresh_desk(team.examiner).probes.edit(taken.id, [edit])


# ---------------------------------------------------------------- approvals (R11)


def test_two_others_approve_before_a_search(team: Squad) -> None:
    team.wish(further_approvals=2)
    case = team.open_case()
    probe = team.take_probe(case)
    supervising = team.fresh_desk(team.supervisor)
    supervising.members.add(case.key, team.reviewer.id, CaseRole.REVIEWER)

    with refused(ReasonCode.APPROVALS, words="0 of the 2 further approvals"):
        team.search(case, probe)
    with pytest.raises(NotAllowed):  # an examiner approves no photograph, whoever took it
        team.fresh_desk(team.examiner).probes.approve(probe.id)
    supervising.probes.approve(probe.id)
    supervising.probes.approve(probe.id)
    with refused(ReasonCode.APPROVALS, words="1 of the 2 further approvals"):
        team.search(case, probe)
    team.fresh_desk(team.reviewer).probes.approve(probe.id)
    assert list(supervising.probes.approvers(probe.id).values()) == ["Sven Supervisor", "Rita Reviewer"]
    team.search(case, probe)


def test_an_approval_is_for_a_photograph_without_later_edits(team: Squad) -> None:
    team.wish(further_approvals=1)
    case = team.open_case()
    probe = team.take_probe(case)
    team.fresh_desk(team.supervisor).probes.approve(probe.id)
    edited = team.fresh_desk(team.examiner).probes.edit(probe.id, [LIGHTER])
    with refused(ReasonCode.APPROVALS, words="0 of the 1"):
        team.search(case, edited)
    other = team.take_probe(case, OTHER_PHOTOGRAPH)
    request = SearchRequest(case=case.key, reason=REASON, others=(ProbeFace(probe_id=other.id, face=1),))
    with refused(ReasonCode.APPROVALS, words="0 of the 1"):  # nor is it for a photograph that is fused with it
        team.fresh_desk(team.examiner).search.run(probe.id, request)
    team.search(case, probe)


def test_only_members_of_the_case_approve(team: Squad) -> None:
    probe = team.take_probe(team.open_case())
    for stranger in (team.reviewer, team.foreign_supervisor):
        with pytest.raises(NotFound):
            team.fresh_desk(stranger).probes.approve(probe.id)
    for other_role in (team.colleague, team.auditor):
        with pytest.raises(NotAllowed):
            team.fresh_desk(other_role).probes.approve(probe.id)


def test_ones_own_approval_does_not_count(team: Squad) -> None:
    team.wish(further_approvals=1)
    case = team.open_case()
    probe = team.take_probe(case)
    with team.workspace.store.begin() as tx:  # as somebody with both roles might
        tx.members.approve(probe.id, team.examiner.id, team.clock())
    with refused(ReasonCode.APPROVALS, words="0 of the 1"):
        team.search(case, probe)


def test_those_who_may_approve_see_what_waits_for_them(team: Squad) -> None:
    case = team.open_case()
    probe = team.take_probe(case)

    def waiting(account: Account) -> list[str]:
        return [probe_id for _, probe_id in team.fresh_desk(account).overview.unapproved(9)]

    assert waiting(team.supervisor) == []  # the policy wants no further approval
    team.wish(further_approvals=1)
    assert waiting(team.supervisor) == [probe.id]
    assert waiting(team.reviewer) == waiting(team.foreign_supervisor) == []
    team.fresh_desk(team.supervisor).members.add(case.key, team.reviewer.id, CaseRole.REVIEWER)
    assert waiting(team.reviewer) == [probe.id]
    searched = team.take_probe(case, OTHER_PHOTOGRAPH)
    for each in (probe, searched):
        team.fresh_desk(team.reviewer).probes.approve(each.id)
    assert waiting(team.reviewer) == waiting(team.supervisor) == []
    team.search(case, searched)
    team.wish(further_approvals=2)
    assert waiting(team.reviewer) == []
    assert waiting(team.supervisor) == [probe.id]


# ---------------------------------------------------------------- fusion


def test_several_photographs_of_one_person_are_searched_as_one(team: Squad) -> None:
    case = team.open_case()
    first, other = team.take_probe(case), team.take_probe(case, (PORTRAITS / "macron-2025.jpg").read_bytes())
    request = SearchRequest(
        case=case.key, reason=REASON, mode=Mode.INVESTIGATION, others=(ProbeFace(probe_id=other.id, face=1),)
    )
    examiner = team.fresh_desk(team.examiner)
    alone = team.search(case, first)
    together = team.recorded(examiner.search.run(first.id, request))
    assert together.candidates[0].page_title == "Emmanuel Macron, 2025"
    assert together.candidates[0].score > alone.candidates[0].score
    vectors = [probe.faces[0].template.vector for probe in (first, other)]
    expected = float(fuse(vectors) @ other.faces[0].template.vector)
    assert together.candidates[0].score == pytest.approx(expected, abs=2e-3)  # the gallery has this very photograph
    assert damping(vectors) < 1
    assert examiner.search.get(together.search_id).others == request.others
    line = examiner.casework.timeline(case.key)[0]
    assert line.details["others"] == [[other.id, 1]]
    assert line.details["damping"] == 1, "templates that are centred need no damping"
    assert team.machine.audit.verify().rows


def test_photographs_that_cannot_be_fused_are_refused(team: Squad) -> None:
    case, elsewhere = team.open_case(), team.open_case(ref="K-2")
    first = team.take_probe(case)
    edited = team.fresh_desk(team.examiner).probes.edit(first.id, [LIGHTER])
    foreign = team.take_probe(elsewhere, OTHER_PHOTOGRAPH)

    def search(*others: ProbeFace) -> object:
        request = SearchRequest(case=case.key, reason=REASON, others=others)
        return team.fresh_desk(team.examiner).search.run(first.id, request)

    for twice in (first, edited):
        with pytest.raises(InvalidValue, match="counts once"):
            search(ProbeFace(probe_id=twice.id, face=1))
    with pytest.raises(NotFound):
        search(ProbeFace(probe_id=foreign.id, face=1))
    with pytest.raises(InvalidValue, match="at most 10"):
        search(*(ProbeFace(probe_id=f"{number}", face=1) for number in range(10)))
    other = team.take_probe(case, OTHER_PHOTOGRAPH)
    for face in (0, 2):
        with pytest.raises(NotFound):
            search(ProbeFace(probe_id=other.id, face=face))
    assert team.fresh_desk(team.examiner).casework.get(case.key).searches == 0
