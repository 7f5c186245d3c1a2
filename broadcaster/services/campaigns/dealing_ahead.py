"""How the instances of a campaign share its messages: one rule for what is submitted, started and dealt anew."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from broadcaster.db import tables
from broadcaster.domain.dealing import Dealing, LaneRates
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.planned_parts import PlannedPart
from broadcaster.domain.planned_shares import dealing_of
from broadcaster.domain.surroundings import Surroundings
from broadcaster.services.campaigns.checks import lanes_in_use
from broadcaster.services.campaigns.planning import surroundings_of
from broadcaster.services.campaigns.stored_campaign import StoredCampaign, read_campaign
from broadcaster.services.campaigns.submission import Submission


def dealing_by(
    around: Surroundings, weights: LaneRates, like: PlannedPart, starts_at: datetime | None = None
) -> Dealing:
    """By the weights of lanes; where one has None, by when each of them can send messages `like`, from a start on."""
    rates = around.shares(weights)
    if len(weights) < 2 or None not in weights.values():
        return Dealing(rates)
    return dealing_of(around, rates, like, starts_at)


def submitted_dealing(connection: Connection, submission: Submission, lanes: LaneRates) -> Dealing:
    """Of a campaign that is submitted to these lanes: by their weights, or by when each of them can send."""
    if submission.weights or len(lanes) < 2:
        return Dealing(lanes)
    like = like_messages(submission.hours, submission.priority, submission.limit_ids)
    around = surroundings_of(connection, lanes, limits=submission.limit_ids)
    return dealing_of(around.without(submission.name), lanes, like, submission.starts_at)


def stored_dealing(connection: Connection, campaign: StoredCampaign, *, now: bool = False) -> Dealing:
    """Of a campaign that is stored, from its start on, where that is ahead and it does not start `now`."""
    return _stored_dealing(connection, campaign, lanes_in_use(connection, campaign.id), now=now)


def _stored_dealing(connection: Connection, campaign: StoredCampaign, in_use: LaneRates, *, now: bool) -> Dealing:
    limits = list(campaign.limits.values())
    around = surroundings_of(connection, list(in_use), name=campaign.name, limits=limits).without(campaign.name)
    starts_at = None if now else start_of(campaign, around.now)
    return dealing_by(around, in_use, like_messages(campaign.hours, campaign.priority, limits), starts_at)


def stored_shares(
    connection: Connection,
    campaign_id: int,
    messages: int,
    *,
    now: bool = False,
    among: Collection[int] | None = None,
) -> Mapping[int, int] | None:
    """How many of so many messages each lane of a stored campaign gets, or each `among` these (ids).

    None: its weights decide, or there is one lane.
    """
    in_use = lanes_in_use(connection, campaign_id)
    if among is not None:
        in_use = {lane: weight for lane, weight in in_use.items() if lane in among}
    if messages < 1 or len(in_use) < 2 or None not in in_use.values():
        return None
    name = connection.scalar(select(tables.campaigns.c.name).where(tables.campaigns.c.id == campaign_id))
    assert name is not None
    return _stored_dealing(connection, read_campaign(connection, name), in_use, now=now).shares(messages)


def as_parameter(shares: Mapping[int, int] | None) -> str | None:
    """For the statements that deal."""
    return None if shares is None else msgspec.json.encode(shares).decode()


def start_of(campaign: StoredCampaign, now: datetime) -> datetime | None:
    """When it is to start; None: it has, or does so at once."""
    return campaign.starts_at if campaign.started_at is None and campaign.starts_at > now else None


def like_messages(hours: OpeningHours | None, priority: int, limits: Sequence[int]) -> PlannedPart:
    """What the messages of one campaign have in common."""
    return PlannedPart(lane_id=0, messages=0, hours=hours, priority=priority, limits=tuple(limits))
