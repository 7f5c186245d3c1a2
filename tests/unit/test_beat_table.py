"""What beat fires, and how often."""

from __future__ import annotations

from importlib import import_module

import pytest

from broadcaster.errors import UnavailableError
from broadcaster.settings import load
from broadcaster.worker.app import BEAT, PURGE, app, configuration


@pytest.mark.parametrize(("days", "more"), [("", {}), ("30", {"purge": (PURGE, 3600.0)})])
def test_the_purge_is_fired_every_hour_where_it_is_wanted_and_never_otherwise(
    days: str, more: dict[str, tuple[str, float]]
) -> None:
    settings = load({"BROADCASTER_RETENTION_DAYS": days}, dotenv=None)
    fired = {name: (e["task"], e["schedule"]) for name, e in configuration(settings)["beat_schedule"].items()}
    assert fired == {name: (e["task"], e["schedule"]) for name, e in BEAT.items()} | more


def test_a_tick_says_in_a_line_that_postgres_is_away_and_logs_no_traceback() -> None:
    import_module("broadcaster.worker.tasks")
    assert {name: app.tasks[entry["task"]].throws for name, entry in BEAT.items()} == dict.fromkeys(
        BEAT, (UnavailableError,)
    )
