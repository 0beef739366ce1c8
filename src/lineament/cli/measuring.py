"""Measures error rates on pictures of known people: what the commands that do so have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from lineament.cli.terminal import print_table, progress, say, table, working
from lineament.errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.progress import TaskID

    from lineament.model.events.base import JSON
    from lineament.services.evaluate.evaluate import EvaluationOptions
    from lineament.services.evaluate.templates import Extractor, FaceChoice
    from lineament.services.evaluate.templates import Progress as Done
    from lineament.settings import Settings
    from lineament.workspace import Desk
    from lineament.workspace.vision import Vision

Kind = TypeVar("Kind", bound=StrEnum)

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

    choice = one_of(FaceChoice, "--face", face)
    return EvaluationOptions(protocol=Protocol(enrol=enrol, left_out=left_out, seed=seed), choice=choice)


def one_of(kind: type[Kind], option: str, value: str) -> Kind:
    """Return the member of ``kind`` that an option names. Raises InvalidValue if it names none."""
    if value not in list(kind):
        raise InvalidValue(what=option, value=value[:40], why=f"it is one of {', '.join(kind)}")
    return kind(value)


def new_extractor(vision: Vision, settings: Settings, choice: FaceChoice, cache: Path | None) -> Extractor:
    """Load the nets of a pack and return what makes templates of pictures with them; ``cache`` keeps the templates."""
    from lineament.services.evaluate.cache import TemplateCache
    from lineament.services.evaluate.evaluate import cache_key
    from lineament.services.evaluate.templates import Extractor

    with working("Loading the models"):
        analyser = vision.analyser
    kept = TemplateCache(cache, cache_key(analyser, choice), analyser.dimension)
    if kept.stale:
        say(f"{cache} holds templates of another model; they are made again.", err=True)
    workers = settings.workers or 2 * vision.processors
    return Extractor(analyser, kept, choice=choice, most=settings.max_file_bytes, workers=workers)


@contextmanager
def picture_progress() -> Iterator[Callable[[str, Done], None]]:
    """Show a progress bar for each act on pictures; yield the function that reports how far an act is."""
    with progress() as bar:
        shown: dict[str, TaskID] = {}

        def report(act: str, now: Done) -> None:
            if act not in shown:
                shown[act] = bar.add_task(act, total=now.total, rate="")
            rate = f"{now.done / now.seconds:.0f} pictures/s" if now.seconds else ""
            bar.update(shown[act], completed=now.done, rate=rate)

        yield report


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
    from lineament.services.evaluate.cache import checked_cache
    from lineament.services.evaluate.labelled import read_set
    from lineament.services.threshold.evidence import MeasuredSide, measure_change

    if cache is not None:
        checked_cache(cache)
    labelled = read_set(pictures)
    extractors: dict[str, Extractor] = {}
    for _, pack in (before, after):
        if pack not in extractors:
            kept = None if extractors else cache
            extractors[pack] = new_extractor(desk.workspace.vision_of(pack), desk.settings, options.choice, kept)
    first, second = (
        MeasuredSide(strangers=strangers, pack=desk.workspace.vision_of(pack).pack, extractor=extractors[pack])
        for strangers, pack in (before, after)
    )
    with picture_progress() as report:
        return measure_change(labelled, options, first, second, report)


def print_evidence(evidence: Mapping[str, JSON]) -> None:
    """Print the error rates before and after, with what they were measured on."""
    from lineament.views.proposals import COLUMNS, evidence_note, evidence_rows

    shown = table(*COLUMNS)
    for row in evidence_rows(evidence):
        shown.add_row(*row)
    print_table(shown)
    say(evidence_note(evidence))
