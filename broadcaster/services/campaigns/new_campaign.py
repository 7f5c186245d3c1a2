"""The one door by which campaigns come into the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, func, insert, select

from broadcaster.db import tables
from broadcaster.domain.care import Care
from broadcaster.domain.conditions import Condition
from broadcaster.domain.sharing import Sharing
from broadcaster.domain.states import CampaignState
from broadcaster.services.campaigns.checks import hold_in_use
from broadcaster.services.campaigns.new_content import StoredContent
from broadcaster.services.campaigns.segments import SHARED

_CAMPAIGN_IDS = "campaigns_id_seq"
_HIGHEST_PRIORITY = 32_767


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCampaign:
    """A campaign that has been checked, as it is to be stored."""

    id: int | None = None
    """One of `next_campaign_id`, where it must be known before. None: the next one."""
    name: str
    content: StoredContent
    lanes: Collection[int]
    """The ids of its instances."""
    max_attempts: int
    priority: int = 0
    starts_at: datetime | None = None
    """Aware; None: at once."""
    hours_id: int | None = None
    """When it may be sent (`store_hours`); None: always."""
    expires_at: datetime | None = None
    """What has not left by then is expired; None: never."""
    state: CampaignState = CampaignState.SCHEDULED
    source: str
    """For people: where its recipients come from."""
    recipients_read: int = 0
    recipients_rejected: int = 0
    segment: int = SHARED
    file_column: str | None = None
    """The variable with the path of each recipient's own file; None: they get the same."""
    audience_id: int | None = None
    """Whose members it gets when it starts; None: it gets its messages in the same transaction."""
    conditions: Sequence[Condition] = ()
    """Which of the members; all of these hold."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Template variables that are the same for everybody, over the members' own."""
    require_consent: bool = False
    """Whether it skips whoever has not agreed to messages."""
    care: Care | None = None
    """At which figures it pauses itself, in which slices it begins, whom it skips; None: none of it."""
    sharing: Sharing = Sharing()  # noqa: RUF009 - it never changes
    """What becomes of messages whose instance is in trouble, and whether people keep theirs."""
    weights: Mapping[int, float] = field(default_factory=dict)
    """By which its lanes share its messages; empty: by their rates."""
    limits: Collection[int] = ()
    """The ids of limits that hold for it (`limits_for_campaigns`)."""
    rest_of: int | None = None
    """The first campaign of whose recipients it has those who had not got it."""
    test_of: int | None = None
    """The campaign of which it sends a copy, or its own id: it is counted nowhere."""
    confirms: int | None = None
    """The opt-out of which its one message tells the person that it is heard."""


def next_campaign_id(connection: Connection) -> int:
    """An id that no other campaign gets."""
    return int(connection.execute(select(func.nextval(_CAMPAIGN_IDS))).scalar_one())


def insert_campaign(connection: Connection, new: NewCampaign) -> int:
    """Store the campaign and its lanes, in the caller's transaction; returns its id.

    Raises IntegrityError where the name is taken, and ConflictError for an instance that is retired by now.
    """
    table = tables.campaigns
    values = {
        "id": new.id,
        "name": new.name,
        "state": new.state,
        "max_attempts": new.max_attempts,
        "priority": new.priority,
        "starts_at": new.starts_at,
        "hours_id": new.hours_id,
        "expires_at": new.expires_at,
        "source": new.source,
        "recipients_read": new.recipients_read,
        "recipients_rejected": new.recipients_rejected,
        "segment": new.segment,
        "file_column": new.file_column,
        "audience_id": new.audience_id,
        "audience_filter": msgspec.to_builtins(new.conditions) or None,
        "variables": dict(new.variables) or None,
        "require_consent": new.require_consent,
        "care": None if new.care is None else msgspec.to_builtins(new.care),
        "sharing": msgspec.to_builtins(new.sharing) if new.sharing.is_given else None,
        "rest_of": new.rest_of,
        "test_of": new.test_of,
        "confirms": new.confirms,
    }
    campaign_id = int(connection.execute(insert(table).values(_given(values)).returning(table.c.id)).scalar_one())
    insert_version(connection, campaign_id, 1, new.content)
    lanes = [{"campaign_id": campaign_id, "lane_id": lane, "weight": new.weights.get(lane)} for lane in new.lanes]
    connection.execute(insert(tables.campaign_lanes), lanes)
    if new.limits:
        limits = [{"campaign_id": campaign_id, "limit_id": limit} for limit in new.limits]
        connection.execute(insert(tables.campaign_limits), limits)
    # Who retires an instance looks for campaigns that have it.
    hold_in_use(connection, new.lanes)
    return campaign_id


def insert_version(connection: Connection, campaign_id: int, version: int, content: StoredContent) -> None:
    """Store what the campaign sends as this version of its content."""
    values = {"campaign_id": campaign_id, "version": version, **content._asdict()}
    connection.execute(insert(tables.content_versions).values(values))


def insert_plan(
    connection: Connection,
    campaign_id: int,
    ends_at: datetime,
    earliest_at: datetime | None,
    latest_at: datetime | None,
) -> None:
    """Keep when it was foreseen to end, for its report."""
    values = {"campaign_id": campaign_id, "ends_at": ends_at, "earliest_at": earliest_at, "latest_at": latest_at}
    connection.execute(insert(tables.campaign_plans).values(values))


def insert_single(connection: Connection, new: NewCampaign, phone: str, variables: Mapping[str, str] | None) -> int:
    """Store a campaign of one message to `phone`, through its one lane and ahead of all others; returns its id."""
    [lane] = new.lanes
    campaign_id = insert_campaign(connection, replace(new, priority=_HIGHEST_PRIORITY, recipients_read=1))
    message = {
        "segment": new.segment,
        "campaign_id": campaign_id,
        "seq": 1,
        "lane_id": lane,
        "phone": phone,
        "variables": variables,
    }
    connection.execute(insert(tables.messages).values(_given(message)))
    return campaign_id


def moment_name(connection: Connection) -> str:
    """The moment by the database's clock, in UTC, by which campaigns of one message are told apart."""
    moment: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return moment.astimezone(UTC).isoformat()


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without the Nones: what is left out gets its default, and None would become the null of JSON."""
    return {column: value for column, value in values.items() if value is not None}
