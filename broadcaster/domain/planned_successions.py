"""The campaigns of schedules while a plan is made: none is sent while something of an earlier one is left. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from math import inf

from broadcaster.domain.plan_terms import Succession
from broadcaster.domain.planned_lanes import LaneAhead

_SHORTEST_WAIT = 1.0
"""Seconds from one look at what an earlier campaign has left to the next, at least."""


class SuccessionsAhead:
    """Whose turn it is, while lanes are planned."""

    def __init__(
        self, lanes: Sequence[LaneAhead], successions: Sequence[Succession], gates: dict[tuple[int, int], float]
    ) -> None:
        planned = {queue.campaign for lane in lanes for queue in lane.queues}
        of_lanes = [each for each in successions if not planned.isdisjoint(dict(each.campaigns))]
        self._turns = [_Turns(lanes, each, gates) for each in of_lanes]

    def decide(self, now: float) -> Iterator[int]:
        """Let those go on whose turn has come by now; yields the campaigns that are left out."""
        for turns in self._turns:
            yield from turns.decide(now)

    def left(self, campaign: int, moment: float) -> None:
        """A message of the campaign leaves then."""
        for turns in self._turns:
            turns.left(campaign, moment)

    def next_due(self, now: float) -> float:
        """When it is decided next whether a campaign waits or is left out; infinity: never."""
        return min((turns.next_due(now) for turns in self._turns), default=inf)

    def changes(self, now: float) -> Iterator[float]:
        """No other one has its turn before."""
        for turns in self._turns:
            yield from turns.changes(now)


class _Turns:
    """Of one succession."""

    def __init__(
        self, lanes: Sequence[LaneAhead], succession: Succession, gates: dict[tuple[int, int], float]
    ) -> None:
        self._lanes = lanes
        self._gates = gates
        self._is_skipped = succession.is_skipped
        self._most = succession.most
        self._begun = 0
        self._sent = {campaign for campaign, due_at in succession.campaigns if due_at == -inf}
        self._ahead = [each for each in reversed(succession.campaigns) if each[1] > -inf]
        self._ended = -inf
        gates.update({(campaign, 0): due_at for campaign, due_at in self._ahead})

    def decide(self, now: float) -> Iterator[int]:
        while self._ahead and self._ahead[-1][1] <= now:
            campaign, due_at = self._ahead[-1]
            if self._begun != self._most and not self._waiting():
                self._gates[campaign, 0] = max(due_at, self._ended)
                self._sent = {campaign}
                self._begun += 1
            elif self._is_skipped or self._begun == self._most:
                for lane in self._lanes:
                    lane.leave_out(campaign)
                yield campaign
            else:
                self._gates.update({(later, 0): inf for later, due_at in self._ahead if due_at <= now})
                return
            self._ahead.pop()

    def left(self, campaign: int, moment: float) -> None:
        if campaign in self._sent:
            self._ended = max(self._ended, moment)

    def next_due(self, now: float) -> float:
        due = (due_at for _, due_at in reversed(self._ahead) if due_at > now)
        return min([*islice(due, 1), *self._expiring(now)], default=inf)

    def _expiring(self, now: float) -> Iterator[float]:
        """When something expires for which another one waits."""
        if self._ahead and self._ahead[-1][1] <= now:
            for lane, _ in self._waiting():
                for queue, waiting in zip(lane.queues, lane.waiting, strict=True):
                    if waiting and queue.campaign in self._sent and queue.expires_at > now:
                        yield queue.expires_at

    def changes(self, now: float) -> Iterator[float]:
        yield self.next_due(now)
        if self._ahead and self._ahead[-1][1] <= now and (left := self._waiting()):
            # Were nothing else sent through its lanes, the last of it would leave then.
            yield now + max(_SHORTEST_WAIT, *(lane.slot(now, messages - 1) - now for lane, messages in left))

    def _waiting(self) -> Collection[tuple[LaneAhead, int]]:
        """What is left of the one that is sent, by lane."""
        counts = [(lane, lane.left_of(self._sent)) for lane in self._lanes]
        return [each for each in counts if each[1]]
