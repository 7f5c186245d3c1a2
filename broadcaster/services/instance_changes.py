"""Changing instances: a change takes effect with the next message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, func, null, select, update

from broadcaster.crypto import Vault
from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.domain.care import Care, StopChange, Stops
from broadcaster.domain.gaps import NO_CHANGE, GapChange, Gaps
from broadcaster.domain.instances import Wire
from broadcaster.domain.opening_hours import HoursChange
from broadcaster.domain.span_limits import Rates, with_rates
from broadcaster.domain.states import FINAL_CAMPAIGN_STATES, CampaignState, LaneHealth
from broadcaster.errors import UsageError
from broadcaster.services.accounts import account_key, store_account, usable_account
from broadcaster.services.audit import note_operation
from broadcaster.services.hours_apart import sent_apart
from broadcaster.services.instance_columns import (
    at_least_one,
    country_column,
    hours_column,
    pace_columns,
    refuse_unread_stops,
    stops_column,
)
from broadcaster.services.instance_health import instance_health, set_instance_health
from broadcaster.services.instance_settings import SHARED, instance_settings
from broadcaster.services.instances import StoredInstance, find_instance
from broadcaster.services.openings import hours_of_instance
from broadcaster.services.stored_limits import LaneLimits, count_account, counted_limits, set_lane_limits
from broadcaster.time_zones import shown_zone

_TROUBLES = (LaneHealth.REFUSED, LaneHealth.DOWN, LaneHealth.THROTTLED)


@dataclass(frozen=True, slots=True)
class ChangedInstance:
    """An instance as it is after a change, and what follows."""

    is_other_account: bool
    goes_on: bool
    """It was down, throttled or refused, and is tried at once."""
    health: LaneHealth
    health_reason: str | None
    permitted_per_second: float | None
    """What rate, gaps and rests come to; None: unlimited."""
    before: Mapping[str, str | int | None]
    after: Mapping[str, str | int | None]
    """What it was and is set to (`instance_settings`)."""
    waiting: int
    """Messages of running campaigns that have not left."""
    apart: Sequence[str]
    """Campaigns and schedules that are never sent through it, since its new windows never meet theirs, for people."""
    unheard: Sequence[str] = ()
    """Open campaigns whose care wants to know who answers, which its replies tell no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceChanges:
    """What changes of an instance. What is None stays."""

    key: str | None = None
    base_url: str | None = None
    rate_per_second: float | None = None
    unlimited: bool = False
    """In place of a rate."""
    limits: LaneLimits | None = None
    """Limits over spans."""
    more_rates: Sequence[str] = ()
    """As `--add-rate` has them: beside those that it has, in place of those of their span. They want `limits`, too."""
    burst: int | None = None
    """None: a new rate comes with its default burst."""
    gaps: GapChange = NO_CHANGE
    """What chance is to put between messages."""
    max_in_flight: int | None = None
    wire: Wire | None = None
    country: str | None = None
    without_country: bool = False
    """It has none any more."""
    read_replies_seconds: float | None = None
    """How many seconds apart its chats are listed for replies."""
    without_replies: bool = False
    """They are listed no more."""
    hours: HoursChange | None = None
    confirm_opt_out: str | None = None
    """What a person gets from it, once for ever, who opts out by a word."""
    stops: StopChange | None = None
    """At which figures of the last day it pauses itself."""
    without_confirmation: bool = False
    """Nobody gets anything then."""

    @property
    def are_of_pace(self) -> bool:
        """Whether they say how fast it sends."""
        is_rate = self.unlimited or self.rate_per_second is not None or self.burst is not None
        return is_rate or self.gaps != NO_CHANGE

    @property
    def is_of_account(self) -> bool:
        """Whether it is tried anew: another key or URL is another account."""
        return self.key is not None or self.base_url is not None


def set_instance(engine: Engine, vault: Vault, name: str, changes: InstanceChanges) -> ChangedInstance:
    """Change what is given and leave the rest.

    Another key or URL is another account. Workers change over with their next message, and a lane goes on that was
    down, throttled or refused. What was sent through the account before is read back there.
    """
    with transaction(engine) as connection:
        current = find_instance(connection, name, lock=True)
        was = instance_settings(connection, name)
        rates = Rates(current.rate_per_second, counted_limits(connection, current.id))
        changes = _with_more_rates(changes, rates)
        values = _changed_values(connection, vault, current, changes)
        if not values and changes.limits is None:
            raise UsageError(f"nothing to change on instance {name!r}: give at least one option")
        if values:
            connection.execute(update(tables.instances).where(tables.instances.c.id == current.id).values(values))
        if changes.limits is not None:
            set_lane_limits(connection, current.id, changes.limits)
        now = instance_settings(connection, name)
        if now[SHARED] != was[SHARED]:
            note_operation(connection, "instance", name, limits=now[SHARED], limits_before=was[SHARED])
        account = values.get("account_id", current.account_id)
        if account != current.account_id:
            count_account(connection, current.id, account)
        _refuse_unread(connection, current)
        before = instance_health(connection, current.id)
        if changes.is_of_account:
            set_instance_health(connection, current.id, LaneHealth.OK, None, only=_TROUBLES)
            of_lane = tables.lanes.c.id == current.id
            connection.execute(update(tables.lanes).where(of_lane).values(outcome_run=null()))
        health, reason = after = instance_health(connection, current.id)
        return ChangedInstance(
            is_other_account=account != current.account_id,
            goes_on=before != after,
            health=health,
            health_reason=reason,
            permitted_per_second=_permitted(connection, current.id),
            before=was,
            after=now,
            waiting=_waiting(connection, current.id),
            apart=sent_apart(connection, current.id) if changes.hours is not None else (),
            unheard=_relying_on_replies(connection, current.id) if changes.without_replies else (),
        )


def _with_more_rates(changes: InstanceChanges, before: Rates) -> InstanceChanges:
    if changes.limits is None or not changes.more_rates:
        return changes
    rates = with_rates(before, changes.more_rates)
    limits = changes.limits._replace(counted=rates.counted)
    # What it has as its pace stays with its burst.
    pace = None if rates.pace == before.pace else rates.pace
    return replace(changes, rate_per_second=pace, limits=limits)


def _changed_values(
    connection: Connection, vault: Vault, current: StoredInstance, changes: InstanceChanges
) -> dict[str, Any]:
    """The columns that change. Another account is stored; the old one stays, and its key until nothing needs it."""
    values: dict[str, Any] = {}
    if changes.max_in_flight is not None:
        values["max_in_flight"] = at_least_one(changes.max_in_flight, "--max-in-flight")
    if changes.without_country or changes.country is not None:
        values["country"] = country_column(changes.country)
    if changes.without_replies or changes.read_replies_seconds is not None:
        values["read_replies_seconds"] = None if changes.without_replies else changes.read_replies_seconds
    if changes.hours is not None:
        before = hours_of_instance(connection, current.id)
        values["hours_id"] = hours_column(connection, changes.hours.of(before, shown_zone().key))
    if changes.without_confirmation or changes.confirm_opt_out is not None:
        values["confirm_opt_out"] = None if changes.without_confirmation else changes.confirm_opt_out
    if changes.stops is not None:
        stops = changes.stops.of(current.stops or Stops())
        values["stops"] = stops_column(stops)
        values["judged_since"] = func.now()
    if changes.are_of_pace:
        values |= _changed_pace(current, changes)
    if changes.is_of_account or changes.wire is not None:
        account = usable_account(
            account_key(vault, current) if changes.key is None else changes.key,
            current.base_url if changes.base_url is None else changes.base_url,
            changes.wire or current.wire,
        )
        values["account_id"] = store_account(connection, vault, account, of=current.id)
    return values


def _changed_pace(current: StoredInstance, changes: InstanceChanges) -> dict[str, Any]:
    gaps = current.gaps or Gaps()
    other_rate = changes.unlimited or changes.rate_per_second is not None
    stays = changes.burst is None and not other_rate and gaps.gap is None
    return pace_columns(
        changes.rate_per_second if other_rate else current.rate_per_second,
        current.burst if stays else changes.burst,
        changes.gaps.of(gaps),
    )


def _refuse_unread(connection: Connection, instance: StoredInstance) -> None:
    """Raise UsageError where it is to pause itself for what only replies tell, and they are not read."""
    table = tables.instances
    found = connection.execute(select(table.c.stops, table.c.read_replies_seconds).where(table.c.id == instance.id))
    row = found.one()
    if row.stops is not None:
        refuse_unread_stops(instance.name, msgspec.convert(row.stops, Stops), row.read_replies_seconds)


def _permitted(connection: Connection, instance_id: int) -> float | None:
    instances = tables.instances
    found = select(instances.c.typical_rate_per_second).where(instances.c.id == instance_id)
    permitted: float | None = connection.execute(found).scalar_one()
    return permitted


def _relying_on_replies(connection: Connection, instance_id: int) -> list[str]:
    campaigns, parts = tables.campaigns, tables.campaign_lanes
    found = select(campaigns.c.name, campaigns.c.care).join(parts, parts.c.campaign_id == campaigns.c.id)
    of_lane = found.where(parts.c.lane_id == instance_id, ~parts.c.retired, campaigns.c.care.is_not(None))
    is_open = campaigns.c.state.not_in(FINAL_CAMPAIGN_STATES)
    careful = connection.execute(of_lane.where(is_open).order_by(campaigns.c.id))
    return [row.name for row in careful if msgspec.convert(row.care, Care).needs_replies]


def _waiting(connection: Connection, instance_id: int) -> int:
    campaigns, parts = tables.campaigns, tables.campaign_lanes
    pending = select(func.coalesce(func.sum(parts.c.pending), 0)).join(
        campaigns, campaigns.c.id == parts.c.campaign_id
    )
    running = pending.where(parts.c.lane_id == instance_id, campaigns.c.state == CampaignState.RUNNING, parts.c.open)
    return int(connection.execute(running).scalar_one())
