"""Accounts, their sessions and invitations as JSON and in words."""

from __future__ import annotations

from datetime import date

import pytest
from tests.support.samples import AT, ISO, account

from lineament.model.accounts import Factor, FactorKind, SignedIn
from lineament.services.people.invitations import Invitation
from lineament.services.people.officials import Person
from lineament.views.accounts import (
    account_invitation_json,
    account_json,
    accounts_json,
    ended_sessions_json,
    person_json,
    roles_line,
    sessions_json,
)

ACCOUNT_JSON = {
    "id": "u1",
    "email": "eve@freedonia.example",
    "name": "Eve",
    "roles": ["examiner", "reviewer"],
    "state": "active",
    "trained_until": None,
    "last_seen_at": None,
    "created_at": ISO,
}
SESSION = SignedIn(
    id="t1", account_id="u1", began_at=AT, seen_at=AT, proved_at=None, device="Firefox on Linux", terminal=False
)


def test_an_account_is_json_with_its_roles_in_order() -> None:
    assert account_json(account()) == ACCOUNT_JSON
    seen = account_json(account(trained_until=date(2027, 1, 31), last_seen_at=AT))
    assert (seen["trained_until"], seen["last_seen_at"]) == ("2027-01-31", ISO)


def test_accounts_are_listed_in_their_order() -> None:
    listed = accounts_json([account(), account(id="u2")])
    assert listed == {"accounts": [ACCOUNT_JSON, {**ACCOUNT_JSON, "id": "u2"}]}


def test_a_person_is_an_account_with_how_its_owner_signs_in() -> None:
    factors = [
        Factor(id="f1", kind=FactorKind.TOTP, name="phone", added_at=AT, used_at=None),
        Factor(id="f2", kind=FactorKind.RECOVERY, name="codes", added_at=AT, used_at=None, left=8),
    ]
    person = Person(account=account(), sessions=[SESSION], factors=factors, failures=3, locked=False, oneself=False)
    assert person_json(person) == {
        **ACCOUNT_JSON,
        "sessions": 1,
        "second_factors": "totp (phone), recovery (codes)",
        "failures": 3,
        "locked": False,
    }


@pytest.mark.parametrize(
    ("link", "unsent", "ends_solo", "expected"),
    [
        ("https://x/join/t", "", True, {"link": "https://x/join/t", "unsent": None, "ends_solo": True}),
        (None, "", False, {"link": None, "unsent": None, "ends_solo": False}),
        (None, "no route", False, {"link": None, "unsent": "no route", "ends_solo": False}),
    ],
    ids=["to hand over", "sent", "not sent"],
)
def test_an_invitation_gives_its_link_or_why_it_was_not_sent(
    link: str | None, unsent: str, ends_solo: bool, expected: dict[str, object]
) -> None:
    invitation = Invitation(account=account(), expires_at=AT, link=link, unsent=unsent, ends_solo=ends_solo)
    assert account_invitation_json(invitation) == {**ACCOUNT_JSON, "expires_at": ISO, **expected}


def test_sessions_say_when_they_were_proved() -> None:
    shown = {
        "id": "t1",
        "began_at": ISO,
        "seen_at": ISO,
        "proved_at": None,
        "device": "Firefox on Linux",
        "terminal": False,
    }
    assert sessions_json([SESSION]) == {"sessions": [shown]}
    assert ended_sessions_json(2) == {"ended": 2}


def test_roles_stand_in_one_line() -> None:
    assert roles_line(account()) == "examiner, reviewer"
