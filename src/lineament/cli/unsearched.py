"""``lineament source pictures`` and ``lineament source add-face``."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from lineament.cli.terminal import AsJson, needs, print_json, print_table, say, table, working, workspace
from lineament.errors import InvalidValue
from lineament.model.accounts import Permission
from lineament.model.faces import DRAWN, Box
from lineament.model.parts import part_words


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command()(pictures)
    app.command("add-face")(add_face)


@needs(Permission.MANAGE_SOURCES)
def pictures(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the source.")],
    without_face: Annotated[bool, typer.Option("--without-face", help="Those in which no face was found.")] = False,
    not_comparable: Annotated[
        bool, typer.Option("--not-comparable", help="Those with a face that is too weak to be compared.")
    ] = False,
    after: Annotated[int, typer.Option(min=0, help="Continue a list after this id.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The most pictures that are listed.")] = 60,
    as_json: AsJson = False,
) -> None:
    """List the pictures of a source without a face, or with one that no search finds; reading is on the record."""
    from lineament.services.gallery.unsearched import Which
    from lineament.views.unsearched import unsearched_json

    if without_face is not_comparable:
        why = "give one of --without-face and --not-comparable"
        raise InvalidValue(what="The list of pictures", value="both" if without_face else "neither", why=why)
    which = Which.WITHOUT_FACE if without_face else Which.NOT_COMPARABLE
    with workspace(context) as desk:
        page = desk.unsearched.page(name, which, after, limit)
    if as_json:
        print_json(unsearched_json(page))
        return
    if not page.pictures:
        say("There is none." if not after else "There is none after that.")
        return
    shown = table("capture", "face", "found at", "why", "looked at by", right=("capture", "face"))
    for picture in page.pictures:
        face = "" if picture.face is None else str(picture.face.id)
        looked_at_by = picture.capture.looked_at_by or "a version before 0.3"
        found = picture.capture.provenance
        place = ", ".join(filter(None, [found.uri, part_words(found.part, found.parts, found.time_code)]))
        shown.add_row(str(picture.capture.id), face, place, picture.why, looked_at_by)
    print_table(shown)
    listed = "without-face" if without_face else "not-comparable"
    say(f"{len(page.pictures):,} of {page.total:,}, with pictures on the page /sources/{name}/{listed}")
    if page.later is not None:
        say(f"The next ones: lineament source pictures {name} --{listed} --after {page.later}")


@needs(Permission.MANAGE_SOURCES)
def add_face(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the source.")],
    capture: Annotated[int, typer.Argument(metavar="CAPTURE", help="The number of the picture.")],
    box: Annotated[str, typer.Option(metavar="X,Y,W,H", help="Around the face, in pixels of the upright picture.")],
    as_json: AsJson = False,
) -> None:
    """Enrol a face that the detector missed, in a box drawn by hand; on the record, with who did it."""
    from lineament.views.unsearched import drawn_face_json

    with workspace(context, nets=True) as desk, working("Describing the face"):
        drawn = desk.draw_faces.add(name, capture, _box(box))
    if as_json:
        print_json(drawn_face_json(drawn))
        return
    where = ", its landmarks estimated" if drawn.estimated else ""
    found = "can be compared" if drawn.face.comparable else "is too weak to be compared; no search finds it"
    say(f"Face {drawn.face.id} of picture {capture} is enrolled: {DRAWN}{where}. It {found}.")


def _box(text: str) -> Box:
    """Return the box in the text of an option. Raises InvalidValue."""
    try:
        x, y, width, height = sides = [float(side) for side in text.split(",")]
        if not all(map(math.isfinite, sides)):
            raise ValueError(text)
    except ValueError:
        raise InvalidValue(what="--box", value=text, why="give four numbers, as in 120,80,60,75") from None
    return Box(x=x, y=y, width=width, height=height)
