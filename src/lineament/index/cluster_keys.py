"""The token and the certificates of a cluster: who has the folder can run code on every machine of it."""

from __future__ import annotations

import contextlib
import ipaddress
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lineament.index.ray_cluster import CA, CERTIFICATE, KEY, TOKEN

CA_KEY = "ca.key"
"""The key that signs certificates; it stays on the machine where the others were made."""
YEARS = 5
_PRIVATE = 0o600


def make_cluster_keys(folder: Path, addresses: Sequence[str], now: datetime | None = None) -> None:
    """Write a token, a certificate authority and a certificate for all machines at ``addresses``, and this one.

    If the folder has them already, the token and the authority stay, and the certificate is made anew: so a machine is
    added. Raises ValueError for an address that is neither an IP address nor a name.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    began = (now or datetime.now(UTC)) - timedelta(minutes=5)
    if not (folder / CA_KEY).is_file():
        _write(folder / TOKEN, secrets.token_hex(32).encode())
        _make_authority(folder, began)
    authority = x509.load_pem_x509_certificate((folder / CA).read_bytes())
    signing = load_pem_private_key((folder / CA_KEY).read_bytes(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    if not isinstance(signing, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{folder / CA_KEY} is not a key of an elliptic curve")
    names = [_name(address) for address in dict.fromkeys(["localhost", "127.0.0.1", *addresses])]
    both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    made = (
        _builder("lineament cluster node", authority.subject, key.public_key(), began)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(both, critical=False)
        .sign(signing, hashes.SHA256())
    )
    _write(folder / KEY, _pem(key))
    _write(folder / CERTIFICATE, made.public_bytes(Encoding.PEM))


def is_named(folder: Path, address: str) -> bool:
    """Return whether the certificate in a folder is for an address."""
    made = x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes())
    return _name(address) in made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def _make_authority(folder: Path, began: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject("lineament cluster")
    made = (
        _builder("lineament cluster", subject, key.public_key(), began)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(folder / CA, made.public_bytes(Encoding.PEM))
    _write(folder / CA_KEY, _pem(key))


def _builder(name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, began: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_subject(name))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(began)
        .not_valid_after(began + timedelta(days=365 * YEARS))
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _name(address: str) -> x509.GeneralName:
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(address))
    return x509.DNSName(address)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=_PRIVATE)
    path.chmod(_PRIVATE)
    path.write_bytes(content)
