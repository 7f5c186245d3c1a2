"""Invariant I5 across holders: the lane's clock in Postgres, through crashes, hand-overs and clocks that are put back.

Time passes by moving what is stored into the past. What the real clock adds meanwhile is allowed for.
"""

from __future__ import annotations

from datetime import timedelta
from time import monotonic
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from psycopg.rows import dict_row

from broadcaster.db.queries import query
from broadcaster.domain.pacing import Pacer, pace, worst_excess
from tests.support.shop import Shop

LEASE = 15.0
CLAIM_AHEAD = 2.0


class LaneOfRecord:
    """One lane whose holders come and go, and the moments at which the gateway accepted what they sent."""

    def __init__(self, connection: psycopg.Connection[dict[str, object]], rate: float, burst: int) -> None:
        self.accepted: list[float] = []
        self._connection = connection
        self._pace = pace(rate, burst)
        self._now = 0.0
        self._token: UUID | None = None
        self._lease_ends = 0.0
        self._pacer: Pacer | None = None
        self._claimed = 0
        connection.execute(
            "UPDATE instances SET rate_per_second = %s, burst = %s, interval_seconds = %s, tolerance_seconds = %s",
            (rate, burst, self._pace.interval, self._pace.tolerance),
        )
        connection.execute(
            "UPDATE lanes SET clock = now(), lease_token = NULL, lease_holder = NULL, lease_expires_at = NULL"
        )

    def take(self) -> None:
        """Another worker tries to hold it."""
        token = uuid4()
        parameters = {"lanes": [1], "token": token, "holder": "test", "lease": timedelta(seconds=LEASE)}
        for row in self._connection.execute(query("take_lanes"), parameters):
            self._token, self._lease_ends, self._claimed = token, self._now + LEASE, 0
            self._pacer = Pacer(self._pace, float(str(row["ahead_seconds"])), self._now)

    def claim(self) -> None:
        """Claim one message, where the lane's clock lets it."""
        if self._pacer is None:
            return
        lease = timedelta(seconds=LEASE)
        asks = {"lanes": [1], "tokens": [self._token], "wants": [1], "lease": lease, "ahead": CLAIM_AHEAD}
        rows = self._connection.execute(query("claim"), asks).fetchall()
        if rows:
            self._lease_ends = self._now + LEASE
        self._claimed += sum(row["seq"] is not None for row in rows)

    def send(self) -> None:
        """Send what was claimed before, or else a message claimed for it, at its turn and while the lease lasts."""
        if not self._claimed:
            self.claim()
        if self._pacer is None or not self._claimed:
            return
        self._claimed -= 1
        self.pass_time(max(0.0, self._pacer.wait(self._now)))
        if self._now < self._lease_ends:
            self._pacer.admit(self._now)
            self.accepted.append(self._now)
            self._pacer.replied(self._now)

    def give_back(self) -> None:
        if self._pacer is not None:
            ahead = self._pacer.ahead(self._now)
            self._connection.execute(
                query("release_lanes"), {"lanes": [1], "tokens": [self._token], "ahead": [ahead], "again": [False]}
            )
            self._pacer = None

    def crash(self) -> None:
        """Its holder is gone, which others notice at once."""
        self._connection.execute("UPDATE lanes SET lease_expires_at = now() WHERE lease_token IS NOT NULL")
        self._pacer = None

    def pass_time(self, seconds: float) -> None:
        self._now += seconds
        self._move_stored(-seconds)

    def put_clock_back(self, seconds: float) -> None:
        """The database's: what is stored lies further ahead."""
        self._move_stored(seconds)

    def _move_stored(self, seconds: float) -> None:
        self._connection.execute(
            "UPDATE lanes SET clock = clock + %(by)s, lease_expires_at = lease_expires_at + %(by)s",
            {"by": timedelta(seconds=seconds)},
        )


@pytest.fixture
def shop(shop: Shop) -> Shop:
    shop.add("a", "1/s")
    shop.submit("c", 5000, "a")
    return shop


ACTIONS = st.sampled_from(
    [("send", ())] * 6
    + [("claim", ())] * 3
    + [("give_back", ()), ("crash", ())] * 2
    + [("pass_time", (seconds,)) for seconds in (0.5, 3.0, 14.0, 300.0)]
    + [("put_clock_back", (seconds,)) for seconds in (1.0, 60.0)]
)


LATE_AND_GONE = [*[("claim", ())] * 2, ("pass_time", (14.0,)), *[("send", ())] * 2, ("crash", ()), *[("send", ())] * 3]
"""What was claimed in time left late, which the clock in Postgres never learnt from its holder."""


@example(rate=0.2, burst=3, actions=LATE_AND_GONE)
@given(
    rate=st.sampled_from([0.05, 0.2, 1.0]),
    burst=st.integers(min_value=1, max_value=6),
    actions=st.lists(ACTIONS, min_size=5, max_size=40),
)
@examples(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_window_exceeds_the_limit_whoever_holds_the_lane_and_however_they_end(
    shop: Shop, rate: float, burst: int, actions: list[tuple[str, tuple[float, ...]]]
) -> None:
    with psycopg.connect(shop.settings.libpq_url, autocommit=True, row_factory=dict_row) as connection:
        began = monotonic()
        lane = LaneOfRecord(connection, rate, burst)
        lane.take()
        for name, arguments in actions:
            getattr(lane, name)(*arguments)
            if name in ("crash", "give_back"):
                lane.take()
        elapsed = monotonic() - began
    assert not lane.accepted or worst_excess(lane.accepted, rate, burst) <= rate * elapsed + 1e-6
