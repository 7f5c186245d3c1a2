"""The people of a plan who get something of several campaigns: who waits for cooldowns or caps, who is skipped. Pure.

They are in groups of people that are alike: of the same campaigns, and messaged at the same times. What a campaign has
for a group leaves at about one moment, and then it is decided for the next one, as `hold_back` does in the claim.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf

from broadcaster.domain.frequency import Cap, PersonRule, free_at
from broadcaster.domain.planned_lanes import LaneAhead
from broadcaster.domain.planned_limits import TICK, LimitAhead
from broadcaster.domain.planned_rivals import Rivals, Theirs


@dataclass(frozen=True, slots=True)
class PeopleRules:
    """How often a campaign's people may have been messaged."""

    caps: Sequence[Cap] = ()
    cooldown: int | None = None
    """Seconds; None: it has none."""
    is_skipped: bool = False
    """Whether whoever was messaged too lately is skipped; otherwise they wait."""

    @property
    def span(self) -> int:
        """How long what people got matters, in seconds; 0: it never does."""
        return max([*(cap.span for cap in self.caps), self.cooldown or 0])


@dataclass(frozen=True, slots=True)
class PlannedPeople:
    """Groups of people, and the rules that campaigns keep with them."""

    moments: Mapping[int, Sequence[float]]
    """By the group's key (`Queue.people`): when they were messaged before the plan begins, the latest first."""
    rules: Mapping[int, PeopleRules]
    """By campaign; one without rules messages them always, and that counts for the others."""
    grace: float
    """For so many seconds after a message leaves the gateway may accept it."""


@dataclass(slots=True)
class PeopleHeld:
    """How many messages are skipped, and how many were put off, by campaign and rule."""

    skipped: Counter[tuple[int, PersonRule]] = field(default_factory=Counter)
    put_off: Counter[tuple[int, PersonRule]] = field(default_factory=Counter)


class PeopleAhead:
    """What groups of people got, while lanes are planned."""

    def __init__(
        self,
        lanes: Sequence[LaneAhead],
        people: PlannedPeople,
        held: PeopleHeld,
        limits: Mapping[int, LimitAhead],
    ) -> None:
        self._people = people
        self._held = held
        self._sent: dict[int, dict[int, float]] = defaultdict(dict)
        self._begun: dict[int, list[Theirs]] = defaultdict(list)
        self._again: list[tuple[float, int]] = []
        self._touched: set[int] = set()
        self._rivals = Rivals(limits)
        self._to_begin: dict[tuple[int, int], list[Theirs]] = defaultdict(list)
        for lane in lanes:
            for place, queue in enumerate(lane.queues):
                if queue.people:
                    self._to_begin[queue.campaign, queue.slice].append(Theirs(lane, place))

    def decide(self, now: float) -> bool:
        """Let those wait who may not get what has begun by now, or skip them; whether somebody is skipped."""
        for key in [key for key, theirs in self._to_begin.items() if theirs[0].has_begun(now)]:
            for each in self._to_begin.pop(key):
                self._begun[each.people].append(each)
                self._touched.add(each.people)
        while self._again and self._again[0][0] <= now + TICK:
            self._touched.add(heappop(self._again)[1])
        touched, self._touched = self._touched, set()
        if touched:
            touched |= self._rivals.deal(self._open(touched, now), now)
        skips = [self._look(people, now) for people in sorted(touched)]
        return any(skips)

    def left(self, people: int, campaign: int, moment: float) -> None:
        """Messages of the campaign leave to these people, the last of them then."""
        self._sent[people][campaign] = moment
        self._touched.add(people)

    def moved(self, campaign: int) -> None:
        """Messages of the campaign have gone from a lane to others: there they wait for their people, too."""
        for people, theirs in self._begun.items():
            own = [each for each in theirs if each.campaign == campaign]
            if own:
                self._touched.add(people)
            was_put_off = any(each.was_put_off for each in own)
            for each in own:
                each.was_put_off = was_put_off

    def changes(self, now: float) -> Iterator[float]:
        """Who comes first to whom changes no earlier."""
        return self._rivals.changes(now)

    def _open(self, touched: Collection[int], now: float) -> dict[int, Sequence[Theirs]]:
        """What may leave now to those of whom it is to be said anew who comes first to them.

        Nobody comes before one that has begun with them.
        """
        found: dict[int, Sequence[Theirs]] = {}
        for people in sorted({*touched, *self._rivals.contested}):
            theirs = [each for each in self._begun[people] if each.messages]
            has_begun = any(each.campaign in self._sent[people] for each in theirs)
            may_leave = [each for each in theirs if self._may_leave(each, now)]
            for each in may_leave:
                each.yields = self._free_at(self._moments(each, [now]), self._rules(each)) > now + TICK
            found[people] = may_leave if any(each.yields for each in may_leave) and not has_begun else []
        return found

    def _may_leave(self, theirs: Theirs, now: float) -> bool:
        is_open = theirs.lane.would_open(theirs.place, now) <= now
        return is_open and self._free_at(self._moments(theirs, ()), self._rules(theirs)) <= now + TICK

    def _look(self, people: int, now: float) -> bool:
        """Decide about all that has begun for these people; whether something of it is skipped."""
        self._begun[people] = [each for each in self._begun[people] if each.messages or each.takes]
        theirs = [each for each in self._begun[people] if each.messages]
        first: set[int] = set()
        is_skipped = False
        leader, begun = self._rivals.first(people), self._sent[people]
        for each in sorted(theirs, key=lambda each: (each.campaign != leader, each.campaign not in begun, each.turn)):
            # The claim looks at nobody before what it has for them may leave.
            if (opens := each.lane.would_open(each.place, now)) > now:
                if opens < inf:
                    heappush(self._again, (opens, people))
                continue
            rules = self._rules(each)
            before = self._moments(each, ())
            if rules.is_skipped and self._free_at(before, rules) > now + TICK:
                self._held.skipped[each.campaign, _rule(before, rules, now, self._people.grace)] += each.messages
                each.lane.waiting[each.place] = 0
                is_skipped = True
                continue
            # Of two that have begun the second waits for the first, which takes its turn now.
            moments = self._moments(each, [now for campaign in first if campaign != each.campaign])
            free = self._free_at(moments, rules)
            if free <= now + TICK:
                each.lane.put_off(each.place, -inf)
                first.add(each.campaign)
                continue
            each.lane.put_off(each.place, free)
            heappush(self._again, (free, people))
            if not each.was_put_off and self._free_at(before, rules) > now + TICK:
                each.was_put_off = True
                self._held.put_off[each.campaign, _rule(before, rules, now, self._people.grace)] += each.messages
        return is_skipped

    def _rules(self, theirs: Theirs) -> PeopleRules:
        return self._people.rules.get(theirs.campaign, PeopleRules())

    def _moments(self, theirs: Theirs, more: Iterable[float]) -> Sequence[float]:
        """When these people got something of other campaigns, the latest first."""
        sent = (moment for campaign, moment in self._sent[theirs.people].items() if campaign != theirs.campaign)
        return sorted([*more, *sent, *self._people.moments.get(theirs.people, ())], reverse=True)

    def _free_at(self, moments: Sequence[float], rules: PeopleRules) -> float:
        found = free_at(moments, rules.caps, cooldown=rules.cooldown, grace=self._people.grace)
        return -inf if found is None else found


def _rule(moments: Sequence[float], rules: PeopleRules, now: float, grace: float) -> PersonRule:
    """Which rule holds somebody who was messaged at these moments: the cooldown, where it does."""
    is_cooldown = rules.cooldown is not None and moments[0] + rules.cooldown + grace > now + TICK
    return PersonRule.COOLDOWN if is_cooldown else PersonRule.CAP
