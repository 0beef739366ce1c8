"""``lineament witness …``: for the body that witnesses the ledgers of others."""

from __future__ import annotations

import signal
import socket
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from lineament.cli.terminal import AsJson, needs, print_json, print_table, say, table, when
from lineament.model.accounts import Permission
from lineament.views.witnesses import witness_json

app = typer.Typer(
    help="A witness of other workspaces: cosigns their ledgers. It needs no workspace of its own.",
    no_args_is_help=True,
)

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of the witness.")]


def register(root: typer.Typer) -> None:
    """Add the commands to ``root``."""
    root.add_typer(app, name="witness")


@app.command()
@needs(Permission.MACHINE)
def init(
    folder: Folder,
    name: Annotated[
        str, typer.Option(help="Its name: an address without https://, such as witness.example/lineament.")
    ],
) -> None:
    """Make a witness with a key of its own, and show the public key to give to the agencies."""
    from lineament.witness.folder import WitnessFolder

    made = WitnessFolder.create(folder, name)
    say(f"A witness is in {folder}. Its secret key never leaves {folder / 'key'}; its public key:")
    say(str(made.public_key))


@app.command()
@needs(Permission.MACHINE)
def add_log(
    folder: Folder,
    key: Annotated[str, typer.Argument(metavar="KEY", help="What “lineament ledger key” shows; get it from people.")],
) -> None:
    """Cosign the ledger of a workspace from now on."""
    from lineament.ledger.checkpoint import PublicKey
    from lineament.witness.folder import WitnessFolder

    added = WitnessFolder.open(folder).add_log(PublicKey.parse(key))
    say(f"The ledger {added.key.name} is cosigned from now on.")


@app.command()
@needs(Permission.MACHINE)
def run(
    folder: Folder,
    host: Annotated[
        str, typer.Option(help="The address to listen on; a TLS proxy stands in front of it.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8472,
) -> None:
    """Serve requests to cosign (C2SP tlog-witness) until stopped."""
    from lineament.witness.app import witness_server
    from lineament.witness.folder import WitnessFolder

    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    opened = WitnessFolder.open(folder)
    with closing(_listening(host, port)) as listener:
        address = listener.getsockname()
        say(f"The witness {opened.public_key.name} listens on {address[0]} port {address[1]}; stop with Ctrl-C.")
        witness_server(opened, lambda: datetime.now(UTC)).run(sockets=[listener])


@app.command()
@needs(Permission.MACHINE)
def show(folder: Folder, as_json: AsJson = False) -> None:
    """Show the public key, and the newest checkpoint that was cosigned of each ledger."""
    from lineament.witness.folder import WitnessFolder

    opened = WitnessFolder.open(folder)
    if as_json:
        print_json(witness_json(opened))
        return
    shown = witness_json(opened)
    say(f"Public key: {opened.public_key}")
    rows = table("ledger", "entries", "root", "cosigned", "contradictions", right=("entries", "contradictions"))
    for log in shown["logs"]:
        at = when(None if log["at"] is None else datetime.fromisoformat(log["at"]))
        rows.add_row(log["origin"], str(log["entries"]), log["root"] or "", at, str(log["forks"]))
    print_table(rows)


@app.command()
@needs(Permission.MACHINE)
def set_aside(
    folder: Folder,
    origin: Annotated[str, typer.Argument(metavar="LEDGER", help="The name of the ledger, lineament/…")],
    reason: Annotated[str, typer.Option(help="What the agency lost and restored, and how you know; it is kept.")],
) -> None:
    """Let a ledger begin again after its agency restored a backup; what was cosigned before is kept with the reason."""
    from lineament.errors import NotFound
    from lineament.model.texts import checked_reason
    from lineament.witness.folder import WitnessFolder

    log = WitnessFolder.open(folder).log(origin)
    if log is None:
        raise NotFound(what="ledger", name=origin, hint="lineament witness show")
    log.set_aside(checked_reason(reason), datetime.now(UTC))
    say(f"The next checkpoint of {origin} is cosigned whatever it holds; the last one is kept in set-aside.")


def _listening(host: str, port: int) -> socket.socket:
    from lineament.errors import InvalidValue

    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        why = f"it cannot be listened on ({getattr(error, 'strerror', None) or error}); choose another"
        raise InvalidValue(what="The address", value=f"{host} port {port}", why=why) from error
