"""R17 through the API: rank, score and names are hidden and shuffled for each reviewer until they have decided."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import httpx
import pytest
from tests.support.blindly import decision, secrets_of
from tests.support.described import described, problem_of
from tests.support.programs import CASEWORK_RIGHTS, program
from tests.support.squad import OTHER_PHOTOGRAPH, PHOTOGRAPH, Squad

from lineament.model.accounts import Account, Permission
from lineament.model.cases import Case, CaseRole
from lineament.model.review import ReviewOutcome
from lineament.model.search import SearchResult
from lineament.model.watches import NoticeKind, WatchTerms
from lineament.services.pictures import EVEN_BYTES
from lineament.services.search import Search

pytestmark = pytest.mark.enable_socket

REVIEWS = (Permission.READ_CASES, Permission.REVIEW, Permission.TAKE_PART)
LEAD, EXCLUDED = ReviewOutcome.LEAD, ReviewOutcome.EXCLUDED


@pytest.fixture
def clients(team: Squad, case: Case) -> Iterator[dict[str, httpx.Client]]:
    """Programs of three people, each with a key for the case."""
    with ExitStack() as stack:

        def client(account: Account, *rights: Permission) -> httpx.Client:
            return stack.enter_context(closing(program(team, *rights, account=account, case=case.key))).client

        yield {
            "examiner": client(team.examiner, *CASEWORK_RIGHTS),
            "reviewer": client(team.reviewer, *REVIEWS),
            "supervisor": client(team.supervisor, *REVIEWS),
        }


def make_search(client: httpx.Client, case: Case, photograph: bytes = PHOTOGRAPH) -> Any:
    """Add a photograph and search with it, as a program does."""
    sent = {"content-type": "image/jpeg"}
    probe = described(client.post(f"/v1/cases/{case.key}/probes?kind=cctv", content=photograph, headers=sent))
    asked = {"probe": probe["id"], "mode": "investigation", "reason": "he was seen at the counter"}
    return described(client.post(f"/v1/cases/{case.key}/searches", json=asked))


def names(answer: Any) -> list[str]:
    return [entry["name"] for entry in answer["hidden"]]


def recorded(team: Squad, search_id: str) -> SearchResult:
    with team.workspace.store.read() as tx:
        return tx.searches.get(search_id)


def decide_all(client: httpx.Client, search: str, outcomes: dict[str, ReviewOutcome]) -> Any:
    """Decide about every candidate, each time about the one that the last answer named; return that answer."""
    name, answer = described(client.get(f"/v1/searches/{search}/review"))["candidates"][0]["name"], {}
    for _ in range(len(outcomes)):
        body = decision(outcomes[name])
        answer = described(client.post(f"/v1/searches/{search}/candidates/{name}/decisions", json=body))
        name = answer["next"]
    assert name is None
    return answer


def test_no_answer_tells_a_reviewer_what_is_hidden(team: Squad, case: Case, clients: dict[str, httpx.Client]) -> None:
    made = make_search(clients["examiner"], case)
    search = made["search_id"]
    secrets = secrets_of(recorded(team, search))
    described(
        clients["examiner"].post(
            f"/v1/cases/{case.key}/watches",
            json={"probe": made["probe"]["id"], "until": str(team.today), "reason": "he is missing"},
        )
    )
    asked = [
        f"/v1/searches/{search}",
        f"/v1/searches/{search}/review",
        f"/v1/cases/{case.key}",
        f"/v1/cases/{case.key}/searches",
        f"/v1/cases/{case.key}/probes",
        f"/v1/cases/{case.key}/watches",
        f"/v1/probes/{made['probe']['id']}",
        "/v1/reviews",
        "/v1/findings",
        *(f"/v1/searches/{search}/candidates/{name}" for name in names(made)),
    ]
    told = [answer for client in clients.values() for answer in map(client.get, asked)]
    assert all(described(answer) for answer in told)
    assert [secret for secret in secrets for answer in told if secret in answer.text] == []
    assert (made["candidates"], len(made["hidden"])) == ([], 4)
    beside = described(clients["reviewer"].get(asked[-1]))
    assert {key for key, value in beside.items() if value is None} >= {"box", "quality", "found", "listed"}
    tags = [answer.headers["etag"] for answer in told]
    assert tags == [f'"{hashlib.sha256(answer.content).hexdigest()[:32]}"' for answer in told], "of what is shown"


def test_each_reviewer_has_an_order_of_their_own(case: Case, clients: dict[str, httpx.Client]) -> None:
    told = []
    for photograph in (PHOTOGRAPH, OTHER_PHOTOGRAPH):  # of one list of four, three people have one order 1 time in 576
        search = make_search(clients["examiner"], case, photograph)["search_id"]
        orders = [names(described(client.get(f"/v1/searches/{search}"))) for client in clients.values()]
        assert orders == [names(described(client.get(f"/v1/searches/{search}"))) for client in clients.values()]
        reviews = [described(client.get(f"/v1/searches/{search}/review"))["candidates"] for client in clients.values()]
        assert orders == [[entry["name"] for entry in review] for review in reviews]
        assert len({frozenset(order) for order in orders}) == 1
        told.append(len({tuple(order) for order in orders}))
    assert max(told) > 1


def test_what_is_hidden_cannot_be_asked_for(case: Case, clients: dict[str, httpx.Client]) -> None:
    made = make_search(clients["examiner"], case)
    of, name = f"/v1/searches/{made['search_id']}/candidates", names(made)[0]
    for client in clients.values():
        for part in ("", "/crop", "/thumbnail"):
            by_rank, never = client.get(f"{of}/1{part}"), client.get(f"{of}/77{part}")
            assert problem_of(by_rank, 404)["code"] == "not-found"
            assert by_rank.text == never.text.replace("77", "1")
        assert problem_of(client.get(f"{of}/{name}/thumbnail"), 409)["code"] == "undecided"
        for part in ("original", "page"):
            assert problem_of(client.post(f"{of}/{name}/{part}"), 409)["code"] == "undecided"
    crops = [described(clients["reviewer"].get(f"{of}/{each}/crop")) for each in names(made)]
    assert {len(crop) % EVEN_BYTES for crop in crops} == {0}, "their sizes would tell pictures apart"
    assert problem_of(clients["examiner"].post(f"{of}/{name}/probe"), 409)["code"] == "undecided"


def test_two_programs_decide_blind_to_each_other(team: Squad, case: Case, clients: dict[str, httpx.Client]) -> None:
    examiner, reviewer = clients["examiner"], clients["reviewer"]
    made = make_search(examiner, case)
    search = made["search_id"]
    first = names(made)[0]
    outcomes = {name: LEAD if name == first else EXCLUDED for name in names(made)}
    assert [each["search_id"] for each in described(reviewer.get("/v1/reviews"))["items"]] == [search]
    before = {path: reviewer.get(path) for path in (f"/v1/searches/{search}", f"/v1/searches/{search}/review")}

    assert decide_all(examiner, search, outcomes)["left"] == 0
    opened = described(examiner.get(f"/v1/searches/{search}"))
    assert ([entry["rank"] for entry in opened["candidates"]], opened["hidden"]) == ([1, 2, 3, 4], [])
    assert described(examiner.get(f"/v1/searches/{search}/candidates/1"))["listed"]["rank"] == 1
    own = described(examiner.get(f"/v1/searches/{search}/review"))
    assert [entry["outcome"] for entry in own["candidates"]] == [None] * 4, "it takes two"

    for path, answer in before.items():
        again = reviewer.get(path, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b""), "nothing tells what the examiner decided"
    some = described(reviewer.post(f"/v1/searches/{search}/candidates/{first}/decisions", json=decision(EXCLUDED)))
    assert (some["left"], some["decision"]["informed"]) == (3, False)
    place = described(reviewer.get(f"/v1/searches/{search}/candidates/{first}"))
    assert place["found"]["uri"].startswith("https://")
    assert place["listed"] is None, "a rank would tell something of the other three"
    rest = {name: outcome for name, outcome in outcomes.items() if name != first}
    name = some["next"]
    for _ in rest:
        answer = reviewer.post(f"/v1/searches/{search}/candidates/{name}/decisions", json=decision(rest[name]))
        name = described(answer)["next"]
    done = described(reviewer.get(f"/v1/searches/{search}/review"))
    found = sorted(entry["outcome"] for entry in done["candidates"])
    assert found == ["excluded", "excluded", "excluded", "inconclusive"], "they disagree about one"
    assert all(len(entry["decisions"]) == 2 for entry in done["candidates"])
    assert described(reviewer.get("/v1/reviews"))["items"] == []


def test_a_decision_needs_every_feature_and_the_right(case: Case, clients: dict[str, httpx.Client]) -> None:
    made = make_search(clients["examiner"], case)
    address = f"/v1/searches/{made['search_id']}/candidates/{names(made)[0]}/decisions"
    short = decision(LEAD)
    del short["checklist"]["ears"]
    told = problem_of(clients["reviewer"].post(address, json=short), 422)
    assert told["errors"][0]["field"] == "feature-ears"
    unknown = decision(LEAD) | {"rank": 1}
    assert problem_of(clients["reviewer"].post(address, json=unknown), 422)["errors"][0]["field"] == "rank"


def test_a_note_is_read_by_others_once_the_review_is_complete(case: Case, clients: dict[str, httpx.Client]) -> None:
    made = make_search(clients["examiner"], case)
    search, first = made["search_id"], names(made)[0]
    address = f"/v1/searches/{search}/candidates/{first}/notes"
    assert described(clients["examiner"].post(address, json={"text": "See the left ear."}))["text"]
    seen = clients["reviewer"].get(f"/v1/searches/{search}/review")
    assert described(seen)["hidden"]
    assert "left ear" not in seen.text


def test_a_supervisor_who_knows_the_truth_does_not_decide_through_a_key(
    team: Squad, case: Case, clients: dict[str, httpx.Client]
) -> None:
    """The key has no right to measure reviewers; what its owner knows does not depend on it."""
    made = make_search(clients["examiner"], case)
    name = names(described(clients["supervisor"].get(f"/v1/searches/{made['search_id']}")))[0]
    team.fresh_desk(team.supervisor).measuring.know(made["search_id"], {name: True})
    address = f"/v1/searches/{made['search_id']}/candidates/{name}/decisions"
    told = problem_of(clients["supervisor"].post(address, json=decision(LEAD)), 403)
    assert [reason["code"] for reason in told["reasons"]] == ["knows-pairs"]


def test_only_the_lists_of_its_case_wait_for_a_key(team: Squad, case: Case, clients: dict[str, httpx.Client]) -> None:
    here = make_search(clients["examiner"], case)["search_id"]
    other = team.open_case(ref="K-2")
    team.fresh_desk(team.supervisor).members.add(other.key, team.reviewer.id, CaseRole.REVIEWER)
    there = team.search(other, team.take_probe(other, OTHER_PHOTOGRAPH)).search_id
    waiting = {waiting.search_id for waiting in team.fresh_desk(team.reviewer).reviews.waiting()}
    assert waiting == {here, there}
    items = described(clients["reviewer"].get("/v1/reviews"))["items"]
    assert [item["search_id"] for item in items] == [here]


def test_a_watch_compares_no_more_than_its_key_may(team: Squad, case: Case) -> None:
    with closing(
        program(team, *CASEWORK_RIGHTS, account=team.examiner, case=case.key, sources=("portraits",))
    ) as bound:
        probe = team.take_probe(case)
        asked = {"probe": probe.id, "until": str(team.today)}
        begun = described(bound.client.post(f"/v1/cases/{case.key}/watches", json=asked))
        assert (begun["sources"], begun["key"]) == (["portraits"], bound.key.key.id)
        elsewhere = bound.client.post(f"/v1/cases/{case.key}/watches", json=asked | {"sources": ["press"]})
        assert problem_of(elsewhere, 404)["code"] == "not-found"
    terms = WatchTerms(reason="he is missing", ends_on=team.today)
    in_person = team.fresh_desk(team.examiner).watches.begin(team.take_probe(case, OTHER_PHOTOGRAPH).id, terms)
    assert in_person.terms.sources == (), "somebody in person watches all that they may"


def begin_batch(client: httpx.Client, case: Case, **asked: object) -> Any:
    """Send a batch of three files, of which one is no picture; return the job that searches it."""
    batch = described(client.post(f"/v1/cases/{case.key}/batches?kind=cctv"))["batch"]
    sent = {"one.jpg": PHOTOGRAPH, "none.jpg": b"no picture", "two.jpg": OTHER_PHOTOGRAPH}
    rows = [
        described(client.post(f"/v1/batches/{batch}/photographs?name={name}", content=content))
        for name, content in sent.items()
    ]
    assert [(row["name"], row["state"]) for row in rows] == [
        ("one.jpg", "waits"),
        ("none.jpg", "not searched"),
        ("two.jpg", "waits"),
    ]
    return described(client.post(f"/v1/batches/{batch}/search", json={"mode": "investigation", **asked}))


def test_a_batch_is_searched_by_a_job_within_the_key(team: Squad, case: Case, clients: dict[str, httpx.Client]) -> None:
    """Nobody is there to show a second factor: it was shown for the key, and the job has no more than its rights."""
    hook = team.fresh_desk(team.administrator).web_hooks.add("https://127.0.0.1:9/told").hook
    job = begin_batch(clients["examiner"], case, notify=True)
    batch = f"/v1/batches/{job['arguments']['batch']}"
    assert described(clients["examiner"].get(batch))["job"] == job["job"]
    team.workspace.worker.drain()
    done = described(clients["examiner"].get(f"/v1/jobs/{job['job']}"))
    assert (done["state"], done["result"]) == ("done", {"searched": 2, "failed": 0})
    with team.workspace.store.read() as tx:
        assert [notice.kind for notice in tx.notices.of_hook(hook.id, 9)] == [NoticeKind.JOB_ENDED]
    rows = described(clients["examiner"].get(batch))["photographs"]
    assert [(row["state"], row["candidates"]) for row in rows] == [
        ("searched", 4),
        ("not searched", None),
        ("searched", 4),
    ]
    assert rows[1]["why"]
    shown = described(clients["examiner"].get(f"/v1/searches/{rows[0]['search']}"))
    assert (shown["candidates"], len(shown["hidden"]), shown["made_by"]) == ([], 4, "Eva Examiner")


def test_a_batch_ends_when_its_key_is_revoked(team: Squad, case: Case, clients: dict[str, httpx.Client]) -> None:
    job = begin_batch(clients["examiner"], case)
    owner = team.fresh_desk(team.examiner)
    owner.api_keys.revoke(job["arguments"]["key"])
    team.workspace.worker.drain()
    ended = owner.jobs.show(job["job"])
    assert (ended.state.value, ended.error and ended.error.code) == ("failed", "key-refused")
    assert owner.casework.stored_searches(case.key) == []


def test_a_batch_that_runs_ends_when_its_key_is_revoked(
    team: Squad, case: Case, clients: dict[str, httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = begin_batch(clients["examiner"], case)
    owner, run = team.fresh_desk(team.examiner), Search.run

    def run_and_revoke(search: Search, *asked: Any) -> SearchResult:
        found = run(search, *asked)
        owner.api_keys.revoke(job["arguments"]["key"])
        return found

    monkeypatch.setattr(Search, "run", run_and_revoke)
    team.workspace.worker.drain()
    ended = owner.jobs.show(job["job"])
    assert (ended.state.value, ended.error and ended.error.code) == ("failed", "key-refused")
    assert len(owner.casework.stored_searches(case.key)) == 1
