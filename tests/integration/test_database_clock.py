"""The stepped clock that other tests rely on reaches everything that asks Postgres for the time."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import Engine, text

from broadcaster.db.migrate import require_current
from broadcaster.settings import Settings
from tests.support.database_clock import DatabaseClock
from tests.support.shop import Shop, drain

HOUR = 3600.0
AHEAD = "extract(epoch FROM {} - pg_catalog.clock_timestamp())::float"


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
def test_a_step_reaches_statements_defaults_triggers_and_prepared_statements(
    shop: Shop, settings: Settings, seconds: float
) -> None:
    clock = DatabaseClock(shop.engine)
    near = pytest.approx(seconds, abs=30)
    with psycopg.connect(settings.libpq_url, autocommit=True) as connection:
        asked = "SELECT extract(epoch FROM now() - pg_catalog.now()), extract(epoch FROM clock_timestamp() - now())"
        for _ in range(3):
            assert connection.execute(asked, prepare=True).fetchone() == (0, pytest.approx(0, abs=5))
        clock.step(seconds)
        assert connection.execute(asked, prepare=True).fetchone() == (near, pytest.approx(0, abs=5))
    shop.add("a")
    shop.submit("c", 3, "a")
    drain(shop)
    for moment, table in [
        ("created_at", "campaigns"),
        ("started_at", "campaigns"),
        ("changed_at", "messages"),
        ("finished_at", "attempts"),
        ("woken_at", "lanes"),
        ("created_at", "instances"),
    ]:
        for (ahead,) in shop.sql(f"SELECT {AHEAD.format(moment)} FROM {table} WHERE {moment} IS NOT NULL"):
            assert ahead == near, (table, moment)
    assert shop.states("c") == {"sent": 3}
    assert shop.state("c") == "finished"
    require_current(shop.engine)


def test_a_transaction_keeps_the_time_at_which_it_began(engine: Engine) -> None:
    clock = DatabaseClock(engine)
    with engine.begin() as connection:
        began = connection.scalar(text("SELECT now()"))
        clock.step(HOUR)
        assert connection.scalar(text("SELECT now()")) == began
        assert connection.scalar(text("SELECT clock_timestamp() - now() > interval '59 min'"))
    with clock.stepped(-HOUR), engine.begin() as connection:
        assert connection.scalar(text("SELECT now() - pg_catalog.now()")).total_seconds() == 0
