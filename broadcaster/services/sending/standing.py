"""How a held lane stands with its gateway: its health, and the run of its outcomes."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from broadcaster.domain.decisions import LaneChange
from broadcaster.domain.judgement import AnsweredAttempt, Judgement, after_probe, judge
from broadcaster.domain.outcome_run import OutcomeRun
from broadcaster.domain.outcomes import Outcome, Verdict
from broadcaster.domain.states import LaneHealth
from broadcaster.gateway import GatewayError, WAChatPro
from broadcaster.services.sending.sending_store import HeldLane, Message


class Departure(NamedTuple):
    """When a request left, among the other requests and replies of its lane."""

    number: int
    """How many have left with it."""
    heard: int
    """The number of the latest trouble that was heard of by then."""


class Standing:
    """The health and run of one lane while this worker holds it, from its replies so far."""

    __slots__ = ("_accepted", "_failures", "_health", "_held", "_left", "_random", "_run")

    def __init__(self, held: HeldLane, random: Random) -> None:
        self._held = held
        self._random = random
        self._health, self._failures, self._run = held.health, held.failures, held.run
        self._left = 0
        self._accepted = 0
        """The number of the latest departure whose message was accepted."""

    @property
    def is_well(self) -> bool:
        """Whether more than one message at a time may be tried."""
        return self._health is LaneHealth.OK

    @property
    def is_refused(self) -> bool:
        """Whether the gateway does not accept the key."""
        return self._health is LaneHealth.REFUSED

    def depart(self) -> Departure:
        """A request leaves now. It remembers that until its reply is judged."""
        self._left += 1
        return Departure(self._left, self._run.heard)

    @property
    def run(self) -> OutcomeRun:
        """The run of its outcomes."""
        return self._run

    @property
    def new_run(self) -> OutcomeRun | None:
        """The run if it changed since the lane was taken; None: it did not."""
        return None if self._run is self._held.run else self._run

    def judge(self, message: Message, verdict: Verdict, departure: Departure) -> Judgement:
        """What follows from the reply to a request that left at `departure`."""
        name = f"{message.campaign_id}/{message.seq}"
        is_overtaken = departure.number < self._accepted
        attempt = AnsweredAttempt(
            name, message.attempt, message.spent, message.max_attempts, departure.heard, is_overtaken=is_overtaken
        )
        if verdict.outcome is Outcome.ACCEPTED:
            self._accepted = max(self._accepted, departure.number)
        judged = judge(self._run, verdict, attempt, self._health, self._failures, self._random.random())
        self._run = judged.run
        return judged

    async def probe(self, gateway: WAChatPro) -> LaneChange | None:
        """List the chats of a lane that is down, which costs no message. None: a message may be tried."""
        read: Verdict | None = None
        try:
            await gateway.chats(limit=1)
        except GatewayError as error:
            read = error.verdict
        return after_probe(read, self._failures, self._random.random())

    def change(self, change: LaneChange) -> None:
        """Take over the new health."""
        self._health, self._failures = change.health, change.failures
