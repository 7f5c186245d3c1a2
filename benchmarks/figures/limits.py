"""Limits: CPU of Postgres for a claim under all kinds of them together, beside that of a lane without any.

A claim takes 1, 16 or 64 messages of one lane and writes the outcomes of the claim before it, as a worker's does. All
kinds are three counted limits, one of which is shared, windows in the recipients' zones, an expiry, and a cooldown;
everybody was messaged two days ago, in the same order. Half of what is pending is of a campaign without any of that,
through a lane of its own. The two take turns, and while it is the plain one's nothing is kept of how often people get
messages. Neither list is in the order of its numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg

from benchmarks.campaigns import add_campaign, add_instances
from benchmarks.processes import BenchmarkError, own_cpu_seconds
from benchmarks.results import Row
from benchmarks.stand import Stand, open_stand
from broadcaster.db.statements import query
from broadcaster.domain.pacing import CLAIM_LEAD
from broadcaster.domain.span_limits import parse_rates, parse_span_limit
from broadcaster.services import shared_limits
from broadcaster.services.campaigns.lifecycle import start_campaign
from broadcaster.services.instance_changes import InstanceChanges, set_instance
from broadcaster.services.stored_limits import LaneLimits

PLAIN, LIMITED = "plain", "limited"
_STATEMENTS = {1: 20, 16: 10, 64: 5}
"""How many claims of so many messages make a turn."""
_LEASE = timedelta(hours=1)
_RULE_IS_KEPT = "INSERT INTO frequency_records (since, span_seconds, grace_seconds) VALUES ('-infinity', 86400, 75)"
_NO_RULE = "DELETE FROM frequency_records"
_ALWAYS_COUNTED = """
UPDATE limits
SET counts = array_fill(1, ARRAY[49]), newest = floor(extract(epoch FROM now()) / bucket_seconds)
"""
_WINDOWS = """
WITH hours AS (INSERT INTO opening_hours (digest, document) VALUES ('', '{}') RETURNING id), opened AS (
    INSERT INTO openings (hours_id, recipient_group, opens_at, closes_at)
    SELECT id, number, now() + CASE WHEN number < 16 THEN -1 ELSE 9 END * interval '1 h',
        now() + interval '10 h' + number * interval '10 min'
    FROM hours CROSS JOIN generate_series(0, 23) AS number
)
UPDATE campaigns
SET hours_id = (SELECT id FROM hours), expires_at = now() + interval '1 d', care = '{"cooldown": 86400}'
WHERE name = :name
"""
_GROUPS = 24
"""Of which 16 are open."""
_KNOWN_PEOPLE = """
INSERT INTO messaged_phones (phone, moments)
SELECT phone, ARRAY[now() - interval '2 d']
FROM messages m JOIN campaigns c ON c.id = m.campaign_id AND c.name = :name
ORDER BY m.seq
"""


@dataclass(slots=True)
class _Claims:
    """Seconds of CPU of each claim, by how many messages it takes."""

    pending: int
    plain: Mapping[int, list[float]] = field(default_factory=lambda: {size: [] for size in _STATEMENTS})
    limited: Mapping[int, list[float]] = field(default_factory=lambda: {size: [] for size in _STATEMENTS})


def measure(quick: bool) -> Sequence[Row]:
    """Ratios are to a lane without limits beside the same backlog: flat is what has the same ratio beside either."""
    few, many = _Claims(40_000), _Claims(100_000 if quick else 10_000_000)
    with ExitStack() as stack:
        turns = [stack.enter_context(_turns(claims)) for claims in (few, many)]
        for _ in range(3 if quick else 20):
            for turn in turns:
                turn()
    return [row for size in _STATEMENTS for row in _rows(size, few, many)]


def _rows(size: int, few: _Claims, many: _Claims) -> Iterator[Row]:
    def row(what: str, claims: _Claims, seconds: Mapping[int, list[float]]) -> Row:
        name = f"claim of {size}, {what}, {claims.pending:,} pending"
        return Row(name, [1000 * each for each in seconds[size]], "ms")

    for claims in (few, many):
        plain = row("no limits", claims, claims.plain)
        yield plain
        yield row("all limits", claims, claims.limited).against(plain, "no limits").at_most(1.3)


@contextmanager
def _turns(claims: _Claims) -> Iterator[Callable[[], None]]:
    """A stand; each call takes one turn of either lane and notes what its claims took. The first is not noted."""
    with open_stand() as stand:
        lanes = _load(stand, claims.pending)
        with _Taker(stand, lanes[PLAIN]) as plain, _Taker(stand, lanes[LIMITED]) as limited:

            def turn() -> None:
                for taker, rule, into in ((plain, _NO_RULE, claims.plain), (limited, _RULE_IS_KEPT, claims.limited)):
                    stand.execute(rule)
                    taker.turn(into)

            turn()
            for seconds in (*claims.plain.values(), *claims.limited.values()):
                seconds.clear()
            yield turn


def _load(stand: Stand, pending: int) -> Mapping[str, int]:
    """Two campaigns, each through a lane of its own; the lanes by name."""
    names = (PLAIN, LIMITED)
    lanes = dict(zip(names, add_instances(stand, dict.fromkeys(names)), strict=True))
    for name, lane in lanes.items():
        add_campaign(stand, name, {lane: pending // 2}, groups=_GROUPS if name == LIMITED else 1, in_order=False)
        start_campaign(stand.engine, name)
    grace = stand.settings.acceptance_seconds
    shared_limits.add_limit(stand.engine, "customers", parse_span_limit("100000000/d"), grace=grace)
    rates = parse_rates(["90000000/h", "90000000/d"])
    own = LaneLimits(grace, rates.counted, shared=["customers"])
    set_instance(stand.engine, stand.vault, LIMITED, InstanceChanges(limits=own))
    stand.execute(_ALWAYS_COUNTED)
    stand.execute(_WINDOWS, name=LIMITED)
    stand.execute(_KNOWN_PEOPLE, name=LIMITED)
    stand.vacuum()
    stand.execute("CHECKPOINT")
    return lanes


class _Taker:
    """A connection as the send path has it, which holds one lane. Whatever it claims is sent."""

    def __init__(self, stand: Stand, lane: int) -> None:
        url = stand.settings.postgres_url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute(query("plan_by_key"))
        self._token = uuid4()
        self._lane = lane
        take = {"lanes": [lane], "token": self._token, "holder": "benchmark", "lease": _LEASE}
        self._connection.execute(query("take_lanes"), take)
        self._outcomes: list[dict[str, Any]] = []

    def __enter__(self) -> _Taker:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def turn(self, into: Mapping[int, list[float]]) -> None:
        """So many claims of each size; the seconds of CPU of each. Raises BenchmarkError where one brings fewer."""
        for size, statements in _STATEMENTS.items():
            self._claim(size)  # whose outcomes are as many as those of the claims that are measured
            into[size].extend(self._claim(size) for _ in range(statements))

    def _claim(self, size: int) -> float:
        claim = uuid4()
        parameters = {
            "outcomes": json.dumps(self._outcomes),
            "lanes": [self._lane],
            "tokens": [self._token],
            "wants": [size],
            "claim": claim,
            "lease": _LEASE,
            "lead": CLAIM_LEAD,
            "hold": _LEASE,
            "reserve": timedelta(seconds=31),
        }
        before = own_cpu_seconds(self._connection.info.backend_pid)
        rows = self._connection.execute(query("turn_over"), parameters, prepare=True).fetchall()
        seconds = own_cpu_seconds(self._connection.info.backend_pid) - before
        # The lane comes first, without a message, and the outcomes last.
        claimed = rows[1:-1]
        if len(claimed) != size:
            raise BenchmarkError(f"{len(claimed)} of {size} messages were claimed")
        self._outcomes = [_sent(claim, *row[3:6], row[8]) for row in claimed]
        return seconds


def _sent(claim: object, segment: int, campaign: int, seq: int, attempt: int) -> dict[str, Any]:
    return {
        "segment": segment,
        "campaign_id": campaign,
        "seq": seq,
        "attempt": attempt,
        "claim": str(claim),
        "state": "sent",
        "delay": 0.0,
        "spent": 1,
        "outcome": "accepted",
        "reason": "accepted",
        "http_status": 200,
        "reply": '{"sent":true}',
        "gateway_id": f"true_{campaign}_{seq}",
        "duration_ms": 4,
    }
