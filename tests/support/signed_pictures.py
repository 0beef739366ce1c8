"""Pictures with content credentials (C2PA), signed with certificates made for the test."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def _name(common: str) -> x509.Name:
    named = [(NameOID.ORGANIZATION_NAME, "Press agency"), (NameOID.COMMON_NAME, common)]
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in named])


def _usage(*, authority: bool) -> x509.KeyUsage:
    nothing = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )
    signs = {"digital_signature": not authority, "key_cert_sign": authority, "crl_sign": authority}
    return x509.KeyUsage(**nothing, **signs, decipher_only=False)


@cache
def _signer() -> tuple[bytes, bytes]:
    """Return a chain of two certificates, and the key of the first, as PEM."""
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)

    def certificate(common: str, public: ec.EllipticCurvePublicKey, is_authority: bool) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder(_name("authority"), _name(common), public, x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=30))
        builder = builder.add_extension(x509.BasicConstraints(is_authority, None), True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
        return builder.add_extension(_usage(authority=is_authority), True)

    root = certificate("authority", authority.public_key(), True).sign(authority, hashes.SHA256())
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
    leaf = certificate("signer", key.public_key(), False).add_extension(issued_by, False)
    leaf = leaf.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
    chain = (leaf.sign(authority, hashes.SHA256()), root)
    pem = b"".join(link.public_bytes(serialization.Encoding.PEM) for link in chain)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return pem, key.private_bytes(encoding, form, serialization.NoEncryption())


def signed(picture: bytes, kind: str = "digitalCapture", uses: dict[str, str] | None = None) -> bytes:
    """Return a JPEG with credentials: its digital source type, and whether each use for mining is allowed."""
    chain, key = _signer()
    created = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE + kind}
    assertions: list[Any] = [{"label": "c2pa.actions", "data": {"actions": [created]}}]
    if uses is not None:
        entries = {name: {"use": use} for name, use in uses.items()}
        assertions.append({"label": "cawg.training-mining", "data": {"entries": entries}})
    manifest = {"claim_generator_info": [{"name": "camera", "version": "1"}], "title": "a", "assertions": assertions}
    out = io.BytesIO()
    info = c2pa.C2paSignerInfo(alg=b"es256", sign_cert=chain, private_key=key, ta_url=None)
    with c2pa.Builder(json.dumps(manifest)) as builder:
        builder.sign(c2pa.Signer.from_info(info), "image/jpeg", io.BytesIO(picture), out)
    return out.getvalue()
