"""``lineament search``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lineament.cli.batch import search_batch
from lineament.cli.terminal import (
    checked_writable,
    day,
    explain,
    file_bytes,
    needs,
    print_json,
    print_json_line,
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
from lineament.model.batches import COLUMNS
from lineament.model.faces import DRAWN
from lineament.model.parts import incomplete_words, part_words
from lineament.model.search import (
    DECLARED,
    USUAL_CANDIDATES,
    Candidate,
    Mode,
    ProbeKind,
    SearchEntry,
    SearchRequest,
    SearchResult,
    expected_words,
    interval_words,
    missed_words,
    uncompared_words,
)
from lineament.model.together import Together
from lineament.views.errors import named_error_json
from lineament.views.probes import turned_words
from lineament.views.searches import named_search_json, search_json
from lineament.views.values import counted

if TYPE_CHECKING:
    from lineament.services.photographs import FailedPhotograph, Photograph
    from lineament.workspace import Desk


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(search)


@needs(Permission.SEARCH)
def search(
    context: typer.Context,
    case: Annotated[str, typer.Option(metavar="REF", help="The case that it belongs to.")],
    reason: Annotated[str, typer.Option(help="Why this search is made, for the record.")],
    probes: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PROBE]...", help="The photograph asked about; each of several gets its own answer."),
    ] = None,
    candidate: Annotated[
        str | None,
        typer.Option(metavar="SEARCH/CANDIDATE", help="Search with the face of a candidate of this case instead."),
    ] = None,
    new_since: Annotated[
        str | None,
        typer.Option(metavar="SEARCH", help="Repeat that search of this case, on the faces enrolled since."),
    ] = None,
    batch: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER|CSV",
            help=f"Search each photograph of a folder or a table by itself; its columns: {', '.join(COLUMNS)}.",
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="With --batch: also those that were searched before with these settings.")
    ] = False,
    face: Annotated[
        int | None, typer.Option(min=1, help="Which face of the photograph, or of the first, from 1.")
    ] = None,
    page: Annotated[
        int | None,
        typer.Option(min=1, help="Which page or frame of the file, from 1; usually the first that shows a face."),
    ] = None,
    kind: Annotated[
        ProbeKind | None,
        typer.Option(metavar="KIND", help=f"The policy may ask for it; one of: {', '.join(DECLARED)}."),
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Search this source only; may be repeated.")
    ] = None,
    since: Annotated[date | None, typer.Option(parser=day, metavar="DATE", help="Captured then or later.")] = None,
    until: Annotated[date | None, typer.Option(parser=day, metavar="DATE", help="Captured then or earlier.")] = None,
    limit: Annotated[
        int, typer.Option(help="Most entries listed, 1 to 50; pictures that are alike share one.")
    ] = USUAL_CANDIDATES,
    min_score: Annotated[float | None, typer.Option(metavar="S", help="List this score and above.")] = None,
    investigate: Annotated[bool, typer.Option("--investigate", help="List the best, whatever their score.")] = False,
    same_person: Annotated[
        bool, typer.Option("--same-person", help="All photographs show one person: fuse them, for one answer.")
    ] = False,
    together: Annotated[
        Together | None,
        typer.Option(
            metavar="all|any",
            help="Each photograph shows another person, or a single one all of them: pictures of all, or of any.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead; for several photographs, one in each line.")
    ] = False,
    report: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write a report too.")] = None,
) -> None:
    """Compare a face with every face of the gallery; the answer is a list of candidates, or no candidate.

    If one of several photographs cannot be searched, the others are; the exit code is that of the first that failed.
    """
    probes = _one_way(probes or [], candidate, new_since, batch)
    several = batch is not None or _each_by_itself(probes, same_person, together)
    if several and (given := _of_one_photograph(face, page, report)) is not None:
        why = "it needs one photograph, or several with --same-person or --together; a batch says it in its table"
        raise InvalidValue(what=given[0], value=given[1], why=why)
    if report is not None:
        checked_writable(report)
    request = SearchRequest(
        case=case,
        reason=reason,
        sources=tuple(source or ()),
        since=since,
        until=until,
        limit=limit,
        mode=_mode(min_score, investigate),
        min_score=min_score,
    )
    with workspace(context, nets=True) as desk:
        if batch is not None:
            search_batch(desk, batch, request, kind, again=again, as_json=as_json, show=show)
            return
        photographs = [_photograph(path, desk) for path in probes]
        if several:
            _search_each(desk, photographs, request, kind, as_json)
            return
        with working("Searching"):
            if photographs:
                answer = _search_at_once(desk, photographs, request, together, kind=kind, face=face, part=page)
                result = _succeeded(answer, as_json)
            else:
                result = _from_earlier(desk, candidate, new_since, request)
            if report is not None:
                write_private(report, desk.report.html(result.search_id).encode())
        entry = desk.search.entry(result.search_id)
        against = desk.audit.not_witnessed()
    if against is not None:
        say(f"Warning: {against}.", err=True)
    if as_json:
        print_json(search_json(result, entry))
        return
    show(result, entry)
    if report is not None:
        say(f"The report is at {report}")


def _one_way(probes: list[Path], *earlier: str | Path | None) -> list[Path]:
    """Return the photographs. Raises InvalidValue unless either they or something of an earlier search are given."""
    if bool(probes) + sum(given is not None for given in earlier) != 1:
        why = "give a photograph, --candidate, --new-since or --batch, and one of them only"
        raise InvalidValue(what="PROBE", value=" ".join(map(str, probes)), why=why)
    return probes


def _each_by_itself(probes: Sequence[Path], same_person: bool, together: Together | None) -> bool:
    """Return whether each photograph gets its own answer. Raises InvalidValue for --together without photographs."""
    if together is not None and (same_person or not probes):
        why = "it needs photographs of different people, without --same-person"
        raise InvalidValue(what="--together", value=together.value, why=why)
    return len(probes) > 1 and not same_person and together is None


def _search_at_once(
    desk: Desk, photographs: Sequence[Photograph], request: SearchRequest, together: Together | None, **chosen: Any
) -> SearchResult | FailedPhotograph:
    """Search once: for one person, or for several if ``together`` says how."""
    if together is not None:
        return desk.photographs.search_together(photographs, request, together, **chosen)
    if len(photographs) == 1:
        return desk.photographs.search(photographs[0], request, **chosen)
    return desk.photographs.search_fused(photographs, request, **chosen)


def _from_earlier(desk: Desk, candidate: str | None, new_since: str | None, request: SearchRequest) -> SearchResult:
    """Search what is new since an earlier search, or with the face of a candidate, SEARCH/CANDIDATE.

    Nothing is copied if the gate refuses.
    """
    if new_since is not None:
        case = desk.casework.get(request.case)
        if desk.search.to_repeat(new_since).search.case_key != case.key:
            raise InvalidValue(what="--new-since", value=new_since[:60], why="the search is of another case")
        return desk.search.repeat(new_since, request.reason)
    candidate = candidate or ""
    search_id, _, name = candidate.partition("/")
    if not (name.isascii() and name.isalnum() and len(name) <= 32):
        why = "write the search and the candidate as 316d1e17585386dd/3"
        raise InvalidValue(what="--candidate", value=candidate[:60], why=why)
    desk.search.admit(request)
    copy = desk.copies.take(search_id, name)
    return desk.search.run(copy.probe.id, request, copy.face)


def _of_one_photograph(face: int | None, page: int | None, report: Path | None) -> tuple[str, object] | None:
    """Return the first given option that belongs to a single photograph, with its value."""
    options = (("--face", face), ("--page", page), ("--report", report))
    return next(((name, value) for name, value in options if value is not None), None)


def _photograph(path: Path, desk: Desk) -> Photograph:
    from lineament.services.photographs import Photograph

    return Photograph(name=str(path), read=lambda: file_bytes(path, desk.settings.max_file_bytes))


def _search_each(
    desk: Desk, photographs: Sequence[Photograph], request: SearchRequest, kind: ProbeKind | None, as_json: bool
) -> None:
    """Search each photograph by itself. Raises typer.Exit with the code of the first error, if there was one."""
    from lineament.services.photographs import FailedPhotograph

    code = 0
    answers = desk.photographs.search_each(photographs, request, kind=kind)
    for photograph in photographs:
        with working(f"Searching {Path(photograph.name).name}"):
            answer = next(answers)
        if isinstance(answer, FailedPhotograph):
            explain(answer.error, _failure(answer))
            code = code or answer.error.exit_code
            continue
        entry = desk.search.entry(answer.search_id)
        if as_json:
            print_json_line(named_search_json(photograph.name, answer, entry))
        else:
            say(f"{photograph.name}:")
            show(answer, entry)
    if code:
        raise typer.Exit(code)


def _succeeded(answer: SearchResult | FailedPhotograph, as_json: bool) -> SearchResult:
    """Return the result; if one of the photographs failed, explain why and raise typer.Exit with its code."""
    from lineament.services.photographs import FailedPhotograph

    if isinstance(answer, FailedPhotograph):
        explain(answer.error, _failure(answer))
        if as_json:
            print_json(named_error_json(answer.name, answer.error))
        raise typer.Exit(answer.error.exit_code)
    return answer


def _failure(failed: FailedPhotograph) -> str:
    """Return the message of an error with the name of its photograph."""
    message = str(failed.error)
    return message if failed.name in message else f"{failed.name}: {message}"


def _mode(min_score: float | None, investigate: bool) -> Mode:
    if investigate and min_score is not None:
        raise InvalidValue(what="--min-score", value=min_score, why="it cannot be combined with --investigate")
    if investigate:
        return Mode.INVESTIGATION
    return Mode.IDENTIFICATION if min_score is None else Mode.MANUAL


def show(result: SearchResult, entry: SearchEntry) -> None:
    """Print the candidate list for people."""
    from lineament.services.report import how_cut, people_lines, since_words

    faces = counted(result.gallery_faces, "face")
    every = ", every one" if result.whole else ""
    say(f"{faces} compared in {result.seconds:.3f} s{every}; list shows {how_cut(result)}")
    for words in (since_words(result), people_lines(result)):
        if words:
            say(f"{words[0].upper()}{words[1:]}.")
    if words := uncompared_words(result):
        say(f"The answer is incomplete: {words}.")
    _say_probe(result)
    if result.quality.reasons:
        say("The probe is not reliable: " + "; ".join(why.value for why in result.quality.reasons))
    if words := missed_words(result):
        say(f"{words}.")
    _print_list(result)
    for warning in entry.warnings:
        say(warning)
    say(f"Search {result.search_id}, ledger entry {entry}. A candidate is a starting point, never a finding.")


def _print_list(result: SearchResult) -> None:
    if result.hidden:
        _print_hidden(result)
    elif not result.candidates and not result.whole:
        say("No candidate among the faces that were compared.")
    elif not result.candidates:
        say("No candidate. That is an answer: the person may not be in these sources.")
    else:
        _print(result)


def _say_probe(result: SearchResult) -> None:
    """Print what has to be known of the photograph."""
    from lineament.services.report import origin_words

    if result.others:
        say(f"{len(result.others) + 1} photographs of one person were fused.")
    if words := part_words(result.probe_part, result.probe_parts):
        say(f"The photograph is {words} of its file; choose another with --page N.")
    if words := origin_words(result.probe_origin):
        say(f"The photograph was copied from {words}.")
    if words := turned_words(result.probe_edits):
        say(f"{words}.")
    if words := incomplete_words(result.probe_incomplete, result.probe_missing):
        say(f"The probe: {words}.")


def _print(result: SearchResult) -> None:
    right = ("rank", "score", "face")
    shown = table("rank", "score", "strangers expected", "face", "source", "captured", "page", right=right)
    for listed in result.entries:
        first = listed.candidate
        shown.add_row(*_cells(first, [f"at least {listed.unlisted} more not listed"] if listed.unlisted else []))
        for candidate in listed.further:
            same = "in the picture of" if result.together is Together.ALL else "further picture of the face of"
            shown.add_row(*_cells(candidate, [f"{same} rank {first.rank}"]))
    print_table(shown)
    if any(candidate.extrapolated for candidate in result.candidates):
        say("In brackets: the 95 % interval of strangers expected beyond what was counted.")


def _print_hidden(result: SearchResult) -> None:
    shown = table("candidate", "source", "captured", "page")
    for entry in result.hidden:
        for face in entry.faces:
            found = "hidden until you decide" if face.found_at is None else face.found_at.page_uri or face.found_at.uri
            shown.add_row(face.name, face.source, when(face.captured_at), found)
    print_table(shown)
    say("In an order of your own. Ranks and scores are hidden until you have decided about all of them.")


def _cells(candidate: Candidate, remarks: list[str]) -> list[str]:
    """Return a row of the list; the remarks stand last."""
    marks = [part_words(candidate.part, candidate.parts, candidate.time_code)]
    marks += ["incomplete file"] if candidate.incomplete else []
    marks += [DRAWN] if candidate.drawn else []
    page = ", ".join(filter(None, [candidate.page_title or candidate.page_uri or candidate.uri, *marks]))
    near = len(candidate.near_duplicates)
    strangers, interval = expected_words(candidate.expected_false), interval_words(candidate)
    remarks = [*([] if candidate.person is None else [f"person {candidate.person}"]), *remarks]
    remarks = [*([f"+{near} near-identical"] if near else []), *remarks]
    return [
        str(candidate.rank),
        f"{candidate.score:.3f}",
        f"{strangers} ({interval})" if interval else strangers,
        str(candidate.face_id),
        candidate.source,
        when(candidate.captured_at),
        f"{page} ({'; '.join(remarks)})" if remarks else page,
    ]
