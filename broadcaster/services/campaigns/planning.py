"""When what a campaign has to send will leave: of one that is submitted, and of one that is stored.

Needs no SQLAlchemy, for the commands that only show something.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

from broadcaster.db.reading import Reader, as_of_now, reading
from broadcaster.db.statements import rows, values
from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.care import Care
from broadcaster.domain.dealing import LaneRates, shares_of
from broadcaster.domain.failover_plans import FailoverRule
from broadcaster.domain.frequency import READ_PIECES, Freed, PersonRule, in_few_pieces
from broadcaster.domain.lanes_now import LaneNow, LimitNow
from broadcaster.domain.opening_hours import NOBODY, OpeningHours, RecipientGroup
from broadcaster.domain.pacing import closing_reserve
from broadcaster.domain.planned_parts import PlannedPart, slices_of
from broadcaster.domain.planned_shares import dealing_of
from broadcaster.domain.skips import SkipReason
from broadcaster.domain.surroundings import Surroundings
from broadcaster.services.campaigns.people_ahead import PlannedLeftOut, left_out_of, skips_by_campaign
from broadcaster.services.campaigns.people_beside import people_beside
from broadcaster.settings import load
from broadcaster.time_zones import shown_zone

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from broadcaster.db.statements import Connection


MOST_LANES = 500
"""Of all that is sent, where everything is planned at once."""
MOST_ATTEMPTS_READ = 500
"""Of a lane's latest attempts: these tell well enough how its gateway does."""


class _Part(msgspec.Struct, frozen=True):
    """What is left to send of one campaign through one lane, to one group of recipients."""

    campaign: int
    name: str
    priority: int
    lane_id: int
    messages: int
    recipient_group: int
    country: str | None
    zones: list[str] | None
    hours: OpeningHours | None
    not_before: datetime
    rule: PersonRule | None
    """By which they wait until their people may get something again, from"""
    first_free_at: datetime | None
    """on and until `not_before`; None: they wait for nobody or, where there is a rule, will be skipped."""
    expires_at: datetime | None
    is_under_way: bool
    limits: tuple[int, ...]
    care: Care | None
    open_slices: int
    next_slice_at: datetime | None
    of_lane: int
    """How many messages of the campaign are pending on the lane, to all groups,"""
    leaving: int
    """and how many of it have left there or are to."""
    total: int
    """How many messages the campaign has in all,"""
    has_begun: bool
    """and whether some of them have left."""
    is_held: bool
    """Whether none of them is in a slice that is open."""

    @property
    def planned(self) -> Iterator[PlannedPart]:
        known = self.country is not None and self.zones is not None
        part = PlannedPart(
            lane_id=self.lane_id,
            messages=self.messages,
            hours=self.hours,
            group=RecipientGroup(self.country or "", tuple(self.zones or ())) if known else NOBODY,
            not_before=self.not_before,
            expires_at=self.expires_at,
            campaign=self.campaign,
            priority=self.priority,
            limits=self.limits,
            rule=self.rule,
            first_free_at=self.first_free_at,
            is_under_way=self.is_under_way,
        )
        if self.is_under_way:
            return iter([part])
        return part.sliced(self.care, self.open_slices, held=self._held)

    @property
    def _held(self) -> int | None:
        """How many of these are in slices that are not open; None: as many as of all."""
        if self.care is None or not self.open_slices:
            return None
        if self.rule is not None:
            # Only what is in an open slice has met its person.
            return 0
        if self.is_held:
            return self.messages
        # Which slice a message is in, its number says: of each lane, and of each group, as many as of the whole list.
        held = self.leaving * (1.0 - self.care.share_of(self.open_slices))
        return round(held * self.messages / self.of_lane)


def _sent_to(parts: Iterable[_Part], left_out: Mapping[int, Sequence[PlannedLeftOut]]) -> Iterator[_Part]:
    """The same without those who are left out; those who wait are parts of their own.

    The parts of a lane and group follow each other.
    """
    for (campaign, lane, is_under_way, group), found in groupby(
        parts, key=lambda part: (part.campaign, part.lane_id, part.is_under_way, part.recipient_group)
    ):
        if is_under_way:
            yield from found
            continue
        theirs = [each for each in left_out.get(campaign, ()) if (each.lane_id, each.recipient_group) == (lane, group)]
        gone = sum(each.messages for each in theirs)
        alike = sorted(found, key=lambda part: part.rule is not None)
        for part in alike:
            taken = min(gone, part.messages)
            gone -= taken
            yield msgspec.structs.replace(part, messages=part.messages - taken) if taken else part
        for each in theirs:
            if each.last_free_at is not None:
                yield msgspec.structs.replace(
                    alike[0],
                    messages=each.messages,
                    rule=PersonRule(each.reason),
                    first_free_at=each.first_free_at,
                    not_before=max(alike[0].not_before, each.last_free_at),
                )


def _without_skipped(
    parts: Iterable[_Part], left_out: Mapping[int, Sequence[PlannedLeftOut]]
) -> tuple[Sequence[_Part], Mapping[int, Sequence[PlannedLeftOut]]]:
    """The same, without a message that will be skipped in them: those are left out, too."""
    kept, more = [], {campaign: list(found) for campaign, found in left_out.items()}
    for part in parts:
        if part.rule is None or part.first_free_at is not None:
            kept.append(part)
            continue
        skipped = PlannedLeftOut(part.lane_id, part.recipient_group, part.messages, SkipReason(part.rule))
        more[part.campaign].append(skipped)
        kept.append(msgspec.structs.replace(part, messages=0, rule=None))
    return kept, more


def _few(parts: Iterable[_Part]) -> Iterator[_Part]:
    """The same with those who wait for their people in few pieces of each lane, each of which is free at its end."""
    for _, of_lane in groupby(parts, key=lambda part: (part.campaign, part.lane_id)):
        alike: dict[tuple[int, PersonRule], _Part] = {}
        freed: dict[tuple[int, PersonRule], list[Freed]] = defaultdict(list)
        for part in of_lane:
            if part.rule is None or part.first_free_at is None:
                yield part
            else:
                kind = part.recipient_group, part.rule
                alike.setdefault(kind, part)
                freed[kind].append(Freed(part.first_free_at, part.not_before, part.messages, part.rule))
        for kind, each in in_few_pieces(freed):
            yield msgspec.structs.replace(
                alike[kind], messages=each.messages, first_free_at=each.first_at, not_before=each.at
            )


@dataclass(frozen=True, slots=True)
class OpenWork:
    """What is left to send of a campaign, and what it is sent through and beside."""

    surroundings: Surroundings
    parts: Sequence[PlannedPart]

    def plan(self, rate: float = 0.0) -> CampaignPlan | None:
        """When that leaves; None: nothing is left. `rate`: as of `Surroundings.plan`."""
        return self.surroundings.plan(self.parts, rate=rate) if self.parts else None

    @property
    def going_on(self) -> OpenWork:
        """The same if whatever stops its instances ended now."""
        return replace(self, surroundings=self.surroundings.going_on({part.lane_id for part in self.parts}))


def open_work(source: Engine | Reader, name: str) -> OpenWork:
    """What is left to send of a campaign; nothing where it is final, or has no messages yet."""
    with as_of_now(source) as moment, reading(moment) as connection:
        around = surroundings_of(connection, values(connection, "lanes_with_parts", name=name), name=name)
    return OpenWork(around.without(name), around.of(name))


def plans_of_all(source: Engine | Reader) -> dict[str, CampaignPlan]:
    """When each campaign is sent that is running, or is to start, by name.

    Nothing where they are sent through more than MOST_LANES: that would take long. People whom they share are not
    reckoned with.
    """
    with as_of_now(source) as moment, reading(moment) as connection:
        lanes = values(connection, "lanes_with_parts", name=None)
        if not lanes or len(lanes) > MOST_LANES:
            return {}
        around = surroundings_of(connection, lanes)
        asking = set(values(connection, "campaigns_asking_people"))
    by_id = around.plans([], campaigns=sorted({part.campaign for part in around.beside}))
    return {around.names[campaign]: replace(plan, is_earliest=campaign in asking) for campaign, plan in by_id.items()}


def surroundings_of(
    connection: Connection, lanes: Collection[int], *, name: str | None = None, limits: Sequence[int] = ()
) -> Surroundings:
    """These lanes as they stand, with their limits, and with all that is running or scheduled on them.

    And with the campaign called `name`, be it a draft or paused; and with these `limits` (ids) of campaigns.
    """
    beside = None if name is None else people_beside(connection, name)
    own, people = beside or (0, None)
    together = {*lanes, *(people.lanes if people else ())}
    asked = {"lanes": sorted(together), "limits": list(limits), "name": name}
    found = rows(connection, "lanes_to_plan", LaneNow, **asked, most=MOST_ATTEMPTS_READ)
    coupled = [lane.id for lane in found]
    parts = rows(connection, "parts_to_plan", _Part, lanes=coupled, name=name, pieces=READ_PIECES)
    left_out = left_out_of(connection, {part.campaign for part in parts})
    sent_to, left_out = _without_skipped(_sent_to(parts, left_out), left_out)
    parts = list(_few(sent_to))
    planned = [each for part in parts for each in part.planned]
    return Surroundings(
        # Without lanes nothing is planned.
        now=found[0].now if found else datetime.min.replace(tzinfo=UTC),
        lanes=found,
        limits=rows(connection, "limits_to_plan", LimitNow, **{**asked, "lanes": coupled}),
        reserve=closing_reserve(load().request_timeout_seconds),
        zone=shown_zone(),
        dealing=dealing_of,
        beside=people.parts(planned, own) if people else planned,
        canaries={part.campaign: slices for part in parts if (slices := slices_of(part.care, part.next_slice_at))},
        names={part.campaign: part.name for part in parts},
        begun={part.campaign: part.total for part in parts if part.has_begun},
        failovers=_failovers(connection, coupled, name),
        skips=skips_by_campaign(connection, left_out),
        people=people.planned(own) if people else None,
    )


class _Shared(msgspec.Struct, frozen=True):
    """A lane of a campaign that asks for failovers, and has a lane in trouble."""

    campaign: int
    after: float
    lane_id: int
    weight: float | None
    is_away: bool
    stays: int


def _failovers(connection: Connection, lanes: Sequence[int], name: str | None) -> Mapping[int, FailoverRule]:
    """By campaign."""
    found = rows(connection, "failovers_to_plan", _Shared, lanes=lanes, name=name)
    rules = {}
    for campaign, of_campaign in groupby(found, key=lambda lane: lane.campaign):
        shared = list(of_campaign)
        rules[campaign] = FailoverRule(
            timedelta(seconds=shared[0].after),
            {lane.lane_id: lane.weight for lane in shared},
            away=frozenset(lane.lane_id for lane in shared if lane.is_away),
            stays={lane.lane_id: lane.stays for lane in shared},
        )
    return rules


def parts_to_be(
    rates: LaneRates,
    recipients: Mapping[RecipientGroup, int],
    *,
    hours: OpeningHours | None,
    expires_at: datetime | None,
    priority: int = 0,
    care: Care | None = None,
    limits: Sequence[int] = (),
    left_out: int = 0,
    waiting: Sequence[Freed] = (),
) -> list[PlannedPart]:
    """What lanes will have of a campaign with so many recipients in each group, shared by their rates.

    Of all groups alike so many are left out, and others leave only once their people are free (`waiting`).
    """
    leaving = max(0, sum(recipients.values()) - left_out)
    at_once = max(0, leaving - sum(each.messages for each in waiting))
    pieces = [(at_once, None, None, None), *((each.messages, each.at, each.rule, each.first_at) for each in waiting)]
    return [
        sliced
        for piece, at, rule, first_at in pieces
        for group, count in _by_groups(piece, recipients)
        for lane, messages in shares_of(count, rates).items()
        for sliced in PlannedPart(
            lane_id=lane,
            messages=messages,
            hours=hours,
            group=group,
            not_before=at,
            expires_at=expires_at,
            priority=priority,
            limits=tuple(limits),
            rule=rule,
            first_free_at=first_at,
        ).sliced(care)
    ]


def _by_groups(messages: int, recipients: Mapping[RecipientGroup, int]) -> Iterable[tuple[RecipientGroup, int]]:
    """So many messages, shared by groups of so many recipients."""
    groups = [group for group, count in recipients.items() if count]
    if not groups:
        return []
    shares = shares_of(messages, {place: float(recipients[group]) for place, group in enumerate(groups)})
    return [(group, shares[place]) for place, group in enumerate(groups)]
