"""The pages of the OpenID provider, used as a person does in a browser."""

from __future__ import annotations

import html
import re
from urllib.parse import urljoin, urlsplit

import httpx
from tests.support.openid_provider import PASSWORD, USER


def form_data(page: httpx.Response, **filled: str) -> dict[str, str]:
    """Return the hidden fields of a form, and the fields that were filled in."""
    tags = re.findall(r"<input[^>]*>", page.text)
    hidden = [dict(re.findall(r'(name|value)="([^"]*)"', tag)) for tag in tags if 'type="hidden"' in tag]
    return {field["name"]: html.unescape(field.get("value", "")) for field in hidden} | filled


def consent(browser: httpx.Client, address: str, redirect: str, *, agrees: bool = True) -> str:
    """Open ``address``, sign in if necessary, and consent or cancel.

    Return the query with which the browser is sent back to ``redirect``.
    """
    page = browser.get(address)
    if "/accounts/login/" in str(page.url):
        page = browser.post(page.url, data=form_data(page, username=USER, password=PASSWORD))
    assert page.status_code == 200, page.text
    answer = form_data(page, allow="Authorize") if agrees else form_data(page)
    done = browser.post(page.url, data=answer, follow_redirects=False)
    assert done.status_code == 302, done.text
    back = urljoin(str(page.url), done.headers["location"])
    assert back.startswith(redirect + "?")
    return urlsplit(back).query
