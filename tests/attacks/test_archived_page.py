"""The archived page of a candidate contacts nobody, whatever is in it and wherever it is clicked."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import BrowserContext, Error, Page, Playwright, sync_playwright
from tests.support.archived import html as hostile_html
from tests.support.archived import ingest_archive, search, write_archive
from tests.support.browsers import NEEDS_CHROMIUM, start_chromium
from tests.support.serving import Served, serving

from lineament.sources.html.inert import LONGEST_ADDRESS, MOST_CHARACTERS, SHOWN, inert

STRANGERS = ("elsewhere.example", "other.elsewhere.example", "press.example")
HINTS = """<link rel="preconnect" href="{0}"><link rel="dns-prefetch" href="{0}"><link rel="prefetch" href="{0}/a">
<link rel="prerender" href="{0}/b"><link rel="modulepreload" href="{0}/c"><link rel="icon" href="{0}/i.ico">
<link rel="manifest" href="{0}/m"><base href="{0}/" target="_top"><meta http-equiv="refresh" content="0; url={0}/r">
<script type="speculationrules">{{"prerender": [{{"urls": ["{0}/s"]}}]}}</script>
<style>@import "{0}/i.css"; @font-face {{ font-family: f; src: url({0}/f) }} * {{ font-family: f; cursor: url({0}/c) }}</style>
<img srcset="{0}/1x.png 1x, {0}/2x.png 2x"><picture><source srcset="{0}/s.webp"><img src="{0}/p.png"></picture>
<svg width="50" height="50"><a href="{0}/svg"><text y="20">svg link</text></a><image href="{0}/i.svg"/><use href="{0}/u#a"/></svg>
<math href="{0}/m"><mtext>math link</mtext></math><audio src="{0}/a" controls></audio><video poster="{0}/v" controls></video>
<iframe srcdoc="<iframe src='{0}/inner'></iframe>"></iframe><embed src="{0}/e"><frameset><frame src="{0}/f"></frameset>
<map name="m"><area shape="rect" coords="0,0,99,99" href="{0}/area"></map><img usemap="#m" width="99" height="99" src="x">
<form action="{0}/form"><input type="image" src="{0}/b.png"><input type="submit" value="send it"></form>
<button formaction="{0}/fa" form="q">go</button><details open><summary>more</summary><a href="{0}/d">inner</a></details>
<a href="{0}/a1" target="_blank" ping="{0}/ping">one</a><a href="{1}/a2" download>two</a><p style="background:url({0}/st)">p</p>
<a href="javascript:location='{0}/js'">three</a><table background="{0}/tb"><td background="{0}/td">cell</table>
<template><img src="{0}/t"></template><noscript><img src="{0}/n"></noscript><object data="{0}/o"><param name="src"></object>
<title></title><textarea></textarea><img src="{0}/x"></style></script><iframe src="{0}/last"></iframe>"""  # noqa: E501


@contextmanager
def listening() -> Iterator[tuple[int, list[bytes]]]:
    """Yield a port, and the beginnings of all connections to it: even one without a request counts."""
    connections: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                connections.append(b"")
                threading.Thread(target=read, args=(connection, len(connections) - 1), daemon=True).start()

    def read(connection: socket.socket, at: int) -> None:
        with suppress(OSError), connection:
            connections[at] = connection.recv(200)

    threading.Thread(target=accept, daemon=True).start()
    yield server.getsockname()[1], connections
    server.shutdown(socket.SHUT_RDWR)
    server.close()


@contextmanager
def browser(playwright: Playwright, port: int) -> Iterator[BrowserContext]:
    """Yield a browser for which the strangers' names lead to the port, whatever port they are asked at."""
    rules = [*(f"MAP {name} 127.0.0.1:{port}" for name in STRANGERS), "MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1"]
    arguments = ["--no-sandbox", "--headless", f"--host-resolver-rules={', '.join(rules)}"]
    running = start_chromium(playwright, arguments)
    yield running.new_context()
    running.close()


def open_archived(context: BrowserContext, served: Served, address: str) -> Page:
    page = context.new_page()
    page.goto(served.entrance)
    page.goto(served.url + address)
    with context.expect_page() as opened:
        page.get_by_role("button", name="Open the archived page").click()
    shown = opened.value
    shown.wait_for_load_state()
    return shown


def click_on_everything(page: Page) -> int:
    """Click on every element of the frame, with each button; return how many there are."""
    frame = page.frame_locator("iframe.archived")
    number = frame.locator("body *").count()
    for at in range(number):
        element = frame.locator("body *").nth(at)
        for how in ({}, {"button": "middle"}, {"modifiers": ["Control"]}):
            with suppress(Error):  # it cannot be clicked, or the page has gone
                element.click(timeout=300, no_wait_after=True, force=True, **how)
        with suppress(Error):
            element.press("Enter", timeout=300, no_wait_after=True)
    return number


@pytest.mark.enable_socket
@NEEDS_CHROMIUM
def test_an_archived_page_opens_no_connection_wherever_it_is_clicked(tmp_path: Path) -> None:
    with listening() as (port, connections), sync_playwright() as playwright:
        strangers = ("http://elsewhere.example", "https://other.elsewhere.example")
        archive = write_archive(tmp_path / "a.warc.gz", strangers[0], more=HINTS.format(*strangers))
        with (
            ingest_archive(tmp_path / "ws", archive) as workspace,
            serving(workspace) as served,
            browser(playwright, port) as context,
        ):
            shown = open_archived(context, served, f"/searches/{search(workspace)}/candidates/1")
            frame = shown.frame_locator("iframe.archived")
            assert frame.get_by_role("heading", name="Président « Macron »").is_visible()
            assert click_on_everything(shown) >= 5
            shown.wait_for_timeout(1000)
            assert shown.url.endswith("/page")
            assert connections == []
            assert len(context.pages) == 2
            assert frame.get_by_text("http://elsewhere.example/link").count() == 1, "addresses are shown as text"
            watched = context.new_page()  # the same page without our care, to see that the listener notices
            with suppress(Error):
                watched.set_content(hostile_html(strangers[0]), timeout=5000, wait_until="commit")
            deadline = 600
            while not connections and deadline:
                watched.wait_for_timeout(100)
                deadline -= 1
            assert connections


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader


def check_inert(untrusted: str) -> _Reader:
    page = inert(untrusted)
    found = read(page.html)
    assert {tag for tag, _ in found.tags} <= SHOWN | {"br", "hr"}
    assert [attributes for _, attributes in found.tags if attributes] == []
    assert re.search(r"<(?!/?[a-z0-9]+>)", page.html) is None
    return found


@given(st.text(max_size=300))
def test_any_text_is_shown_without_a_single_attribute(text: str) -> None:
    check_inert(text)
    check_inert(f"<a href='{text}'>{text}</a><img src={text} alt=\"{text}\"><iframe {text}><{text}><p {text}>x")


PIECES = (
    *("<", ">", "</", "/>", "<!--", "-->", "<![CDATA[", "]]>", "'", '"', "=", " ", "\0", "&lt;", "&#60;", "script"),
    *("style", "svg", "math", "iframe", "img src=//x onerror=y", "a href=//x", "plaintext", "xmp", "noscript", "title"),
    *("textarea", "template", "base href=//x", "meta http-equiv=refresh content=0;//x", "p", "table", "select"),
)


@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_no_mixture_of_tags_gets_through(pieces: list[str]) -> None:
    check_inert("".join(pieces))


def test_every_trick_of_the_hostile_page_is_text() -> None:
    found = check_inert(hostile_html("http://elsewhere.example") + HINTS.format("http://a.example", "http://b.example"))
    for address in ("http://elsewhere.example/link", "http://elsewhere.example/frame", "http://b.example/a2"):
        assert address in found.text
    assert "fetch(" not in found.text
    assert "@import" not in found.text


def test_controls_that_turn_text_around_are_shown() -> None:
    page = inert("<p>a\u202egpj.exe</p><a href='http://x.example/\u2066y'>z</a>")
    assert "\u202e" not in page.html
    assert "a[U+202E]gpj.exe" in page.html
    assert "http://x.example/[U+2066]y" in page.html
    assert "عربي" in inert("<p>عربي</p>").html


def test_a_long_page_says_that_it_is_cut() -> None:
    assert not inert("<p>" + "word " * MOST_CHARACTERS).whole
    assert not inert("<b>" * 600_000).whole
    assert inert("<p>short").whole
    page = inert(f"<a href='data:text/html,{'x' * 10 * LONGEST_ADDRESS}'>a</a>")
    assert page.whole
    assert len(page.html) < 2 * LONGEST_ADDRESS
