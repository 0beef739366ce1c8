"""A phone reaches the pages as docs/guide/second-device.md says: its commands, nginx, a passkey, and a search."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pillow_heif
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, expect
from tests.conftest import PORTRAITS, ROOT
from tests.support.browsers import NEEDS_CHROMIUM, Actor, Browsers, open_chromium
from tests.support.clock import Clock
from tests.support.proxied import PUBLIC, free_port, proxied
from tests.support.serve_command import serve_command

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]
GUIDE = (ROOT / "docs" / "guide" / "second-device.md").read_text("utf-8")
NOT_RUN = {"apt-get install nginx", "systemctl reload nginx", "nginx -t", "lineament serve"}
"""Commands of the guide that would change this machine; nginx and the server are started by the test."""


PEOPLE = (("Ada Ash", ("administrator", "operator")), ("Eva Elm", ("examiner",)))


def commands() -> list[str]:
    """Return the lines of the guide's blocks of commands."""
    blocks = re.findall(r"^```bash\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


def run_guide(root: Path) -> dict[str, str]:
    """Run the commands of the guide with /etc below ``root``; return the settings that it exports."""
    for folder in ("ssl", "nginx/sites-available", "nginx/sites-enabled"):
        (root / "etc" / folder).mkdir(parents=True)
    settings = {}
    for line in commands():
        if line in NOT_RUN:
            continue
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").partition("=")
            settings[name] = value
            continue
        subprocess.run(["bash", "-ec", line.replace(" /etc/", f" {root}/etc/")], cwd=ROOT, check=True)
    return settings


def key_of(authority: Path) -> str:
    """Return the digest of an authority's key, by which Chromium is told to trust it."""
    public = x509.load_pem_x509_certificate(authority.read_bytes()).public_key()
    written = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(written).digest()).decode()


def from_camera_roll(photograph: Path) -> FilePayload:
    """Return a photograph as a phone keeps it: HEIC, on its side, with the turn in its metadata."""
    picture = Image.open(photograph).convert("RGB").transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned 90° clockwise
    kept = io.BytesIO()
    pillow_heif.from_pillow(picture).save(kept, exif=exif.tobytes(), quality=90)
    return FilePayload(name="IMG_0412.HEIC", mimeType="image/heic", buffer=kept.getvalue())


@contextmanager
def reached(root: Path, home: Path) -> Iterator[tuple[str, Browser]]:
    """Follow the guide up to its step 4; yield the address for this machine, and a browser of the devices."""
    settings, inside = run_guide(root), free_port()
    site = (root / "etc/nginx/sites-enabled/lineament").resolve().read_text("utf-8")
    tls = root / "etc/ssl/lineament"
    with serve_command(home, inside, settings) as entrance, proxied(root / "nginx", site, tls, inside) as port:
        trusting = ssl.create_default_context(cafile=tls / "authority.pem")
        with httpx.Client(verify=trusting, base_url=f"https://127.0.0.1:{port}", timeout=60) as strict:
            page = strict.get("/", headers={"host": PUBLIC}, extensions={"sni_hostname": PUBLIC})
            assert page.status_code == 403, "the workspace still belongs to whoever is at the machine"
        with open_chromium(
            f"--host-resolver-rules=MAP {PUBLIC}:443 127.0.0.1:{port}",
            f"--ignore-certificate-errors-spki-list={key_of(tls / 'authority.pem')}",
        ) as browser:
            yield entrance, browser


def invite(page: Page, name: str, roles: tuple[str, ...]) -> str:
    """Invite somebody on the page of people; return the link."""
    page.get_by_role("link", name="People").last.click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("E-mail address").fill(f"{name.split(maxsplit=1)[0].lower()}@agency.example")
    for role in roles:
        page.get_by_role("checkbox", name=re.compile(f"^{role}", re.IGNORECASE)).check()
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("heading", name="Hand over this link")).to_be_visible()
    return page.get_by_label("Link", exact=True).input_value()


def test_a_phone_searches_by_the_guide(prepared: Path, tmp_path: Path) -> None:
    shutil.copytree(prepared, tmp_path / "ws")
    with reached(tmp_path, tmp_path / "ws") as (entrance, browser):
        machine = browser.new_page()
        machine.goto(entrance)
        links = {
            name: invite(machine, name, role)
            for name, role in (("Ada Ash", ("administrator", "operator")), ("Eva Elm", ("examiner",)))
        }
        machine.close()

        phones = Browsers(browser, f"https://{PUBLIC}", Clock(datetime.now(UTC)), width=390, height=844)
        ada, eva = (phones.add(name, f"{name[:3].lower()}@agency.example") for name in links)
        for phone in (ada, eva):
            phone.join_by(links[phone.name], "This agency")
        ada.go("/people")
        ada.follow("Eva Elm")
        trained = f"{datetime.now(UTC).date() + timedelta(days=90)}"
        ada.page.get_by_label("Last day on which it counts").fill(trained)
        ada.press("Save the training")
        ada.expect_text(f"until {trained}")
        search_from_the_camera_roll(eva)
        eva.press("Sign out")
        eva.expect_heading("Sign in")
        eva.sign_in()
        eva.expect_text("2026-0412")
        assert phones.messages == []


def search_from_the_camera_roll(eva: Actor) -> None:
    eva.go("/cases/new")
    eva.fill({"Reference": "2026-0412", "Offence": "abduction", "Purpose": "find him", "Legal basis": "Art. 74-1 CPP"})
    eva.page.get_by_label("A missing person", exact=True).check()
    eva.press("Open the case")
    eva.follow("New search")
    eva.page.get_by_label("The photograph").set_input_files(from_camera_roll(PORTRAITS / "macron-2014.jpg"))
    eva.page.get_by_label("Other photograph").check()
    eva.press("Find the faces")
    eva.expect_heading("1 face found")
    eva.page.get_by_label("Why is this face searched?").fill("to find where he was seen last")
    eva.press("Search 1 source")
    eva.page.wait_for_url("**/searches/*")
    eva.expect_heading(re.compile("candidate"))
    expect(eva.page.locator(".candidate img").first).to_be_visible()
    eva.expect_no_text("Emmanuel Macron")  # the list is hidden until it is decided, on a phone too
    assert eva.page.evaluate("document.documentElement.scrollWidth") <= 390
