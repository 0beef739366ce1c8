"""Cases, and the photographs that are searched in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lineament.client.answers import Case, ListedCase, Obstacles, Probe
from lineament.client.nouns import Noun, Transport, asked, told
from lineament.client.requests import Request, act, act_on_bytes, fields_of, get, get_bytes, nothing, place
from lineament.client.steps import Telling, pages


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseTerms:
    """The terms under which a case is opened."""

    ref: str
    """The agency's own reference."""
    offence: str
    purpose: str
    basis: str
    """The legal basis."""
    seeks: str | None = None
    """Whom it seeks, which decides whether it needs an authorisation; None: a suspect."""
    exempt_because: str | None = None
    authorised_by: str | None = None
    jurisdiction: str | None = None
    """ISO 3166; None: that of the agency."""
    distressing: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """An edit of a photograph."""

    kind: str
    degrees: int | None = None
    """Of a turn, clockwise: 0, 90, 180 or 270."""
    box: tuple[float, float, float, float] | None = None
    """Of a crop: x, y, width and height, after the edits before it."""
    stops: float | None = None
    """Of exposure, -3 to 3."""


class Cases(Noun[Transport]):
    """The cases that the key sees."""

    @told
    def list(self, *, words: str = "", states: Sequence[str] = ()) -> Telling[ListedCase]:
        """Yield the cases with these words in one of these states, the newest first; without them, all."""
        return pages(get(ListedCase, place("cases"), q=words or None, state=tuple(states)))

    @asked
    def get(self, case: str) -> Request[Case]:
        """Return a case, by its key or its reference; that is on the record."""
        return get(Case, place("cases", case))

    @asked
    def open(self, terms: CaseTerms) -> Request[Case]:
        """Open a case."""
        return act(Case, place("cases"), **fields_of(terms))

    @asked
    def close(self, case: str) -> Request[Case]:
        """Close a case: nothing is searched in it any more, and its retention begins."""
        return act(Case, place("cases", case, "close"))

    @asked
    def obstacles(self, case: str, *, sources: Sequence[str] = (), probe: str | None = None) -> Request[Obstacles]:
        """Return every reason why a search may not run now; none means that it may."""
        return get(Obstacles, place("cases", case, "obstacles"), source=tuple(sources), probe=probe)


class Probes(Noun[Transport]):
    """The photographs of cases."""

    @told
    def list(self, case: str) -> Telling[Probe]:
        """Yield the photographs of a case, the newest first."""
        return pages(get(Probe, place("cases", case, "probes")))

    @asked
    def add(self, case: str, photograph: bytes, *, kind: str | None = None, part: int | None = None) -> Request[Probe]:
        """Keep a photograph with its case, and return the faces found in it.

        ``kind`` says what it is (the policy may ask for it), ``part`` which picture of its file, from 1.
        """
        return act_on_bytes(Probe, place("cases", case, "probes"), photograph, kind=kind, part=part)

    @asked
    def get(self, probe: str) -> Request[Probe]:
        """Return a photograph and the faces found in it."""
        return get(Probe, place("probes", probe))

    @asked
    def picture(self, probe: str) -> Request[bytes]:
        """Return a photograph for the screen, a JPEG with its edits."""
        return get_bytes(place("probes", probe, "picture"))

    @asked
    def face(self, probe: str, face: int) -> Request[bytes]:
        """Return one face of a photograph, a JPEG."""
        return get_bytes(place("probes", probe, "faces", face))

    @asked
    def edit(self, probe: str, edits: Sequence[Edit]) -> Request[Probe]:
        """Make another photograph from the same original with these edits; without any, all are undone."""
        return act(Probe, place("probes", probe, "edits"), edits=list(edits))

    @asked
    def remove(self, probe: str) -> Request[None]:
        """Destroy a photograph that was the wrong one; refused once it was searched with."""
        return nothing(place("probes", probe), method="DELETE")
