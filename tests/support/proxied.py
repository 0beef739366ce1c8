"""The pages behind the TLS proxy of the guides: nginx itself, with deploy/nginx.conf on ports of this machine."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.conftest import ROOT

PUBLIC = "lineament.agency.example"
"""The name of the guides and of the files in deploy/."""
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin") or str(ROOT / ".venv" / "nginx" / "usr" / "sbin" / "nginx")
"""The program; ``make test`` unpacks it where it is not installed."""
_AROUND = """daemon off; pid nginx.pid; error_log stderr;
events {{}}
http {{
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
    {}
}}
"""


def free_port() -> int:
    """Return a port of the loopback on which nothing listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
        return port


def make_certificate(folder: Path, name: str = PUBLIC) -> Path:
    """Make an authority and a certificate with deploy/certificate; return the file of the authority."""
    subprocess.run([ROOT / "deploy" / "certificate", name, folder], check=True, capture_output=True)
    return folder / "authority.pem"


@contextmanager
def proxied(folder: Path, site: str, certificates: Path, inside: int) -> Iterator[int]:
    """Run nginx with ``site``, the text of deploy/nginx.conf, in front of the port ``inside``; yield its port.

    Only the ports, the folder of the certificates and the listening on IPv6 differ from the text.
    """
    outside, plain = free_port(), free_port()
    here = re.sub(r"^ *listen \[::\]:.*\n", "", site, flags=re.MULTILINE)
    for written, meant in (
        ("listen 443 ", f"listen 127.0.0.1:{outside} "),
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("/etc/ssl/lineament", str(certificates)),
        ("http://127.0.0.1:8471;", f"http://127.0.0.1:{inside};"),
    ):
        assert written in here
        here = here.replace(written, meant)
    folder.mkdir()
    (folder / "nginx.conf").write_text(_AROUND.format(here), "utf-8")
    with subprocess.Popen([NGINX, "-p", folder, "-c", "nginx.conf"]) as running:
        try:
            _wait_for(outside, running)
            yield outside
        finally:
            running.terminate()


def _wait_for(port: int, running: subprocess.Popen[bytes]) -> None:
    """Return once something listens on a port."""
    while running.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"nginx ended with {running.returncode}")
