"""Campaigns that may be sent to the same people at once: which of them comes first, while they are planned. Pure.

Whose message comes first gets the person. A lane whose pace is slow claims message by message: who is ahead stays
ahead, since what is held has had its turn. One that claims many at once deals them to campaigns like cards, and each
gets some. Faster lanes get more. So it is told, by groups of people, who comes first to each.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from broadcaster.domain.pacing import CLAIM_LEAD
from broadcaster.domain.planned_lanes import LaneAhead

_FASTEST = 0.001
"""Seconds from one message to the next of a lane that has no pace."""
_SHORTEST = 60.0
"""Seconds from one look at who comes first to the next, at least."""


@dataclass(slots=True, eq=False)
class Theirs:
    """What a queue has for a group of people."""

    lane: LaneAhead
    place: int
    was_put_off: bool = False

    @property
    def campaign(self) -> int:
        """Whose it is."""
        return self.lane.queues[self.place].campaign

    @property
    def priority(self) -> int:
        """Of its campaign."""
        return self.lane.queues[self.place].priority

    @property
    def people(self) -> int:
        """The key of the group."""
        return self.lane.queues[self.place].people

    @property
    def turn(self) -> tuple[float, float, int]:
        """The higher priority comes first, then who is due first."""
        queue = self.lane.queues[self.place]
        return -queue.priority, queue.not_before, queue.campaign

    @property
    def messages(self) -> int:
        """How many it has left."""
        return self.lane.waiting[self.place]

    @property
    def takes(self) -> bool:
        """Whether it is there for what comes from a lane in trouble."""
        return not self.lane.queues[self.place].messages

    def has_begun(self, now: float) -> bool:
        """Whether it is due, and the turn of its slice and of its campaign."""
        return self.lane.queues[self.place].not_before <= now and self.lane.gate(self.place) <= now


class Rivals:
    """Which campaign comes first to each group of people whom several may be sent to at once."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}
        self._contested: dict[int, Sequence[Theirs]] = {}

    def first(self, people: int) -> int | None:
        """The campaign that comes first to these people; None: whose turn it is."""
        return self._first.get(people)

    @property
    def contested(self) -> Collection[int]:
        """The groups of which several campaigns may get people, as of the last `deal`."""
        return self._contested.keys()

    def deal(self, open_ones: Mapping[int, Sequence[Theirs]]) -> set[int]:
        """Say anew who comes first, by what of rivals may leave now to each group; returns for which that changed."""
        self._contested = {
            people: theirs for people, theirs in open_ones.items() if len({each.campaign for each in theirs}) > 1
        }
        before = dict(self._first)
        for people in open_ones:
            self._first.pop(people, None)
        by_rivals: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for people, theirs in self._contested.items():
            ordered = dict.fromkeys(each.campaign for each in sorted(theirs, key=lambda each: each.turn))
            by_rivals[tuple(ordered)].append(people)
        for rivals, groups in by_rivals.items():
            self._deal(rivals, groups)
        return {people for people in open_ones if self._first.get(people) != before.get(people)}

    def changes(self, now: float) -> Iterator[float]:
        """When one of them may have no more of these people left that it comes first to."""
        led: Counter[tuple[int, int]] = Counter()
        lanes: dict[int, LaneAhead] = {}
        for people, theirs in self._contested.items():
            for each in theirs:
                if each.campaign == self._first[people]:
                    led[each.lane.place, each.campaign] += each.messages
                    lanes[each.lane.place] = each.lane
        for (place, _), own in led.items():
            beside = sum(min(own, messages) for (other, _), messages in led.items() if other == place)
            yield max(now + _SHORTEST, lanes[place].slot(now, beside))

    def _deal(self, rivals: Sequence[int], groups: Sequence[int]) -> None:
        """As many of these people to each as its share is of what is sent meanwhile, group by group."""
        shares = _shares(each for people in groups for each in self._contested[people])
        owed = dict.fromkeys(rivals, 0.0)
        for people in groups:
            messages: Counter[int] = Counter()
            for each in self._contested[people]:
                messages[each.campaign] += each.messages
            size = max(messages.values())
            for campaign in rivals:
                owed[campaign] += shares[campaign] * size
            first = max(rivals, key=owed.__getitem__)
            owed[first] -= size
            self._first[people] = first


def _shares(theirs: Iterable[Theirs]) -> Mapping[int, float]:
    """Which part of what is sent to these people is whose: by the pace of lanes, each of which is shared."""
    all_theirs = list(theirs)
    # Of those who wait for one person the higher priority comes first, through whatever instance.
    least = max((each.priority for each in all_theirs if each.was_put_off), default=None)
    rates = {each.campaign: 0.0 for each in all_theirs}
    by_lane: dict[LaneAhead, list[Theirs]] = defaultdict(list)
    for each in all_theirs:
        if least is None or each.priority >= least:
            by_lane[each.lane].append(each)
    for lane, of_lane in by_lane.items():
        highest = max(each.priority for each in of_lane)
        best = [each for each in of_lane if each.priority == highest]
        ahead = min(best, key=lambda each: each.turn).campaign
        campaigns = {ahead} if lane.interval > CLAIM_LEAD else {each.campaign for each in best}
        for campaign in campaigns:
            rates[campaign] += 1 / max(lane.interval, _FASTEST) / len(campaigns)
    whole = sum(rates.values())
    return {campaign: rate / whole for campaign, rate in rates.items()}
