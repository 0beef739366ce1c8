"""``lineament source …``."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.erase import withdrawal_question
from lineament.cli.terminal import (
    AsJson,
    Yes,
    checked_writable,
    day,
    file_bytes,
    leave_unless_scrubbed,
    machine,
    needs,
    print_facts,
    print_json,
    print_table,
    say,
    table,
    working,
    workspace,
    write_private,
)
from lineament.errors import InvalidValue, NoSuchFile
from lineament.model.accounts import Permission
from lineament.model.known import CATEGORIES, ListKind, ListOrigin
from lineament.model.sources import Source, SourceState, SourceTerms, read_share
from lineament.views.sources import known_abuse_json, receipt_json, source_json, source_state, sources_json
from lineament.views.values import counted

if TYPE_CHECKING:
    from lineament.services.gallery.abuse import LoadReport
    from lineament.services.gallery.register import PermissionDocument, SourceStanding
    from lineament.workspace import Desk

app = typer.Typer(help="Sources: who gives us pictures, and on what legal basis.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of the source.")]


def register(root: typer.Typer) -> None:
    """Add the commands to ``root``."""
    from lineament.cli import runs, second_look, takeout, unsearched

    runs.register(app)
    unsearched.register(app)
    second_look.register(app)
    takeout.register(app)
    root.add_typer(app, name="source")


@app.command()
@needs(Permission.MANAGE_SOURCES)
def add(
    context: typer.Context,
    name: Name,
    controller: Annotated[str, typer.Option(help="Who answers for the data.")],
    basis: Annotated[str, typer.Option(help="The legal basis on which it is held and searched.")],
    jurisdiction: Annotated[str, typer.Option(metavar="CC", help="As in FR, or US-MD (ISO 3166).")],
    permission: Annotated[Path | None, typer.Option(help="The document that grants it; it is kept, sealed.")] = None,
    expires: Annotated[
        date | None,
        typer.Option(parser=day, metavar="DATE", help="The last day on which it may be searched."),
    ] = None,
    retention_days: Annotated[int | None, typer.Option(help="How long a picture may be kept.")] = None,
    page_base: Annotated[
        str | None, typer.Option(metavar="URL", help="Pages of pictures without a side-car lie below it.")
    ] = None,
    host: Annotated[
        list[str] | None, typer.Option(metavar="HOST[:PORT]", help="Pictures may be fetched from it; may be repeated.")
    ] = None,
    licence: Annotated[str | None, typer.Option(help="The licence of its pictures, if they state none.")] = None,
    contact: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Where a visited site can complain: e-mail or URL.")
    ] = None,
    share: Annotated[
        list[str] | None,
        typer.Option(metavar="AGENCY[:DATE]", help="It alone may search it, up to a day; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Register a source; nothing is ingested without one. In an agency a second person has to approve it."""
    with workspace(context) as desk:
        paper = _permission(permission)
        terms = SourceTerms(
            name=name,
            controller=controller,
            basis=basis,
            jurisdiction=jurisdiction,
            expires_on=expires,
            retention_days=retention_days,
            page_base=page_base,
            hosts=tuple(host or ()),
            licence=licence,
            contact=contact,
        )
        source = desk.sources.add(terms, paper, dict(map(read_share, share or ())))
        if as_json:
            print_json(source_json(source, desk.clock().date(), _standing(source, desk)))
            return
        if source.state is SourceState.DRAFTED:
            say(f"The source {source.name} is drafted. Somebody else has to: lineament source approve {source.name}")
            return
        if (closed := source.why_closed(desk.clock().date())) is not None:
            say(f"The source {source.name} is registered, but nothing can be ingested: {closed}.")
            return
        what = f"https://{terms.hosts[0]}/" if terms.hosts else "PATH"
        say(f"The source {source.name} is registered. Next: lineament ingest {source.name} {what}")


@app.command()
@needs(Permission.MANAGE_SOURCES)
def approve(
    context: typer.Context,
    name: Name,
    permission: Annotated[
        Path | None, typer.Option(help="The document that grants it, if none was kept with the draft; it is sealed.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let a source that somebody else drafted go live."""
    with workspace(context) as desk:
        _print(desk.sources.approve(name, _permission(permission)), desk, as_json)


@app.command()
@needs(Permission.MANAGE_SOURCES)
def decline(
    context: typer.Context,
    name: Name,
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    as_json: AsJson = False,
) -> None:
    """Decline a source that somebody else drafted; its key and its document are destroyed."""
    with workspace(context) as desk:
        desk.erase.decline(name, reason)
        _print(desk.sources.get(name), desk, as_json)


@app.command()
@needs(Permission.MANAGE_SOURCES)
def share(
    context: typer.Context,
    name: Name,
    agency: Annotated[
        list[str] | None, typer.Argument(metavar="[AGENCY[:DATE]...]", help="Who may search it, up to a day.")
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--everybody", help="Every agency of the workspace, including those registered later.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say which agencies may search a source; from then on no other may."""
    if bool(agency) == everybody:
        raise InvalidValue(what="Whom to share with", value="", why="name agencies, or give --everybody")
    with workspace(context) as desk:
        source = desk.sources.share_with_all(name) if everybody else desk.sources.get(name)
        for which, until in map(read_share, agency or ()):
            source = desk.sources.share(name, which, until)
        _print(source, desk, as_json)


@app.command()
@needs(Permission.MANAGE_SOURCES)
def unshare(
    context: typer.Context,
    name: Name,
    agency: Annotated[str, typer.Argument(metavar="AGENCY", help="Who may no longer search it.")],
    as_json: AsJson = False,
) -> None:
    """Take an agency off the list of those that may search a source."""
    with workspace(context) as desk:
        _print(desk.sources.unshare(name, agency), desk, as_json)


@app.command("list")
@needs(Permission.READ_SOURCES)
def list_sources(context: typer.Context, as_json: AsJson = False) -> None:
    """List all sources."""
    with workspace(context) as desk:
        sources, today = desk.sources.list(), desk.clock().date()
        if as_json:
            standings = {source.name: _standing(source, desk) for source in sources}
            print_json(sources_json(sources, today, standings))
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
            source_state(source, today),
            f"{source.faces:,}",
            f"{source.captures:,}",
            days,
            source.terms.basis,
        )
    print_table(shown)


@app.command()
@needs(Permission.READ_SOURCES)
def show(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Show a source with its terms and counts."""
    with workspace(context) as desk:
        _print(desk.sources.get(name), desk, as_json)


@app.command()
@needs(Permission.MANAGE_SOURCES)
def suspend(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Take a source out of every search until it is resumed."""
    with workspace(context) as desk:
        _print(desk.sources.suspend(name), desk, as_json)


@app.command()
@needs(Permission.MANAGE_SOURCES)
def resume(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Let a suspended source be searched again."""
    with workspace(context) as desk:
        _print(desk.sources.resume(name), desk, as_json)


@app.command()
@needs(Permission.MANAGE_SOURCES)
def withdraw(
    context: typer.Context,
    name: Name,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "withdrawn by its controller",
    receipt: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the signed receipt there.")] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Withdraw a source for good: its key, pictures, faces and index are destroyed."""
    with workspace(context) as desk:
        source = desk.sources.get(name)
        if not yes:
            typer.confirm(withdrawal_question(source), abort=True)
        if receipt is not None:
            checked_writable(receipt)
        done = desk.erase.source(name, reason)
        if receipt is not None:
            write_private(receipt, desk.erase.receipt(name).encode("ascii"))
        _print(desk.sources.get(name), desk, as_json)
    leave_unless_scrubbed(done.scrubbed)


@app.command("known-abuse")
@needs(Permission.MANAGE_SOURCES)
def known_abuse(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Digests (SHA-256, SHA-1, MD5) on lines, VICS, ICSE or PDQ hashes.")
    ],
    kind: Annotated[
        ListKind | None, typer.Option("--as", help="How it is written; a plain list of PDQ hashes has to be named so.")
    ] = None,
    category: Annotated[
        list[int] | None,
        typer.Option(min=1, max=99, help="Of VICS: take this category; may be repeated. [default: 1, 2]"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Load a list of known-abuse material; a picture on it is never shown or kept, only its faces, on a blur."""
    from lineament.sources.known.lists import read_list

    if not file.is_file():
        raise NoSuchFile(path=file)
    categories = frozenset(category or CATEGORIES)
    with workspace(context) as desk, working("Loading the list"):
        kind, entries = read_list(file, kind, categories)
        if category and kind is not ListKind.VICS:
            raise InvalidValue(what="--category", value=category[0], why="only VICS hash sets have categories")
        taken = tuple(sorted(categories)) if kind is ListKind.VICS else ()
        loaded = desk.known_abuse.load_entries(entries, ListOrigin(kind=kind, categories=taken))
    if not (loaded.digests or loaded.hashes):
        raise InvalidValue(what="The list", value=file, why=_nothing_taken(loaded))
    if as_json:
        print_json(known_abuse_json(loaded))
        return
    say(f"{_loaded_words(loaded)}; the list is never given out again.")
    if taken:
        say(f"Taken as known: category {' and '.join(map(str, taken))}. What a category means differs by country.")
    for why, many in sorted(loaded.left_out.items()):
        say(f"Not taken, {why}: {counted(many, 'entry', 'entries')}.")
    if loaded.barred:
        say(f"On it, and without their pictures from now on: {counted(loaded.barred, 'capture')} of the gallery.")


@app.command("receipt")
@needs(Permission.MANAGE_SOURCES)
def write_receipt(
    context: typer.Context,
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")],
) -> None:
    """Write the signed receipt of a withdrawn source, after checking that nothing of it is left."""
    with workspace(context) as desk:
        write_private(checked_writable(file), desk.erase.receipt(name).encode("ascii"))
        say(f"The receipt is at {file}. It is checked with: lineament source check-receipt {file} --key KEY")
        say(f"The key; send it separately: {desk.audit.public_key}")


@app.command("check-receipt")
@needs(Permission.MACHINE)
def check_receipt(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The receipt.")],
    key: Annotated[
        str | None, typer.Option(metavar="KEY", help="The ledger's public key. [default: this workspace's]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a receipt with the ledger's public key; with --key no workspace is needed."""
    from lineament.ledger import receipts
    from lineament.ledger.checkpoint import PublicKey

    untrusted = file_bytes(file, receipts.LARGEST).decode(errors="replace")
    if key is None:
        with machine(context) as desk:
            key = desk.audit.public_key
    claims = receipts.verify_receipt(untrusted, PublicKey.parse(key))
    if as_json:
        print_json(receipt_json(claims))
        return
    say(f"The receipt is signed by {key.partition('+')[0]}, and its ledger holds entry {claims['ledger']['entry']}.")
    print_facts({name: value for name, value in claims.items() if name != "ledger"})


def _loaded_words(loaded: LoadReport) -> str:
    digests = f"{counted(loaded.digests, 'digest')}, {loaded.new:,} new"
    hashes = f"{counted(loaded.hashes, 'perceptual hash', 'perceptual hashes')}, {loaded.new_hashes:,} new"
    parts = [words for words, many in ((digests, loaded.digests), (hashes, loaded.hashes)) if many]
    return "; ".join(parts)


def _nothing_taken(loaded: LoadReport) -> str:
    """Return why nothing of a list was taken."""
    reasons = ", ".join(f"{many:,} {why}" for why, many in sorted(loaded.left_out.items()))
    if loaded.kind in {ListKind.DIGESTS, ListKind.PDQ}:
        return f"no line of it holds {'a PDQ hash' if loaded.kind is ListKind.PDQ else 'a SHA-256, SHA-1 or MD5'}"
    return f"none of its entries is taken ({reasons})" if reasons else "it is empty"


def _permission(path: Path | None) -> PermissionDocument | None:
    """Return the document in a file; None if none was named."""
    from lineament.services.gallery.register import LARGEST_PERMISSION, PermissionDocument

    if path is None:
        return None
    return PermissionDocument(name=path.name, untrusted=file_bytes(path, LARGEST_PERMISSION))


def _print(source: Source, desk: Desk, as_json: bool) -> None:
    today, standing = desk.clock().date(), _standing(source, desk)
    if as_json:
        print_json(source_json(source, today, standing))
        return
    facts = source_json(source, today, standing)
    if facts.get("shared_with", ()) is None and source.state is not SourceState.WITHDRAWN:
        facts["shared_with"] = "every agency"
    print_facts(
        {name: "; ".join(map(str, value)) if isinstance(value, list) else value for name, value in facts.items()}
    )


def _standing(source: Source, desk: Desk) -> SourceStanding | None:
    """Return who registered, approved and may search a source; None if the official does not manage sources."""
    return desk.sources.standing(source.name) if desk.official.may(Permission.MANAGE_SOURCES) else None
