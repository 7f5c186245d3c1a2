"""Named places in the send path at which a test makes the process crash, fail or stall.

    BROADCASTER_FAILPOINTS='after_claim=crash@3;before_outcome=stall:5'

One or more of `POINT=KIND[:SECONDS][@NTH]`: `crash` ends the process as kill -9 would, `raise` fails as a lost
connection to Postgres does, `stall` sleeps. With `@NTH` only the nth time that the point is reached, otherwise
every time. Not for operators, hence no setting. Without the variable nothing here is on the path of a message.

    before_claim, after_claim      around the statement that claims, which commits what is to be sent
    before_renewal, after_renewal  the same where it only renews leases
    before_post                    the intent is committed, and no byte has left
    post_written                   the request has left, its reply has not come (wants a gateway with latency)
    reply_read                     the outcome is known to this process alone
    before_outcome, after_outcome  around the commit of a group of outcomes
"""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import psycopg

from broadcaster.db.pool import AsyncPool
from broadcaster.errors import SettingsError
from broadcaster.gateway import Body, Reply, Transport
from broadcaster.services.sending.store import Ask, Claim, OutcomeRow, SendingStore

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
    """Read the variable's value. Raises SettingsError, naming the part that is none."""
    points = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        match = _RULE.fullmatch(part)
        if match is None:
            raise SettingsError(f"{VARIABLE}: {part!r} is not POINT=crash|raise|stall[:SECONDS][@NTH]")
        if match["point"] not in POINTS:
            raise SettingsError(f"{VARIABLE}: there is no point {match['point']!r}, only {', '.join(sorted(POINTS))}")
        nth = int(match["nth"]) if match["nth"] else None
        points[match["point"]] = Failpoint(match["kind"], float(match["seconds"] or 0), nth)
    return points


class Failpoints:
    """The points of one process, and how often each was reached."""

    def __init__(self, points: Mapping[str, Failpoint]) -> None:
        self._points = points
        self._reached: Counter[str] = Counter()

    async def reach(self, point: str) -> None:
        """Let happen what is set for `point`."""
        failpoint = self._points.get(point)
        if failpoint is None:
            return
        self._reached[point] += 1
        if failpoint.nth not in (None, self._reached[point]):
            return
        match failpoint.kind:
            case "crash":
                os._exit(CRASHED)
            case "raise":
                raise psycopg.OperationalError(f"failpoint {point}")
            case _:
                await asyncio.sleep(failpoint.seconds)

    async def reach_during(self, point: str, work: Coroutine[Any, Any, T]) -> T:
        """Let it happen while `work`, a request to the gateway, is under way."""
        if point not in self._points:
            return await work
        task = asyncio.create_task(work)
        await asyncio.wait({task}, timeout=_WRITTEN_AFTER)
        await self.reach(point)
        return await task


class FailingStore(SendingStore):
    """A store that reaches the points around its statements."""

    def __init__(self, pool: AsyncPool, *, holder: str, lease: float, failpoints: Failpoints) -> None:
        """As `SendingStore`."""
        super().__init__(pool, holder=holder, lease=lease)
        self._failpoints = failpoints

    async def claim(self, asks: Sequence[Ask], claim: UUID) -> dict[int, Claim]:
        """As `SendingStore.claim`."""
        what = "claim" if any(ask.want for ask in asks) else "renewal"
        await self._failpoints.reach(f"before_{what}")
        claims = await super().claim(asks, claim)
        await self._failpoints.reach(f"after_{what}")
        return claims

    async def record(self, rows: Sequence[OutcomeRow]) -> list[bool]:
        """As `SendingStore.record`."""
        await self._failpoints.reach("before_outcome")
        moved = await super().record(rows)
        await self._failpoints.reach("after_outcome")
        return moved


class FailingTransport:
    """A transport that reaches the points around requests that send."""

    def __init__(self, inner: Transport, failpoints: Failpoints) -> None:
        self._inner = inner
        self._failpoints = failpoints

    async def post(self, url: str, content_type: str, body: Body, *, within: float, limit: int) -> Reply:
        """As `Transport.post`."""
        request = self._inner.post(url, content_type, body, within=within, limit=limit)
        if "/wa/send" not in url:
            return await request
        await self._failpoints.reach("before_post")
        reply = await self._failpoints.reach_during("post_written", request)
        await self._failpoints.reach("reply_read")
        return reply

    async def aclose(self) -> None:
        """As `Transport.aclose`."""
        await self._inner.aclose()


def configured() -> Failpoints | None:
    """Those that the environment sets; None where it sets none. Raises SettingsError."""
    points = parse(os.environ.get(VARIABLE, ""))
    return Failpoints(points) if points else None
