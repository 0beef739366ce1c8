"""Registering a source in the browser: drafted by one person, approved or declined by another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.serving import ServedWorld, serving, serving_officials, token_in
from tests.support.world import solo

from lineament.model.accounts import Role
from lineament.model.sources import SourceState

pytestmark = pytest.mark.enable_socket

TERMS = {"name": "press", "controller": "Press agency", "basis": "LED Art. 8", "jurisdiction": "fr"}
ORDER = ("order.pdf", b"%PDF-1.7 the order")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ServedWorld]:
    with serving_officials(tmp_path / "ws") as site:
        yield site


@pytest.fixture
def drafting(site: ServedWorld) -> Iterator[httpx.Client]:
    with site.signed_in(site.world.sign_up_with_app("olga@home.example", Role.OPERATOR)) as browser:
        yield browser


@pytest.fixture
def deciding(site: ServedWorld) -> Iterator[httpx.Client]:
    with site.signed_in(site.world.sign_up_with_app("otto@home.example", Role.OPERATOR)) as browser:
        yield browser


def send(
    browser: httpx.Client, form_on: str, to: str, fields: dict[str, str], document: tuple[str, bytes] | None = None
) -> httpx.Response:
    page = browser.get(form_on)
    assert page.status_code == 200, page.text
    files = None if document is None else {"permission": document}
    return browser.post(to, data={"csrf": token_in(page.text), **fields}, files=files)


def draft(browser: httpx.Client, document: tuple[str, bytes] | None = None, **fields: str) -> httpx.Response:
    return send(browser, "/register-source", "/register-source", {**TERMS, **fields}, document)


def test_a_source_is_drafted_by_one_person_and_approved_by_another_with_the_document(
    site: ServedWorld, drafting: httpx.Client, deciding: httpx.Client
) -> None:
    rest = {"expires": "2999-01-31", "retention-days": "365", "hosts": "press.example\r\n*.press.example"}
    answer = draft(
        drafting, None, **rest, contact="who@press.example", licence="CC BY 4.0", shares="This agency: 2999-01-01"
    )
    assert answer.headers["location"] == "/sources/press"
    own = drafting.get("/sources/press").text
    assert "somebody else has to approve it" in own
    assert 'action="/sources/press/approve"' not in own
    assert "This agency" in own
    assert send(drafting, "/register-source", "/sources/press/approve", {}).status_code == 403
    assert "/sources/press" in deciding.get("/").text, "it waits on the first page"
    assert send(deciding, "/sources/press", "/sources/press/approve", {}, ORDER).status_code == 303
    page = deciding.get("/sources/press").text
    assert "Take pictures in" in page
    assert "order.pdf" in page
    assert deciding.get("/sources/press/permission").content == ORDER[1]
    with site.world.workspace.store.read() as tx:
        found = tx.sources.get("press")
    assert found.state is SourceState.LIVE
    assert (found.terms.jurisdiction, found.terms.retention_days) == ("FR", 365)
    assert found.terms.hosts == ("press.example", "*.press.example")


def test_a_draft_is_declined_with_a_reason_that_its_author_reads(
    drafting: httpx.Client, deciding: httpx.Client
) -> None:
    draft(drafting, ORDER)
    assert "order.pdf" in deciding.get("/sources/press").text
    refused = send(deciding, "/sources/press", "/sources/press/approve", {}, ("other.pdf", b"another"))
    assert refused.status_code == 422
    assert "has one already" in refused.text
    declined = send(deciding, "/sources/press", "/sources/press/decline", {"reason": "the law does not cover it"})
    assert declined.status_code == 303
    assert "the law does not cover it" in drafting.get("/sources/press").text
    assert drafting.get("/sources/press/permission").status_code == 404


def test_a_name_that_is_taken_leads_to_its_source(drafting: httpx.Client) -> None:
    draft(drafting)
    again = draft(drafting, controller="Another agency")
    assert again.status_code == 409
    assert '<a href="/sources/press">The source press, registered on' in again.text
    assert 'value="Another agency"' in again.text


def test_whoever_works_alone_registers_a_source_and_goes_on_to_its_pictures(tmp_path: Path) -> None:
    with solo(tmp_path / "alone") as world, serving(world.workspace) as served, served.client() as browser:
        empty = browser.get("/sources").text
        assert 'href="/register-source"' in empty
        assert "approves it" not in empty
        assert 'href="/register-source"' in browser.get("/").text
        assert draft(browser).headers["location"] == "/sources/press"
        assert "Drop its pictures here" in browser.get("/sources/press").text
        assert send(browser, "/sources/press", "/sources/press/suspend", {}).status_code == 303
        suspended = browser.get("/sources/press").text
        assert "/take-in" not in suspended
        assert "once it is resumed" in suspended


def test_whoever_does_not_manage_sources_is_told_who_does(site: ServedWorld) -> None:
    with site.signed_in(site.world.sign_up_with_app("eva@home.example", Role.EXAMINER)) as examiner:
        page = examiner.get("/sources").text
    assert "No source is registered" in page
    assert "An operator registers the first one" in page
    assert "/register-source" not in page
