"""``lineament keys …``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.terminal import AsJson, machine, needs, print_json, progress, say, workspace
from lineament.model.accounts import Permission
from lineament.views.rotations import rotation_json
from lineament.views.values import counted

if TYPE_CHECKING:
    from lineament.services.jobs.kinds import Report
    from lineament.services.rotation.report import RotationReport
    from lineament.workspace import Desk

app = typer.Typer(help="Keys: rotate those of the workspace, of sources and of cases.", no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the commands to ``root``."""
    root.add_typer(app, name="keys")


@app.command()
@needs(Permission.MACHINE)
def rotate(context: typer.Context, as_json: AsJson = False) -> None:
    """Rotate the workspace's key and the key-encryption key; an interrupted rotation resumes when run again."""
    with machine(context) as desk:
        report = _run(desk, None)
    _print(report, as_json=as_json)


@app.command("rotate-source")
@needs(Permission.MACHINE)
def rotate_source(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The name of the source.")],
    as_json: AsJson = False,
) -> None:
    """Rotate the key of a source and build its index again; an interrupted rotation resumes when run again."""
    with machine(context) as desk:
        report = _run(desk, name)
    _print(report, as_json=as_json)


@app.command("rotate-case")
@needs(Permission.MANAGE_CASES)
def rotate_case(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="CASE", help="The reference of the case.")],
    as_json: AsJson = False,
) -> None:
    """Rotate the key of a case: its photographs, messages, notes and files are sealed again."""
    with workspace(context) as desk:
        report = desk.key_rotation.case(name)
    _print(report, as_json=as_json)


def _run(desk: Desk, source: str | None) -> RotationReport:
    """Rotate the key of a source, or that of the workspace, in this process as a job that others can follow."""
    from lineament.services.jobs.kinds import ROTATE_KEY

    with progress() as bar:
        shown = bar.add_task("", total=None, rate="")

        def act(report: Report) -> RotationReport:
            def on_progress(now: RotationReport) -> None:
                done = now.progress()
                rate = f"{done.done / now.seconds:,.0f}/s" if now.seconds else ""
                doing = now.doing.capitalize()
                bar.update(shown, description=doing, total=done.total, completed=done.done, rate=rate)
                report(done)

            if source is None:
                return desk.key_rotation.workspace(on_progress)
            return desk.key_rotation.source(source, on_progress)

        arguments = {} if source is None else {"source": source}
        return desk.jobs.run_here(ROTATE_KEY, arguments, act, rotation_json, source=source)


def _print(report: RotationReport, *, as_json: bool) -> None:
    if as_json:
        print_json(rotation_json(report))
        return
    of = "workspace" if report.name is None else f"{report.of} {report.name}"
    took = f" in {report.seconds:.0f} s" if report.seconds >= 1 else ""
    say(f"The key of the {of} is rotated: {counted(report.resealed, 'value')} sealed again{took}.")
    if report.damaged:
        say(f"{counted(report.damaged, 'value')} opened under no key and stay as they were; see: lineament verify")
