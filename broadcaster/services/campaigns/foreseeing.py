"""The plan of one campaign, what it would be with other rates or more instances, and what makes a deadline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from shlex import quote

from sqlalchemy import Connection, Engine, func, select

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, values
from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.dealing import LaneRates
from broadcaster.domain.instance_copies import best_to_copy, said_like, with_more
from broadcaster.domain.opening_hours import NOBODY
from broadcaster.domain.pacing import format_rate
from broadcaster.domain.plan_changes import PlanChange, cheapest_change, makes_it
from broadcaster.domain.planned_campaign import PlannedCampaign
from broadcaster.domain.planned_parts import OWN
from broadcaster.domain.skips import said_skips, skips_of
from broadcaster.domain.span_limits import SpanLimit
from broadcaster.domain.states import FINAL_CAMPAIGN_STATES, CampaignState, MessageState
from broadcaster.domain.surroundings import Surroundings
from broadcaster.errors import ConflictError, NothingLeftError, UsageError, quoted
from broadcaster.services.audiences.selection import Selection
from broadcaster.services.campaigns.checks import lanes_in_use, lanes_of
from broadcaster.services.campaigns.dealing_ahead import start_of, stored_dealing
from broadcaster.services.campaigns.leaving_out import count_left_out
from broadcaster.services.campaigns.planning import parts_to_be, surroundings_of
from broadcaster.services.campaigns.stored_campaign import StoredCampaign, read_campaign


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """What is asked for besides the plan."""

    instances: Sequence[str] = ()
    """Send through these as well."""
    more: int = 0
    """Through so many others, each like the one of its instances of which these make it end first."""
    rates: Mapping[str, Sequence[float | SpanLimit]] = field(default_factory=dict)
    """With these rates by instance: in messages a second, or what is counted over a span."""
    deadline: datetime | None = None
    """By which change all of it leaves before; None: that is not asked."""

    def says(self, like: str) -> Sequence[str]:
        """What is changed, for people; `like` is the instance that each of those `more` is like."""
        more = [f"{self.more if self.more > 1 else 'one'} more like {like}"] if self.more else []
        rates = [f"{name} at {', '.join(map(_said, rates))}" for name, rates in self.rates.items()]
        return [*(f"instance {name}" for name in self.instances), *more, *rates]


@dataclass(frozen=True, slots=True)
class ForeseenCampaign:
    """The plan of a campaign, and the answer to what was asked besides."""

    name: str
    state: CampaignState
    """A draft, or one that is paused, is planned as if it were started, or resumed, now."""
    started_at: datetime | None
    counts: Mapping[MessageState, int]
    """How many of its messages are in each state; none while it has none."""
    messages: int
    """How many are left to send, without those that will be skipped."""
    plan: CampaignPlan
    days_without: Mapping[str, int]
    """On how many days it would be sent without a limit, where these are fewer (`PlannedCampaign.days_without`)."""
    changes: Sequence[str]
    """What is changed, for people."""
    changed: CampaignPlan | None
    """With what is changed; None: nothing is."""
    is_made: bool | None
    """Whether it makes the deadline, with what is changed; None: there is none."""
    change: PlanChange | None
    """The cheapest one by which it does, where it does not: on top of what is changed."""

    @property
    def is_missed(self) -> bool:
        """Whether no single change makes the deadline."""
        return self.is_made is False and self.change is None


def foresee(engine: Engine, name: str, what_if: WhatIf) -> ForeseenCampaign:
    """When what is left of a campaign is sent.

    Raises NotFoundError for an unknown campaign or instance, NothingLeftError where all of it has been sent or is
    skipped, ConflictError for one that was cancelled, UsageError
    for an instance that it is sent through already, or a rate of one that it is not.
    """
    with transaction(engine) as connection:
        execute(connection, "see_one_moment")
        campaign = read_campaign(connection, name)
        added = lanes_of(connection, what_if.instances)
        planned = _planned(connection, campaign, list(added))
        counts = _counts(connection, campaign.id)
    messages = sum(part.messages for part in planned.parts)
    if planned.parts and not messages:
        skips = said_skips(planned.around.skips.get(planned.parts[0].campaign, ()))
        raise NothingLeftError(f"nobody is left to send campaign {name!r} to: all others are skipped, {skips}")
    if campaign.state in FINAL_CAMPAIGN_STATES or not messages:
        error = ConflictError if campaign.state is CampaignState.CANCELLED else NothingLeftError
        raise error(f"nothing is left to send of campaign {name!r}: it is {campaign.state}")
    plan = planned.plan()
    through = _through(planned, what_if, list(added))
    like = best_to_copy(through, what_if.more) if what_if.more else None
    changed = _at_rates(through if like is None else with_more(through, what_if.more, like), what_if)
    after = plan if changed is planned else changed.plan()
    is_made, change = None, None
    if what_if.deadline is not None:
        is_made = makes_it(after, what_if.deadline)
        change = None if is_made else cheapest_change(changed, what_if.deadline)
    return ForeseenCampaign(
        name=name,
        state=campaign.state,
        started_at=campaign.started_at,
        counts=counts,
        messages=plan.messages,
        plan=plan,
        days_without=planned.days_without(plan),
        changes=what_if.says("" if like is None else said_like(through, like)),
        changed=None if changed is planned else after,
        is_made=is_made,
        change=change,
    )


def foresee_shared(
    connection: Connection, campaign: StoredCampaign, weights: Mapping[int, float | None]
) -> tuple[int, PlannedCampaign]:
    """How many messages go elsewhere, and what the campaign is, once what has not left is dealt to these lanes (ids).

    Each with its weight; None: by when it can send. `campaign` may be another one than is stored, but for its
    messages: these keep what they are alike in.
    """
    before = _with_messages(connection, campaign, list(weights)).with_terms(
        hours=campaign.hours,
        priority=campaign.priority,
        expires_at=campaign.expires_at,
        limits=list(campaign.limits.values()),
    )
    after = before.sent_through(weights)
    had, get = (Counter[int]() for _ in range(2))
    for counts, parts in ((had, before.parts), (get, after.parts)):
        for part in parts:
            counts[part.lane_id] += part.messages
    return (get - had).total(), after


def _counts(connection: Connection, campaign_id: int) -> Mapping[MessageState, int]:
    table = tables.campaign_lanes
    sums = [func.coalesce(func.sum(table.c[state.value]), 0).label(state.value) for state in MessageState]
    row = connection.execute(select(*sums).where(table.c.campaign_id == campaign_id)).one()
    return {state: int(getattr(row, state.value)) for state in MessageState}


def _planned(connection: Connection, campaign: StoredCampaign, added: Sequence[int]) -> PlannedCampaign:
    """What it has to send. One over an audience that has not started: to the members that there are now."""
    if campaign.selection is not None:
        return _over_audience(connection, campaign, campaign.selection, added)
    planned = _with_messages(connection, campaign, added)
    return planned.to_be_started() if campaign.state is CampaignState.DRAFT else planned


def _with_messages(connection: Connection, campaign: StoredCampaign, added: Sequence[int]) -> PlannedCampaign:
    """What it has to send of the messages that are there, and where they are."""
    in_use = lanes_in_use(connection, campaign.id)
    around = _around(connection, campaign, _lanes(connection, campaign, in_use, added))
    return PlannedCampaign(
        around.without(campaign.name),
        around.of(campaign.name),
        start_of(campaign, around.now),
        weights=_weights(in_use),
        in_use=set(in_use),
        is_dealt=campaign.state is not CampaignState.DRAFT,
    )


def _over_audience(
    connection: Connection, campaign: StoredCampaign, selection: Selection, added: Sequence[int]
) -> PlannedCampaign:
    in_use = lanes_in_use(connection, campaign.id)
    lanes = _lanes(connection, campaign, in_use, added)
    around = _around(connection, campaign, lanes).without(campaign.name)
    starts_at, limits = start_of(campaign, around.now), list(campaign.limits.values())
    selection = selection.ready(connection)
    counted = selection.count(connection)
    opted_out = selection.count_opted_out(connection, list(in_use))
    left_out = count_left_out(
        *(connection, campaign, in_use, selection.statement("candidates_of_members")),
        **selection.parameters(),
        of_lanes=list(in_use),
    )
    skips = skips_of([("opted_out", opted_out), *left_out.skips], is_done=False)
    around = replace(around, skips={**around.skips, OWN: skips})
    members = counted.members - counted.faulty
    own = parts_to_be(
        stored_dealing(connection, campaign).shares(members),
        {NOBODY: members},
        hours=campaign.hours,
        expires_at=campaign.expires_at,
        priority=campaign.priority,
        care=campaign.care,
        limits=limits,
        left_out=sum(each.messages for each in skips),
        waiting=left_out.contention.waiting,
    )
    if (people := left_out.people) is not None:
        if not people.is_within(around):
            wider = surroundings_of(connection, [*lanes, *people.lanes], limits=limits)
            around = replace(wider, skips=around.skips)
        own, around = people.parts(own, OWN), people.around(around, OWN)
    around = around.with_canary(OWN, campaign.care)
    around = around.with_failover(OWN, campaign.sharing.failover_after, in_use)
    return PlannedCampaign(around, own, starts_at, weights=_weights(in_use), in_use=set(in_use), is_dealt=False)


def _lanes(
    connection: Connection, campaign: StoredCampaign, in_use: Collection[int], added: Sequence[int]
) -> Sequence[int]:
    return [*values(connection, "lanes_with_parts", name=campaign.name), *in_use, *added]


def _around(connection: Connection, campaign: StoredCampaign, lanes: Sequence[int]) -> Surroundings:
    return surroundings_of(connection, lanes, name=campaign.name, limits=list(campaign.limits.values()))


def _weights(in_use: LaneRates) -> Mapping[int, float]:
    return {lane: each for lane, each in in_use.items() if each is not None}


def _through(planned: PlannedCampaign, what_if: WhatIf, added: Sequence[int]) -> PlannedCampaign:
    """The campaign through these lanes (ids) as well."""
    own = {lane.instance for lane in planned.own_lanes}
    if twice := next((name for name in what_if.instances if name in own), None):
        raise UsageError(f"--with-instance {quoted(twice)}: it is sent through that one already")
    return planned.with_instances(added)


def _at_rates(planned: PlannedCampaign, what_if: WhatIf) -> PlannedCampaign:
    lanes = {lane.instance: lane.id for lane in planned.own_lanes}
    for name, rates in what_if.rates.items():
        if name not in lanes:
            raise UsageError(
                f"--with-rate {quoted(name)}: it is not sent through that one; see `broadcaster campaign show "
                f"{quote(planned.around.names.get(planned.parts[0].campaign, 'NAME'))}`"
            )
        planned = planned.at_rates(lanes[name], rates)
    return planned


def _said(rate: float | SpanLimit) -> str:
    return str(rate) if isinstance(rate, SpanLimit) else format_rate(rate)
