"""Named places in the send path at which a test makes the process crash, fail or stall.

    BROADCASTER_FAILPOINTS='after_intent=crash@3;before_outcome=stall:5'

One or more of `POINT=KIND[:SECONDS][@NTH]`: `crash` ends the process as kill -9 would, `raise` fails as a lost
connection to Postgres does, `stall` sleeps. With `@NTH` only the nth time that the point is reached, otherwise
every time. Not for operators, hence no setting. Without the variable `ACTIVE` is false and nothing here is called.

    before_claim, after_claim      around the statement that claims, which commits
    before_renewal, after_renewal  the same where it only renews leases
    before_intent, after_intent    around the commit of a group of intents
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
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import psycopg

from broadcaster.errors import SettingsError

T = TypeVar("T")

VARIABLE = "BROADCASTER_FAILPOINTS"
POINTS = frozenset(
    {f"{side}_{what}" for side in ("before", "after") for what in ("claim", "renewal", "intent", "outcome")}
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


async def reach(point: str) -> None:
    """Let happen what is set for `point`."""
    failpoint = _points.get(point)
    if failpoint is None:
        return
    _reached[point] += 1
    if failpoint.nth not in (None, _reached[point]):
        return
    match failpoint.kind:
        case "crash":
            os._exit(CRASHED)
        case "raise":
            raise psycopg.OperationalError(f"failpoint {point}")
        case _:
            await asyncio.sleep(failpoint.seconds)


async def reach_during(point: str, work: Coroutine[Any, Any, T]) -> T:
    """Let it happen while `work`, a request to the gateway, is under way."""
    if point not in _points:
        return await work
    task = asyncio.create_task(work)
    await asyncio.wait({task}, timeout=_WRITTEN_AFTER)
    await reach(point)
    return await task


_points: Mapping[str, Failpoint] = parse(os.environ.get(VARIABLE, ""))
_reached: Counter[str] = Counter()
ACTIVE: Final = bool(_points)
"""Constant, so that a point costs one look-up of a name while there are none."""
