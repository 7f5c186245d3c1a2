"""The send path in one process: a database, a gateway with a ledger, and drains without Celery."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.request import urlopen

from sqlalchemy import Engine, text

from broadcaster.crypto import open_vault
from broadcaster.domain.care import Care
from broadcaster.domain.contents import Content
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.span_limits import parse_rates
from broadcaster.domain.states import MessageState
from broadcaster.services import dispatch
from broadcaster.services.campaigns import campaign_reports
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.instances import add_instance
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.services.stored_limits import LaneLimits
from broadcaster.settings import Settings
from broadcaster.simulator import InstanceConfig, Simulator, SimulatorConfig, background, parse_fault
from broadcaster.simulator.fault_plan import FaultPlan
from tests.support.database import as_owner
from tests.support.transitions import enforce_transitions

INSTANCES = ("a", "b", "c")
MORE_INSTANCES = ("d", "e", "f", "g")
"""The gateway knows these too: `key-d`, …"""
POISON = ("{}", '["name"]', '"name"', "true", "null")
"""Variables, as JSON, of which no recipients file can be the source: each of them blows up the template."""


COUNTED_ATTEMPTS = {
    "attempt_slots": "SELECT campaign_id, account_id, date_bin('5 min', finished_at, 'epoch'), outcome, count(*)"
    " FROM attempts GROUP BY 1, 2, 3, 4",
    "attempt_hours": "SELECT account_id, date_bin('1 hour', finished_at, 'epoch'), outcome, slowest_ms(duration_ms),"
    " count(*) FROM attempts GROUP BY 1, 2, 3, 4",
    "accepted_counts": "SELECT a.account_id, count(*) FROM attempts a JOIN campaigns c ON c.id = a.campaign_id"
    " WHERE a.outcome = 'accepted' AND c.test_of IS NULL GROUP BY 1",
}
"""What counts attempts for reports, and how to count them anew."""
_OF_CAMPAIGN = "FROM messages WHERE campaign_id = (SELECT id FROM campaigns WHERE name = :name)"


@dataclass
class Shop:
    """A database, a gateway, and what a test does with them."""

    engine: Engine
    settings: Settings
    gateway: Simulator
    old: Counter[str] = field(default_factory=Counter)
    """The phones of campaigns that may have been purged."""
    front: str | None = None
    """What instances take for the gateway where it is a proxy before it: its URL."""

    def add(self, name: str, rate: str = "unlimited", **options: Any) -> None:
        """An instance; `rate` may be several, with spaces between them."""
        rates = parse_rates(rate.split())
        add_instance(
            self.engine,
            open_vault(self.settings),
            name,
            f"key-{name}",
            base_url=self.front or self.gateway.base_url,
            rate_per_second=rates.pace,
            limits=LaneLimits(self.settings.acceptance_seconds, rates.counted),
            **options,
        )

    def submit(
        self,
        name: str,
        count: int,
        *instances: str,
        priority: int = 0,
        first: int = 0,
        prefix: str = "62812",
        content: Content | None = None,
        hours: OpeningHours | None = None,
        expires_at: datetime | None = None,
        care: Care | None = None,
        limits: Sequence[str] = (),
        weights: Mapping[str, float] | None = None,
    ) -> None:
        """Send to `count` phones: the prefix and seven digits, counted from `first` on."""
        content = content or text_content("Hi {{ name }}")
        rows = "".join(f"{prefix}{first + n:07d},N{n}\n" for n in range(count))
        with read_recipients(
            io.BytesIO(f"phone,name\n{rows}".encode()),
            RecipientOptions(text=content.text, caption=content.caption, accept_countries=True),
        ) as recipients:
            submission = Submission(
                name=name,
                instances=instances,
                content=content,
                max_attempts=3,
                priority=priority,
                hours=hours,
                expires_at=expires_at,
                care=care,
                limits=limits,
                weights=weights or {},
            )
            submit_campaign(self.engine, submission, recipients)
        dispatch.start_due_campaigns(self.engine)

    def fault(self, *rules: str) -> None:
        self.gateway.gateway.faults = FaultPlan([parse_fault(rule) for rule in rules])

    def lanes(self) -> list[int]:
        woken = dispatch.wake_lanes(self.engine, request_timeout=self.settings.request_timeout_seconds)
        return [lane for lanes in woken for lane in lanes]

    def states(self, name: str) -> dict[str, int]:
        summary = campaign_reports.campaign_summary(self.engine, name)
        return {state.value: summary.count(state) for state in MessageState if summary.count(state)}

    def state(self, name: str) -> str:
        return str(campaign_reports.campaign_summary(self.engine, name).state)

    def accepted(self) -> Counter[str]:
        return Counter(entry.phone for entry in self.gateway.ledger.entries if entry.accepted)

    def resent(self) -> Counter[str]:
        """How often an operator had messages sent again that may have arrived, by phone."""
        rows = self.sql(
            "SELECT m.phone FROM settlements s JOIN messages m USING (segment, campaign_id, seq)"
            " WHERE s.to_state = 'pending'"
        )
        return Counter(str(phone) for (phone,) in rows)

    def end_long_ago(self, name: str, days: float = 100) -> None:
        """Let a campaign that is final have ended so many days ago."""
        self.old += Counter(str(phone) for (phone,) in self.sql(f"SELECT phone {_OF_CAMPAIGN}", name=name))
        self.sql(
            # The database lets nobody set it back.
            "WITH quiet AS MATERIALIZED (SELECT set_config('session_replication_role', 'replica', true))"
            " UPDATE campaigns SET finished_at = now() - make_interval(secs => 86400 * :days) FROM quiet"
            " WHERE name = :name",
            name=name,
            days=days,
        )

    async def requests(self, count: int) -> None:
        """Wait until so many have arrived at the gateway, answered or not."""
        url = f"{self.gateway.base_url}/_sim/wait?arrived={count}"
        await asyncio.to_thread(lambda: urlopen(url, timeout=30).close())

    def count_attempts_anew(self) -> None:
        """After a test has deleted some, which nothing else does but purging: what is purged stays counted."""
        for table, counted in COUNTED_ATTEMPTS.items():
            self.sql(f"DELETE FROM {table}")
            self.sql(f"INSERT INTO {table} {counted}")

    def sql(self, statement: str, **parameters: object) -> list[tuple[object, ...]]:
        """As the owner of the schema: what a test makes of the tables itself."""
        with as_owner(self.engine).begin() as connection:
            result = connection.execute(text(statement), parameters)
            return [tuple(row) for row in result] if result.returns_rows else []


@contextmanager
def open_shop(
    engine: Engine, settings: Settings, names: Sequence[str] = (*INSTANCES, *MORE_INSTANCES)
) -> Iterator[Shop]:
    """A shop whose books are checked at its end. Its gateway knows these instances, by `key-NAME`."""
    config = SimulatorConfig(instances=tuple(InstanceConfig(name=name, key=f"key-{name}") for name in names))
    with background(config) as gateway:
        shop = Shop(engine, settings, gateway)
        enforce_transitions(engine)
        yield shop
        assert_counters_equal_a_recount(shop)
        messages = Counter(str(phone) for (phone,) in shop.sql("SELECT phone FROM messages WHERE phone IS NOT NULL"))
        [(forgotten,)] = shop.sql("SELECT count(*) FROM messages WHERE phone IS NULL")
        doubled = shop.accepted() - (messages | shop.old) - shop.resent()
        assert doubled.total() <= forgotten, "I2: doubled"


_THERE = "campaign_id NOT IN (SELECT id FROM campaigns WHERE purged_at IS NOT NULL)"


def assert_counters_equal_a_recount(shop: Shop) -> None:
    """Invariant I1: the counters are what counting says, or said when messages were deleted."""
    states = [state.value for state in MessageState]
    counted = ", ".join(f"count(*) FILTER (WHERE state = '{state}')" for state in states)
    recount = shop.sql(
        f"SELECT campaign_id, lane_id, count(*), {counted} FROM messages GROUP BY campaign_id, lane_id ORDER BY 1, 2"
    )
    counters = shop.sql(
        f"SELECT campaign_id, lane_id, total, {', '.join(states)} FROM campaign_lanes"
        f" WHERE total > 0 AND {_THERE} ORDER BY 1, 2"
    )
    assert counters == recount
    proofs = "SELECT campaign_id, key, value::bigint FROM purges CROSS JOIN jsonb_each_text(messages) ORDER BY 1, 2"
    kept = (
        "SELECT campaign_id, state::text, sum((to_jsonb(cl) ->> state::text)::bigint) FROM campaign_lanes cl"
        f" CROSS JOIN unnest(enum_range(NULL::message_state)) AS state WHERE NOT {_THERE} GROUP BY 1, 2"
        " HAVING sum((to_jsonb(cl) ->> state::text)::bigint) > 0 ORDER BY 1, 2"
    )
    assert shop.sql(proofs) == shop.sql(kept)
    assert_failures_equal_a_recount(shop)
    assert_attempts_equal_a_recount(shop)


def assert_attempts_equal_a_recount(shop: Shop) -> None:
    """What reports add up is what counting attempts says, or said when some were purged."""
    purged = "SELECT FROM campaigns WHERE purged_at IS NOT NULL"
    for table, counted in COUNTED_ATTEMPTS.items():
        kept = f"SELECT t::text FROM {table} t WHERE attempts > 0"
        if table == "attempt_slots":
            kept += f" AND {_THERE}"
        elif shop.sql(purged):
            continue
        assert shop.sql(f"{kept} ORDER BY 1") == shop.sql(f"SELECT t::text FROM ({counted}) t ORDER BY 1")


def assert_failures_equal_a_recount(shop: Shop) -> None:
    """What is counted by reason is what counting says."""
    unsent = "state IN ('failed', 'unknown', 'skipped', 'expired')"
    recount = shop.sql(
        "SELECT campaign_id, lane_id, state::text, failure_reason(reason), count(*)"
        f" FROM messages WHERE {unsent} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    )
    counts = shop.sql(
        "SELECT campaign_id, lane_id, state::text, reason, messages"
        f" FROM failure_counts WHERE messages > 0 AND {_THERE} ORDER BY 1, 2, 3, 4"
    )
    assert counts == recount


def drain(shop: Shop, *, settings: Settings | None = None) -> dict[str, dict[str, int]]:
    """One `send` task over all lanes that are due."""

    async def run() -> dict[str, dict[str, int]]:
        async with SendingProcess(settings or shop.settings) as process:
            return (await process.send_due(shop.lanes())).counts

    return asyncio.run(run())


def prove(shop: Shop, *, delay: float = 0.0, ago: float = 0.0, is_shown: bool = True, seq: int = -1) -> None:
    """So many seconds ago a text was looked for and shown, or not, which was `delay` seconds old then."""
    shop.sql(
        "INSERT INTO looks SELECT id, 1, 1, :seq, 'plain', 'text', now() - make_interval(secs => :ago + :delay),"
        " now() - make_interval(secs => :ago), :is_shown, CASE WHEN :is_shown THEN 0 ELSE :delay END, 100"
        " FROM accounts"
        " ON CONFLICT (account_id, segment, campaign_id, seq) DO UPDATE SET accepted_at = excluded.accepted_at,"
        " looked_at = excluded.looked_at, is_shown = excluded.is_shown, late_seconds = excluded.late_seconds",
        delay=delay,
        ago=ago,
        is_shown=is_shown,
        seq=seq,
    )
