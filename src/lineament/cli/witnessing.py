"""``lineament ledger …``: who witnesses the ledger, and proofs from it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lineament.cli.terminal import (
    AsJson,
    checked_writable,
    file_bytes,
    machine,
    needs,
    print_json,
    print_table,
    say,
    table,
    when,
    working,
    workspace,
    write_private,
)
from lineament.errors import InvalidValue
from lineament.model.accounts import Permission
from lineament.views.witnesses import proof_json, standing_json, submitted_json, witness_change_json

if TYPE_CHECKING:
    from lineament.model.witnessing import WitnessChange, WitnessPolicy
    from lineament.services.audit import Audit
    from lineament.services.witnessing.policy import WitnessStanding
    from lineament.services.witnessing.submit import Submitted

MOST_BYTES = 2**20
NOBODY = "Nobody outside witnesses the record: whoever has this machine can rewrite it unnoticed."
"""What is said wherever the record is checked and nobody witnesses it."""

File = Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the group ``ledger``."""
    app.command()(witnesses)
    app.command()(propose_witnesses)
    app.command()(approve_witnesses)
    app.command()(submit)
    app.command()(prove)
    app.command()(prove_consistency)


@needs(Permission.MACHINE)
def witnesses(context: typer.Context, as_json: AsJson = False) -> None:
    """Show who witnesses the ledger from outside, how many are needed, and what each saw last."""
    with machine(context, suspect=True) as desk:
        standing = desk.witnesses.standing()
    if as_json:
        print_json(standing_json(standing))
        return
    say_standing(standing)
    rows = table("who", "saw entries", "at", right=("saw entries",))
    for each in standing.seen:
        rows.add_row(each.who, f"{each.checkpoint.size:,}", when(each.at))
    print_table(rows)
    if standing.waiting is not None:
        say("A policy waits for the approval of a second person: lineament ledger approve-witnesses")


@needs(Permission.OPERATE)
def propose_witnesses(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The policy: see docs/guide/witness.md.")],
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    as_json: AsJson = False,
) -> None:
    """Propose who witnesses the ledger and how many are needed; in an agency a second person approves it."""
    with workspace(context) as desk:
        change = desk.witnesses.propose(_policy_in(file), reason)
    _print_change(change, as_json=as_json)


@needs(Permission.OPERATE)
def approve_witnesses(context: typer.Context, as_json: AsJson = False) -> None:
    """Approve the policy of witnesses that somebody else proposed last; it takes effect at once."""
    with workspace(context) as desk:
        change = desk.witnesses.approve()
    _print_change(change, as_json=as_json)


@needs(Permission.MACHINE)
def submit(context: typer.Context, as_json: AsJson = False) -> None:
    """Submit the newest checkpoint to all witnesses and time-stamp authorities now; a worker does so by itself."""
    with machine(context) as desk, working("Asking the witnesses"):
        done = desk.witnesses.submit()
        standing = desk.witnesses.standing()
    if as_json:
        print_json(submitted_json(done))
    else:
        say_submitted(done)
        say_standing(standing)
    if any(each.why for each in done):
        raise typer.Exit(10)


@needs(Permission.READ_LEDGER)
def prove(
    context: typer.Context,
    entry: Annotated[int, typer.Argument(metavar="ENTRY", help="The number of the entry, from 0.")],
    file: File,
    as_json: AsJson = False,
) -> None:
    """Write the proof that the ledger has an entry (C2SP tlog-proof), with its details."""
    _write_proof(context, file, lambda audit: audit.prove(entry).file, as_json=as_json)


@needs(Permission.READ_LEDGER)
def prove_consistency(
    context: typer.Context,
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="One that was kept elsewhere.")],
    file: File,
    as_json: AsJson = False,
) -> None:
    """Write the proof that the ledger continues from a checkpoint that somebody kept."""

    def prove_in(audit: Audit) -> str:
        return audit.prove_consistency(file_bytes(checkpoint, MOST_BYTES).decode("utf-8", "replace"))

    _write_proof(context, file, prove_in, as_json=as_json)


def say_standing(standing: WitnessStanding) -> None:
    """Say whether the ledger is witnessed as the policy asks."""
    policy = standing.policy
    if not policy.asks:
        say(NOBODY)
        return
    needed = f"{policy.witnesses_needed} of {len(policy.witnesses)} witnesses"
    stamps = f"{policy.stamps_needed} of {len(policy.authorities)} time-stamp authorities"
    say(f"Needed: {needed} and {stamps}, at most {policy.stale_after_hours} hours ago.")
    say(f"Not satisfied: {standing.against}." if standing.against else f"Satisfied since {when(standing.since)} UTC.")


def say_submitted(done: list[Submitted]) -> None:
    """Say what became of each question."""
    for each in done:
        say(f"{each.who}: {each.why}" if each.why else f"{each.who}: signed {each.size or 0:,} entries")


def _print_change(change: WitnessChange, *, as_json: bool) -> None:
    if as_json:
        print_json(witness_change_json(change))
        return
    if change.entry is None:
        say("The policy waits for the approval of a second person: lineament ledger approve-witnesses")
        return
    say(f"The policy took effect in entry {change.entry}. A worker submits the ledger; now: lineament ledger submit")


def _write_proof(context: typer.Context, file: Path, prove_in: Callable[[Audit], str], *, as_json: bool) -> None:
    with workspace(context) as desk:
        path = checked_writable(file)
        proof = prove_in(desk.audit)
        key = desk.audit.public_key
    write_private(path, proof.encode())
    if as_json:
        print_json(proof_json(file, key))
        return
    say(f"The proof is in {file}. It is checked with: python -m lineament.ledger.verify {file} --key KEY")
    say(key)


def _policy_in(file: Path) -> WitnessPolicy:
    """Read a policy. Raises InvalidValue if it is not one, or NoSuchFile."""
    from lineament.model.witnessing import StampAuthority, WitnessAddress, WitnessPolicy

    try:
        read: dict[str, Any] = tomllib.loads(file_bytes(file, MOST_BYTES).decode("utf-8"))
        if any(type(value) is not int for name, value in read.items() if name not in {"witness", "authority"}):
            raise TypeError("a number is missing or is not whole")
        tables = {"witness": WitnessAddress, "authority": StampAuthority}
        found = {
            name: tuple(kind(**_with_roots(each, file)) for each in read.pop(name, ())) for name, kind in tables.items()
        }
        return WitnessPolicy(witnesses=found["witness"], authorities=found["authority"], **read)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, AttributeError) as error:
        raise InvalidValue(
            what="The policy", value=file, why=f"it is not like docs/guide/witness.md ({error})"
        ) from None


def _with_roots(values: dict[str, Any], file: Path) -> dict[str, Any]:
    """Return the values of a table, the certificates of an authority read from the file that they name."""
    if any(not isinstance(value, str) for value in values.values()):
        raise TypeError("a value is not text")
    if "roots" in values:
        pem = file_bytes(file.parent / values["roots"], MOST_BYTES).decode("utf-8", "replace")
        return {**values, "roots": pem}
    return values
