"""``lineament source look-again``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lineament.cli.jobs import print_queued
from lineament.cli.terminal import AsJson, needs, print_json, progress, say, workspace
from lineament.errors import InvalidValue
from lineament.model.accounts import Permission
from lineament.views.values import counted

if TYPE_CHECKING:
    from lineament.services.gallery.look_again import LookAgainReport
    from lineament.services.jobs.kinds import Report
    from lineament.workspace import Desk


PROPOSE = "lineament pack use NAME --reason TEXT --evaluate DIR"


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("look-again")(look_again)


@needs(Permission.MANAGE_SOURCES)
def look_again(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The name of the source.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every source.")] = False,
    background: Annotated[bool, typer.Option("--background", help="Leave it to a worker, and return at once.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look again at pictures that another model looked at; an interrupted look resumes when run again."""
    if (name is None) is not every:
        why = "name one source, or give --all"
        raise InvalidValue(what="What to look at again", value=name or "", why=why)
    with workspace(context) as desk:
        look(desk, name, background=background, as_json=as_json)


def look(desk: Desk, name: str | None, *, background: bool, as_json: bool) -> None:
    """Look again at the pictures of a source, or of all, and print what was found; or leave it to a worker."""
    from lineament.services.jobs.kinds import LOOK_AGAIN, look_again_arguments
    from lineament.views.second_looks import looked_again_json

    arguments = look_again_arguments(name)
    if background:
        print_queued(desk.jobs.add(LOOK_AGAIN, arguments, source=name), as_json=as_json)
        return
    done = _run(desk, name, arguments)
    if as_json:
        print_json(looked_again_json(done))
    else:
        _print(done)


def _run(desk: Desk, name: str | None, arguments: dict[str, Any]) -> LookAgainReport:
    """Look again in this process, as a job that the pages show and can stop."""
    from lineament.services.gallery import look_again as service
    from lineament.services.jobs.kinds import LOOK_AGAIN

    with progress() as bar:
        shown = bar.add_task("Looking again", total=None, rate="")

        def act(report: Report) -> LookAgainReport:
            def on_progress(now: LookAgainReport) -> None:
                rate = f"{now.looked / now.seconds:.0f} pictures/s" if now.seconds else ""
                bar.update(shown, total=max(now.total, now.looked), completed=now.looked, rate=rate)
                report(service.progress(now))

            return desk.look_again.run(arguments["sources"], workers=desk.workspace.workers, on_progress=on_progress)

        return desk.jobs.run_here(LOOK_AGAIN, arguments, act, service.result, source=name)


def _print(done: LookAgainReport) -> None:
    if done.waits:
        say(f"Every picture was looked at by {done.model}, which is used once a second person has approved it.")
        say(f"Propose it: {PROPOSE}")
    elif not done.looked and not done.adopted:
        say(f"Every picture was last looked at by {done.model}; there is nothing to do.")
    if not done.looked and not done.adopted:
        return
    took = f" in {done.seconds:.0f} s" if done.seconds >= 1 else ""
    pictures, found = counted(done.looked, "picture"), counted(done.found, "face")
    say(f"{pictures} looked at again by {done.model}{took}: {found} that were missed before.")
    for source in done.adopted:
        say(f"  {source} is now searched with it")
    if done.lost:
        say(
            f"{counted(done.lost, 'face')} could not be described, because the model finds none in picture or crop; "
            "list them with: lineament source pictures NAME --not-comparable"
        )
