"""Retiring an instance: what it has pending goes to others, what is under way ends, and nothing new comes to it.

`services.instance_health.resume_instance` brings it back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from shlex import quote

import msgspec
from sqlalchemy import Connection, Engine, select

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.reading import Snapshot
from broadcaster.db.statements import execute, rows, value, values
from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.dealing import dealt_to_room, filled_up, shares_of
from broadcaster.domain.giving import takers_of
from broadcaster.domain.plan_remarks import said_change_of_expiry
from broadcaster.domain.planned_parts import PlannedPart
from broadcaster.domain.states import CampaignState, LaneHealth
from broadcaster.domain.surroundings import Surroundings
from broadcaster.errors import ConflictError, UsageError, quoted
from broadcaster.services.campaigns.checks import hold_in_use, lanes_of
from broadcaster.services.campaigns.dealing_ahead import stored_shares
from broadcaster.services.campaigns.leaving_out import skip_left_out_by_now
from broadcaster.services.campaigns.lifecycle import lock_campaign, patiently
from broadcaster.services.campaigns.moving import end_failovers, give_away
from broadcaster.services.campaigns.planning import open_work, surroundings_of
from broadcaster.services.instances import find_instance

_MOST_NAMED = 3
_AS_LONG = 0.01
"""By which share of the time two plans may differ that take as long, for people."""


class _Other(msgspec.Struct, frozen=True):
    id: int
    instance: str
    weight: float | None
    """Or its rate; None: it has no limit."""
    rate: float | None
    pending: int
    is_well: bool
    health: LaneHealth
    is_away: bool
    """Whether others of the campaign send what it has, since it is in trouble."""
    delay: float
    """In how many seconds it may send."""


class _Campaign(msgspec.Struct, frozen=True):
    id: int
    name: str
    state: CampaignState
    has_started: bool
    pending: int
    under_way: int
    time_left: float | None
    """How many seconds until it expires; None: it does not."""
    others: tuple[_Other, ...]

    @property
    def takers(self) -> Sequence[_Other]:
        """Who gets what is pending, as `share_pending.sql` has it.

        Where the others send for none but this one any more, they are all that is left, and their failovers end.
        """
        return takers_of([each for each in self.others if not each.is_away] or self.others, self.time_left)


class MovedCampaign(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign that goes on without the instance, or would."""

    campaign: str
    state: CampaignState
    pending: int
    """How many messages the instance has to send of it: they move."""
    under_way: int
    """How many it is sending, or are in doubt: they stay with it to their end."""
    takers: Mapping[str, int]
    """How many go to which instance, but for one or two."""
    in_trouble: Mapping[str, str]
    """Those of them that do not send, by how they are: nobody can tell when it ends."""
    left_alone: Mapping[str, str]
    """Its other instances that have something of it, by how they are, where none of them sends or takes that over."""
    seconds_before: float | None
    """How long all that is left of it takes with the instance, and"""
    seconds_after: float | None
    """without it; None: nobody can tell."""
    ends_at_before: datetime | None
    ends_at_after: datetime | None
    expire_before: int
    """How many of its messages expire with the instance, and"""
    expire_after: int
    """without it."""
    said_expiry: str | None
    """The same for people; None: none expire, or as many."""
    unknown_before: str | None
    """Why nobody can tell how long it takes with the instance, for people; None: it is told, or it has no rate."""
    held_by: str | None
    """The shared limit for which it takes as long without the instance; None: none."""


class Retirement(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of what an instance has to send, or would."""

    instance: str
    to: str | None
    campaigns: Sequence[MovedCampaign]
    receivers: Sequence[str]
    """Of notices, which the instance sends them: they get none while it is retired."""
    moved: int
    """How many messages have gone to others since it was retired, whoever moved them; a dry run moves none."""


def retire_instance(engine: Engine, name: str, *, to: str | None = None, dry_run: bool = False) -> Retirement:
    """Close an instance. What it has pending goes to the other instances of each campaign, or to the instance `to`.

    Raises NotFoundError, UsageError for the same instance as `to`, and ConflictError, with nothing moved, where a
    campaign or a schedule would have none left. A dry run changes nothing.
    """
    if to == name:
        raise UsageError(f"--to {name}: name another instance than the one that retires")
    with transaction(engine) as connection:
        lane, taker = _found(connection, name, to)
        campaigns = _open_campaigns(connection, name, lane, taker)
        receivers = values(connection, "receivers_through", lane=lane)
    stands_in = None if to is None or taker is None else (to, taker)
    planned = [_planned(engine, each, lane, stands_in) for each in campaigns]
    moved = 0 if dry_run else _carry_out(engine, name, lane, taker, [each.name for each in campaigns])
    return Retirement(instance=name, to=to, campaigns=planned, receivers=receivers, moved=moved)


def _carry_out(engine: Engine, name: str, lane: int, taker: int | None, campaigns: Sequence[str]) -> int:
    """Returns how many messages have gone to others: once it is retired, ticks move them as well."""
    before = patiently(lambda: _retire(engine, name, lane, taker))
    # Nobody else takes what others in trouble would have got, if this one was all that they had.
    patiently(lambda: end_failovers(engine))
    for each in campaigns:
        # One after the other: workers go on meanwhile.
        patiently(partial(_give_away, engine, each, taker))
    with transaction(engine) as connection:
        return int(value(connection, "moved_since_retired", lane=lane, after=before))


def _found(connection: Connection, name: str, to: str | None) -> tuple[int, int | None]:
    lane = find_instance(connection, name).id
    return lane, None if to is None else next(iter(lanes_of(connection, [to])))


def _retire(engine: Engine, name: str, lane: int, taker: int | None) -> int:
    """Returns the latest move (id) before.

    Nobody gives it a campaign meanwhile: who does has its lane locked until the commit (`hold_in_use`).
    """
    with transaction(engine) as connection:
        if taker is not None:
            hold_in_use(connection, [taker])
            execute(connection, "stand_in_for_lane", lane=lane, to=taker)
    with transaction(engine) as connection:
        table = tables.lanes
        connection.execute(select(table.c.id).where(table.c.id == lane).with_for_update())
        _open_campaigns(connection, name, lane, None)
        before = int(value(connection, "latest_move", lane=lane))
        execute(connection, "retire_instance", lane=lane)
        return before


def _give_away(engine: Engine, campaign: str, taker: int | None) -> None:
    """Whom its care leaves out there is skipped: other instances know other people."""
    with transaction(engine) as connection:
        campaign_id, _ = lock_campaign(connection, campaign)
        give_away(connection, campaign_id, taker)
        if taker is not None:
            # Of a campaign for whose failover others send what the taker has, those do.
            give_away(connection, campaign_id)
        skip_left_out_by_now(connection, campaign_id)


def _open_campaigns(connection: Connection, name: str, lane: int, taker: int | None) -> Sequence[_Campaign]:
    """Those that have it. Raises ConflictError where one of them, or a schedule, has no other and no taker."""
    campaigns = rows(connection, "open_campaigns_of_lane", _Campaign, lane=lane)
    if taker is not None:
        return campaigns
    stuck = [f"campaign {quoted(each.name)}" for each in campaigns if not each.others]
    alone = values(connection, "schedules_with_this_lane_only", lane=lane)
    stuck += [f"schedule {quoted(each)}" for each in alone]
    if stuck:
        more = f" and {len(stuck) - _MOST_NAMED} more" if len(stuck) > _MOST_NAMED else ""
        raise ConflictError(
            f"instance {name!r} cannot retire, since nothing else would send "
            f"{', '.join(stuck[:_MOST_NAMED])}{more}: say which "
            f"instance takes over with `broadcaster instance retire {quote(name)} --to NAME` (nothing was changed)"
        )
    return campaigns


def _dealt(connection: Connection, campaign: _Campaign) -> Mapping[int, int]:
    """How many of what is pending each of the takers gets, as `give_away` deals."""
    takers, there = campaign.takers, {each.id: each.pending for each in campaign.takers}
    shares = stored_shares(connection, campaign.id, campaign.pending + sum(there.values()), among=set(there))
    if shares is not None:
        return filled_up(campaign.pending, there, shares)
    return dealt_to_room(
        campaign.pending,
        there,
        rates={each.id: each.weight for each in takers},
        speeds={each.id: each.rate for each in takers},
        delays={each.id: each.delay for each in takers},
    )


def _planned(engine: Engine, campaign: _Campaign, lane: int, to: tuple[str, int] | None) -> MovedCampaign:
    """With when it ends as it is, and when without the lane."""
    names = {each.id: each.instance for each in campaign.others} | ({to[1]: to[0]} if to else {})
    is_one = to is not None and not any(each.id == to[1] and each.is_away for each in campaign.others)
    with transaction(engine) as connection:
        execute(connection, "see_one_moment")
        work = open_work(Snapshot(connection), campaign.name)
        dealt = {to[1]: campaign.pending} if to and is_one else _dealt(connection, campaign)
        parts = list(_moved(work.parts, lane, dealt))
        around = surroundings_of(connection, {part.lane_id for part in parts}, name=campaign.name)
    before, after = work.plan(), _without(around, campaign, lane).plan(parts) if parts else None
    return MovedCampaign(
        campaign=campaign.name,
        state=campaign.state,
        pending=campaign.pending,
        under_way=campaign.under_way,
        takers={names[other]: count for other, count in dealt.items() if count},
        in_trouble={each.instance: each.health for each in campaign.others if dealt.get(each.id) and not each.is_well},
        left_alone={} if to else _left_alone(campaign),
        seconds_before=None if before is None else before.seconds,
        seconds_after=None if after is None else after.seconds,
        ends_at_before=None if before is None else before.known_end,
        ends_at_after=None if after is None else after.known_end,
        expire_before=before.expire if before else 0,
        expire_after=after.expire if after else 0,
        said_expiry=said_change_of_expiry(before, after) if before and after else None,
        unknown_before=_said_stopped(before),
        held_by=_holding(around, before, after),
    )


def _moved(parts: Sequence[PlannedPart], lane: int, dealt: Mapping[int, int]) -> Iterator[PlannedPart]:
    """The same, with what the lane has pending at those to whom it is dealt."""
    for part in parts:
        if part.lane_id != lane or part.is_under_way or not any(dealt.values()):
            yield part
        else:
            shares = shares_of(part.messages, dealt)
            yield from (replace(part, lane_id=other, messages=count) for other, count in shares.items() if count)


def _said_stopped(before: CampaignPlan | None) -> str | None:
    if before is None or before.known_end is not None or not before.stopped:
        return None
    return ", ".join(f"{instance} is {health}" for instance, health in before.stopped)


def _holding(around: Surroundings, before: CampaignPlan | None, after: CampaignPlan | None) -> str | None:
    """The shared limit that both wait for, where they take as long."""
    if before is None or after is None or before.seconds is None or after.seconds is None:
        return None
    if abs(before.seconds - after.seconds) > max(1.0, _AS_LONG * before.seconds):
        return None
    waited = [{wait.what for wait in each.waits} for each in (before, after)]
    limits = (str(limit) for limit in around.limits if limit.is_shared)
    return next((limit for limit in limits if all(limit in waits for waits in waited)), None)


def _left_alone(campaign: _Campaign) -> Mapping[str, str]:
    if any(each.is_well for each in campaign.others):
        return {}
    return {each.instance: each.health for each in campaign.others if each.pending}


def _without(around: Surroundings, campaign: _Campaign, lane: int) -> Surroundings:
    """The same without the campaign, of which the lane takes nothing any more, whoever is in trouble."""
    rules = {
        key: replace(rule, weights={each: weight for each, weight in rule.weights.items() if each != lane})
        for key, rule in around.failovers.items()
    }
    return replace(around.without(campaign.name), failovers=rules)
