"""Attacks with keys: texts that are none, keys that open nothing any more, keys that reach for more."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from functools import reduce

import httpx
import pytest
from tests.support.database import raw_database
from tests.support.programs import caller, key_for
from tests.support.targets import NO_IDS, ids_of
from tests.support.two_agencies import HOST, Pages, TwoAgencies

from lineament.errors import KeyRefused, NotAllowed
from lineament.model.accounts import AccountState, Permission, Role
from lineament.model.api_keys import KeyTerms, MadeKey
from lineament.model.cases import CaseState
from lineament.model.events.ledger import RowsBound
from lineament.services.cases.destroy import destroy
from lineament.services.people.api_keys import KeyEntrance
from lineament.store.api_tables import api_answers

pytestmark = pytest.mark.enable_socket
NEW_CASE = {"offence": "fraud", "purpose": "to find where it was published", "basis": "CPP 77"}
OF_A_CASE = ("/v1/cases/{ref}", "/v1/probes/{probe_id}", "/v1/searches/{search_id}", "/v1/cases/{ref}/probes")
RIGHTS = (Permission.READ_SOURCES, Permission.READ_CASES, Permission.OPEN_CASES, Permission.SEARCH)


@pytest.fixture(autouse=True)
def restored(pages: Pages) -> Iterator[None]:
    """Every test meets the first state of the two agencies, at the time at which it was built."""
    at = pages.world.clock.at
    pages.world.restore()
    yield
    pages.world.clock.at = at


@pytest.fixture
def client(pages: Pages) -> Iterator[httpx.Client]:
    """A client without a key, at a server of its own, which has refused nobody yet."""
    with caller(pages.world) as client:
        yield client


def made(world: TwoAgencies, name: str = "A examiner", case: str | None = "A own") -> MadeKey:
    """Make a key of somebody, bound to a case in which they search."""
    account = world.people[name].account
    rights = RIGHTS if case is not None else RIGHTS[:-1]
    return key_for(world, *rights, account=account, case=None if case is None else world.cases[case].key)


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def told(answer: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Return everything that an answer tells."""
    return answer.status_code, answer.content, sorted(answer.headers.items())


# ---------------------------------------------------------------- texts that are no key


def test_whatever_is_no_key_is_refused_with_the_same_bytes_and_headers(pages: Pages, client: httpx.Client) -> None:
    key = made(pages.world)
    prefix, key_id, secret = key.text.split("_", 2)
    other = made(pages.world, "B examiner", "B own")
    no_keys = [
        "",
        "x",
        "lin_",
        f"{prefix}_{key_id}_{secrets.token_urlsafe(32)}",  # its id, and a guess
        f"{prefix}_{secrets.token_hex(8)}_{secret}",  # its secret, and another id
        f"{prefix}_{other.key.id}_{secret}",  # its secret, with the id of another agency's key
        key.text[:-1],
        key.text + "A",
        key.text[:-1] + ("A" if key.text[-1] != "A" else "B"),
        key.text.upper(),
        key.text.replace("_", "-"),
        f"{key.text} {key.text}",
        key.text + "\u00a0",
        key_id,
        secret,
        "x" * 8000,
        "Bearer",
    ]
    answers = [told(client.get("/v1/key", headers=[(b"authorization", f"Bearer {text}".encode())])) for text in no_keys]
    answers += [
        told(client.get("/v1/key", headers={"authorization": f"Basic {key.text}"})),
        told(client.get("/v1/key")),
    ]
    assert len({repr(answer) for answer in answers}) == 1
    status, body, headers = answers[0]
    assert status == 401
    assert b"key-refused" in body
    assert dict(headers)["www-authenticate"].startswith("Bearer")
    assert client.get("/v1/key", headers=bearer(key.text)).status_code == 200


# ---------------------------------------------------------------- keys that open nothing any more


def revoked(world: TwoAgencies, key: MadeKey) -> None:
    world.desk_of("A examiner").api_keys.revoke(key.key.id)


def revoked_by_an_administrator(world: TwoAgencies, key: MadeKey) -> None:
    world.desk_of("A administrator").api_keys.revoke(key.key.id)


def ended(world: TwoAgencies, key: MadeKey) -> None:
    world.clock.advance(days=30)


def suspended(world: TwoAgencies, key: MadeKey) -> None:
    world.set_state(world.people["A examiner"].account, AccountState.SUSPENDED)


def closed(world: TwoAgencies, key: MadeKey) -> None:
    world.set_state(world.people["A examiner"].account, AccountState.CLOSED)


def forbidden(world: TwoAgencies, key: MadeKey) -> None:
    world.wish(world.people["A examiner"].account.agency_id, key_days=0)


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (revoked, "key-refused"),
        (revoked_by_an_administrator, "key-refused"),
        (ended, "key-ended"),
        (forbidden, "key-ended"),
        (suspended, "key-refused"),
        (closed, "key-refused"),
    ],
)
def test_a_key_that_ended_opens_nothing(
    pages: Pages, client: httpx.Client, end: Callable[[TwoAgencies, MadeKey], None], code: str
) -> None:
    key = made(pages.world)
    assert client.get("/v1/key", headers=bearer(key.text)).status_code == 200
    end(pages.world, key)
    answer = client.get("/v1/key", headers=bearer(key.text))
    assert (answer.status_code, answer.json()["code"]) == (401, code)


def test_a_key_ends_with_its_case_and_forgets_what_it_said_of_it(pages: Pages, client: httpx.Client) -> None:
    world = pages.world
    key = made(world)
    with world.machine.record.change() as change:
        change.tx.ledger.file_under(None, None)
        destroy(change, change.tx.cases.by_key(world.cases["A own"].key), CaseState.DESTROYED)
        change.record(RowsBound(lists={}))
    answer = client.get("/v1/key", headers=bearer(key.text))
    assert (answer.status_code, answer.json()["code"]) == (401, "key-refused")
    (kept,) = [each.key for each in world.desk_of("A examiner").api_keys.own() if each.key.id == key.key.id]
    assert (kept.reason, kept.signing_secret) == ("", None)


def test_a_key_loses_what_its_official_loses(pages: Pages, client: httpx.Client) -> None:
    world = pages.world
    account = world.people["A examiner"].account
    key = made(world, case=None)
    assert client.get("/v1/cases", headers=bearer(key.text)).status_code == 200
    with world.setting_up() as tx:
        tx.accounts.set_roles(account.id, [Role.ADMINISTRATOR])
    assert client.get("/v1/cases", headers=bearer(key.text)).status_code == 403
    assert client.get("/v1/sources", headers=bearer(key.text)).status_code == 200


def test_a_key_that_another_program_changed_in_the_database_opens_nothing(pages: Pages, client: httpx.Client) -> None:
    world = pages.world
    key = made(world, case=None)
    with raw_database(world.home) as database:
        database.execute("UPDATE api_keys SET rights = ? WHERE id = ?", ('["read ledger"]', key.key.id))
    assert client.get("/v1/key", headers=bearer(key.text)).status_code == 500
    assert client.get("/v1/key", headers=bearer(key.text)).json()["code"] == "access-altered"


# ---------------------------------------------------------------- reaching further


def test_a_key_that_is_bound_to_a_case_sees_no_other(pages: Pages, client: httpx.Client) -> None:
    world = pages.world
    headers, other, never = bearer(made(world).text), ids_of(world.cases["shared"]), NO_IDS
    supervisor = key_for(
        world,
        Permission.READ_CASES,
        Permission.OPEN_CASES,
        account=world.people["A supervisor"].account,
        case=world.cases["A own"].key,
    )
    for sent in (headers, bearer(supervisor.text)):
        listed = client.get("/v1/cases", headers=sent).json()["items"]
        assert [case["key"] for case in listed] == [world.cases["A own"].key]
        for address in OF_A_CASE:
            found, missed = (client.get(address.format(**ids), headers=sent) for ids in (other, never))
            assert found.status_code == 404
            named = (other["ref"], other["probe_id"], other["search_id"])
            assert reduce(lambda text, name: text.replace(name, never["ref"]), named, found.text) == missed.text
        opened = client.post("/v1/cases", headers=sent, json={**NEW_CASE, "ref": "N-1"})
        assert opened.status_code == 403


def test_a_key_that_is_bound_to_a_source_works_with_no_other(pages: Pages, client: httpx.Client) -> None:
    world = pages.world
    operator = world.people["home operator"].account
    key = key_for(
        world, Permission.READ_SOURCES, Permission.MANAGE_SOURCES, account=operator, sources=("other-portraits",)
    )
    assert [source["name"] for source in client.get("/v1/sources", headers=bearer(key.text)).json()["items"]] == [
        "other-portraits"
    ]
    found = client.get("/v1/sources/portraits", headers=bearer(key.text))
    missed = client.get("/v1/sources/portraitz", headers=bearer(key.text))
    assert found.status_code == missed.status_code == 404
    assert found.text == missed.text.replace("portraitz", "portraits")


def test_a_key_makes_no_keys_and_manages_nothing(pages: Pages) -> None:
    world = pages.world
    machine = KeyEntrance(world.machine.record.everywhere)
    desk = world.workspace.desk(machine.admit(made(world, case=None).text).official)
    terms = KeyTerms(name="another", rights=frozenset({Permission.READ_SOURCES}), days=1)
    attempts: list[Callable[[], object]] = [
        lambda: desk.api_keys.make(terms),
        desk.api_keys.own,
        desk.api_keys.of_agency,
        lambda: desk.api_keys.revoke("0" * 16),
        desk.people.list,
        lambda: desk.stops.stop_agency("an attack"),
    ]
    for attempt in attempts:
        with pytest.raises(NotAllowed):
            attempt()
    with pytest.raises(KeyRefused):
        machine.admit_signer(made(world, case=None).key.id)


def test_keys_open_no_pages_and_sessions_open_nothing_of_the_api(pages: Pages) -> None:
    world = pages.world
    person, key = world.people["A examiner"], made(world)
    page = pages.ask(None, "GET", "/account/keys", headers=bearer(key.text))
    assert (page.status_code, page.headers["location"].partition("?")[0]) == (303, "/sign-in")
    form = {"name": "x", "right": "read sources", "days": "1", "per_minute": "1", "csrf": key.text}
    sent = pages.ask(None, "POST", "/account/keys/new", form, headers=bearer(key.text))
    assert sent.status_code == 403
    cookie = {"cookie": f"lineament-{HOST.partition(':')[2]}={key.text}"}
    assert pages.ask(None, "GET", "/account/keys", headers=cookie).status_code == 303
    answer = pages.ask(person, "GET", "/v1/key")
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    assert pages.ask(person, "GET", "/v1/key", headers={"authorization": f"Bearer {person.key}"}).status_code == 401


def test_a_request_by_its_name_is_answered_again_to_its_own_key_alone(pages: Pages, client: httpx.Client) -> None:
    world = pages.world
    first, second = made(world, case=None), made(world, case=None)
    reader = key_for(world, Permission.READ_CASES, account=world.people["A examiner"].account)
    body = {**NEW_CASE, "ref": "N-7"}

    def post(key: MadeKey, content: dict[str, str]) -> httpx.Response:
        return client.post("/v1/cases", json=content, headers={**bearer(key.text), "idempotency-key": "same-name"})

    opened, again = post(first, body), post(first, body)
    assert (opened.status_code, again.status_code) == (201, 201)
    assert (again.content, again.headers["idempotency-replayed"]) == (opened.content, "true")
    assert post(first, {**body, "ref": "N-8"}).status_code == 422
    stolen = post(second, body)
    assert (stolen.status_code, "idempotency-replayed" in stolen.headers) == (409, False)
    assert post(reader, body).status_code == 403
    revoked(world, first)
    assert post(first, body).status_code == 401
    assert opened.json()["key"].encode() not in stored_answers(world)


def stored_answers(world: TwoAgencies) -> bytes:
    """Return what the table of answers holds."""
    with world.workspace.store.read() as tx:
        contents = [bytes(row.content or b"") for row in tx.connection.execute(api_answers.select())]
    assert contents
    return b"\0".join(contents)
