"""Whom of their recipients campaigns will skip, and who waits, as it stands: read for their plans.

Needs no SQLAlchemy, like `planning`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from psycopg.sql import SQL

from broadcaster.db.statements import composing, rows
from broadcaster.domain.care import Care
from broadcaster.domain.frequency import READ_PIECES
from broadcaster.domain.skips import Skipped, SkipReason, skips_of
from broadcaster.services.first_leaving import AT_ONCE, FirstLeaving, first_leaving
from broadcaster.settings import load

if TYPE_CHECKING:
    from broadcaster.db.statements import Connection

_PENDING = SQL(
    "SELECT phone FROM messages WHERE segment = %(segment)s AND campaign_id = %(campaign_id)s AND state = 'pending'"
    " AND %(most)s::integer IS NOT NULL"
)


class PlannedLeftOut(msgspec.Struct, frozen=True):
    """Messages of one campaign and lane, to one group of recipients, that are skipped, or wait for their people."""

    lane_id: int
    recipient_group: int
    messages: int
    reason: SkipReason = SkipReason.OPTED_OUT
    first_free_at: datetime | None = None
    """When the first of these people may get something again,"""
    last_free_at: datetime | None = None
    """and the last; None: they are skipped."""


class _Campaign(msgspec.Struct, frozen=True):
    id: int
    segment: int
    at: datetime
    """When it starts, or now."""
    require_consent: bool
    care: Care | None
    cap_most: list[int]
    cap_spans: list[int]

    @property
    def span(self) -> int | None:
        """How long what its people got matters, in seconds; None: it does not."""
        cooldown = None if self.care is None else self.care.cooldown
        return max([*self.cap_spans, *([] if cooldown is None else [cooldown])], default=None)

    @property
    def looks(self) -> bool:
        """Whether its start looks at everybody."""
        return self.require_consent or (self.care is not None and self.care.leaves_out)


class _OptedOut(NamedTuple):
    campaign_id: int
    lane_id: int
    recipient_group: int
    messages: int


class _Done(NamedTuple):
    campaign_id: int
    reason: str
    messages: int


def left_out_of(connection: Connection, campaigns: Iterable[int]) -> Mapping[int, Sequence[PlannedLeftOut]]:
    """By campaign (id), of those that have messages to send; those who wait in the order in which they are free.

    Of one that has started only whoever has opted out since: of the others it is known who waits, and who was skipped.
    """
    asked = {"campaigns": list(campaigns)}
    left_out: dict[int, list[PlannedLeftOut]] = {campaign: [] for campaign in asked["campaigns"]}
    for each in rows(connection, "opted_out_to_plan", _OptedOut, **asked):
        left_out[each.campaign_id].append(PlannedLeftOut(each.lane_id, each.recipient_group, each.messages))
    looking = [
        each
        for each in rows(connection, "campaigns_to_plan", _Campaign, **asked)
        if each.looks or each.span is not None
    ]
    leaving = first_leaving(connection, [each.id for each in looking if each.span is not None]) if looking else {}
    for campaign in looking:
        left_out[campaign.id] += _left_out(connection, campaign, leaving.get(campaign.id, AT_ONCE))
    return left_out


def skips_by_campaign(
    connection: Connection, left_out: Mapping[int, Sequence[PlannedLeftOut]]
) -> Mapping[int, Sequence[Skipped]]:
    """How many messages were skipped of these campaigns, and how many will be."""
    done: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for campaign, reason, messages in rows(connection, "skipped_by_reason", _Done, campaigns=list(left_out)):
        done[campaign].append((reason, messages))
    return {
        campaign: [
            *skips_of(done[campaign], is_done=True),
            *skips_of(((each.reason, each.messages) for each in found if each.last_free_at is None), is_done=False),
        ]
        for campaign, found in left_out.items()
    }


def _left_out(connection: Connection, campaign: _Campaign, leaving: FirstLeaving) -> Sequence[PlannedLeftOut]:
    care = campaign.care or Care()
    return rows(
        connection,
        composing("left_out_to_plan", silent=composing("silent_people", theirs=_PENDING)),
        PlannedLeftOut,
        segment=campaign.segment,
        campaign_id=campaign.id,
        at=campaign.at,
        looks=campaign.looks,
        require_consent=campaign.require_consent,
        only_known=care.only_known,
        most=care.max_unanswered,
        after=timedelta(seconds=care.after),
        skips_recent=care.skips_recent,
        cooldown=care.cooldown,
        cap_most=campaign.cap_most,
        cap_spans=campaign.cap_spans,
        span=campaign.span,
        pieces=READ_PIECES,
        grace=load().acceptance_seconds,
        **leaving.parameters,
    )
