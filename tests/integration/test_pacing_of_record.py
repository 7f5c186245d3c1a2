"""Invariant I5 across holders: the lane's clock in Postgres, through crashes, hand-overs and steps of the clock.

Time passes by moving what is stored into the past. What the real clock adds meanwhile is allowed for. The limit bears
a clock that is put back; one that is put forward lets a lane that changes hands have its burst once more.
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

from broadcaster.db.statements import query
from broadcaster.domain.pacing import CLAIM_LEAD, Pacer, pace, worst_excess
from tests.support.shop import Shop

LEASE = 15.0


class LaneOfRecord:
    """One lane whose holders come and go, and the moments at which the gateway accepted what they sent."""

    def __init__(self, connection: psycopg.Connection[dict[str, object]], rate: float, burst: int) -> None:
        self.accepted: list[float] = []
        self.put_forward = 0
        """How often Postgres's clock was."""
        self._connection = connection
        self._pace = pace(rate, burst)
        self._now = 0.0
        self._token: UUID | None = None
        self._lease_ends = 0.0
        self._pacer: Pacer | None = None
        self._claimed: list[object] = []
        """Messages (seq) that were claimed and have not left."""
        connection.execute(
            "UPDATE instances SET rate_per_second = %s, burst = %s, interval_seconds = %s, tolerance_seconds = %s",
            (rate, burst, self._pace.interval, self._pace.tolerance),
        )
        connection.execute(
            "UPDATE lanes SET clock = now(), lease_token = NULL, lease_holder = NULL, lease_expires_at = NULL"
        )
        self._move_messages("pending", "state = 'sending'")

    def take(self) -> None:
        """Another worker tries to hold it, where nobody does."""
        if self._pacer is not None:
            return
        token = uuid4()
        parameters = {"lanes": [1], "token": token, "holder": "test", "lease": timedelta(seconds=LEASE)}
        for row in self._connection.execute(query("take_lanes"), parameters):
            self._token, self._lease_ends, self._claimed = token, self._now + LEASE, []
            self._pacer = Pacer(self._pace, float(str(row["debt"])), self._now)

    def claim(self) -> None:
        """Claim one message, where the lane's clock lets it."""
        if self._pacer is None:
            return
        asks = {"lanes": [1], "tokens": [self._token], "wants": [1], "claim": uuid4()}
        *rows, _ = self._connection.execute(
            query("turn_over"),
            {
                "outcomes": "[]",
                **asks,
                "lease": timedelta(seconds=LEASE),
                "lead": CLAIM_LEAD,
                "hold": timedelta(0),
                "reserve": timedelta(0),
            },
        ).fetchall()
        if rows:
            self._lease_ends = self._now + LEASE
        self._claimed += [row["seq"] for row in rows if row["seq"] is not None]

    def send(self) -> None:
        """Send what was claimed before, or else a message claimed for it, at its turn and while the lease lasts."""
        if not self._claimed:
            self.claim()
        if self._pacer is None or not self._claimed:
            return
        seq = self._claimed.pop(0)
        self.pass_time(max(0.0, self._pacer.wait(self._now)))
        left = self._now < self._lease_ends
        if left:
            self._pacer.admit(self._now)
            self.accepted.append(self._now)
            self._pacer.replied(self._now)
        self._move_messages("sent" if left else "pending", f"seq = {seq}")

    def give_back(self) -> None:
        """What was claimed and has not left is given back first."""
        if self._pacer is not None:
            for seq in self._claimed:
                self._move_messages("pending", f"seq = {seq}")
            debt = self._pacer.debt(self._now)
            self._connection.execute(
                query("release_lanes"),
                {"lanes": [1], "tokens": [self._token], "debts": [debt], "again": [False], "runs": [None]},
            )
            self._pacer = None

    def crash(self) -> None:
        """Its holder is gone, which others notice at once."""
        self.die()
        self.recover()

    def die(self) -> None:
        """Its holder is gone, and its lease at its end."""
        self._connection.execute("UPDATE lanes SET lease_expires_at = now() WHERE lease_token IS NOT NULL")
        self._pacer = None

    def recover(self) -> None:
        """Beat ticks: a holder whose lease has ended does not hold it any more."""
        self._connection.execute(query("recover_leases"), {"request_timeout": timedelta(seconds=30), "ended": []})
        if self._pacer is not None and not self._is_held():
            self._pacer = None

    def mend(self) -> None:
        """Beat ticks: moments that lie too far ahead are pulled back."""
        parameters = {"back": 0.0, "lease": timedelta(seconds=LEASE), "lead": CLAIM_LEAD, "longest_rest": timedelta(0)}
        self._connection.execute(query("mend_lanes"), parameters)

    def pass_time(self, seconds: float) -> None:
        self._now += seconds
        self._move_stored(-seconds)

    def put_clock_back(self, seconds: float) -> None:
        """Postgres's: what is stored lies further ahead."""
        self._move_stored(seconds)

    def put_clock_forward(self, seconds: float) -> None:
        """Postgres's: what is stored lies further back."""
        self.put_forward += 1
        self._move_stored(-seconds)

    def furthest(self) -> float:
        """How many seconds after now the lane may be sent through again."""
        [row] = self._connection.execute("SELECT extract(epoch FROM clock - now())::float AS debt FROM lanes")
        return float(str(row["debt"]))

    def _is_held(self) -> bool:
        return bool(self._connection.execute("SELECT FROM lanes WHERE lease_token = %s", (self._token,)).rowcount)

    def _move_messages(self, state: str, which: str) -> None:
        self._connection.execute(
            f"UPDATE messages SET state = '{state}', claim_token = NULL, next_attempt_at = now()"
            f" WHERE state = 'sending' AND {which}"
        )

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


ACTIONS = [
    *[("send", ())] * 6,
    *[("claim", ())] * 3,
    *[("give_back", ()), ("crash", ())] * 2,
    ("die", ()),
    *[("recover", ())] * 2,
    ("mend", ()),
    *[("pass_time", (seconds,)) for seconds in (0.5, 3.0, 14.0, 300.0)],
    *[("put_clock_back", (seconds,)) for seconds in (1.0, 60.0)],
]
STEPS_FORWARD = [("put_clock_forward", (seconds,)) for seconds in (5.0, 60.0)]
Actions = list[tuple[str, tuple[float, ...]]]

LATE = [*[("claim", ())] * 2, ("pass_time", (14.0,)), *[("send", ())] * 2]
"""What was claimed in time left late, which the clock in Postgres never learnt from its holder."""
AGAIN = [("send", ())] * 3

rates = st.sampled_from([0.05, 0.2, 1.0])
bursts = st.integers(min_value=1, max_value=6)
forty_examples = examples(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def excess(shop: Shop, rate: float, burst: int, actions: Actions) -> tuple[float, LaneOfRecord]:
    """By how much the limit was exceeded at worst, beyond what real time has passed."""
    with psycopg.connect(shop.settings.libpq_url, autocommit=True, row_factory=dict_row) as connection:
        began = monotonic()
        lane = LaneOfRecord(connection, rate, burst)
        for name, arguments in actions:
            lane.take()
            getattr(lane, name)(*arguments)
        elapsed = monotonic() - began
    return worst_excess(lane.accepted, rate, burst) - rate * elapsed - 1e-6, lane


@example(rate=0.2, burst=3, actions=[*LATE, ("crash", ()), *AGAIN])
@example(rate=0.2, burst=3, actions=[*LATE, ("die", ()), *AGAIN])
@given(rate=rates, burst=bursts, actions=st.lists(st.sampled_from(ACTIONS), min_size=5, max_size=40))
@forty_examples
def test_no_window_exceeds_the_limit_whoever_holds_the_lane_and_however_they_end(
    shop: Shop, rate: float, burst: int, actions: Actions
) -> None:
    assert excess(shop, rate, burst, actions)[0] <= 0


@given(
    rate=rates, burst=bursts, actions=st.lists(st.sampled_from(ACTIONS + STEPS_FORWARD * 3), min_size=5, max_size=40)
)
@forty_examples
def test_a_clock_that_is_put_forward_costs_no_more_than_a_burst_each_time(
    shop: Shop, rate: float, burst: int, actions: Actions
) -> None:
    exceeded, lane = excess(shop, rate, burst, actions)
    assert exceeded <= burst * lane.put_forward


def test_a_lane_is_sent_through_again_once_its_burst_has_drained_though_the_clock_was_put_back(shop: Shop) -> None:
    burst = 5
    with psycopg.connect(shop.settings.libpq_url, autocommit=True, row_factory=dict_row) as connection:
        lane = LaneOfRecord(connection, 1.0, burst)
        lane.take()
        for _ in range(burst - 1):
            lane.send()
        lane.give_back()
        lane.put_clock_back(3600.0)
        lane.mend()
        assert 3 < lane.furthest() <= burst + CLAIM_LEAD
        lane.pass_time(burst + CLAIM_LEAD)
        lane.take()
        lane.send()
        assert len(lane.accepted) == burst
