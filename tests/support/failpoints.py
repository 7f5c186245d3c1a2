"""Named places in the send path at which a test makes a worker crash, fail or stall. Nothing of it ships.

    BROADCASTER_FAILPOINTS='after_claim=crash@3;before_outcome=stall:5' python tests/support/failpoints.py worker

One or more of `POINT=KIND[:SECONDS][@NTH]`: `crash` ends the process as kill -9 would, `raise` fails as a lost
connection to Postgres does, `stall` sleeps. With `@NTH` only the nth time that the point is reached, otherwise
every time.

    before_claim, after_claim      around a statement that claims, which commits what is to be sent
    before_renewal, after_renewal  around one that only renews leases
    before_post                    the intent is committed, and no byte has left
    post_written                   the request has left, its reply has not come (wants a gateway with latency)
    reply_read                     the outcome is known to this process alone
    before_outcome, after_outcome  around one that writes outcomes; it may claim as well, and then reaches both pairs
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import psycopg

from broadcaster.cli.main import main
from broadcaster.db.pool import AsyncPool
from broadcaster.gateway import Body, BodyGate, Reply, Transport, open_transport
from broadcaster.services.sending import sending_process
from broadcaster.services.sending.sending_store import Ask, Claim, OutcomeRow, SendingStore

T = TypeVar("T")

VARIABLE = "BROADCASTER_FAILPOINTS"
POINTS = frozenset(
    {f"{side}_{what}" for side in ("before", "after") for what in ("claim", "renewal", "outcome")}
    | {"before_post", "post_written", "reply_read"}
)
CRASHED = 137
"""What a shell reports of a process that SIGKILL ended."""
_WRITTEN_AFTER = 0.05
"""Seconds after which a request on the loopback interface has left."""
_RULE = re.compile(r"(?P<point>\w+)=(?P<kind>crash|raise|stall)(?::(?P<seconds>\d+(?:\.\d+)?))?(?:@(?P<nth>\d+))?")


@dataclass(frozen=True, slots=True)
class Failpoint:
    """What happens at a point; `nth` None means every time."""

    kind: str
    seconds: float
    nth: int | None


def parse(text: str) -> dict[str, Failpoint]:
    """Read the variable's value. Raises ValueError, naming the part that is none."""
    points = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        match = _RULE.fullmatch(part)
        if match is None:
            raise ValueError(f"{VARIABLE}: {part!r} is not POINT=crash|raise|stall[:SECONDS][@NTH]")
        if match["point"] not in POINTS:
            raise ValueError(f"{VARIABLE}: there is no point {match['point']!r}, only {', '.join(sorted(POINTS))}")
        nth = int(match["nth"]) if match["nth"] else None
        points[match["point"]] = Failpoint(match["kind"], float(match["seconds"] or 0), nth)
    return points


class Failpoints:
    """The points of one process, and how often each was reached."""

    def __init__(self, points: Mapping[str, Failpoint]) -> None:
        self.points = points
        self.reached: Counter[str] = Counter()

    async def reach(self, point: str) -> None:
        """Let happen what is set for `point`."""
        failpoint = self.points.get(point)
        if failpoint is None:
            return
        self.reached[point] += 1
        if failpoint.nth not in (None, self.reached[point]):
            return
        match failpoint.kind:
            case "crash":
                os._exit(CRASHED)
            case "raise":
                raise psycopg.OperationalError(f"failpoint {point}")
            case _:
                await asyncio.sleep(failpoint.seconds)  # the stall itself

    async def reach_during(self, point: str, work: Coroutine[Any, Any, T]) -> T:
        """Let it happen while `work`, a request to the gateway, is under way."""
        if point not in self.points:
            return await work
        task = asyncio.create_task(work)
        await asyncio.wait({task}, timeout=_WRITTEN_AFTER)
        await self.reach(point)
        return await task


class FailingStore(SendingStore):
    """A store that reaches the points around its statements."""

    def __init__(self, pool: AsyncPool, *, failpoints: Failpoints, **options: Any) -> None:
        """As `SendingStore`."""
        super().__init__(pool, **options)
        self._failpoints = failpoints

    async def turn_over(
        self, outcomes: Sequence[OutcomeRow], asks: Sequence[Ask], claim: UUID
    ) -> tuple[list[bool], dict[int, Claim]]:
        """As `SendingStore.turn_over`."""
        parts = [
            *(["outcome"] if outcomes else []),
            *(["claim" if any(ask.want for ask in asks) else "renewal"] if asks else []),
        ]
        for part in parts:
            await self._failpoints.reach(f"before_{part}")
        result = await super().turn_over(outcomes, asks, claim)
        for part in parts:
            await self._failpoints.reach(f"after_{part}")
        return result


class FailingTransport:
    """A transport that reaches the points around requests that send."""

    def __init__(self, inner: Transport, failpoints: Failpoints) -> None:
        self._inner = inner
        self._failpoints = failpoints

    async def post(
        self, url: str, content_type: str, body: Body, *, within: float, limit: int, gate: BodyGate | None = None
    ) -> Reply:
        """As `Transport.post`."""
        request = self._inner.post(url, content_type, body, within=within, limit=limit, gate=gate)
        if "/wa/send" not in url:
            return await request
        await self._failpoints.reach("before_post")
        reply = await self._failpoints.reach_during("post_written", request)
        await self._failpoints.reach("reply_read")
        return reply

    async def aclose(self) -> None:
        """As `Transport.aclose`."""
        await self._inner.aclose()


def wrappers(failpoints: Failpoints) -> dict[str, Any]:
    """Replacements for names in `services.sending.sending_process`, for processes that are opened afterwards."""

    def open_failing_transport(**options: Any) -> Transport:
        return FailingTransport(open_transport(**options), failpoints)

    return {"SendingStore": partial(FailingStore, failpoints=failpoints), "open_transport": open_failing_transport}


def run() -> int:
    """The command line with the points that the environment sets; its exit code."""
    for name, wrapper in wrappers(Failpoints(parse(os.environ[VARIABLE]))).items():
        setattr(sending_process, name, wrapper)
    return main()


if __name__ == "__main__":
    sys.exit(run())
