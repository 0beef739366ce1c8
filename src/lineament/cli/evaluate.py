"""``lineament evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.measuring import Cache, Enrol, LeftOut, Seed, WhichFace, new_extractor, one_of, picture_progress
from lineament.cli.terminal import (
    AsJson,
    needs,
    print_json,
    print_table,
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

    from lineament.services.evaluate.evaluate import Evaluation, EvaluationOptions
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
    cache: Cache = None,
    face: WhichFace = "middle",
    enrol: Enrol = 1,
    several: Annotated[
        str, typer.Option(metavar="HOW", help="Several enrolled pictures: best (as in the gallery) or mean.")
    ] = "best",
    left_out: LeftOut = None,
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
    seed: Seed = 1,
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

    choice, enrolment = one_of(FaceChoice, "--face", face), one_of(Enrolment, "--several", several)
    kinds = [kind.strip() for kinds in degrade for kind in kinds.split(",")]
    return EvaluationOptions(
        protocol=Protocol(
            enrol=enrol,
            enrolment=enrolment,
            left_out=left_out,
            searches=searches,
            seed=seed,
            thresholds=tuple(thresholds),
        ),
        choice=choice,
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
    from lineament.services.evaluate.cache import checked_cache
    from lineament.services.evaluate.evaluate import evaluate_pictures
    from lineament.services.evaluate.labelled import read_pairs, read_set
    from lineament.workspace.vision import Vision

    if cache is not None:
        checked_cache(cache)
    labelled = read_set(what, () if join is None else read_pairs(join))
    vision = Vision(settings, CURRENT)
    try:
        extractor = new_extractor(vision, settings, options.choice, cache)
        with picture_progress() as report:
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
