"""The own agency: what it uses, and its policy with the rule that each setting serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.errors import InvalidValue, Refused
from lineament.model.accounts import Permission
from lineament.model.policy import SETTINGS
from lineament.services.people.agencies import Rules
from lineament.web.forms import Sent
from lineament.web.pages import Form, Here, Pages, Visit, go_on_to

pages = Pages()

_BY_ITSELF = frozenset({"accounts"})
"""Settings that nobody turns on: they come with the second account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting as the pages show it."""

    name: str
    words: str
    meaning: str
    rule: str
    preset: str  # in words
    value: bool | int
    typed: str  # what stands in its field
    onoff: bool
    least: int | None
    most: int | None
    fixed: bool  # as strict as it can be, so there is nothing to choose


def settings_lines(rules: Rules, sent: Sent | None = None) -> list[Setting]:
    """Every setting of a policy; with what was typed, where the form was sent and something in it was not right."""
    return [_setting(one.name, one.metadata, rules, sent) for one in SETTINGS]


def _setting(name: str, said: Mapping[str, str], rules: Rules, sent: Sent | None) -> Setting:
    value, base = getattr(rules.policy, name), getattr(rules.base, name)
    onoff = isinstance(base, bool)
    return Setting(
        name=name,
        words=name.replace("_", " "),
        meaning=said["meaning"],
        rule=said["rule"],
        preset=("yes" if base else "no") if onoff else f"{base:,}",
        value=value,
        typed=str(value) if sent is None or onoff else sent.text(name),
        onoff=onoff,
        least=base if said["stricter"] == "more" else None,
        most=base if said["stricter"] == "less" else None,
        fixed=(onoff and base) or name in _BY_ITSELF,
    )


def wished(sent: Sent, rules: Rules) -> dict[str, bool | int]:
    """The settings that the form would change."""
    wishes: dict[str, bool | int] = {}
    for one in settings_lines(rules):
        if one.fixed:
            continue
        wish = bool(sent.text(one.name)) if one.onoff else _number(sent, one)
        if wish != one.value:
            wishes[one.name] = wish
    return wishes


def _number(sent: Sent, setting: Setting) -> int:
    text = sent.text(setting.name)
    if not text.isdecimal() or len(text) > 9:
        raise InvalidValue(what=f"The setting {setting.name}", value=text[:40], why="it is a whole number")
    return int(text)


@pages.page("/usage", access=Permission.READ_USAGE)
def usage(here: Here) -> HTMLResponse:
    """What the own agency uses: seats, searches of the month, and how long its licence lasts."""
    own = here.desk.agencies.own()
    return here.page("usage.html", own=own, against=own.agency.why_closed(own.today))


@pages.page("/policy", access=Permission.MANAGE_PEOPLE)
def policy(here: Here) -> HTMLResponse:
    """The policy of the own agency: every setting with its rule, and where the agency is stricter."""
    return _policy(here)


@pages.act("/policy", access=Permission.MANAGE_PEOPLE)
def tighten(here: Here, sent: Form) -> HTMLResponse | RedirectResponse:
    """Makes the policy of the own agency stricter, or takes a wish back as far as the preset."""
    agencies = here.desk.agencies
    try:
        agencies.tighten(wished(sent, agencies.own().rules))
    except (InvalidValue, Refused) as wrong:
        return _policy(here, sent, str(wrong))
    return go_on_to("/policy")


def _policy(here: Visit, sent: Sent | None = None, wrong: str = "") -> HTMLResponse:
    rules = here.desk.agencies.own().rules
    status = 422 if wrong else 200
    return here.page("policy.html", status=status, rules=rules, settings=settings_lines(rules, sent), wrong=wrong)
