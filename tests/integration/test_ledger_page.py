"""The ledger's page: sentences with links, filters, pages that stay, and proofs by a form."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta

import pytest
from tests.support.two_agencies import Pages

from lineament.model.actions import VIEW_ACTIONS, Action
from lineament.model.events.kinds import KINDS, EntryKind

pytestmark = pytest.mark.enable_socket
AUDITOR = "B auditor"


def read(pages: Pages, address: str, who: str = AUDITOR) -> str:
    """Return a page of the ledger."""
    answer = pages.ask(pages.world.people[who], "GET", address)
    assert answer.status_code == 200
    return answer.text


def entries(page: str) -> list[int]:
    """Return the numbers of the entries on a page."""
    return [int(number) for number in re.findall(r'<li id="entry-(\d+)"', page)]


def actions(pages: Pages, numbers: list[int]) -> set[str]:
    """Return what these entries record."""
    with pages.world.workspace.store.read() as tx:
        return {next(tx.ledger.entries(number, number + 1)).action for number in numbers}


def everything(pages: Pages, address: str) -> list[int]:
    """Return the numbers of the entries on a page and those that follow it."""
    found: list[int] = []
    while True:
        page = read(pages, address)
        found += entries(page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        if older is None:
            return found
        address = html.unescape(older[1])


def test_who_only_looked_is_left_out_and_counted(pages: Pages) -> None:
    examiner, search = pages.world.people["B examiner"], pages.world.cases["B own"].search
    assert pages.ask(examiner, "GET", f"/searches/{search}").status_code == 200
    page = read(pages, "/ledger")
    assert not actions(pages, entries(page)) & VIEW_ACTIONS
    link = re.search(r'(\d+) entries say only that somebody looked.*?href="([^"]+views=shown)"', page, re.DOTALL)
    assert link is not None
    shown = everything(pages, html.unescape(link[2]))
    assert Action.LIST_READ in actions(pages, shown)
    without = everything(pages, "/ledger")
    assert set(without) < set(shown)


@pytest.mark.parametrize("kind", list(EntryKind))
def test_a_kind_has_all_its_entries_and_no_others(pages: Pages, kind: EntryKind) -> None:
    wanted = {action.value for action in KINDS[kind]}
    before = everything(pages, "/ledger?views=shown")[0] + 1
    every = everything(pages, f"/ledger?views=shown&before={before}")
    found = everything(pages, f"/ledger?views=shown&before={before}&kind={kind}")
    assert found == [number for number in every if actions(pages, [number]) <= wanted]


def test_a_person_has_their_own_entries(pages: Pages) -> None:
    examiner = pages.world.people["B examiner"]
    page = read(pages, f"/ledger?person={examiner.account.id}")
    assert f'<option value="{examiner.account.id}" selected>' in page
    assert set(re.findall(r"<strong><bdi>([^<]+)</bdi></strong>", page)) == {examiner.account.name}
    assert len(everything(pages, f"/ledger?person={examiner.account.id}")) > 3


def test_a_person_of_another_agency_has_only_what_they_did_in_a_case_of_this_one(pages: Pages) -> None:
    """The case that agency A shares has a guest of agency B."""
    guest = pages.world.people["B guest examiner"].account.id
    for who, theirs in (("A auditor", True), ("B auditor", False)):
        page = read(pages, f"/ledger?person={guest}&views=shown", who)
        assert entries(page)
        linked = set(re.findall(r'href="(/cases/[^"/]+)"', page))
        assert linked == ({f"/cases/{pages.world.cases['shared'].key}"} if theirs else set())


def test_a_case_is_found_by_its_reference(pages: Pages) -> None:
    with pages.world.workspace.store.read() as tx:
        case = tx.cases.by_key(pages.world.cases["B own"].key)
        theirs = tx.cases.by_key(pages.world.cases["A own"].key)
        filed = [row.seq for row in tx.ledger.of_case(case.id, None, None) if row.action not in VIEW_ACTIONS]
    assert everything(pages, f"/ledger?case={case.key}") == filed
    page = read(pages, f"/ledger?case={case.key}&kind=searches")
    assert actions(pages, entries(page)) <= {action.value for action in KINDS[EntryKind.SEARCHES]}
    for unknown in (theirs.key, "K-404"):
        page = read(pages, f"/ledger?case={unknown}")
        assert "in your agency" in page
        assert entries(page) == []


def test_a_day_has_its_entries(pages: Pages) -> None:
    every = everything(pages, "/ledger")
    with pages.world.workspace.store.read() as tx:
        days = {seq: next(tx.ledger.entries(seq, seq + 1)).at.astimezone().date() for seq in every}
    found = {day: everything(pages, f"/ledger?day={day}") for day in set(days.values())}
    assert all(seq in found[day] for seq, day in days.items())
    assert all(days.get(seq, day) == day for day, seqs in found.items() for seq in seqs)
    for other in (min(found) - timedelta(days=900), max(found) + timedelta(days=900)):
        page = read(pages, f"/ledger?day={other}")
        assert "No such entry" in page
        assert entries(page) == []
    page = read(pages, "/ledger?day=yesterday")
    assert "Write the day as 2026-11-25." in page
    assert 'value="yesterday"' in page


@pytest.mark.parametrize("wrong", ["kind=everything", "person=nobody", "before=-1", "case=" + "x" * 300])
def test_what_is_not_there_is_an_empty_page(pages: Pages, wrong: str) -> None:
    assert entries(read(pages, f"/ledger?{wrong}")) == []


def test_a_page_stays_as_it_is_while_entries_are_added(pages: Pages) -> None:
    for _ in range(60):
        read(pages, "/ledger")  # which is recorded
    page = read(pages, "/ledger?views=shown")
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert older is not None
    first = entries(read(pages, html.unescape(older[1])))
    assert first[0] < entries(page)[-1]
    for _ in range(3):
        read(pages, "/ledger")
    assert entries(read(pages, html.unescape(older[1]))) == first


def test_the_filter_is_kept_from_page_to_page(pages: Pages) -> None:
    page = read(pages, "/ledger?kind=people&views=shown&before=40")
    link = re.search(r'rel="prev" href="([^"]+)"', page)
    assert link is not None
    assert html.unescape(link[1]) == "/ledger?kind=people&views=shown"
    assert '<option value="people" selected>' in page


def test_a_proof_is_made_by_a_form_and_only_then_recorded(pages: Pages) -> None:
    auditor = pages.world.people[AUDITOR]
    number = entries(read(pages, "/ledger"))[-1]
    size = pages.world.workspace.desk_at_the_machine().audit.size()
    for address in (f"/ledger?entry={number}", f"/ledger/proof?entry={number}"):
        answer = pages.ask(auditor, "GET", address)
        assert "Proof of entry" not in answer.text
    made = pages.ask(auditor, "POST", "/ledger/entry", {"entry": str(number)})
    assert made.status_code == 303
    assert f"Proof of entry {number:,}" in read(pages, made.headers["location"])
    with pages.world.workspace.store.read() as tx:
        recorded = [row.action for row in tx.ledger.entries(size, tx.ledger.size())]
    assert recorded.count(Action.ENTRY_PROVEN) == 1


@pytest.mark.parametrize("path", ["/ledger/entry", "/ledger/proof"])
def test_an_entry_of_another_agency_is_proven_as_little_as_one_that_is_not_there(pages: Pages, path: str) -> None:
    world, auditor = pages.world, pages.world.people[AUDITOR]
    with world.workspace.store.read() as tx:
        seen = tx.ledger.filed(world.agencies["B"])
        unseen = next(row.seq for row in tx.ledger.of_agency(world.agencies["A"], None, None) if row.seq not in seen)
        size = tx.ledger.size()
    answers = [pages.ask(auditor, "POST", path, {"entry": str(number)}) for number in (unseen, 999_999)]
    assert [answer.status_code for answer in answers] == [404, 404]
    first, second = (re.sub(r'entry “\d+”|name="csrf" value="[^"]*"', "#", answer.text) for answer in answers)
    assert first == second
    assert world.workspace.desk_at_the_machine().audit.size() == size


def test_a_reading_is_recorded_with_what_was_wanted(pages: Pages) -> None:
    world = pages.world
    person, ref = world.people["B examiner"].account, world.cases["B own"].ref
    day = world.today.isoformat()
    read(pages, f"/ledger?person={person.id}&case={ref}&kind=searches&day={day}&views=shown")
    with world.workspace.store.read() as tx:
        size = tx.ledger.size()
        entry = next(tx.ledger.entries(size - 1, size))
    assert entry.action == Action.LEDGER_READ
    wanted = json.loads(entry.details or "")
    assert {name: wanted[name] for name in ("person", "named", "case", "kind", "views")} == {
        "person": person.id,
        "named": person.name,
        "case": ref,
        "kind": "searches",
        "views": True,
    }
    assert wanted["since"] < wanted["until"]
    told = read(pages, "/ledger?kind=record&views=shown")
    assert "of the kind <bdi>searches</bdi>" in told
    assert person.name in told


def test_a_reading_of_somebody_of_another_agency_names_nobody(pages: Pages) -> None:
    guest = pages.world.people["B guest examiner"].account
    read(pages, f"/ledger?person={guest.id}&views=shown", "A auditor")
    told = read(pages, "/ledger?kind=record&views=shown", "A auditor").partition("<ol")[2]
    assert "of <bdi>somebody of another agency</bdi>" in told
    assert guest.name not in told
