"""A stranger who knocks at every port of a machine; a program, run there. It prints the ports that serve them."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
from pathlib import Path

from lineament.index.ray_cluster import CERTIFICATE, KEY

_GET = b"GET / HTTP/1.1\r\nHost: cluster\r\n\r\n"
_GRPC = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")
_UNSERVED = (b"HTTP/1.1 401 ", b"HTTP/1.0 400 ")
"""How Ray's HTTP answers whoever has no token, or does not speak HTTP."""
_SAID = (_GET, _GRPC)
_SECONDS = 10.0


def main() -> None:
    """Print as JSON at which ports of ``address`` something listens, and which serve whoever has other ``keys``."""
    address, keys = sys.argv[1:]
    listed = subprocess.run(["ss", "-ltnH"], capture_output=True, text=True, check=True).stdout
    ports = sorted({int(line.split()[3].rpartition(":")[2]) for line in listed.splitlines()})
    ways = (None, _tls(None), _tls(Path(keys)))
    serving = [port for port in ports if any(_serves((address, port), said, way) for way in ways for said in _SAID)]
    sys.stdout.write(json.dumps({"ports": ports, "serving": serving}))


def _tls(keys: Path | None) -> ssl.SSLContext:
    """Return TLS that trusts anybody, with the certificate in ``keys`` or with none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    if keys is not None:
        context.load_cert_chain(keys / CERTIFICATE, keys / KEY)
    return context


def _serves(address: tuple[str, int], said: bytes, way: ssl.SSLContext | None) -> bool:
    """Return whether anything but a refusal comes back; hanging up and silence are refusals."""
    try:
        plain = socket.create_connection(address, _SECONDS)
        with plain, plain if way is None else way.wrap_socket(plain) as link:
            link.sendall(said)
            back = link.recv(400)
    except (OSError, ssl.SSLError):
        return False
    return bool(back) and not back.startswith(_UNSERVED)


if __name__ == "__main__":
    main()
