"""A photograph that was the wrong one is destroyed whole, unless a search used it."""

from __future__ import annotations

import pytest
from tests.support.refusals import refused
from tests.support.squad import OTHER_PHOTOGRAPH, REASON, Squad

from lineament.errors import NotAllowed, NotFound
from lineament.model.actions import Action
from lineament.model.reasons import ReasonCode
from lineament.model.search import Edit, EditKind, Mode, ProbeFace, SearchRequest

LIGHTER = Edit(kind=EditKind.EXPOSURE, stops=0.5)


def test_picture_faces_and_rows_are_gone_and_the_ledger_says_so(team: Squad) -> None:
    case = team.open_case()
    kept, wrong = team.take_probe(case), team.take_probe(case, OTHER_PHOTOGRAPH)
    probes = team.fresh_desk(team.examiner).probes
    edited = probes.edit(wrong.id, [LIGHTER])
    before = set(team.workspace.blobs.addresses())
    probes.remove(edited.id)
    assert len(set(team.workspace.blobs.addresses())) == len(before) - 1
    for gone in (wrong, edited):
        with pytest.raises(NotFound):
            probes.get(gone.id)
        assert gone.id.encode() not in team.stored_bytes()
    assert probes.picture(kept.id)
    assert team.actions(team.examiner.agency_id)[-1] == Action.PROBE_REMOVED.value
    assert wrong.sha256 in team.last_details(team.examiner.agency_id)
    assert team.machine.audit.verify().rows


@pytest.mark.parametrize("use", ["searched", "fused", "edited"])
def test_a_photograph_that_a_search_used_stays(team: Squad, use: str) -> None:
    case = team.open_case()
    probe, other = team.take_probe(case), team.take_probe(case, OTHER_PHOTOGRAPH)
    probes = team.fresh_desk(team.examiner).probes
    if use == "fused":
        others = (ProbeFace(probe_id=probe.id, face=1),)
        request = SearchRequest(case=case.key, reason=REASON, mode=Mode.INVESTIGATION, others=others)
        team.fresh_desk(team.examiner).search.run(other.id, request)
    else:
        team.search(case, probe if use == "searched" else probes.edit(probe.id, [LIGHTER]))
    with refused(ReasonCode.PROBE_SEARCHED):
        probes.remove(probe.id)
    why = probes.why_kept(probe.id)
    assert why is not None
    assert why.code is ReasonCode.PROBE_SEARCHED
    assert probes.picture(probe.id)


def test_a_case_on_hold_keeps_everything(team: Squad) -> None:
    case = team.open_case()
    probe = team.take_probe(case)
    team.fresh_desk(team.supervisor).casework.hold(case.key, "an order")
    with refused(ReasonCode.PROBE_HELD):
        team.fresh_desk(team.examiner).probes.remove(probe.id)


def test_only_who_may_add_a_photograph_may_remove_it(team: Squad) -> None:
    probe = team.take_probe(team.open_case())
    with pytest.raises((NotAllowed, NotFound)):
        team.fresh_desk(team.reviewer).probes.remove(probe.id)
    assert team.fresh_desk(team.examiner).probes.get(probe.id)
