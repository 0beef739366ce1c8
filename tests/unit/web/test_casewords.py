from __future__ import annotations

import pytest

from lineament.model.reasons import Remedy
from lineament.web.casewords import remedy_link


@pytest.mark.parametrize(
    ("remedy", "address"),
    [
        (Remedy.STEP_UP, "/step-up?next=%2Fprobes%2F1"),
        (Remedy.AUTHORISE, "/cases/K/authorisation"),
        (Remedy.ALLOW, "/cases/K/authorisation#doubt"),
        (Remedy.APPROVALS, "#approvals"),
        (Remedy.PEOPLE, "/cases/K/people"),
        (Remedy.SOURCES, "/sources"),
    ],
)
def test_every_remedy_has_its_page(remedy: Remedy, address: str) -> None:
    link = remedy_link(remedy, "/probes/1", "/cases/K")
    assert link is not None
    assert link[1] == address


def test_a_reason_without_a_page_has_no_link() -> None:
    assert remedy_link(Remedy.NOTHING, "/probes/1", "/cases/K") is None
