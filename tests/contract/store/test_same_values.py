"""Texts, times and numbers: either database returns what was stored, in the same order, which is Python's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.support.postgresql import owner_of

from lineament.errors import DatabaseSortsOtherwise, InvalidValue
from lineament.store import engines
from lineament.store.columns import Day, Hex, Id, Moment, Real, Words
from lineament.store.db import Store
from lineament.store.engines import postgresql_engines, sqlite_engines
from lineament.store.faults import translated
from lineament.testing import VAULT

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
EARLY, LATE = datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
VALUES: dict[Any, list[Any]] = {
    Words: [*"aBäÉßﬀǅя中\uffff𝔽😀_", "", " ", "ab", "A-b", "a b", "e\u0301", "ss"],
    sa.Text: ["10", "9", "a1", "a10", "a9", "Z", "z", "'", '"', "\\", "%", "\t", "\r\n", "\u2028"],
    Moment: [NOON, NOON + timedelta(microseconds=1), EARLY, datetime(1969, 12, 31, 23, 59, 59, 999999, UTC), LATE],
    Day: [date.min, date(1969, 12, 31), date(2024, 2, 29), date(2026, 10, 5), date.max],
    Real: [0.1 + 0.2, 0.3, -1.5, 1e308, -1e308, 5e-324, 2.0**53 + 2, 1.0, float("inf"), -float("inf"), 1 / 3],
    Id: [0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63)],
    Hex: ["00", "0a", "0a00", "7f", "80", "ff"],
}


@pytest.fixture
def engine(fresh_url: str) -> Iterator[sa.Engine]:
    url = sa.make_url(owner_of(fresh_url) or fresh_url)
    pools = sqlite_engines if url.get_backend_name() == "sqlite" else postgresql_engines
    writer, reader = pools(url, 5)
    yield writer
    writer.dispose()
    reader.dispose()


@pytest.mark.parametrize(("kind", "values"), VALUES.items(), ids=lambda part: getattr(part, "__name__", "values"))
def test_what_is_stored_comes_back_in_the_order_of_python(engine: sa.Engine, kind: Any, values: list[Any]) -> None:
    table = sa.Table("hard", sa.MetaData(), sa.Column("value", kind))
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(sa.insert(table), [{"value": value} for value in reversed(values)])
        found = list(connection.scalars(sa.select(table.c.value).order_by(table.c.value)))
        highest = connection.scalar(sa.select(sa.func.max(table.c.value)))
    assert [repr(value) for value in found] == [repr(value) for value in sorted(values)]
    assert highest == max(values)


def test_a_database_that_sorts_by_the_rules_of_a_language_is_refused(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server of the tests has no language, so that its answer is made up."""
    monkeypatch.setattr(engines, "_ORDER", sa.text("SELECT current_database(), false"))
    with pytest.raises(DatabaseSortsOtherwise, match=r"database test_\d+ sorts"):
        Store.open(postgresql_url, VAULT)


def test_numbers_that_one_of_them_would_change_are_stored_alike_or_refused(engine: sa.Engine) -> None:
    table = sa.Table("hard", sa.MetaData(), sa.Column("value", Real))
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(sa.insert(table), {"value": -0.0})
        assert str(connection.scalar(sa.select(table.c.value))) == "0.0"
        with pytest.raises(InvalidValue), translated("here"):
            connection.execute(sa.insert(table), {"value": float("nan")})
