"""Content credentials (C2PA): what a picture says of its own making, under a signature."""

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
"""Digital source types (IPTC NewsCodes) of pictures that a program made, or put together with what one made."""
UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What the credentials in a picture say; none of it is verified beyond the signature."""

    state: str  # “Trusted”, “Valid” (signed, by whomever), “Invalid”, or “unreadable”
    generator: str | None = None  # the program that signed
    issuer: str | None = None  # of the certificate
    signed_at: str | None = None  # as a time stamp authority says it
    kinds: tuple[str, ...] = ()  # digital source types, their last word
    reserved: tuple[str, ...] = ()  # uses that are not allowed, or under conditions only


def against(found: Credentials) -> LineamentError | None:
    """Why a picture with these credentials is not taken, or None; a broken signature lifts no reservation."""
    if found.reserved:
        return Reserved(reservation=f"C2PA: {', '.join(found.reserved)}")
    made = [kind for kind in found.kinds if kind in GENERATED]
    return Generated(kinds=", ".join(made)) if made else None
