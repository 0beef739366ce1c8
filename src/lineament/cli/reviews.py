"""``lineament review …``: what waits for me, a list as I may see it, and decisions about its candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.terminal import AsJson, needs, print_json, print_table, say, table, when, workspace
from lineament.errors import InvalidValue
from lineament.model.accounts import Permission
from lineament.model.proficiency import LEAST_PAIRS, TRUTHS, read_truth
from lineament.model.review import Assessment, Draft, Feature, ReviewOutcome
from lineament.views.proficiency import decided_words, proficiency_json
from lineament.views.reviews import decision_json, review_json, standing_words, waiting_json
from lineament.views.values import counted

if TYPE_CHECKING:
    from lineament.services.review.reviews import ListReview

app = typer.Typer(help="Reviews: two people decide about each candidate, blind to each other.", no_args_is_help=True)

Search = Annotated[str, typer.Argument(metavar="SEARCH", help="The search, by its number.")]
Candidate = Annotated[str, typer.Argument(metavar="CANDIDATE", help="The candidate, as “review show” names it.")]


def register(root: typer.Typer) -> None:
    """Add the commands to ``root``."""
    root.add_typer(app, name="review")


@app.command(name="list")
@needs(Permission.REVIEW)
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the lists that wait for your decisions, those that wait longest first."""
    with workspace(context) as desk:
        waiting = desk.reviews.waiting()
    if as_json:
        print_json(waiting_json(waiting))
        return
    if not waiting:
        say("No list waits for you.")
        return
    shown = table("search", "case", "to decide", "since", "asked by", right=("to decide",))
    for each in waiting:
        shown.add_row(each.search_id, each.case.ref, f"{each.left} of {each.listed}", when(each.since), each.asked_by)
    print_table(shown)


@app.command()
@needs(Permission.READ_CASES)
def show(context: typer.Context, search: Search, as_json: AsJson = False) -> None:
    """Show how the review of a list stands, as far as you may know it."""
    with workspace(context) as desk:
        desk.search.read(search)
        review = desk.reviews.of_search(search)
    if as_json:
        print_json(review_json(review))
        return
    shown = table("candidate", "review", "yours", "notes", right=("notes",))
    for entry in review.entries:
        own = "" if entry.own is None else entry.own.outcome.value
        shown.add_row(entry.name, standing_words(entry), own, str(len(entry.notes) or ""))
    print_table(shown)
    _say_left(review)


@app.command()
@needs(Permission.REVIEW)
def decide(
    context: typer.Context,
    search: Search,
    candidate: Candidate,
    outcome: Annotated[ReviewOutcome, typer.Option(metavar="OUTCOME", help=f"One of: {', '.join(ReviewOutcome)}.")],
    feature: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FEATURE=FOUND", help=f"What was found, one of: {', '.join(Assessment)}; for each feature."
        ),
    ] = None,
    rest: Annotated[
        Assessment | None, typer.Option(metavar="FOUND", help="What was found of every feature that is not named.")
    ] = None,
    grounds: Annotated[str, typer.Option(help="What weighs most.")] = "",
    because: Annotated[str, typer.Option(help="Why an earlier decision of yours changes.")] = "",
    as_json: AsJson = False,
) -> None:
    """Decide about a candidate after comparing every feature; the decision is committed and never removed."""
    checklist = {} if rest is None else dict.fromkeys(Feature, rest)
    checklist |= dict(map(_assessed, feature or ()))
    draft = Draft(outcome=outcome, checklist=checklist, grounds=grounds, because=because)
    with workspace(context) as desk:
        decision = desk.reviews.decide(search, candidate, draft)
        review = desk.reviews.of_search(search)
    if as_json:
        print_json(decision_json(decision))
        return
    say(f"Decided: {decision.outcome.value}.")
    _say_left(review)


@app.command()
@needs(Permission.REVIEW)
def note(
    context: typer.Context,
    search: Search,
    candidate: Candidate,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The note.")],
) -> None:
    """Write a note on a candidate; others read it once the review of the candidate is complete."""
    with workspace(context) as desk:
        desk.reviews.note(search, candidate, text)
    say("Noted.")


@app.command()
@needs(Permission.REVIEW)
def ask(
    context: typer.Context,
    search: Search,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Who is asked, by account or full name.")],
) -> None:
    """Ask a colleague to review the candidates of a search."""
    with workspace(context) as desk:
        known = {each.name: each.account_id for each in desk.reviews.colleagues(search)}
        asked = desk.reviews.ask(search, known.get(account, account))
    say(f"{asked.name} was asked.")


@app.command()
@needs(Permission.MEASURE_REVIEWERS)
def know(
    context: typer.Context,
    search: Search,
    truth: Annotated[
        list[str], typer.Argument(metavar="CANDIDATE=TRUTH …", help=f"The truth is one of: {', '.join(TRUTHS)}.")
    ],
) -> None:
    """Record of candidates whether they are the person of the probe; the list measures its reviewers from then on."""
    with workspace(context) as desk:
        known = desk.measuring.know(search, dict(map(read_truth, truth)))
    say(f"The truth about {counted(len(known), 'candidate')} is on record.")


@app.command()
@needs(Permission.MEASURE_REVIEWERS)
def proficiency(context: typer.Context, as_json: AsJson = False) -> None:
    """Show how often each reviewer was right about known pairs."""
    with workspace(context) as desk:
        reviewers = desk.measuring.reviewers()
    if as_json:
        print_json(proficiency_json(reviewers))
        return
    if not reviewers:
        say("Nobody decided about a known pair yet.")
        return
    shown = table("reviewer", "missed", "false leads", "last decided")
    for each in reviewers:
        shown.add_row(each.reviewer, decided_words(each.mated), decided_words(each.others), when(each.last_at))
    print_table(shown)
    say(f"A rate is told from {LEAST_PAIRS} pairs on.")


def _assessed(text: str) -> tuple[Feature, Assessment]:
    """Return a feature and what was found of it. Raises InvalidValue."""
    name, _, found = text.partition("=")
    features = {feature.value: feature for feature in Feature}
    if name.strip() not in features:
        raise InvalidValue(what="--feature", value=text[:60], why=f"name one of: {', '.join(features)}")
    if found.strip() not in set(Assessment):
        raise InvalidValue(what="--feature", value=text[:60], why=f"it is one of: {', '.join(Assessment)}")
    return features[name.strip()], Assessment(found.strip())


def _say_left(review: ListReview) -> None:
    say(f"{counted(review.left, 'candidate')} left for you to decide." if review.left else "Nothing is left for you.")
