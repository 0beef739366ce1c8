"""What page and PDF of an evaluation show beside tables and charts: what it depends on, errors, failures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lineament.views.evaluations import person_of
from lineament.views.values import counted

if TYPE_CHECKING:
    from lineament.services.evaluate.evaluate import Evaluation, ShownError

FACES = {None: "given as templates", "middle": "the one nearest to the middle of the picture", "largest": "the largest"}
CAVEAT = (
    "These figures hold for people and pictures like the ones measured. They say nothing about others, and a candidate "
    "is a starting point, never a finding."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFace:
    """A picture beside others; ``row`` finds its crop."""

    row: int
    role: str  # probe, own person, other; first or second of a pair
    person: str
    file: str  # without its folders
    score: str  # with the probe; empty for the probe itself


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorSection:
    """Errors of one kind, the worst first."""

    title: str
    note: str
    errors: tuple[tuple[ShownFace, ...], ...]


def facts(evaluation: Evaluation, json_sha256: str) -> list[tuple[str, str]]:
    """Return what the result depends on, by name (R29)."""
    binding, protocol = evaluation.binding, evaluation.protocol
    choice = None if evaluation.choice is None else evaluation.choice.value
    enrolled = counted(protocol.enrol, "picture")
    if protocol.enrol > 1:
        enrolled += ", their templates averaged" if protocol.enrolment.value == "mean" else ", the best score counts"
    left_out = evaluation.measured.left_out
    found = [
        ("Lineament", binding.version),
        ("Model", f"{binding.model}, {binding.precision}"),
        *((f"Its {part}, SHA-256", sha256) for part, sha256 in binding.weights),
        ("Face of a picture", FACES[choice]),
        ("Enrolled of each person", enrolled),
        ("Left out of the gallery", f"{left_out:.0%} of the people with several pictures" if left_out else "nobody"),
        ("Seed", str(binding.seed)),
        ("Data, SHA-256", binding.data_sha256),
        ("Settings, SHA-256", binding.settings_sha256),
        ("evaluation.json, SHA-256", json_sha256),
    ]
    if evaluation.joined:
        found.append(("Names joined", "; ".join(f"{first} and {second}" for first, second in evaluation.joined)))
    if evaluation.twice:
        found.append(("Same bytes as another", counted(evaluation.twice, "picture")))
    if evaluation.skipped:
        found.append(("Not pictures", counted(evaluation.skipped, "file")))
    return found


def shown_errors(evaluation: Evaluation) -> list[ErrorSection]:
    """Return the worst errors and the pictures that may have wrong names; none if templates were given."""
    if not evaluation.files:
        return []
    alike = evaluation.measured.pairs
    hidden = len(alike.alike) - len(evaluation.worst.alike)
    more = f" {hidden:,} more are listed in evaluation.json." if hidden else ""
    sections = [
        ErrorSection(
            title="Two names, alike",
            note=(
                f"{counted(len(alike.alike), 'pair')} under two names score {alike.alike_from:.3f} or more, as half of "
                "the pairs of one person do. They may be one person under two names, or twins. Nothing was "
                f"dropped.{more}"
            ),
            errors=tuple(_pair(evaluation, each) for each in evaluation.worst.alike),
        ),
        ErrorSection(
            title="Worst misses",
            note="Mated searches whose person does not come first or stays below the threshold in use.",
            errors=tuple(_faces(evaluation, each) for each in evaluation.worst.missed),
        ),
        ErrorSection(
            title="Highest scores of strangers",
            note="Non-mated searches, and the face of the gallery that scores highest.",
            errors=tuple(_faces(evaluation, each) for each in evaluation.worst.false),
        ),
    ]
    return [section for section in sections if section.errors]


def _faces(evaluation: Evaluation, each: ShownError) -> tuple[ShownFace, ...]:
    faces = [_face(evaluation, each.probe, "probe", None)]
    if each.mate_score is not None and each.mate >= 0:
        faces.append(_face(evaluation, each.mate, "own person", each.mate_score))
    if each.other >= 0:
        faces.append(_face(evaluation, each.other, "other", each.score))
    return tuple(faces)


def _pair(evaluation: Evaluation, each: ShownError) -> tuple[ShownFace, ...]:
    return (
        _face(evaluation, each.probe, "first", None),
        _face(evaluation, each.other, "second", each.score),
    )


def _face(evaluation: Evaluation, row: int, role: str, score: float | None) -> ShownFace:
    return ShownFace(
        row=row,
        role=role,
        person=person_of(evaluation, row),
        file=evaluation.files[row].rpartition("/")[2],
        score="" if score is None else f"{score:.3f}",
    )


def failures(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Return the pictures without a template, by name, with the reason; the last line counts those not listed."""
    listed = list(evaluation.failures)
    more = evaluation.measured.failed - len(listed)
    return [*listed, (f"and {more:,} more", "")] if listed and more else listed
