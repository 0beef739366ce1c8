"""The batch of ``lineament search``: a folder or a table of photographs, one list each."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lineament.cli.terminal import complain, print_json_line, progress, say
from lineament.errors import InvalidValue, LineamentError, NoSuchFile
from lineament.model.batches import BatchLine, read_table
from lineament.model.search import ProbeKind, SearchRequest, SearchResult
from lineament.views.errors import named_error_json
from lineament.views.searches import named_search_json, searched_before_json
from lineament.views.values import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineament.model.search import SearchEntry
    from lineament.services.jobs.kinds import Report
    from lineament.services.photographs import BatchPhotograph, FailedPhotograph, SearchedBefore
    from lineament.workspace import Desk

    Answer = SearchResult | SearchedBefore | FailedPhotograph


def batch_lines(what: Path, most_bytes: int) -> Sequence[BatchLine]:
    """Return the photographs that a folder or a table names. Wrong lines are told one by one, and end the command."""
    from lineament.cli.terminal import file_bytes

    if what.is_dir():
        found = sorted(path for path in what.rglob("*") if path.is_file())
        shown = [path for path in found if not any(part.startswith(".") for part in path.relative_to(what).parts)]
        if len(shown) < len(found):
            say(f"{counted(len(found) - len(shown), 'hidden file')} left out.", err=True)
        if not shown:
            raise NoSuchFile(path=f"{what} (the folder is empty)")
        return [BatchLine(file=str(path)) for path in shown]
    try:
        text = file_bytes(what, most_bytes).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidValue(what="--batch", value=what.name, why="the table is not UTF-8", field="batch") from None
    lines, wrong = read_table(text)
    if wrong:
        for one in wrong:
            complain(f"{what.name}, line {one.line}: {one.why}")
        raise typer.Exit(InvalidValue.exit_code)
    return lines


def search_batch(
    desk: Desk,
    what: Path,
    request: SearchRequest,
    kind: ProbeKind | None,
    *,
    again: bool,
    as_json: bool,
    show: Callable[[SearchResult, SearchEntry], None],
) -> None:
    """Search every photograph of a batch. Raises typer.Exit with the code of the first error, if there was one."""
    from lineament.services.jobs.kinds import BATCH
    from lineament.services.photographs import FailedPhotograph, SearchedBefore

    lines = batch_lines(what, desk.settings.max_file_bytes)
    photographs = [_photograph(desk, what, line, kind) for line in lines]
    counts = {"searched": 0, "searched before": 0, "failed": 0}
    codes: list[int] = []

    def tell(photograph: BatchPhotograph, answer: Answer) -> None:
        if isinstance(answer, FailedPhotograph):
            counts["failed"] += 1
            codes.append(answer.error.exit_code)
            complain(_failure(photograph, answer.error))
            if as_json:
                print_json_line(named_error_json(photograph.name, answer.error))
        elif isinstance(answer, SearchedBefore):
            counts["searched before"] += 1
            if as_json:
                print_json_line(searched_before_json(photograph.name, answer.search_id))
        else:
            counts["searched"] += 1
            entry = desk.search.entry(answer.search_id)
            if as_json:
                print_json_line(named_search_json(photograph.name, answer, entry))
            else:
                say(f"{photograph.name}:")
                show(answer, entry)

    with progress() as bar:
        shown = bar.add_task("Searching", total=len(photographs), rate="")

        def act(report: Report) -> None:
            from lineament.model.jobs import JobProgress

            began = time.monotonic()
            for done, (photograph, answer) in enumerate(
                desk.photographs.search_batch(photographs, request, again=again), 1
            ):
                tell(photograph, answer)
                seconds = time.monotonic() - began
                bar.update(shown, completed=done, rate=f"{60 * done / seconds:.0f} a minute" if seconds else "")
                report(JobProgress(done=done, total=len(photographs)))

        digest = hashlib.sha256("\n".join(photograph.name for photograph in photographs).encode()).hexdigest()[:16]
        arguments = {"photographs": len(photographs), "digest": digest}
        desk.jobs.run_here(BATCH, arguments, act, lambda _: counts)
    words = f"{counted(counts['searched'], 'photograph')} searched, {counts['failed']:,} failed"
    before = counts["searched before"]
    skipped = f", {before:,} left out because they were searched before with these settings (--again)" if before else ""
    say(f"{words}{skipped}.", err=as_json)
    if codes:
        raise typer.Exit(codes[0])


def _photograph(desk: Desk, what: Path, line: BatchLine, kind: ProbeKind | None) -> BatchPhotograph:
    from lineament.cli.terminal import file_bytes
    from lineament.services.photographs import BatchPhotograph

    path = Path(line.file) if line.line is None else what.parent / line.file
    return BatchPhotograph(
        name=line.file,
        read=lambda: file_bytes(path, desk.settings.max_file_bytes),
        face=line.face,
        part=line.page,
        kind=line.kind or kind,
        reason=line.reason,
        line=line.line,
    )


def _failure(photograph: BatchPhotograph, error: LineamentError) -> str:
    place = photograph.name if photograph.line is None else f"line {photograph.line}, {photograph.name}"
    return f"{place}: {error}"
