"""Failpoints: what they understand and do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast
from uuid import UUID

import psycopg
import pytest

from broadcaster.db.pool import AsyncPool
from broadcaster.services.sending.sending_store import Ask, OutcomeRow, SendingStore
from tests.support.failpoints import FailingStore, Failpoint, Failpoints, parse
from tests.support.virtual_time import run_in_virtual_time


def test_points_kinds_durations_and_counts_are_understood() -> None:
    assert parse(" after_claim=crash@3; before_outcome=stall:5;reply_read=raise ") == {
        "after_claim": Failpoint("crash", 0.0, 3),
        "before_outcome": Failpoint("stall", 5.0, None),
        "reply_read": Failpoint("raise", 0.0, None),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [("after_lunch=crash", "no point 'after_lunch'"), ("after_claim", "POINT="), ("after_claim=explode", "POINT=")],
)
def test_what_is_no_failpoint_is_a_clear_error(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(text)


def test_a_point_is_reached_every_time_or_at_the_nth_only() -> None:
    points = Failpoints(parse("before_post=raise@2;before_claim=raise"))

    async def reach() -> list[str]:
        reached = []
        for point in ("before_post", "before_claim", "reply_read") * 3:
            try:
                await points.reach(point)
            except psycopg.OperationalError as error:
                reached.append(str(error))
        return reached

    every = "failpoint before_claim"
    assert run_in_virtual_time(reach()) == [every, "failpoint before_post", every, every]


def test_a_stall_takes_its_seconds_and_a_request_is_under_way_meanwhile() -> None:
    points = Failpoints(parse("post_written=stall:5"))

    async def request() -> float:
        await asyncio.sleep(0.1)
        return asyncio.get_running_loop().time()

    async def stalled() -> tuple[float, float]:
        replied = await points.reach_during("post_written", request())
        return replied, asyncio.get_running_loop().time()

    assert run_in_virtual_time(stalled()) == (pytest.approx(0.1, abs=1e-3), pytest.approx(5.05, abs=1e-3))


OUTCOMES = [cast(OutcomeRow, object())]
CLAIM = Ask(1, UUID(int=1), 3)
RENEWAL = Ask(2, UUID(int=2), 0)


@pytest.mark.parametrize(
    ("outcomes", "asks", "points"),
    [
        (OUTCOMES, [], ["outcome"]),
        ([], [RENEWAL, CLAIM], ["claim"]),
        ([], [RENEWAL], ["renewal"]),
        (OUTCOMES, [CLAIM], ["outcome", "claim"]),
        (OUTCOMES, [RENEWAL], ["outcome", "renewal"]),
    ],
)
def test_a_statement_is_between_the_points_of_all_that_it_does(
    monkeypatch: pytest.MonkeyPatch, outcomes: Sequence[OutcomeRow], asks: Sequence[Ask], points: Sequence[str]
) -> None:
    reached: list[str] = []

    class Noted(Failpoints):
        async def reach(self, point: str) -> None:
            reached.append(point)

    async def commit(*_: object) -> tuple[list[bool], dict[int, object]]:
        reached.append("committed")
        return [True], {}

    monkeypatch.setattr(SendingStore, "turn_over", commit)
    store = FailingStore(cast(AsyncPool, None), holder="me", lease=15.0, hold=30.0, failpoints=Noted({}))
    assert run_in_virtual_time(store.turn_over(outcomes, asks, UUID(int=7))) == ([True], {})
    assert reached == [*(f"before_{each}" for each in points), "committed", *(f"after_{each}" for each in points)]
