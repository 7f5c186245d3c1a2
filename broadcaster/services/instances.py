"""Instances: adding, changing, pausing, removing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from shlex import quote
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, delete, func, insert, null, select, update
from sqlalchemy.exc import IntegrityError

from broadcaster.base_urls import DEFAULT_BASE_URL
from broadcaster.crypto import Vault
from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import first
from broadcaster.domain.care import Care, StopChange, Stops
from broadcaster.domain.gaps import NO_CHANGE, GapChange, Gaps
from broadcaster.domain.instances import Wire
from broadcaster.domain.names import FORGOTTEN, check_name
from broadcaster.domain.opening_hours import NOBODY, HoursChange, OpeningHours
from broadcaster.domain.pacing import default_burst
from broadcaster.domain.span_limits import Rates, with_rates
from broadcaster.domain.states import FINAL_CAMPAIGN_STATES, CampaignState, LaneHealth
from broadcaster.errors import ConflictError, NotFoundError, UsageError, listed, quoted
from broadcaster.services.accounts import (
    account_key,
    held_already,
    store_account,
    usable_account,
)
from broadcaster.services.audit import note_operation
from broadcaster.services.hours_apart import sent_apart
from broadcaster.services.instance_settings import SHARED, instance_settings
from broadcaster.services.openings import first_opening, hours_of_instance, store_hours
from broadcaster.services.stored_limits import LaneLimits, count_account, counted_limits, set_lane_limits
from broadcaster.time_zones import shown_zone

DEFAULT_RATE = 20 / 60
"""Messages a second: WhatsApp blocks numbers that send much faster than people do."""
DEFAULT_MAX_IN_FLIGHT = 16
_TROUBLES = (LaneHealth.REFUSED, LaneHealth.DOWN, LaneHealth.THROTTLED)


class StoredInstance(msgspec.Struct, frozen=True, kw_only=True):
    """An instance as it is stored, with its account."""

    id: int
    name: str
    account_id: int
    rate_per_second: float | None
    """None: without a limit."""
    burst: int
    gaps: Gaps | None
    reply_rules: dict[str, Any] | None
    base_url: str
    wire: Wire
    key_encrypted: bytes | None
    """None: it is erased."""
    stops: Stops | None
    """At which figures of the last day it pauses itself; None: never."""


def add_instance(
    engine: Engine,
    vault: Vault,
    name: str,
    key: str,
    *,
    rate_per_second: float | None,
    base_url: str = DEFAULT_BASE_URL,
    burst: int | None = None,
    max_in_flight: int = DEFAULT_MAX_IN_FLIGHT,
    wire: Wire = Wire.JSON,
    country: str | None = None,
    limits: LaneLimits | None = None,
    gaps: Gaps = Gaps(),  # noqa: B008 - it never changes
    hours: OpeningHours | None = None,
) -> int:
    """Add an instance with its lane; returns its id.

    A rate of None is no limit, which has to be said; `limits` are over spans and `gaps` between
    messages, besides. `country` is that of
    numbers without their country code; without `hours` it may always send. Raises UsageError for a wrong value,
    ConflictError when the name is taken or another instance has the account.
    """
    check_name(name, "instance")
    if "=" in name:
        raise UsageError(f"instance name {quoted(name)}: use no `=`: it is for a weight (--instance a=3)")
    values = {
        "name": name,
        "max_in_flight": _at_least_one(max_in_flight, "--max-in-flight"),
        "country": _country(country),
        **_limits(rate_per_second, burst, gaps),
    }
    account = usable_account(key, base_url, wire)
    try:
        with transaction(engine) as connection:
            values["account_id"] = store_account(connection, vault, account)
            values["hours_id"] = _stored_hours(connection, hours)
            instance_id = connection.scalar(insert(tables.instances).values(values).returning(tables.instances.c.id))
            connection.execute(insert(tables.lanes).values(id=instance_id, account_id=values["account_id"]))
            if limits is not None:
                set_lane_limits(connection, int(instance_id), limits)
    except IntegrityError as error:
        if "account_id" in str(error.orig):
            raise held_already(None) from None
        raise ConflictError(
            f"an instance called {name!r} exists already: change it with `broadcaster instance set {quote(name)}`"
        ) from None
    return int(instance_id)


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
        before = _health(connection, current.id)
        if changes.is_of_account:
            _set_health(connection, current.id, LaneHealth.OK, None, only=_TROUBLES)
            of_lane = tables.lanes.c.id == current.id
            connection.execute(update(tables.lanes).where(of_lane).values(outcome_run=null()))
        health, reason = after = _health(connection, current.id)
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
        values["max_in_flight"] = _at_least_one(changes.max_in_flight, "--max-in-flight")
    if changes.without_country or changes.country is not None:
        values["country"] = _country(changes.country)
    if changes.without_replies or changes.read_replies_seconds is not None:
        values["read_replies_seconds"] = None if changes.without_replies else changes.read_replies_seconds
    if changes.hours is not None:
        before = hours_of_instance(connection, current.id)
        values["hours_id"] = _stored_hours(connection, changes.hours.of(before, shown_zone().key))
    if changes.without_confirmation or changes.confirm_opt_out is not None:
        values["confirm_opt_out"] = None if changes.without_confirmation else changes.confirm_opt_out
    if changes.stops is not None:
        stops = changes.stops.of(current.stops or Stops())
        values["stops"] = msgspec.to_builtins(stops) if stops.are_given else null()
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
    return _limits(
        changes.rate_per_second if other_rate else current.rate_per_second,
        current.burst if stays else changes.burst,
        changes.gaps.of(gaps),
    )


def _refuse_unread(connection: Connection, instance: StoredInstance) -> None:
    """Raise UsageError where it is to pause itself for what only replies tell, and they are not read."""
    table = tables.instances
    found = select(table.c.stops).where(table.c.id == instance.id, table.c.read_replies_seconds.is_(None))
    stops = connection.scalar(found)
    if stops is not None and msgspec.convert(stops, Stops).needs_replies:
        raise UsageError(
            f"instance {instance.name!r} reads no replies, so that nobody knows who opts out or answers: add "
            "--read-replies 30s, or take that limit away with --stop-above none or --stop-below none"
        )


def _permitted(connection: Connection, instance_id: int) -> float | None:
    instances = tables.instances
    found = select(instances.c.typical_rate_per_second).where(instances.c.id == instance_id)
    permitted: float | None = connection.execute(found).scalar_one()
    return permitted


def _health(connection: Connection, instance_id: int) -> tuple[LaneHealth, str | None]:
    lanes = tables.lanes
    row = connection.execute(select(lanes.c.health, lanes.c.health_reason).where(lanes.c.id == instance_id)).one()
    return LaneHealth(row.health), row.health_reason


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


def pause_instance(engine: Engine, name: str) -> None:
    """Send nothing through it until it is resumed. Takes effect on running drains at once."""
    with transaction(engine) as connection:
        _set_health(connection, find_instance(connection, name).id, LaneHealth.PAUSED, "paused by an operator")


def resume_instance(engine: Engine, name: str) -> None:
    """Send through it again, whatever stopped it (paused, retired, refused, down, throttled, its own limits).

    What came to pass before counts for these no more. What went to others when it was retired stays with them.
    """
    accounts = tables.accounts
    with transaction(engine) as connection:
        instance = find_instance(connection, name, lock=True)
        judged = update(tables.instances).where(tables.instances.c.id == instance.id)
        connection.execute(judged.values(judged_since=func.now(), retired_at=None))
        _set_health(connection, instance.id, LaneHealth.OK, None)
        trusted = update(accounts).where(accounts.c.id == instance.account_id)
        connection.execute(trusted.values(truth_shown=0, truth_missing=0, truth_since=func.now()))


def remove_instance(engine: Engine, name: str) -> None:
    """Remove an instance. Raises ConflictError where schedules or receivers use it, or campaigns have: that would go.

    So would that of marked messages (`check --to`, `campaign test`): they are evidence of what was sent to whom.
    """
    with transaction(engine) as connection:
        instance_id = find_instance(connection, name).id
        _refuse_used(connection, instance_id, name)
        _refuse_scheduled(connection, instance_id, name)
        _refuse_telling(connection, instance_id, name)
        connection.execute(delete(tables.instances).where(tables.instances.c.id == instance_id))


def instance_key(engine: Engine, vault: Vault, name: str) -> tuple[StoredInstance, str]:
    """The instance and its key in the clear, for a client of one's own."""
    with transaction(engine) as connection:
        found = find_instance(connection, name)
        return found, account_key(vault, found)


def find_instance(connection: Connection, name: str, *, lock: bool = False) -> StoredInstance:
    """The instance; with `lock`, nobody else changes it until the transaction ends. Raises NotFoundError."""
    if lock:
        table = tables.instances
        connection.execute(select(table.c.id).where(table.c.name == name).with_for_update())
    found = first(connection, "read_instance", StoredInstance, name=name)
    if found is None:
        raise NotFoundError(f"no instance is called {name!r}: see `broadcaster instance list`")
    return found


def _refuse_telling(connection: Connection, instance_id: int, name: str) -> None:
    receivers = tables.receivers
    told = select(receivers.c.name).where(receivers.c.instance_id == instance_id).order_by(receivers.c.name).limit(1)
    if (receiver := connection.scalar(told)) is not None:
        raise ConflictError(
            f"instance {name!r} sends notices to receiver {receiver!r}: give it another one with "
            f"`broadcaster notify set {quote(receiver)} --whatsapp PHONE --instance INSTANCE`"
        )


def _refuse_used(connection: Connection, instance_id: int, name: str) -> None:
    campaigns, lanes, messages = tables.campaigns, tables.campaign_lanes, tables.messages
    using = select(campaigns.c.id, campaigns.c.name, campaigns.c.test_of).join(
        lanes, lanes.c.campaign_id == campaigns.c.id
    )
    used = connection.execute(using.where(lanes.c.lane_id == instance_id).order_by(campaigns.c.id)).all()
    if not used:
        return
    named = [row.name for row in used if row.test_of is None]
    if named:
        what = f"is used by {_counted(len(named), 'campaign')} ({listed(named, 3)}), whose reports need it"
    else:
        latest = select(messages.c.phone).where(messages.c.segment == 0, messages.c.campaign_id == used[-1].id)
        tests = f"{_counted(len(used), 'test message')}, the latest to {connection.scalar(latest) or FORGOTTEN}"
        what = f"is used by {tests} (of `instance check --to` or `campaign test`), and what was sent is kept"
    raise ConflictError(
        f"instance {name!r} {what}: pause it instead with `broadcaster instance pause {quote(name)}`, or give it "
        f"another account with `broadcaster instance set {quote(name)} --key-file FILE --base-url URL`"
    )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what if number == 1 else f'{what}s'}"


def _refuse_scheduled(connection: Connection, instance_id: int, name: str) -> None:
    schedules, lanes = tables.schedules, tables.schedule_lanes
    using = select(schedules.c.name).join(lanes, lanes.c.schedule_id == schedules.c.id)
    schedule = connection.scalar(using.where(lanes.c.lane_id == instance_id).order_by(schedules.c.name).limit(1))
    if schedule is not None:
        raise ConflictError(
            f"instance {name!r} is used by schedule {schedule!r}: "
            f"give that others with `broadcaster schedule set {quote(schedule)} --instance …`, or remove it"
        )


def _set_health(
    connection: Connection,
    instance_id: int,
    health: LaneHealth,
    reason: str | None,
    only: Sequence[LaneHealth] = tuple(LaneHealth),
) -> None:
    lanes = tables.lanes
    connection.execute(
        update(lanes)
        .where(lanes.c.id == instance_id, lanes.c.health.in_(only), lanes.c.health != health)
        .values(health=health, health_reason=reason, health_since=func.now(), failures=0, not_before=None)
    )


def _limits(rate_per_second: float | None, burst: int | None, gaps: Gaps) -> dict[str, Any]:
    chosen = default_burst(rate_per_second) if burst is None else _at_least_one(burst, "--burst")
    limit = gaps.paced(rate_per_second, chosen)
    if gaps.rest and not limit.interval:
        raise UsageError("--rest is for an instance with a rate or a gap: give it --rate 20/min or --gap 20s..60s")
    return {
        "rate_per_second": rate_per_second,
        "burst": limit.burst,
        "interval_seconds": limit.interval,
        "tolerance_seconds": limit.tolerance,
        "gaps": msgspec.to_builtins(gaps) if gaps.are_given else null(),
    }


def _stored_hours(connection: Connection, hours: OpeningHours | None) -> int | None:
    if hours is None:
        return None
    first_opening(hours, [NOBODY], connection.execute(select(func.now())).scalar_one())
    return store_hours(connection, hours)


def _country(written: str | None) -> str | None:
    from broadcaster.domain.phones import country_code  # noqa: PLC0415 - start-up time: phonenumbers

    return None if written is None else country_code(written)


def _at_least_one(value: int, option: str) -> int:
    if value < 1:
        raise UsageError(f"{option} {value} must be at least 1")
    return value
