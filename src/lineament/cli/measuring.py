"""Measures a change of the threshold or of the model, for the commands that propose it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.terminal import print_table, progress, say, table, working
from lineament.errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.progress import TaskID

    from lineament.model.events.base import JSON
    from lineament.services.evaluate.evaluate import EvaluationOptions
    from lineament.services.evaluate.templates import Progress as Done
    from lineament.workspace import Desk

Cache = Annotated[Path | None, typer.Option(metavar="FILE", help="Keep the templates in this .npz for the next run.")]
WhichFace = Annotated[str, typer.Option(metavar="WHICH", help="The face of a picture that counts: middle or largest.")]
Enrol = Annotated[int, typer.Option(metavar="N", help="Pictures enrolled of each person, in order of name.")]
LeftOut = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Share of people to leave out of the gallery. [default: 0, or a third if all have several pictures]",
    ),
]
Seed = Annotated[int, typer.Option(min=0, metavar="N", help="Of everything that is drawn at random.")]


def measuring_options(face: str, enrol: int, left_out: float | None, seed: int) -> EvaluationOptions:
    """Return how the pictures are used. Raises InvalidValue."""
    from lineament.model.evaluation.measure import Protocol
    from lineament.services.evaluate.evaluate import EvaluationOptions
    from lineament.services.evaluate.templates import FaceChoice

    if face not in list(FaceChoice):
        raise InvalidValue(what="--face", value=face[:40], why=f"it is one of {', '.join(FaceChoice)}")
    protocol = Protocol(enrol=enrol, left_out=left_out, seed=seed)
    return EvaluationOptions(protocol=protocol, choice=FaceChoice(face))


def measured_change(
    desk: Desk,
    pictures: Path,
    options: EvaluationOptions,
    before: tuple[float, str],
    after: tuple[float, str],
    cache: Path | None = None,
) -> dict[str, JSON]:
    """Measure both sides, each the strangers expected and the name of a pack, on the same pictures.

    The cache is for the pack that is in use before.
    """
    from lineament.services.evaluate.cache import TemplateCache, checked_cache
    from lineament.services.evaluate.evaluate import cache_key
    from lineament.services.evaluate.labelled import read_set
    from lineament.services.evaluate.templates import Extractor
    from lineament.services.threshold.evidence import MeasuredSide, measure_change

    if cache is not None:
        checked_cache(cache)
    labelled = read_set(pictures)
    extractors: dict[str, Extractor] = {}
    for _, pack in (before, after):
        if pack not in extractors:
            with working("Loading the models"):
                analyser = desk.workspace.vision_of(pack).analyser
            kept = TemplateCache(None if extractors else cache, cache_key(analyser, options.choice), analyser.dimension)
            most, workers = desk.settings.max_file_bytes, desk.workspace.workers
            extractors[pack] = Extractor(analyser, kept, choice=options.choice, most=most, workers=workers)
    first, second = (
        MeasuredSide(strangers=strangers, pack=desk.workspace.vision_of(pack).pack, extractor=extractors[pack])
        for strangers, pack in (before, after)
    )
    with progress() as bar:
        shown: dict[str, TaskID] = {}

        def report(act: str, now: Done) -> None:
            if act not in shown:
                shown[act] = bar.add_task(act, total=now.total, rate="")
            rate = f"{now.done / now.seconds:.0f} pictures/s" if now.seconds else ""
            bar.update(shown[act], completed=now.done, rate=rate)

        return measure_change(labelled, options, first, second, report)


def print_evidence(evidence: Mapping[str, JSON]) -> None:
    """Print the error rates before and after, with what they were measured on."""
    from lineament.views.proposals import COLUMNS, evidence_note, evidence_rows

    shown = table(*COLUMNS)
    for row in evidence_rows(evidence):
        shown.add_row(*row)
    print_table(shown)
    say(evidence_note(evidence))
