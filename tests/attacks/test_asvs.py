"""The page on OWASP ASVS names every requirement once and only tests that exist, and what its other tests leave out."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from tests.conftest import ROOT
from tests.support.serving import ServedWorld, send_form, serving_officials, token_in
from tests.support.world import PASSWORD, Person
from tests.support.xmp import marked

from lineament.errors import NotFound
from lineament.identity import openid
from lineament.model.policy import SETTINGS
from lineament.model.reasons import ReasonCode
from lineament.settings import Settings
from lineament.sources.xmp.reader import parse_hints
from lineament.store.people_tables import factors

PAGE = ROOT / "docs" / "reference" / "asvs.md"
STANDARD = json.loads((ROOT / "tests" / "data" / "asvs-5.0.0.json").read_text("utf-8"))
SOURCE = ROOT / "src" / "lineament"
STATIC = SOURCE / "web" / "static"
NGINX = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
PUBLIC_URL = "https://lineament.agency.example"
EMAIL = "jane@agency.example"


# ---------------------------------------------------------------- the page


def requirements() -> list[list[str]]:
    """Return the cells of every row: number, level, words, standing, and tests or the reason."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if re.match(r"\| \d+\.\d+\.\d+ ", line)]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


@cache
def functions_of(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}


def test_every_requirement_of_the_standard_stands_once_on_the_page() -> None:
    listed = {row[0]: int(row[1]) for row in requirements()}
    assert len(listed) == len(requirements()) == 345
    assert listed == STANDARD["levels"]


def test_what_is_met_names_tests_that_exist_and_the_rest_says_why() -> None:
    unnamed, missing, read = [], [], 0
    for number, _, words, standing, shown in requirements():
        tests = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", shown)
        missing += [(number, file, name) for file, name in tests if name not in functions_of(ROOT / file)]
        fits = bool(tests) if standing == "met" else standing in {"not applicable", "open"} and bool(shown)
        unnamed += [] if fits and words else [number]
        read += len(tests)
    assert missing == []
    assert unnamed == []
    assert read > 200


def test_the_summary_counts_the_rows() -> None:
    counted = dict.fromkeys(("met", "not applicable", "open"), 0)
    for row in requirements():
        counted[row[3]] += 1
    (line,) = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| **all**")]
    assert [int(cell) for cell in re.findall(r"\d+", line)] == [*counted.values()]


# ---------------------------------------------------------------- over the wire


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedWorld]:
    """The pages behind a public address, and here on the loopback."""
    with serving_officials(tmp_path_factory.mktemp("asvs") / "ws", public_url=PUBLIC_URL) as site:
        yield site


@pytest.fixture(scope="module")
def jane(site: ServedWorld) -> Person:
    return site.world.sign_up_with_app(EMAIL)


pytestmark = pytest.mark.enable_socket


def test_behind_tls_every_answer_asks_for_tls_for_a_year_with_subdomains(site: ServedWorld) -> None:
    with site.browser(host="lineament.agency.example") as browser:
        for address in ("/sign-in", "/static/lineament.css", "/nowhere"):
            wanted = browser.get(address).headers["strict-transport-security"]
            assert wanted == "max-age=31536000; includeSubDomains"


def test_no_answer_is_for_another_origin(site: ServedWorld) -> None:
    with site.browser(origin="https://evil.example") as browser:
        answers = [browser.get("/sign-in"), browser.options("/sign-in"), browser.get("/static/lineament.css")]
    assert [name for answer in answers for name in answer.headers if name.startswith("access-control-")] == []


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "PUT", "PATCH", "DELETE", "CONNECT", "TRACK", "PROPFIND"])
@pytest.mark.parametrize("address", ["/", "/sign-in", "/cases", "/static/lineament.css"])
def test_no_other_method_is_answered(site: ServedWorld, method: str, address: str) -> None:
    with site.browser() as browser:
        answer = browser.request(method, address)
    assert answer.status_code in {303, 403, 404, 405}
    assert "csrf" not in answer.text
    assert "TRACE" not in answer.text


def test_every_answer_says_its_type_and_charset(site: ServedWorld, jane: Person) -> None:
    with site.signed_in(jane) as browser:
        answers = [browser.get(address) for address in ("/", "/cases", "/nowhere", "/static/lineament.css")]
        scripts = re.findall(r'src="(/static/[^"]+\.js[^"]*)"', answers[0].text)
        answers += [browser.get(address) for address in scripts]
    assert scripts
    kinds = [answer.headers["content-type"] for answer in answers]
    assert [kind for kind in kinds if not re.fullmatch(r"text/(html|css|javascript); charset=utf-8", kind)] == []


def test_cookies_are_short(site: ServedWorld, jane: Person) -> None:
    with site.browser() as browser:
        answer = send_form(browser, "/sign-in", email=EMAIL, password=PASSWORD)
        cookies = [cookie.partition(";")[0] for cookie in answer.headers.get_list("set-cookie")]
    assert cookies
    assert max(map(len, cookies)) < 4096


def test_headers_of_proxies_are_not_believed(site: ServedWorld) -> None:
    forged = {"x-forwarded-host": "evil.example", "x-forwarded-proto": "https", "forwarded": "host=evil.example"}
    with site.browser(**forged) as browser:
        page = browser.get("/sign-in")
    assert "evil.example" not in page.text + str(page.headers)
    with site.browser(host="evil.example", **{"x-forwarded-host": "lineament.agency.example"}) as browser:
        assert browser.get("/sign-in").status_code == 403


def test_signing_out_clears_what_the_browser_holds(site: ServedWorld, jane: Person) -> None:
    with site.signed_in(jane) as browser:
        answer = browser.post("/sign-out", data={"csrf": token_in(browser.get("/account").text)})
    assert answer.status_code == 303
    assert answer.headers["clear-site-data"] == '"cache", "storage"'


def test_of_repeated_fields_the_first_counts_and_the_address_adds_none(site: ServedWorld, jane: Person) -> None:
    def sign_in(address: str, *fields: tuple[str, str]) -> int:
        with site.browser() as browser:
            form = str(httpx.QueryParams([("csrf", token_in(browser.get("/sign-in").text)), *fields]))
            kind = {"content-type": "application/x-www-form-urlencoded"}
            return browser.post(address, content=form, headers=kind).status_code

    right, wrong = [("email", EMAIL), ("password", PASSWORD)], [("email", "x@y.example"), ("password", "wrong")]
    assert sign_in("/sign-in", *right, *wrong) == 303
    assert sign_in("/sign-in", *wrong, *right) == 403
    assert sign_in(f"/sign-in?{httpx.QueryParams(dict(right))}") in {403, 422}


def test_password_fields_hide_what_is_typed_and_may_be_pasted_into(site: ServedWorld, jane: Person) -> None:
    with site.browser() as browser:
        pages = browser.get("/sign-in").text
    with site.signed_in(jane) as browser:
        pages += browser.get("/account").text
    fields = re.findall(r'<input[^>]* name="(?:password|old|again)"[^>]*>', pages)
    assert len(fields) >= 3
    assert [field for field in fields if 'type="password"' not in field or "autocomplete=" not in field] == []
    assert [path.name for path in STATIC.glob("*.js") if re.search(r"password", path.read_text("utf-8"))] == [
        "forms.js"
    ]
    assert re.search(
        r'const NEVER = \["password", ', (STATIC / "forms.js").read_text("utf-8")
    )  # it keeps none in drafts


def test_signing_out_is_on_every_page(site: ServedWorld, jane: Person) -> None:
    with site.signed_in(jane) as browser:
        links = set(re.findall(r'href="(/[a-z/-]*)"', browser.get("/").text))
        pages = {link: browser.get(link) for link in sorted(links)}
    shown = {link: page.text for link, page in pages.items() if page.headers["content-type"].startswith("text/html")}
    assert len(shown) >= 4
    assert [link for link, text in shown.items() if 'action="/sign-out"' not in text] == []


# ---------------------------------------------------------------- in the files


def test_the_proxy_redirects_pages_and_keeps_to_strong_ciphers() -> None:
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in NGINX
    (ciphers,) = re.findall(r"ssl_ciphers (\S+);", NGINX)
    assert [name for name in ciphers.split(":") if not re.match(r"ECDHE-\w+-(AES\d+-GCM|CHACHA20)", name)] == []
    assert "ssl_prefer_server_ciphers on;" in NGINX
    _, plain = NGINX.split("listen 80;")
    assert "return 301 https://$host$request_uri;" in plain
    assert "proxy_pass" not in plain


def test_no_photograph_waits_on_the_disk_of_the_proxy() -> None:
    assert "proxy_request_buffering off;" in NGINX
    assert "proxy_max_temp_file_size 0;" in NGINX
    assert "access_log off;" in NGINX


def test_an_unfinished_deployment_has_no_password() -> None:
    settings = (ROOT / "deploy" / "lineament.env").read_text("utf-8").splitlines()
    secret = re.compile(r"^[^#].*(PASSWORD|SECRET|:[^/@]+@)")
    assert [line for line in settings if secret.match(line)] == []
    assert "PASSWORD '" not in (ROOT / "deploy" / "postgresql.sql").read_text("utf-8").upper()


def test_every_dependency_is_locked_with_its_digest() -> None:
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    pinned = [(line, after) for line, after in pairwise(lines) if re.match(r"\w[\w.-]*==", line)]
    assert len(pinned) > 40
    assert [line for line, after in pinned if "--hash=sha256:" not in after] == []


def test_ruff_and_mypy_are_strict() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    assert tools["mypy"]["strict"] is True
    assert "S" in tools["ruff"]["lint"]["select"]


def test_the_security_page_says_within_which_time() -> None:
    page = (ROOT / "SECURITY.md").read_text("utf-8")
    assert "within 30 days" in page
    assert "90 days" in page


def modules() -> Iterator[tuple[str, ast.AST]]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield path.relative_to(SOURCE).as_posix(), ast.parse(path.read_text("utf-8"))


CIPHERS = {"AESGCM", "HKDF", "HKDFExpand", "SHA256", "Ed25519PrivateKey", "Ed25519PublicKey"}
"""What is imported from the primitives of ``cryptography``, besides modules."""
WEAK = {"md5", "sha1", "new", "md4", "ripemd160"}


def test_the_ciphers_are_the_listed_ones() -> None:
    primitives, hashes = set[tuple[str, str]](), set[tuple[str, str]]()
    for name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and "hazmat.primitives" in (node.module or ""):
                primitives |= {(name, alias.name) for alias in node.names}
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "hashlib":
                hashes.add((name, node.attr))
    others = {(name, found) for name, found in primitives if found[:1].isupper() and found not in CIPHERS}
    tallies = {("store/tally.py", kind) for kind in ("Cipher", "AES256", "ECB")}  # a function, which seals nothing
    files = {("index/cluster_keys.py", kind) for kind in ("Encoding", "PrivateFormat", "NoEncryption")}  # as Ray reads
    assert others <= tallies | files
    assert "AESGCM" in {found for _, found in primitives}
    weak = {(name, kind) for name, kind in hashes if kind in WEAK}
    for_others = {"services/gallery/abuse.py", "services/disclosure/vics.py", "sources/vics/connector.py"}
    assert weak <= {(name, kind) for name in for_others for kind in ("sha1", "md5")}, "only others' formats ask for it"


def test_no_secret_comes_from_an_insecure_source() -> None:
    importing = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        and "random" in {getattr(node, "module", None), *(alias.name for alias in node.names)}
    }
    assert importing == set()


def test_no_setting_makes_passwords_expire() -> None:
    named = {setting.name for setting in SETTINGS} | set(Settings.__dataclass_fields__)
    assert [name for name in named if "password" in name] == ["password_length"]


def test_email_is_no_factor() -> None:
    (kinds,) = [check for check in factors.constraints if str(check.name).endswith("kind_known")]
    assert sorted(re.findall(r"'(\w+)'", str(vars(kinds)["sqltext"]))) == ["passkey", "recovery", "totp"]


def test_nothing_from_outside_is_run_as_code() -> None:
    calls = {
        (name, node.func.id)
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    imported = {
        (name, module)
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in (getattr(node, "module", None), *(alias.name for alias in node.names))
    }
    assert {found for found in calls if found[1] in {"eval", "exec", "compile", "__import__"}} == set()
    assert {found for found in imported if found[1] in {"pickle", "marshal", "shelve", "dill", "yaml"}} == set()
    assert len(calls) > 1000


def test_braces_in_a_text_are_no_template() -> None:
    hostile = "{state.__class__.__mro__} {0} {} %s {ref!r:>9999999}"
    reason = ReasonCode.CASE_NOT_OPEN.reason(ref=hostile, state="closed")
    assert reason.words == f"the case {hostile} is closed"
    assert hostile in str(NotFound(what="case", name=hostile, hint="lineament case list"))


def test_markup_is_read_as_html_without_a_network_and_as_xml_only_by_the_reader_of_xmp() -> None:
    readers = {
        (name, node.func.attr, any(word.arg == "no_network" for word in node.keywords))
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "etree" and node.func.attr != "fromstring"
    }
    assert {kind for _, kind, _ in readers} == {"HTMLParser"}
    assert all(closed for _, _, closed in readers)
    imported = {
        alias.name
        for _, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert imported.isdisjoint({"xml.etree.ElementTree", "xml.sax", "xml.dom.minidom", "defusedxml"})
    from_xml = {
        (name, node.module, alias.name)
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module is not None
        for alias in node.names
        if node.module.split(".")[0] in {"xml", "defusedxml"} or (node.module, alias.name) == ("lxml", "objectify")
    }
    readers_of_xml = {found for found in from_xml if found[1] != "xml.sax.saxutils"}  # which writes
    assert {(module, parser) for _, module, parser in readers_of_xml} == {("xml.parsers", "expat")}
    assert len(readers_of_xml) == 1


def test_xml_with_a_document_type_is_not_read() -> None:
    packet = marked([((0.5, 0.5, 0.2, 0.2), "Ada")])
    entity = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>'
    refused = parse_hints(entity + packet.replace(b"Ada", b"&b;"))
    assert refused is not None
    assert (refused.names, refused.left_out) == ((), 1)
    allowed = parse_hints(packet)
    assert allowed is not None
    assert allowed.names == ("Ada",)


def test_the_provider_is_asked_for_no_more_than_is_needed() -> None:
    assert set(openid.SCOPE.split()) <= {"openid", "email", "profile"}
