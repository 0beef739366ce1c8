"""``lineament compare``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.terminal import (
    AsJson,
    file_bytes,
    needs,
    print_drawing,
    print_json,
    say,
    working,
    workspace,
    write_private,
)
from lineament.model.accounts import Permission
from lineament.views.comparisons import comparison_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

ACROSS = 32
"""Columns of the terminal that a crop takes; a character shows two pixels, one above the other."""


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(compare)


@needs(Permission.SEARCH)
def compare(
    context: typer.Context,
    first: Annotated[Path, typer.Argument(metavar="A", help="A photograph.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another.")],
    face_a: Annotated[int | None, typer.Option(min=1, help="Which face of A, from 1.")] = None,
    face_b: Annotated[int | None, typer.Option(min=1, help="Which face of B, from 1.")] = None,
    crops: Annotated[Path | None, typer.Option(metavar="DIR", help="Write both crops there as JPEG.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare two faces, 1:1: the score, how many strangers reach it, and both crops."""
    from lineament.services.standalone import data_uri

    if crops is not None:
        crops.mkdir(mode=0o700, parents=True, exist_ok=True)
    with workspace(context, nets=True) as desk, working("Comparing"):
        numbers = desk.official.may(Permission.READ_LEDGER)  # they tell how much others do (R46)
        most = desk.settings.max_file_bytes
        found = desk.compare.run(file_bytes(first, most), file_bytes(second, most), face_a, face_b)
    if crops is not None:
        for name, jpeg in zip(("a.jpg", "b.jpg"), found.crops, strict=True):
            write_private(crops / name, jpeg)
    if as_json:
        print_json(comparison_json(found, [data_uri(jpeg) for jpeg in found.crops], numbered=numbers))
        return
    if sys.stdout.isatty():
        _draw(found.crops)
    say(f"Score {found.score:.3f}; one stranger in {1 / found.false_match_rate:,.0f} reaches it ({found.model}).")
    for name, measured in zip("AB", found.qualities, strict=True):
        if measured.reasons:
            say(f"{name} is not reliable: " + "; ".join(why.value for why in measured.reasons))


def _draw(crops: Sequence[bytes]) -> None:
    """Draw crops side by side."""
    from rich.columns import Columns

    print_drawing(Columns([_blocks(jpeg) for jpeg in crops], padding=(0, 2)))


def _blocks(jpeg: bytes) -> Text:
    """Return a crop drawn with half blocks."""
    import cv2
    import numpy as np
    from rich.style import Style
    from rich.text import Text

    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
    if picture is None:  # our own crop; it always opens
        return Text()
    small = cv2.resize(picture, (ACROSS, ACROSS), interpolation=cv2.INTER_AREA).tolist()
    drawn = Text()
    for upper, lower in zip(small[::2], small[1::2], strict=True):
        for above, below in zip(upper, lower, strict=True):
            drawn.append("▀", Style(color=f"rgb({_rgb(above)})", bgcolor=f"rgb({_rgb(below)})"))
        drawn.append("\n")
    return drawn


def _rgb(pixel: list[int]) -> str:
    return ",".join(str(value) for value in pixel)
