from __future__ import annotations

import re
from dataclasses import Field, asdict, replace

import pytest

from lineament.errors import InvalidValue
from lineament.model.policy import AGENCY, SETTINGS, SOLO, Preset, stricter


def test_every_setting_says_its_rule_its_meaning_and_which_way_is_stricter() -> None:
    for setting in SETTINGS:
        assert re.fullmatch(r"R[1-9][0-9]?", setting.metadata["rule"]), setting.name
        assert setting.metadata["meaning"].endswith(".")
        assert setting.metadata["stricter"] in {"more", "less", "on"}
        assert (setting.metadata["stricter"] == "on") is isinstance(setting.default, bool)


def test_solo_is_nowhere_stricter_than_an_agency() -> None:
    assert SOLO.preset is Preset.SOLO
    wishes = {setting.name: getattr(AGENCY, setting.name) for setting in SETTINGS}
    assert {**asdict(stricter(SOLO, wishes)), "preset": None} == {**asdict(AGENCY), "preset": None}


@pytest.mark.parametrize("name", [setting.name for setting in SETTINGS if setting.metadata["stricter"] == "on"])
def test_a_switch_is_only_turned_on(name: str) -> None:
    assert getattr(stricter(AGENCY, {name: True}), name) is True
    switched_on = replace(AGENCY, **{name: True})  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="stricter than yes, not laxer"):
        stricter(switched_on, {name: False})


@pytest.mark.parametrize("setting", [setting for setting in SETTINGS if setting.metadata["stricter"] != "on"])
def test_a_number_goes_one_way_alone(setting: Field[object]) -> None:
    name, way = setting.name, setting.metadata["stricter"]
    base = getattr(AGENCY, name)
    step = 1 if way == "more" else -1
    assert getattr(stricter(AGENCY, {name: base + step}), name) == base + step
    assert getattr(stricter(AGENCY, {name: base}), name) == base
    with pytest.raises(InvalidValue):
        stricter(AGENCY, {name: base - step})


@pytest.mark.parametrize(
    "wishes",
    [
        {"unheard_of": 1},
        {"preset": "solo"},
        {"idle_minutes": "10"},
        {"idle_minutes": 10.5},
        {"idle_minutes": True},
        {"passkey_only": 1},
        {"idle_minutes": -1},
        {"further_approvals": 3},
        {"__class__": 1},
    ],
)
def test_an_unknown_setting_or_value_is_refused(wishes: dict[str, object]) -> None:
    with pytest.raises(InvalidValue):
        stricter(AGENCY, wishes)


@pytest.mark.parametrize("name", ["failures", "idle_minutes", "session_hours", "step_up_minutes", "invitation_days"])
def test_no_policy_locks_everybody_out(name: str) -> None:
    with pytest.raises(InvalidValue):
        stricter(AGENCY, {name: 0})
    assert getattr(stricter(AGENCY, {name: 1}), name) == 1


def test_a_password_that_nobody_can_type_is_not_asked_for() -> None:
    with pytest.raises(InvalidValue):
        stricter(AGENCY, {"password_length": 129})
