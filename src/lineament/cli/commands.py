"""Commands by name. The module of a command is imported when it runs, so that no command waits for the others."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter

COMMANDS = {
    "init": ("upkeep", "Make a workspace: keys, database and ledger."),
    "verify": ("upkeep", "Recompute the whole ledger; name the first entry that does not fit."),
    "doctor": ("upkeep", "Check the machine and the workspace."),
    "accept-clock": (
        "upkeep",
        "Accept on the record that this machine's clock is right, although the newest entry of the ledger is later.",
    ),
    "sign-in": (
        "signing",
        "Sign in: your password, then a code from your app or a recovery code; both are asked for, never on the line.",
    ),
    "step-up": (
        "signing",
        "Show your second factor again, before a search or an export; it also unlocks a session that was idle.",
    ),
    "sign-out": ("signing", "End the session of this terminal."),
    "ingest": (
        "ingest",
        "Ingest photographs; an interrupted ingest resumes when run again, and nothing is ingested twice.",
    ),
    "worker": (
        "jobs",
        "Run queued jobs, each in the name of the official who queued it. When stopped, hand back the running job.",
    ),
    "search": (
        "search",
        "Compare a face with every face of the gallery; the answer is a list of candidates, or no candidate.",
    ),
    "compare": ("compare", "Compare two faces, 1:1: the score, how many strangers reach it, and both crops."),
    "evaluate": (
        "evaluate",
        "Measure the error rates on pictures of known people: FNIR, FPIR, FMR, FNMR, with intervals.",
    ),
    "serve": (
        "serve",
        "Open the pages in the browser; this machine only, with a token in the address that works once.",
    ),
    "stop": ("stops", "Stop all searching, of every agency, at once."),
    "resume": ("stops", "Let everybody search again; an agency that was stopped separately stays stopped."),
    "stop-agency": ("stops", "Stop all searching of your agency, at once."),
    "resume-agency": ("stops", "Let your agency search again."),
    "stops": ("stops", "Show what is stopped, since when and why."),
    "threshold": (
        "threshold",
        "The threshold of identification: how many strangers are expected above it. Two people change it.",
    ),
    "usage": ("agencies", "Show what your agency uses this month, and how long its licence lasts."),
    "policy": ("agencies", "Show the policy of your agency, or make it stricter."),
    "erase": ("erase", "Erase for good: rows, templates, pictures and codes go; the ledger keeps that it happened."),
    "sweep": (
        "retention",
        "Destroy what is due: pictures and cases past their retention, unsearched photographs, old details. Run daily.",
    ),
    "demo": ("demo", "Build a small workspace from the portraits that ship with Lineament, and search it."),
    "source": ("sources", "Sources: who gives us pictures, and on what legal basis."),
    "pack": ("packs", "Model packs: the nets that find and compare faces."),
    "key": ("api_keys", "Keys of programs: each acts for you, within bounds and until a day."),
    "keys": ("keys", "Keys: rotate those of the workspace, of sources and of cases."),
    "job": ("jobs", "Long work: list, follow and stop jobs."),
    "case": ("cases", "Cases: every search belongs to one."),
    "probe": ("probes", "Photographs of a case."),
    "review": ("reviews", "Reviews: two people decide about each candidate, blind to each other."),
    "watch": ("watches", "Faces on watch: compared with what is ingested from then on."),
    "hook": ("hooks", "Web hooks: addresses that are told when a watch fires, and nothing else."),
    "agency": ("agencies", "Agencies: vetted, licensed, and each alone with its own. For operators."),
    "user": ("users", "The people of your agency and their accounts."),
    "lead": ("leads", "Leads: their independent evidence, without which none leaves, and their reports."),
    "jurisdiction": ("jurisdictions", "Jurisdictions: what their law adds, line by line with its source."),
    "witness": ("witness", "A witness of other workspaces: cosigns their ledgers. It needs no workspace of its own."),
    "misuse": ("misuse", "Misuse: the weekly report, its answers, and guarded faces."),
    "account": ("accounts", "Accounts given to others: of the processing, its impact, and a year."),
    "publication": ("accounts", "Figures for everybody: published only if somebody decides so."),
    "cluster": ("cluster", "A cluster: machines that hold the index of a large gallery together."),
    "ledger": ("ledger", "The ledger: exports that anybody can check."),
}
"""The module of each command or group of commands, and the first paragraph of its help, in the order of ``--help``."""


class LazyCommands(UserDict[str, "Command"]):
    """Commands by name; looking one up imports its module, listing the names imports nothing.

    ``registers`` maps the name of a module to the function that is called instead of its ``register``.
    """

    def __init__(self, registers: Mapping[str, Callable[[typer.Typer], None]]) -> None:
        super().__init__()
        self._registers = registers
        self.data = dict.fromkeys(COMMANDS, TyperCommand(None))
        self._loaded: set[str] = set()

    def __getitem__(self, name: str) -> Command:
        if name in COMMANDS and name not in self._loaded:
            self._load(COMMANDS[name][0])
        return super().__getitem__(name)

    def _load(self, module: str) -> None:
        app = typer.Typer(rich_markup_mode=None)
        register = self._registers.get(module) or import_module(f"lineament.cli.{module}").register
        register(app)
        group = typer.main.get_group(app)
        self.data.update(group.commands)
        self._loaded.update(group.commands)


class LazyGroup(TyperGroup):
    """The root of all commands: lists them without importing them."""

    def list_commands(self, ctx: Context) -> list[str]:  # noqa: ARG002
        """Return the names, in their order."""
        return list(self.commands)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the names, each with the first words of its help."""
        listed: dict[str, Command] = {name: TyperCommand(name, help=words) for name, (_, words) in COMMANDS.items()}
        TyperGroup(commands=listed).format_commands(ctx, formatter)
