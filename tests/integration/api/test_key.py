"""The key itself: what ``/v1/key`` says about it, and what it opens in whose name."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.support.programs import program
from tests.support.world import solo

from lineament.errors import KeyEnded
from lineament.model.accounts import Permission
from lineament.model.api_keys import KeyStanding
from lineament.services.people.api_keys import KeyEntrance
from lineament.views.api_keys import keys_json

pytestmark = pytest.mark.enable_socket


def test_a_key_says_what_it_may_do(tmp_path: Path) -> None:
    with solo(tmp_path / "ws") as world:
        made = program(world, Permission.READ_SOURCES, Permission.MANAGE_SOURCES)
        answer = made.client.get("/v1/key")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        told = answer.json()
        assert told["id"] == made.key.key.id
        assert told["rights"] == ["manage_sources", "read_sources"]
        assert (told["case"], told["sources"], told["per_minute"]) == (None, [], 6000)
        made.close()


def test_a_key_ends_by_the_policy_of_today(tmp_path: Path) -> None:
    with solo(tmp_path / "ws") as world:
        made = program(world, Permission.READ_SOURCES)
        key = made.key.key
        world.clock.advance(days=3)
        world.wish(key_days=5)
        ends = key.made_at + timedelta(days=5)
        assert datetime.fromisoformat(made.client.get("/v1/key").json()["ends_at"]) == ends
        (shown,) = keys_json(world.machine.api_keys.own())["keys"]
        assert (shown["state"], shown["ends_at"]) == ("valid", ends.isoformat())
        world.clock.advance(days=2)
        assert made.client.get("/v1/key").status_code == 401
        entrance = KeyEntrance(world.machine.record.everywhere)
        with pytest.raises(KeyEnded, match=f"it ended {ends:%Y-%m-%d %H:%M} UTC, because .* now allows 5 days; make"):
            entrance.admit(made.key.text)
        assert [each.standing for each in world.machine.api_keys.of_agency()] == [KeyStanding.ENDED]
        world.wish(key_days=0)
        with pytest.raises(KeyEnded, match="the policy of its agency allows no keys any more"):
            entrance.acting(key.account_id, key.id)
        world.wish()
        assert made.client.get("/v1/key").status_code == 200
        made.close()


def test_no_policy_makes_a_key_last_longer_than_it_was_made_for(tmp_path: Path) -> None:
    with solo(tmp_path / "ws") as world:
        made = program(world, Permission.READ_SOURCES)
        world.wish(key_days=60)
        assert datetime.fromisoformat(made.client.get("/v1/key").json()["ends_at"]) == made.key.key.ends_at
        world.clock.advance(days=30)
        with pytest.raises(KeyEnded, match="UTC; make another"):
            KeyEntrance(world.machine.record.everywhere).admit(made.key.text)
        made.close()
