"""Schedules on a test's database, with a clock that the test sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from broadcaster.services import dispatch
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.schedules.asked_schedules import NewSchedule
from broadcaster.services.schedules.due_occurrences import make_due_occurrences
from broadcaster.services.schedules.editing import add_schedule
from broadcaster.services.schedules.occurrences import Made
from broadcaster.services.schedules.schedule_reports import OccurrenceSummary, schedule_report
from tests.support.shop import Shop, drain

MONDAY = datetime(2026, 1, 5, 2, tzinfo=UTC)
"""Nine o'clock in Jakarta."""
DAY = timedelta(days=1)


def add_audience(shop: Shop, name: str, members: int) -> None:
    """So many people, each with a name."""
    shop.sql("INSERT INTO audiences (name, variables) VALUES (:name, '{name}')", name=name)
    shop.sql(
        "INSERT INTO audience_members (audience_id, phone, variables)"
        " SELECT a.id, (628120000000 + n)::text, jsonb_build_object('name', 'N' || n)"
        " FROM audiences a, generate_series(1, :members) n WHERE a.name = :name",
        name=name,
        members=members,
    )


def new_schedule(name: str, **options: Any) -> NewSchedule:
    """At nine every day in Jakarta, to the audience `people` through the instance `a`, unless `options` say else."""
    defaults: dict[str, Any] = {
        "cron": None if "every" in options else "0 9 * * *",
        "timezone": "Asia/Jakarta",
        "audience": "people",
        "content": text_content("{{ name }}: {{ occurrence_date }}, number {{ occurrence_number }}"),
        "instances": ["a"],
        "max_attempts": 3,
    }
    return NewSchedule(name=name, **(defaults | options))


@dataclass
class Calendar:
    """A shop with the schedule `news`, which is due on Monday at nine, and what a test does with it."""

    shop: Shop
    now: datetime = MONDAY
    made: list[Made] = field(default_factory=list)

    def add(self, **options: Any) -> None:
        """Add `news`, as if long ago."""
        add_schedule(self.shop.engine, new_schedule("news", **options))
        self.set(next_at=MONDAY)

    def set(self, **columns: object) -> None:
        for column, value in columns.items():
            self.shop.sql(f"UPDATE schedules SET {column} = :value", value=value)

    def tick(self, after: timedelta = timedelta(0)) -> list[str]:
        """Let time pass, and beat tick; returns the campaigns that it started."""
        self.now += after
        made = list(make_due_occurrences(self.shop.engine, now=self.now))
        self.made += made
        return [each.campaign for each in made]

    def send(self) -> None:
        """Send all that was started, and finish it."""
        dispatch.start_due_campaigns(self.shop.engine)
        drain(self.shop)
        dispatch.finish_campaigns(self.shop.engine)

    def rows(self) -> Sequence[OccurrenceSummary]:
        """The occurrences, oldest first."""
        return schedule_report(self.shop.engine, "news")[1][::-1]

    def states(self) -> list[str]:
        return [row.state for row in self.rows()]

    def next_at(self) -> datetime | None:
        [[moment]] = self.shop.sql("SELECT next_at FROM schedules WHERE name = 'news'")
        assert moment is None or isinstance(moment, datetime)
        return moment

    def texts(self) -> Iterator[str]:
        """What the gateway was sent, in order."""
        return (str(entry.body) for entry in self.shop.gateway.ledger.entries)
