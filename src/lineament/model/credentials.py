"""Content credentials (C2PA): signed statements in a picture about how it was made."""

from __future__ import annotations

from dataclasses import dataclass

from lineament.errors import Generated, LineamentError, Reserved

GENERATED = frozenset(
    {
        "trainedAlgorithmicMedia",
        "compositeWithTrainedAlgorithmicMedia",
        "compositeSynthetic",
        "algorithmicMedia",
        "virtualRecording",
        "dataDrivenMedia",
    }
)
"""Digital source types (IPTC NewsCodes) of pictures that a program made in whole or in part."""
UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The statements of a picture's credentials; only the signature is verified."""

    state: str  # “Trusted”, “Valid” (signed by anybody), “Invalid”, or “unreadable”
    generator: str | None = None  # the signing program
    issuer: str | None = None  # of the certificate
    signed_at: str | None = None  # according to a time stamp authority
    kinds: tuple[str, ...] = ()  # the last part of the digital source types
    reserved: tuple[str, ...] = ()  # uses that are forbidden, or allowed only under conditions


def against(found: Credentials) -> LineamentError | None:
    """Return why a picture with these credentials is refused, or None; a broken signature lifts no reservation."""
    if found.reserved:
        return Reserved(reservation=f"C2PA: {', '.join(found.reserved)}")
    generated = [kind for kind in found.kinds if kind in GENERATED]
    return Generated(kinds=", ".join(generated)) if generated else None
