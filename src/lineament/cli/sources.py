"""``lineament source …``."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from lineament.cli.terminal import AsJson, iso, needs, out, picture_bytes, print_json, say, table, workspace
from lineament.model.accounts import Permission
from lineament.model.sources import Source, SourceTerms

app = typer.Typer(help="Sources: who gives us pictures, and on what legal basis.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of the source.")]


@app.command()
@needs(Permission.MANAGE_SOURCES)
def add(
    context: typer.Context,
    name: Name,
    controller: Annotated[str, typer.Option(help="Who answers for the data.")],
    basis: Annotated[str, typer.Option(help="The legal basis on which it is held and searched.")],
    jurisdiction: Annotated[str, typer.Option(metavar="CC", help="The country, as in FR (ISO 3166-1).")],
    permission: Annotated[Path | None, typer.Option(help="The document that grants it; its SHA-256 is kept.")] = None,
    expires: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day on which it may be searched.")
    ] = None,
    retention_days: Annotated[int | None, typer.Option(help="How long a picture may be kept.")] = None,
    page_base: Annotated[
        str | None, typer.Option(metavar="URL", help="Pages of pictures without a side-car lie below it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Register a source; nothing is ingested without one."""
    with workspace(context) as opened:
        granted = None if permission is None else picture_bytes(permission, opened.settings.max_file_bytes)
        terms = SourceTerms(
            name=name,
            controller=controller,
            basis=basis,
            jurisdiction=jurisdiction,
            permission_sha256=None if granted is None else hashlib.sha256(granted).hexdigest(),
            expires_on=None if expires is None else expires.date(),
            retention_days=retention_days,
            page_base=page_base,
        )
        source = opened.sources.add(terms)
        if as_json:
            print_json(_described(source, opened.clock().date()))
            return
        say(f"The source {source.name} is registered. Next: lineament ingest {source.name} PATH")


@app.command("list")
@needs(Permission.READ_SOURCES)
def list_sources(context: typer.Context, as_json: AsJson = False) -> None:
    """List all sources."""
    with workspace(context) as opened:
        sources, today = opened.sources.list(), opened.clock().date()
    if as_json:
        print_json({"sources": [_described(source, today) for source in sources]})
        return
    if not sources:
        say("No source yet. Begin with: lineament source add NAME --controller … --basis … --jurisdiction CC")
        return
    shown = table(
        "name",
        "state",
        "faces",
        "captures",
        "days left",
        "legal basis",
        right=("faces", "captures", "days left"),
    )
    for source in sources:
        left = source.days_left(today)
        days = "no end" if left is None else str(left)
        shown.add_row(
            source.name,
            _state(source, today),
            f"{source.faces:,}",
            f"{source.captures:,}",
            days,
            source.terms.basis,
        )
    out.print(shown)


@app.command()
@needs(Permission.READ_SOURCES)
def show(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Show a source with its terms and counts."""
    with workspace(context) as opened:
        _print(opened.sources.get(name), opened.clock().date(), as_json)


@app.command()
@needs(Permission.MANAGE_SOURCES)
def suspend(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Take a source out of every search until it is resumed."""
    with workspace(context) as opened:
        _print(opened.sources.suspend(name), opened.clock().date(), as_json)


@app.command()
@needs(Permission.MANAGE_SOURCES)
def resume(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Let a suspended source be searched again."""
    with workspace(context) as opened:
        _print(opened.sources.resume(name), opened.clock().date(), as_json)


@app.command()
@needs(Permission.MANAGE_SOURCES)
def withdraw(
    context: typer.Context,
    name: Name,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "withdrawn by its controller",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Withdraw a source for good: its key, pictures, faces and index are destroyed."""
    with workspace(context) as opened:
        source = opened.sources.get(name)
        if not yes:
            typer.confirm(
                f"Destroy the key, {source.captures:,} captures and {source.faces:,} faces of {name}?",
                abort=True,
            )
        opened.erase.source(name, reason)
        _print(opened.sources.get(name), opened.clock().date(), as_json)


def _print(source: Source, today: date, as_json: bool) -> None:
    described = _described(source, today)
    if as_json:
        print_json(described)
        return
    shown = table("", "")
    shown.show_header = False
    for key, value in described.items():
        shown.add_row(key.replace("_", " "), "" if value is None else str(value))
    out.print(shown)


def _state(source: Source, today: date) -> str:
    left = source.days_left(today)
    return "expired" if source.state == "live" and left is not None and left < 0 else source.state.value


def _described(source: Source, today: date) -> dict[str, Any]:
    terms = source.terms
    return {
        "name": terms.name,
        "state": _state(source, today),
        "captures": source.captures,
        "faces": source.faces,
        "controller": terms.controller,
        "basis": terms.basis,
        "jurisdiction": terms.jurisdiction,
        "permission_sha256": terms.permission_sha256,
        "expires": None if terms.expires_on is None else terms.expires_on.isoformat(),
        "days_left": source.days_left(today),
        "retention_days": terms.retention_days,
        "page_base": terms.page_base,
        "registered_at": iso(source.registered_at),
    }
