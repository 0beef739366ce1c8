"""Codes from an app (RFC 6238: six digits, thirty seconds, SHA-1, which every app supports)."""

from __future__ import annotations

import hmac
import re
from datetime import datetime

import pyotp
import segno

SECONDS = 30
"""Seconds of a time step."""

_WINDOW = (-1, 0, 1)  # steps: a clock may be wrong, and typing takes time (RFC 6238, 5.2)


def new_secret() -> str:
    """Return 160 random bits in base32."""
    return pyotp.random_base32(32)


def uri(secret: str, email: str, issuer: str) -> str:
    """Return the otpauth: address that an app reads."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=issuer)


def qr_svg(address: str) -> str:
    """Return an address as a QR code: an <svg> of class “qr”, black on white, without style attributes or scripts."""
    code = segno.make(address, micro=False, error="m", boost_error=False)
    svg = code.svg_inline(scale=4, border=4, light="#fff", svgclass="qr", lineclass=None)
    return svg.replace("<svg ", '<svg role="img" aria-label="QR code" ', 1)


def step_of(secret: str, untrusted_code: str, at: datetime, after: int) -> int | None:
    """Return the time step that a code belongs to; None if it belongs to no valid step.

    Valid are the steps around ``at`` (with its zone) that come after the step ``after``, the last one used (0: none),
    so that a code works once. Every step is compared, whatever the first comparisons say.
    """
    code = re.sub(r"\s", "", untrusted_code).encode("utf-8", "surrogatepass")
    now = int(at.timestamp()) // SECONDS
    app = pyotp.TOTP(secret)
    fitting = [hmac.compare_digest(app.generate_otp(now + near).encode(), code) for near in _WINDOW]
    last = max((now + near for near, fits in zip(_WINDOW, fitting, strict=True) if fits), default=after)
    return last if last > after else None
