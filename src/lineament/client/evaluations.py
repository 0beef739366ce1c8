"""Evaluations: error rates measured on pictures of known people, which are enrolled nowhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lineament.client.answers import Evaluation, Job
from lineament.client.nouns import Noun, Transport, asked
from lineament.client.requests import Request, act_on_bytes, fields_of, get, nothing, place


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationTerms:
    """How error rates are measured."""

    face: str | None = None
    """The face that a picture is about: middle (None) or largest."""
    enrol: int | None = None
    """Pictures of each person in the gallery; None: one."""
    searches: int | None = None
    """Most mated, and most other ones."""
    seed: int | None = None
    notify: bool = False
    """Whether the agency's web hooks are told when it has ended."""


_USUAL = EvaluationTerms()


class Evaluations(Noun[Transport]):
    """The evaluations that this key asked for."""

    @asked
    def ask(self, archive: bytes, terms: EvaluationTerms = _USUAL) -> Request[Job]:
        """Measure error rates on a ZIP archive, by a job; the folder in which a picture lies is its person."""
        made = act_on_bytes(Job, place("evaluations"), archive, **fields_of(terms))
        return replace(made, headers={**made.headers, "content-type": "application/zip"})

    @asked
    def get(self, evaluation: str) -> Request[Evaluation]:
        """Return an evaluation by the id of its job, with its report once it is done."""
        return get(Evaluation, place("evaluations", evaluation))

    @asked
    def delete(self, evaluation: str) -> Request[None]:
        """Delete the report of an evaluation, and stop it if it has not ended."""
        return nothing(place("evaluations", evaluation), method="DELETE")
