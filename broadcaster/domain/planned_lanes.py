"""A lane while a plan is made: when its pace lets messages leave, and which of its queues they come from. Pure."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from math import ceil, inf
from typing import NamedTuple

from broadcaster.domain.plan_terms import OpenSpan, PlannedLane

Gates = Mapping[tuple[int, int], float]
"""When the slices of campaigns open, by campaign and slice, 0 being the first; infinity: nobody knows yet."""


class Turn(NamedTuple):
    """Which messages of a piece come from one queue: the `first` and the `last` of them, counted from 0."""

    queue: int
    messages: int
    first: int
    last: int


class LaneAhead:
    """A lane, from one moment of a plan to the next."""

    def __init__(self, place: int, planned: PlannedLane, gates: Gates) -> None:
        self.place = place
        self.limits = frozenset(planned.limits)
        self.all_limits = self.limits.union(*(queue.limits for queue in planned.queues))
        """Those that count what it sends, or some of it."""
        self.counts_alike = self.all_limits == self.limits
        """Whether each of them counts all that it sends."""
        self.queues = planned.queues
        self.waiting = [0 if queue.is_under_way else queue.messages for queue in planned.queues]
        self.expired = [0] * len(planned.queues)
        self.interval = planned.pace.interval
        self._tolerance = planned.pace.tolerance
        self.not_before = planned.not_before
        """Until then it rests."""
        self._put_off = [-inf] * len(planned.queues)
        self._spans = [OpenSpan(-inf, -inf)] * len(planned.queues)
        self._clock = planned.clock
        self._gates = gates
        self._known = [OpenSpan(-inf, -inf)] * len(planned.queues)
        self._to_begin = sorted(range(len(planned.queues)), key=lambda place: planned.queues[place].not_before)[::-1]
        """The queues that have not begun yet, the next one last,"""
        self._begun: list[int] = []
        """and those that have: of a month of occurrences most play no part at a moment."""
        # Whoever was served longest ago comes first, as in the claim.
        self._turns = sorted({queue.campaign for queue in planned.queues})

    def slot(self, now: float, queued: int) -> float:
        """When the pace lets a message leave after `queued` others, as of `now`."""
        return max(now, max(self._clock, now) - self._tolerance + queued * self.interval)

    def slots(self, now: float, end: float) -> float:
        """How many messages the pace lets leave from `now` until before `end`; infinity: any number."""
        first = max(self._clock, now) - self._tolerance
        if max(first, now) >= end:
            return 0
        return ceil((end - first) / self.interval) if self.interval else inf

    def send(self, now: float, messages: int) -> None:
        """So many leave, from `now` on."""
        self._clock = max(self._clock, now) + messages * self.interval

    def opening(self, place: int, now: float) -> OpenSpan:
        """When messages of the queue may start, at `now` or next, whatever pace and limits say."""
        queue = self.queues[place]
        if now >= self._known[place].ends:
            self._known[place] = queue.opening(now)
            self._spans[place] = self._span(place)
        span, gate = self._spans[place], self.gate(place)
        return span if gate <= span.begins else OpenSpan(gate, span.ends)

    def put_off(self, place: int, until: float) -> None:
        """Nothing of the queue starts before, from now on."""
        if until != self._put_off[place]:
            self._put_off[place] = until
            self._spans[place] = self._span(place)

    def would_open(self, place: int, now: float) -> float:
        """When messages of the queue might start, at `now` or next, were they not put off."""
        self.opening(place, now)
        queue = self.queues[place]
        begins = max(self._known[place].begins, queue.not_before, self.not_before, self.gate(place))
        return begins if begins < queue.expires_at else inf

    def _span(self, place: int) -> OpenSpan:
        queue = self.queues[place]
        begins, ends = self._known[place]
        begins = max(begins, queue.not_before, self._put_off[place], self.not_before)
        return OpenSpan(begins, min(ends, queue.expires_at))

    def gate(self, place: int) -> float:
        """When the queue's slice opens, the first one at its campaign's turn; minus infinity: it is open."""
        queue = self.queues[place]
        return self._gates.get((queue.campaign, queue.slice), inf if queue.slice else -inf)

    def left_of(self, campaigns: Collection[int]) -> int:
        """How many messages of these it has left to send."""
        return sum(self.waiting[place] for place, queue in enumerate(self.queues) if queue.campaign in campaigns)

    def expired_of(self, campaign: int) -> int:
        """How many messages of this one have expired."""
        return sum(self.expired[place] for place, queue in enumerate(self.queues) if queue.campaign == campaign)

    def leave_out(self, campaign: int) -> None:
        """Nothing of the campaign is sent."""
        for place, queue in enumerate(self.queues):
            if queue.campaign == campaign:
                self.waiting[place] = 0

    def limits_of(self, campaign: int) -> frozenset[int]:
        """Those that count what it sends of this one."""
        return self.limits.union(*(queue.limits for queue in self.queues if queue.campaign == campaign))

    def hours_open(self, place: int) -> float:
        """When the hours of the queue open, as of the last look at it."""
        return self._known[place].begins

    def expire(self, now: float) -> None:
        """What may not start any more expires."""
        for place, queue in enumerate(self.queues):
            if self.waiting[place] and now >= queue.expires_at:
                self.expired[place], self.waiting[place] = self.waiting[place], 0

    def openings(self, now: float) -> Sequence[tuple[int, OpenSpan]]:
        """Of each queue that has begun and has something left, when that may start, at `now` or next."""
        while self.next_beginning() <= now:
            insort(self._begun, self._to_begin.pop())
        return [(place, self.opening(place, now)) for place in self._begun if self.waiting[place]]

    def next_beginning(self) -> float:
        """When the next queue begins of those that had not at the last look at openings; infinity: none does."""
        return self.queues[self._to_begin[-1]].not_before if self._to_begin else inf

    def dealt(self, queues: Sequence[int], messages: int) -> Iterator[Turn]:
        """From which of these queues, which are open, so many messages come; they are taken from there.

        As `turn_over.sql` deals: higher priorities first, campaigns of one in turns, of each its first queue first.
        """
        if len(queues) == 1:
            self.waiting[queues[0]] -= messages
            self._serve([self.queues[queues[0]].campaign])
            yield Turn(queues[0], messages, 0, messages - 1)
            return
        by_priority: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for place in queues:
            queue = self.queues[place]
            by_priority[queue.priority][queue.campaign].append(place)
        gone = 0
        for priority in sorted(by_priority, reverse=True):
            rivals = by_priority[priority]
            turns = list(self._among_rivals(rivals, messages - gone, gone))
            yield from turns
            gone += sum(turn.messages for turn in turns)
            if gone == messages:
                return

    def numbers(self, queues: Sequence[int], messages: int) -> Iterator[tuple[int, int]]:
        """Of which campaigns so many messages from these queues, which are open, would come, and how many of each."""
        by_priority: dict[int, Counter[int]] = defaultdict(Counter)
        for place in queues:
            queue = self.queues[place]
            by_priority[queue.priority][queue.campaign] += self.waiting[place]
        for priority in sorted(by_priority, reverse=True):
            rivals = by_priority[priority]
            campaigns = [campaign for campaign in self._turns if campaign in rivals]
            shares = _shares([rivals[campaign] for campaign in campaigns], messages)
            yield from zip(campaigns, shares, strict=True)
            messages -= sum(shares)

    def _among_rivals(self, rivals: Mapping[int, Sequence[int]], messages: int, gone: int) -> Iterator[Turn]:
        """The same of campaigns of one priority, after `gone` others: a message of each, again and again."""
        campaigns = [campaign for campaign in self._turns if campaign in rivals]
        held = [sum(self.waiting[place] for place in rivals[campaign]) for campaign in campaigns]
        shares = _shares(held, messages)
        last_of: dict[int, int] = {}
        for index, campaign in enumerate(campaigns):
            had = 0
            for place in rivals[campaign]:
                taken = min(self.waiting[place], shares[index] - had)
                if taken:
                    first, last = (gone + _position(held, index, had + card) for card in (1, taken))
                    self.waiting[place] -= taken
                    had += taken
                    last_of[campaign] = last
                    yield Turn(place, taken, first, last)
        self._serve(sorted(last_of, key=last_of.__getitem__))

    def _serve(self, campaigns: Sequence[int]) -> None:
        """They have been served, in this order."""
        if self._turns[-len(campaigns) :] != campaigns:
            self._turns = [*(each for each in self._turns if each not in campaigns), *campaigns]


class OpenLane(NamedTuple):
    """A lane with those of its queues that are open."""

    lane: LaneAhead
    queues: Sequence[int]

    @property
    def limits(self) -> frozenset[int]:
        """The limits that count what it sends, or some of it."""
        if self.lane.counts_alike:
            return self.lane.limits
        return self.lane.limits.union(*(self.lane.queues[place].limits for place in self.queues))

    @property
    def waiting(self) -> Sequence[int]:
        """How many messages each of these queues has."""
        return [self.lane.waiting[place] for place in self.queues]

    def counts_all(self, limit: int) -> bool:
        """Whether each of its messages counts for the limit."""
        return limit in self.lane.limits or all(limit in self.lane.queues[place].limits for place in self.queues)

    def counted(self, messages: int) -> Counter[int]:
        """How many of its next messages count for each limit."""
        counts = Counter(dict.fromkeys(self.lane.limits, messages))
        of_campaign = {self.lane.queues[place].campaign: self.lane.queues[place].limits for place in self.queues}
        if any(of_campaign.values()):
            for campaign, number in self.lane.numbers(self.queues, messages):
                counts.update(dict.fromkeys(of_campaign[campaign], number))
        return counts


def coupled(lanes: Sequence[LaneAhead], dependent: Sequence[Collection[int]]) -> Iterable[Sequence[LaneAhead]]:
    """The lanes in groups that share neither a limit nor campaigns that depend on each other."""
    groups: list[tuple[set[tuple[str, int]], list[LaneAhead]]] = []
    for lane in lanes:
        shared = {("limit", each) for each in lane.all_limits}
        campaigns = {queue.campaign for queue in lane.queues}
        shared |= {("campaigns", place) for place, each in enumerate(dependent) if not campaigns.isdisjoint(each)}
        together = [lane]
        for group in [each for each in groups if each[0] & shared]:
            groups.remove(group)
            shared |= group[0]
            together = [*group[1], *together]
        groups.append((shared, together))
    return [sorted(together, key=lambda lane: lane.place) for _, together in groups]


class Share(NamedTuple):
    """The next messages of a lane, as one limit counts them."""

    sender: OpenLane
    messages: int
    limit: int

    def first(self, now: float) -> float:
        """When the first leaves that counts."""
        return self.sender.lane.slot(now, bisect_left(range(1, self.messages + 1), 1, key=self._counted))

    def last(self, now: float) -> float:
        """When the last of them leaves."""
        return self.sender.lane.slot(now, self.messages - 1)

    def before(self, now: float, edge: float) -> int:
        """How many count that leave before a moment."""
        return self._counted(int(min(self.messages, self.sender.lane.slots(now, edge))))

    @property
    def all(self) -> int:
        """How many count."""
        return self._counted(self.messages)

    def _counted(self, messages: int) -> int:
        return messages if self.limit in self.sender.lane.limits else self.sender.counted(messages)[self.limit]


def _shares(held: Sequence[int], messages: int) -> Sequence[int]:
    """How many each gets where so many are dealt like cards, and nobody gets more than it holds."""
    if len(held) == 1:
        return [min(held[0], messages)]
    rounds, left, open_ones = 0, messages, sorted(held)
    while open_ones and left >= (open_ones[0] - rounds) * len(open_ones):
        left -= (open_ones[0] - rounds) * len(open_ones)
        rounds = open_ones.pop(0)
    rounds += left // len(open_ones) if open_ones else 0
    left = left % len(open_ones) if open_ones else 0
    shares = []
    for each in held:
        more = each > rounds and left > 0
        left -= more
        shares.append(min(each, rounds) + more)
    return shares


def _position(held: Sequence[int], index: int, card: int) -> int:
    """Which of all cards, from 0, is the `card`-th, from 1, of the one at `index`."""
    if len(held) == 1:
        return card - 1
    return sum(min(each, card - 1) for each in held) + sum(each >= card for each in held[:index])
