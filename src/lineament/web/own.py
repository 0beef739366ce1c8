"""One's own agency: what it uses, and its policy with the rule that each setting serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.errors import InvalidValue
from lineament.model.accounts import Permission
from lineament.model.policy import SETTINGS
from lineament.services.people.agencies import Rules
from lineament.views.policies import setting_words
from lineament.web.forms import SentForm
from lineament.web.pages import CurrentVisit, Form, Pages, redirect

pages = Pages()

_AUTOMATIC = frozenset({"accounts"})
"""Settings that nobody turns on: they come with the second account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySetting:
    """A setting as the pages show it."""

    name: str
    words: str
    meaning: str
    rule: str
    preset: str  # in words
    value: bool | int
    onoff: bool
    least: int | None
    most: int | None
    fixed: bool  # as strict as it can be, so there is nothing to choose


def policy_settings(rules: Rules) -> list[PolicySetting]:
    """Return every setting of a policy."""
    return [_setting(setting.name, setting.metadata, rules) for setting in SETTINGS]


def _setting(name: str, metadata: Mapping[str, str], rules: Rules) -> PolicySetting:
    value, base = getattr(rules.policy, name), getattr(rules.base, name)
    onoff = isinstance(base, bool)
    return PolicySetting(
        name=name,
        words=name.replace("_", " "),
        meaning=metadata["meaning"],
        rule=metadata["rule"],
        preset=setting_words(base),
        value=value,
        onoff=onoff,
        least=base if metadata["stricter"] == "more" else None,
        most=base if metadata["stricter"] == "less" else None,
        fixed=(onoff and base) or name in _AUTOMATIC,
    )


def changed_settings(form: SentForm, rules: Rules) -> dict[str, bool | int]:
    """Return the settings that the form would change, by name."""
    wishes: dict[str, bool | int] = {}
    for setting in policy_settings(rules):
        if setting.fixed:
            continue
        wish = bool(form.text(setting.name)) if setting.onoff else _number(form, setting)
        if wish != setting.value:
            wishes[setting.name] = wish
    return wishes


def _number(form: SentForm, setting: PolicySetting) -> int:
    text = form.text(setting.name)
    if not text.isdecimal() or len(text) > 9:
        label = f"The setting {setting.name}"
        raise InvalidValue(what=label, value=text[:40], why="it must be a whole number", field=setting.name)
    return int(text)


@pages.page("/usage", access=Permission.READ_USAGE)
def usage(visit: CurrentVisit) -> HTMLResponse:
    """What my agency uses: seats, searches of the month, and how long its licence lasts."""
    own = visit.desk.agencies.own()
    return visit.page("usage.html", own=own, against=own.agency.why_closed(own.today))


@pages.page("/policy", access=Permission.MANAGE_PEOPLE)
def policy(visit: CurrentVisit) -> HTMLResponse:
    """The policy of my agency: every setting with its rule, and where the agency is stricter."""
    rules = visit.desk.agencies.own().rules
    return visit.page("policy.html", rules=rules, settings=policy_settings(rules))


@pages.act("/policy", access=Permission.MANAGE_PEOPLE, page=policy)
def tighten(visit: CurrentVisit, form: Form) -> RedirectResponse:
    """Make the policy of my agency stricter, or relax it again as far as the preset."""
    agencies = visit.desk.agencies
    agencies.tighten(changed_settings(form, agencies.own().rules))
    return redirect("/policy")
