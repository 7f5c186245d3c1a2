"""The statements of the send path. Each is one guarded statement, committed when the call returns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import inf
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from broadcaster.db.pool import AsyncPool
from broadcaster.db.statements import Statements
from broadcaster.domain.contents import Content, stored_content
from broadcaster.domain.decisions import LaneChange, Transition
from broadcaster.domain.instances import Wire
from broadcaster.domain.outcome_run import OutcomeRun
from broadcaster.domain.outcomes import Verdict
from broadcaster.domain.pacing import CLAIM_LEAD, Pace, closing_reserve
from broadcaster.domain.states import LaneHealth


@dataclass(frozen=True, slots=True)
class HeldLane:
    """A lane that this worker has just taken. `debt` is by how many seconds its clock is later than now."""

    id: int
    name: str
    account_id: int
    key_encrypted: bytes
    base_url: str
    wire: Wire
    reply_rules: Mapping[str, Any] | None
    pace: Pace
    max_in_flight: int
    health: LaneHealth
    failures: int
    run: OutcomeRun
    debt: float


class _LaneRow(msgspec.Struct, frozen=True):
    """A lane as it is stored. What its JSON says concerns this lane alone, and must not sink its neighbours."""

    id: int
    name: str
    account_id: int
    key_encrypted: bytes
    base_url: str
    wire: Wire
    reply_rules: Any
    interval_seconds: float
    tolerance_seconds: float
    burst: int
    max_in_flight: int
    health: LaneHealth
    failures: int
    outcome_run: Any
    debt: float

    def held(self) -> HeldLane:
        return HeldLane(
            id=self.id,
            name=self.name,
            account_id=self.account_id,
            key_encrypted=self.key_encrypted,
            base_url=self.base_url,
            wire=self.wire,
            reply_rules=self.reply_rules,
            pace=Pace(self.interval_seconds, self.tolerance_seconds, self.burst),
            max_in_flight=self.max_in_flight,
            health=self.health,
            failures=self.failures,
            run=OutcomeRun.from_document(self.outcome_run),
            debt=self.debt,
        )


class Message(NamedTuple):
    """A message that is to be sent: its attempt number `attempt` is committed, under the token `claim`.

    `spent` counts the attempts before this one that count against `max_attempts`. `content_version` says what it gets:
    what its campaign sent when it was claimed.
    """

    claim: UUID
    segment: int
    campaign_id: int
    seq: int
    phone: str
    variables: Mapping[str, str] | None
    attempt: int
    spent: int
    max_attempts: int
    content_version: int
    leaves_within: float = inf
    """It must have left so many seconds after it was asked for; infinity: at any time."""


class Ask(NamedTuple):
    """What a claim is asked for one lane: to renew its lease `token`, and `want` messages at most."""

    lane_id: int
    token: UUID
    want: int


class Return(NamedTuple):
    """A lane to give back: its lease, and by how many seconds its clock is later than now."""

    lane_id: int
    token: UUID
    debt: float
    again: bool
    """Whether the caller wakes it again, so that a tick need not."""
    run: OutcomeRun | None = None
    """What its outcomes say together; None: as when it was taken."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one lane got.

    `slots` is how many it was allowed: fewer messages than that means that no more are due. `may_send` is false
    when the lane is paused, refused or resting. `skipped` is how many more of the slots' messages were skipped, since
    their phones have opted out or were messaged lately, and `put_off` how many wait until their person is free: those
    slots are not spent. `wait` is in how many seconds one of its limits has a place again; 0: none keeps it waiting.
    """

    may_send: bool
    slots: int
    messages: list[Message]
    skipped: int = 0
    wait: float = 0.0
    put_off: int = 0


class OutcomeRow(msgspec.Struct, frozen=True, eq=False):
    """One outcome, as `turn_over.sql` reads it."""

    segment: int
    campaign_id: int
    seq: int
    attempt: int
    claim: UUID
    state: str
    delay: float
    spent: int
    outcome: str
    reason: str
    http_status: int | None
    reply: str | None
    gateway_id: str | None
    duration_ms: int | None


def outcome_row(message: Message, verdict: Verdict, transition: Transition, duration: float | None) -> OutcomeRow:
    """The row that writes `verdict` for the attempt that `message` was claimed for. `duration` is in seconds."""
    return OutcomeRow(
        segment=message.segment,
        campaign_id=message.campaign_id,
        seq=message.seq,
        attempt=message.attempt,
        claim=message.claim,
        state=transition.state,
        delay=transition.delay,
        spent=transition.spent,
        outcome=verdict.outcome,
        reason=verdict.reason,
        http_status=verdict.http_status,
        reply=verdict.reply,
        gateway_id=verdict.gateway_id,
        duration_ms=None if duration is None else round(duration * 1000),
    )


class SendingStore:
    """The send path's view of Postgres."""

    def __init__(
        self, pool: AsyncPool, *, holder: str, lease: float, hold: float, longest_request: float = 30.0
    ) -> None:
        """A lease lasts for `lease` seconds, and is held under the name `holder`.

        `hold` is for how many seconds a request may be under way behind a gateway that has left it open, and
        `longest_request` for how many it may be before it is given up.
        """
        self._statements = Statements(pool, statement_timeout=lease)
        self._holder = holder
        self._lease = timedelta(seconds=lease)
        self._hold = timedelta(seconds=hold)
        self._longest_request = longest_request

    async def take_lanes(self, lanes: Sequence[int], token: UUID) -> list[HeldLane]:
        """Take those of `lanes` that are free, under the lease `token`."""
        rows = await self._statements.rows(
            "take_lanes", _LaneRow, lanes=list(lanes), token=token, holder=self._holder, lease=self._lease
        )
        return [row.held() for row in rows]

    async def held_lanes(self, lanes: Sequence[int], tokens: Sequence[UUID]) -> list[HeldLane]:
        """Of `lanes`, those that are held under the lease that `tokens` has for them, as they would be taken now."""
        rows = await self._statements.rows("held_lanes", _LaneRow, lanes=list(lanes), tokens=list(tokens))
        return [row.held() for row in rows]

    async def turn_over(
        self, outcomes: Sequence[OutcomeRow], asks: Sequence[Ask], claim: UUID
    ) -> tuple[list[bool], dict[int, Claim]]:
        """Commit outcomes and, in the same transaction, renew leases and take messages under the new token `claim`.

        The first result tells for each outcome whether it was still this worker's to write (invariant I7), the second
        what each lane got, by lane id; lanes whose lease was lost are missing from it. After an error nobody knows
        whether it was committed, until `read_claim` says so; outcomes can simply be written again.
        """
        lanes, tokens, wants = _columns(asks)
        # Postgres text cannot hold NUL, and one such reply must not sink its neighbours' outcomes.
        document = msgspec.json.encode(outcomes).decode().replace("\\u0000", "\\ufffd")
        parameters = {"outcomes": document, "lanes": lanes, "tokens": tokens, "wants": wants, "claim": claim}
        *rows, (*_, places) = await self._statements.rows(
            "turn_over",
            tuple,
            **parameters,
            lease=self._lease,
            lead=CLAIM_LEAD,
            hold=self._hold,
            reserve=closing_reserve(self._longest_request),
        )
        moved = [False] * len(outcomes)
        for place in places or ():
            moved[place - 1] = True
        return moved, _claims(claim, rows, self._longest_request)

    async def read_claim(self, asks: Sequence[Ask], claim: UUID) -> dict[int, Claim]:
        """What `claim` took, if it was committed. In its result no lane has been allowed anything beyond that."""
        lanes, tokens, _ = _columns(asks)
        rows = await self._statements.rows("read_claim", tuple, lanes=lanes, tokens=tokens, claim=claim)
        return _claims(claim, rows, self._longest_request)

    async def opted_out(self, phones: Sequence[str], lanes: Sequence[int], campaigns: Sequence[int]) -> set[int]:
        """The places, from 0, of those `phones` that get nothing through the lane for the campaign at the same."""
        asked = {"phones": list(phones), "lanes": list(lanes), "campaigns": list(campaigns)}
        places = await self._statements.values("opted_out", **asked)
        return {place - 1 for place in places}

    async def change_lane_health(self, lane: int, token: UUID, change: LaneChange, run: OutcomeRun) -> None:
        """Write a lane's new health and the run that led to it, if the lane is still held under `token`."""
        await self._statements.execute(
            "change_lane_health",
            lane=lane,
            token=token,
            health=change.health.value,
            reason=None if change.health is LaneHealth.OK else change.reason,
            failures=change.failures,
            run=_document(run),
            rest=change.rest,
        )

    async def release_lanes(self, returns: Sequence[Return]) -> None:
        """Give lanes back."""
        lanes, tokens, debts, again, runs = map(list, zip(*returns, strict=True))
        documents = [None if run is None else _document(run) for run in runs]
        await self._statements.execute(
            "release_lanes", lanes=lanes, tokens=tokens, debts=debts, again=again, runs=documents
        )

    async def free_lanes_of(self, holders: Sequence[str], request_timeout: float) -> None:
        """Free the lanes of workers that have ended, whose requests may be under way for so many seconds at most."""
        await self._statements.execute("end_leases", holders=list(holders))
        waited = timedelta(seconds=request_timeout)
        await self._statements.execute("recover_leases", request_timeout=waited, ended=list(holders))

    async def campaign_content(self, campaign_id: int, version: int) -> Content:
        """A version of what the campaign sends, which never changes; `campaign_file` has the file of one."""
        [row] = await self._statements.rows("campaign_content", tuple, campaign_id=campaign_id, version=version)
        return stored_content(*row)

    async def campaign_file(self, campaign_id: int, version: int) -> bytes:
        """The bytes of the file that this version sends."""
        [body] = await self._statements.values("campaign_file", campaign_id=campaign_id, version=version)
        return bytes(body)

    async def recipient_file(self, campaign_id: int, path: str) -> bytes:
        """The bytes of the file that the campaign sends to whoever has this path in the list."""
        [body] = await self._statements.values("recipient_file", campaign_id=campaign_id, path=path)
        return bytes(body)

    async def keep_figures(self, figures: Mapping[str, Any]) -> None:
        """Keep what this worker has measured since it started."""
        document = msgspec.json.encode(figures).decode()
        await self._statements.execute("keep_worker_figures", worker=self._holder, figures=document)

    async def campaign_names(self, campaigns: Collection[int], most: int) -> list[str]:
        """What operators call these campaigns (ids), `most` of them at most, in order."""
        return await self._statements.values("campaign_names", campaigns=list(campaigns), most=most)

    async def finish_campaigns(self) -> list[int]:
        """Finish the campaigns that balance; returns their ids."""
        return await self._statements.values("finish_campaigns")


_MESSAGE_COLUMNS = len(Message._fields) - 1
"""What a row says of a message: all but the claim, in this order."""


def _document(run: OutcomeRun) -> str:
    return msgspec.json.encode(run.to_document()).decode()


def _columns(asks: Sequence[Ask]) -> tuple[list[int], list[UUID], list[int]]:
    return [ask.lane_id for ask in asks], [ask.token for ask in asks], [ask.want for ask in asks]


def _claims(claim: UUID, rows: Sequence[tuple[Any, ...]], longest_request: float) -> dict[int, Claim]:
    claims: dict[int, Claim] = {}
    for lane_id, may_send, slots, *rest in rows:
        lane = claims.get(lane_id)
        if lane is None:
            skipped, wait, put_off, *_ = rest[_MESSAGE_COLUMNS:]
            lane = claims[lane_id] = Claim(may_send, slots, [], skipped or 0, wait or 0.0, put_off or 0)
        if rest[0] is not None:
            columns = rest[:_MESSAGE_COLUMNS]
            columns[-1] = inf if columns[-1] is None else columns[-1] - longest_request
            lane.messages.append(Message(claim, *columns))
    return claims
