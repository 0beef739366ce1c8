"""``lineament agency …``, and the own agency's ``lineament usage`` and ``lineament policy``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.stops import Reason
from lineament.cli.terminal import AsJson, day, needs, print_facts, print_json, print_table, say, table, workspace
from lineament.cli.users import print_invitation
from lineament.errors import InvalidValue
from lineament.model.accounts import Permission
from lineament.model.agencies import Agency, AgencyTerms, Licence, LicenceKind, Usage, VettingOutcome
from lineament.model.policy import SETTINGS
from lineament.views.agencies import agencies_json, agency_json, searches_line, seats_line, usage_json, vetting_word
from lineament.views.policies import rules_json, setting_words
from lineament.views.stops import agency_stop_json

if TYPE_CHECKING:
    from lineament.services.people.agencies import Rules

app = typer.Typer(help="Agencies: vetted, licensed, and each alone with its own. For operators.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of the agency, or its id.")]
Day = typer.Option(parser=day, metavar="DATE")
Wishes = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="SETTING=VALUE", help="Make it stricter, as in further_approvals=2; may be repeated."
    ),
]


def register(root: typer.Typer) -> None:
    """Add the commands to ``root``: the group ``agency``, and ``usage`` and ``policy`` for one's own agency."""
    root.add_typer(app, name="agency")
    root.command()(usage)
    root.command()(policy)


@app.command()
@needs(Permission.OPERATE)
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the agency is called.")],
    jurisdiction: Annotated[str, typer.Option(metavar="CC", help="As in FR, or US-MD (ISO 3166).")],
    as_json: AsJson = False,
) -> None:
    """Register an agency; it is vetted and licensed before anybody of it is invited."""
    with workspace(context) as desk:
        agency = desk.agencies.register(AgencyTerms(name=name, jurisdiction=jurisdiction))
        today = desk.clock().date()
    if as_json:
        print_json(agency_json(agency, today))
        return
    say(f"The agency {agency.name} is registered. Next: lineament agency vet {agency.id} --outcome open …")


@app.command()
@needs(Permission.OPERATE)
def rename(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the agency that runs this workspace is called.")],
    jurisdiction: Annotated[str, typer.Option(metavar="CC", help="As in FR, or US-MD (ISO 3166).")],
    as_json: AsJson = False,
) -> None:
    """Name the agency that runs this workspace."""
    with workspace(context) as desk:
        _print(desk.agencies.rename_home(AgencyTerms(name=name, jurisdiction=jurisdiction)), desk.clock(), as_json)


@app.command("list")
@needs(Permission.OPERATE)
def list_agencies(context: typer.Context, as_json: AsJson = False) -> None:
    """List all agencies with what they use."""
    with workspace(context) as desk:
        listed, today = desk.agencies.usage(), desk.clock().date()
    if as_json:
        print_json(agencies_json(listed, today))
        return
    right = ("days left", "seats", "searches")
    shown = table("name", "country", "vetting", "licence", *right, "id", right=right)
    for usage in listed:
        agency, licence = usage.agency, usage.agency.licence
        shown.add_row(
            agency.name,
            agency.terms.jurisdiction,
            vetting_word(agency),
            "" if licence is None else licence.kind.value,
            "" if licence is None else str(licence.days_left(today)),
            seats_line(usage),
            searches_line(usage),
            agency.id,
        )
    print_table(shown)


@app.command()
@needs(Permission.OPERATE)
def show(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Show an agency with its vetting and its licence."""
    with workspace(context) as desk:
        _print(desk.agencies.get(name), desk.clock(), as_json)


@app.command()
@needs(Permission.OPERATE)
def vet(
    context: typer.Context,
    name: Name,
    outcome: Annotated[VettingOutcome, typer.Option(help="Whether it is let in.")],
    restrictions: Annotated[str, typer.Option(help="What the law of its country allows it, and what not.")],
    rights: Annotated[str, typer.Option(help="Its human-rights record.")],
    renew: Annotated[date, Day],
    by: Annotated[str, typer.Option(help="Who vetted, if somebody else did.")] = "",
    as_json: AsJson = False,
) -> None:
    """Record the vetting of an agency, until the day on which it has to be renewed."""
    from lineament.services.people.agencies import VettingGrounds

    with workspace(context) as desk:
        found = VettingGrounds(
            outcome=outcome,
            legal_restrictions=restrictions,
            human_rights_record=rights,
            renew_on=renew,
            by=by,
        )
        _print(desk.agencies.vet(name, found), desk.clock(), as_json)


@app.command("license")
@needs(Permission.OPERATE)
def license_agency(
    context: typer.Context,
    name: Name,
    seats: Annotated[int, typer.Option(help="Accounts that are not closed.")],
    searches: Annotated[int, typer.Option(help="Searches a calendar month, UTC.")],
    last: Annotated[date, Day],
    first: Annotated[date | None, Day] = None,
    kind: Annotated[LicenceKind, typer.Option(help="Whether it tries Lineament or has it.")] = LicenceKind.TRIAL,
    price: Annotated[str, typer.Option(help="As agreed, with its currency.")] = "",
    reference: Annotated[str, typer.Option(help="Of the contract.")] = "",
    as_json: AsJson = False,
) -> None:
    """License an agency, from today or the first day to the last."""
    with workspace(context) as desk:
        granted = Licence(
            kind=kind,
            first_day=desk.clock().date() if first is None else first,
            last_day=last,
            seats=seats,
            searches_a_month=searches,
            price=price,
            reference=reference,
        )
        _print(desk.agencies.license(name, granted), desk.clock(), as_json)


@app.command("policy")
@needs(Permission.OPERATE)
def policy_of(context: typer.Context, name: Name, wish: Wishes = None, as_json: AsJson = False) -> None:
    """Show the policy of an agency, or make it stricter."""
    with workspace(context) as desk:
        agencies, wishes = desk.agencies, _wishes(wish or [])
        _print_rules(agencies.tighten(wishes, name) if wishes else agencies.rules_of(name), as_json)


@app.command()
@needs(Permission.OPERATE)
def invite(
    context: typer.Context,
    name: Name,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Whom to invite.")],
    person: Annotated[str, typer.Option("--name", help="What this person is called.")],
    as_json: AsJson = False,
) -> None:
    """Invite the first administrator of an agency, or again one who lost everything."""
    with workspace(context) as desk:
        print_invitation(desk.agencies.invite_administrator(name, email, person), as_json)


@app.command("invite-operator")
@needs(Permission.OPERATE)
def invite_operator(
    context: typer.Context,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Whom to invite.")],
    person: Annotated[str, typer.Option("--name", help="What this person is called.")],
    as_json: AsJson = False,
) -> None:
    """Invite another operator, of the agency that runs this workspace, or again one who lost everything."""
    with workspace(context) as desk:
        print_invitation(desk.agencies.invite_operator(email, person), as_json)


@app.command("usage")
@needs(Permission.OPERATE)
def usage_of(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Show what an agency uses this month."""
    with workspace(context) as desk:
        _print_usage(desk.agencies.usage_of(name), desk.clock().date(), as_json)


@app.command()
@needs(Permission.OPERATE)
def stop(
    context: typer.Context,
    name: Name,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Stop all searching of an agency, at once."""
    with workspace(context) as desk:
        made = desk.stops.stop_agency(reason, name)
    if as_json:
        print_json(agency_stop_json(made))
        return
    say(f"The agency is stopped. Resume with: lineament agency resume {name}")


@app.command()
@needs(Permission.OPERATE)
def resume(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Let an agency search again."""
    with workspace(context) as desk:
        desk.stops.resume_agency(name)
    if as_json:
        print_json(agency_stop_json(None))
        return
    say("The agency may search again.")


@needs(Permission.READ_USAGE)
def usage(context: typer.Context, as_json: AsJson = False) -> None:
    """Show what your agency uses this month, and how long its licence lasts."""
    with workspace(context) as desk:
        own = desk.agencies.own()
        _print_usage(own.usage, own.today, as_json)


@needs(Permission.MANAGE_PEOPLE)
def policy(context: typer.Context, wish: Wishes = None, as_json: AsJson = False) -> None:
    """Show the policy of your agency, or make it stricter."""
    with workspace(context) as desk:
        agencies, wishes = desk.agencies, _wishes(wish or [])
        _print_rules(agencies.tighten(wishes) if wishes else agencies.own().rules, as_json)


# ---------------------------------------------------------------- how it is printed


def _print(agency: Agency, now: datetime, as_json: bool) -> None:
    if as_json:
        print_json(agency_json(agency, now.date()))
        return
    facts = agency_json(agency, now.date())
    print_facts({**facts, "closed_because": "; ".join(facts["closed_because"])})


def _print_usage(usage: Usage, today: date, as_json: bool) -> None:
    if as_json:
        print_json(usage_json(usage, today))
        return
    print_facts(usage_json(usage, today))


def _wishes(untrusted: Sequence[str]) -> Mapping[str, bool | int]:
    wishes: dict[str, bool | int] = {}
    for setting in untrusted:
        name, _, value = setting.partition("=")
        word = value.strip().lower()
        if word in {"yes", "no"}:
            wishes[name.strip()] = word == "yes"
        elif word.isdecimal():
            wishes[name.strip()] = int(word)
        else:
            raise InvalidValue(
                what="A setting", value=setting[:60], why="write it as idle_minutes=20 or passkey_only=yes"
            )
    return wishes


def _print_rules(rules: Rules, as_json: bool) -> None:
    if as_json:
        print_json(rules_json(rules))
        return
    say(f"Preset: {rules.policy.preset.value}")
    values = asdict(rules.policy)
    shown = table("setting", "value", "preset", "rule", "meaning", right=("value", "preset"))
    for setting in SETTINGS:
        value, base = values[setting.name], getattr(rules.base, setting.name)
        preset = "" if value == base else setting_words(base)
        shown.add_row(setting.name, setting_words(value), preset, setting.metadata["rule"], setting.metadata["meaning"])
    print_table(shown)
