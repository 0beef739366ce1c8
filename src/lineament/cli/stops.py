"""``lineament stop`` and ``lineament resume``: all searching, or that of the own agency (R12)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from lineament.cli.terminal import AsJson, needs, print_json, say, when, workspace
from lineament.model.accounts import Permission
from lineament.model.agencies import Stop
from lineament.views.stops import stopped_words, stops_json

Reason = Annotated[str, typer.Option(help="Why; everybody whom it stops reads it.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command()(stop)
    app.command()(resume)
    app.command("stop-agency")(stop_agency)
    app.command("resume-agency")(resume_agency)
    app.command("stops")(stops)


@needs(Permission.OPERATE)
def stop(context: typer.Context, reason: Reason, as_json: AsJson = False) -> None:
    """Stop all searching, of every agency, at once."""
    with workspace(context) as desk:
        desk.stops.stop_everything(reason)
        _print(desk.stops.in_force(), as_json)


@needs(Permission.OPERATE)
def resume(context: typer.Context, as_json: AsJson = False) -> None:
    """Let everybody search again; an agency that was stopped separately stays stopped."""
    with workspace(context) as desk:
        desk.stops.resume_everything()
        _print(desk.stops.in_force(), as_json)


@needs(Permission.STOP_AGENCY)
def stop_agency(context: typer.Context, reason: Reason, as_json: AsJson = False) -> None:
    """Stop all searching of your agency, at once."""
    with workspace(context) as desk:
        desk.stops.stop_agency(reason)
        _print(desk.stops.in_force(), as_json)


@needs(Permission.STOP_AGENCY)
def resume_agency(context: typer.Context, as_json: AsJson = False) -> None:
    """Let your agency search again."""
    with workspace(context) as desk:
        desk.stops.resume_agency()
        _print(desk.stops.in_force(), as_json)


@needs(Permission.OWN_ACCOUNT)
def stops(context: typer.Context, as_json: AsJson = False) -> None:
    """Show what is stopped, since when and why."""
    with workspace(context) as desk:
        _print(desk.stops.in_force(), as_json)


def _print(found: Sequence[Stop], as_json: bool) -> None:
    if as_json:
        print_json(stops_json(found))
        return
    for stop in found:
        say(f"{stopped_words(stop)} is stopped since {when(stop.at)} UTC, by {stop.by}: {stop.reason}")
    if not found:
        say("Nothing is stopped.")
