"""All instances and how they are doing. Needs no SQLAlchemy, for the commands that only show something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from broadcaster.db.reading import Reader, reading
from broadcaster.db.statements import each, first, rows, value, values
from broadcaster.domain.care import Stops
from broadcaster.domain.gaps import Gaps
from broadcaster.domain.instances import Wire
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.states import CampaignState, LaneHealth, MessageState, told_health
from broadcaster.errors import NotFoundError

if TYPE_CHECKING:
    from sqlalchemy import Engine


LONGEST_BOUND = 300
"""The last bound of durations, in seconds."""


class LimitInUse(msgspec.Struct, frozen=True):
    """A limit: at most `most` messages in any `span_seconds`, of which `taken` count now."""

    name: str | None
    """None: it is the instance's own."""
    most: int
    span_seconds: int
    taken: int
    ramp: list[int]
    """What `most` is at each step; empty: it is no ramp."""
    step: int
    """Of the ramp, from 1."""
    free_at: datetime | None
    """When the next place is free; None: there is one now."""


class GatewayLatency(msgspec.Struct, frozen=True):
    """How long the requests of an instance took lately, from request to reply."""

    since: datetime
    requests: int
    half_within_ms: int | None
    """Half of them took no longer, by the bounds of `hour_report`; None: it is longer, or there was no request."""
    nearly_all_within_ms: int | None
    """The same of 99 of 100."""


class InstanceSummary(msgspec.Struct, frozen=True):
    """An instance: its health, its limits and what goes through it. Drafts do not count."""

    name: str
    id: int
    health: LaneHealth
    health_reason: str | None
    health_since: datetime
    rate_per_second: float | None
    permitted_per_second: float | None
    """What rate, gaps and rests come to; None: unlimited."""
    burst: int
    max_in_flight: int
    total: int
    pending: int
    sending: int
    sent: int
    failed: int
    in_doubt: int
    unknown: int
    skipped: int
    cancelled: int
    expired: int
    lease_holder: str | None
    lease_expires_at: datetime | None
    not_before: datetime | None
    truth_shown: int
    truth_missing: int
    retired_at: datetime | None
    """Since when it is closed; None: it is in use."""
    limits: list[LimitInUse]

    @property
    def otherwise(self) -> int:
        """How many were skipped or cancelled: in tables, what has no column of its own."""
        return self.skipped + self.cancelled

    @property
    def told_health(self) -> str:
        """Its health in a word of people."""
        return told_health(self.health, is_retired=self.retired_at is not None)


class InstanceDetail(InstanceSummary, frozen=True):
    """The same, with where its requests go. Never the key."""

    base_url: str
    wire: Wire
    country: str | None
    confirm_opt_out: str | None
    gaps: Gaps | None
    stops: Stops | None
    """At which figures of the last day it pauses itself; None: never."""
    hours: OpeningHours | None
    """When it may send; None: always."""
    latency: GatewayLatency
    created_at: datetime


class InstanceCampaign(msgspec.Struct, frozen=True):
    """What of a campaign goes through one instance."""

    name: str
    state: CampaignState
    is_sent_now: bool
    """Whether it leaves now: the instance is well, and something of it is due, or under way."""
    total: int
    to_send: int
    sent: int
    failed: int
    in_doubt: int
    unknown: int
    expired: int
    finished_at: datetime | None

    @property
    def otherwise(self) -> int:
        """How many were skipped or cancelled: in tables, what has no column of its own."""
        return self.total - sum((self.to_send, self.sent, self.failed, self.in_doubt, self.unknown, self.expired))


class InstanceFailure(msgspec.Struct, frozen=True):
    """How many messages were not sent through an instance for one reason, and in which campaign the latest was not."""

    state: MessageState
    reason: str
    messages: int
    latest: datetime
    campaign: str


def campaigns_of_instance(source: Engine | Reader, instance_id: int, most: int) -> list[InstanceCampaign]:
    """What goes through an instance: first the campaigns that are sent now, then the latest."""
    with reading(source) as connection:
        return rows(connection, "campaigns_of_instance", InstanceCampaign, instance_id=instance_id, most=most)


def failures_of_instance(source: Engine | Reader, instance_id: int, most: int) -> list[InstanceFailure]:
    """Why messages were not sent through an instance, the latest reason first."""
    with reading(source) as connection:
        return rows(connection, "failures_of_instance", InstanceFailure, instance_id=instance_id, most=most)


def list_instances(source: Engine | Reader) -> Iterator[InstanceSummary]:
    """All instances by name, in bounded memory.

    To be gone through at once: the transaction lasts until its end.
    """
    with reading(source) as connection:
        yield from each(connection, "list_instances", InstanceSummary)


def show_instance(source: Engine | Reader, name: str) -> InstanceDetail:
    """One instance. Raises NotFoundError."""
    with reading(source) as connection:
        found = first(connection, "show_instance", InstanceDetail, name=name)
    if found is None:
        raise NotFoundError(f"no instance is called {name!r}: see `broadcaster instance list`")
    return found


def not_retired(source: Engine | Reader, names: Sequence[str]) -> Sequence[str]:
    """Those of these instances through which campaigns can be sent, in their order: neither retired nor removed."""
    with reading(source) as connection:
        return values(connection, "not_retired", names=list(names))


def count_instances(source: Engine | Reader) -> int:
    """How many there are."""
    with reading(source) as connection:
        return int(value(connection, "count_instances"))
