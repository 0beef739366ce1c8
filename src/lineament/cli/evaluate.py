"""``lineament evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.terminal import (
    AsJson,
    needs,
    print_json,
    print_table,
    progress,
    say,
    settings_for,
    table,
    working,
)
from lineament.errors import InvalidValue
from lineament.model.accounts import Permission
from lineament.model.packs import CURRENT
from lineament.model.proposals import checked_strangers
from lineament.model.search import EXPECTED_FALSE
from lineament.views.values import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.progress import TaskID

    from lineament.services.evaluate.evaluate import Evaluation, EvaluationOptions
    from lineament.services.evaluate.templates import Progress as Done
    from lineament.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(evaluate)


@needs(Permission.MACHINE)
def evaluate(
    context: typer.Context,
    what: Annotated[
        Path | None,
        typer.Argument(metavar="DIR|CSV", help="One folder for each person, or columns file, person and maybe group."),
    ] = None,
    templates: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Templates instead of pictures: vectors and people in an .npz.")
    ] = None,
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="Write evaluation.json, .html and .pdf there.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the evaluation that is there.")] = False,
    cache: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep the templates in this .npz for the next run.")
    ] = None,
    face: Annotated[
        str, typer.Option(metavar="WHICH", help="The face of a picture that counts: middle or largest.")
    ] = "middle",
    enrol: Annotated[int, typer.Option(metavar="N", help="Pictures enrolled of each person, in order of name.")] = 1,
    several: Annotated[
        str, typer.Option(metavar="HOW", help="Several enrolled pictures: best (as in the gallery) or mean.")
    ] = "best",
    left_out: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Share of people to leave out of the gallery. [default: 0, or a third if all have several pictures]",
        ),
    ] = None,
    searches: Annotated[int, typer.Option(min=1, metavar="N", help="Most mated, and most other searches.")] = 10_000,
    threshold: Annotated[
        list[float] | None,
        typer.Option(metavar="SCORE", help="The threshold in use; may be repeated. [default: the product's]"),
    ] = None,
    strangers: Annotated[
        float, typer.Option(metavar="N", help="The strangers expected above the product's threshold, 0.001 to 10.")
    ] = EXPECTED_FALSE,
    degrade: Annotated[
        list[str] | None,
        typer.Option(metavar="KINDS", help="Degrade the probes: turned,size,blur,jpeg,dark,covered or all."),
    ] = None,
    join: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Pairs of names that mean one person, one pair a line.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of everything that is drawn at random.")] = 1,
    date: Annotated[str, typer.Option(metavar="TEXT", help="A date to print; without it there is none.")] = "",
    as_json: AsJson = False,
) -> None:
    """Measure the error rates on pictures of known people: FNIR, FPIR, FMR, FNMR, with intervals."""
    from lineament.services.evaluate.outputs import checked_folder, write_files

    options = _options(
        face,
        several,
        enrol,
        left_out,
        searches,
        threshold or (),
        degrade or (),
        seed,
        date,
        strangers=checked_strangers(strangers),
        crops=to is not None,
    )
    if (what is None) == (templates is None):
        raise InvalidValue(what="The command", value=what or "", why="give either DIR|CSV or --templates FILE")
    if templates is not None and (cache or degrade):
        raise InvalidValue(what="--templates", value=templates, why="there are no pictures for --cache or --degrade")
    if to is not None:
        checked_folder(to, force=force)
    if templates is not None:
        found = _of_templates(templates, options, join)
    elif what is not None:
        found = _of_pictures(settings_for(context), what, options, join, cache)
    if to is not None:
        with working("Writing"):
            write_files(to, _files(found))
    if as_json:
        from lineament.views.evaluations import evaluation_json

        print_json(evaluation_json(found))
        return
    _print(found)
    if to is not None:
        say(f"Written to {to}.")


def _options(
    face: str,
    several: str,
    enrol: int,
    left_out: float | None,
    searches: int,
    thresholds: Sequence[float],
    degrade: Sequence[str],
    seed: int,
    date: str,
    *,
    strangers: float,
    crops: bool,
) -> EvaluationOptions:
    from lineament.model.evaluation.measure import Protocol
    from lineament.model.evaluation.searching import Enrolment
    from lineament.services.evaluate.degrade import chosen_degradations
    from lineament.services.evaluate.evaluate import EvaluationOptions, checked_date
    from lineament.services.evaluate.templates import FaceChoice

    if face not in list(FaceChoice):
        raise InvalidValue(what="--face", value=face[:40], why=f"it is one of {', '.join(FaceChoice)}")
    if several not in list(Enrolment):
        raise InvalidValue(what="--several", value=several[:40], why=f"it is one of {', '.join(Enrolment)}")
    kinds = [kind.strip() for kinds in degrade for kind in kinds.split(",")]
    return EvaluationOptions(
        protocol=Protocol(
            enrol=enrol,
            enrolment=Enrolment(several),
            left_out=left_out,
            searches=searches,
            seed=seed,
            thresholds=tuple(thresholds),
        ),
        choice=FaceChoice(face),
        degradations=chosen_degradations(kinds),
        date=checked_date(date),
        strangers=strangers,
        crops=crops,
    )


def _of_templates(templates: Path, options: EvaluationOptions, join: Path | None) -> Evaluation:
    from lineament.services.evaluate.evaluate import evaluate_templates
    from lineament.services.evaluate.labelled import read_pairs

    pairs = () if join is None else read_pairs(join)
    with working("Comparing"):
        return evaluate_templates(templates, options, pairs)


def _of_pictures(
    settings: Settings, what: Path, options: EvaluationOptions, join: Path | None, cache: Path | None
) -> Evaluation:
    from lineament.services.evaluate.cache import TemplateCache, checked_cache
    from lineament.services.evaluate.evaluate import cache_key, evaluate_pictures
    from lineament.services.evaluate.labelled import read_pairs, read_set
    from lineament.services.evaluate.templates import Extractor
    from lineament.workspace.vision import Vision

    if cache is not None:
        checked_cache(cache)
    labelled = read_set(what, () if join is None else read_pairs(join))
    vision = Vision(settings, CURRENT)
    try:
        with working("Loading the models"):
            analyser = vision.analyser
        kept = TemplateCache(cache, cache_key(analyser, options.choice), analyser.dimension)
        if kept.stale:
            say(f"{cache} holds templates of another model; they are made again.", err=True)
        workers = settings.workers or 2 * vision.processors
        extractor = Extractor(analyser, kept, choice=options.choice, most=settings.max_file_bytes, workers=workers)
        with progress() as bar:
            shown: dict[str, TaskID] = {}

            def report(act: str, now: Done) -> None:
                if act not in shown:
                    shown[act] = bar.add_task(act, total=now.total, rate="")
                rate = f"{now.done / now.seconds:.0f} pictures/s" if now.seconds else ""
                bar.update(shown[act], completed=now.done, rate=rate)

            return evaluate_pictures(labelled, options, extractor, vision.pack, report)
    finally:
        vision.close()


def _files(found: Evaluation) -> dict[str, bytes]:
    """Return the files of an evaluation by name."""
    from lineament.views.evaluation_page import evaluation_html
    from lineament.views.evaluation_pdf import evaluation_pdf
    from lineament.views.evaluations import json_file

    figures = json_file(found)
    return {
        "evaluation.json": figures,
        "evaluation.html": evaluation_html(found, figures),
        "evaluation.pdf": evaluation_pdf(found, figures),
    }


def _print(found: Evaluation) -> None:
    """Print the tables."""
    from lineament.views.evaluation_tables import set_words, tables

    for line in set_words(found):
        say(line)
    for each in tables(found):
        say(f"\n{each.title}\n{each.note}")
        shown = table(*each.columns)
        for row in each.rows:
            shown.add_row(*row)
        print_table(shown)
    if alike := found.measured.pairs.alike:
        pairs = counted(len(alike), "pair")
        say(f"\n{pairs} under two names score {found.measured.pairs.alike_from:.3f} or more; check these names.")
