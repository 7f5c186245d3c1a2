"""Campaigns over audiences: stored without messages, which they get when they start."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, insert, select

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.queries import query
from broadcaster.domain.conditions import Condition, describe_conditions
from broadcaster.domain.states import CampaignState
from broadcaster.errors import UnavailableError
from broadcaster.services.audiences.selection import Selection
from broadcaster.services.campaigns.recipients import read_selection
from broadcaster.services.campaigns.segments import LARGE_CAMPAIGN, SHARED, attach_segment, index_phones, open_segment
from broadcaster.services.forgetting.forgotten import hold_off


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceCampaign:
    """A campaign over an audience, checked and ready to be stored (`Selection.check`)."""

    name: str
    audience_id: int
    lanes: Collection[int]
    """The ids of its instances."""
    content_id: int
    caption: str | None = None
    filename: str | None = None
    conditions: Sequence[Condition] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    """Template variables that are the same for everybody, over the members' own."""
    max_attempts: int
    starts_at: datetime | None = None
    """Aware; None: at once."""
    priority: int = 0
    draft: bool = False


def store_audience_campaign(connection: Connection, campaign: AudienceCampaign) -> int:
    """Store the campaign, in the caller's transaction; returns its id.

    Its messages are made when it starts. Raises IntegrityError where the name is taken.
    """
    table = tables.campaigns
    source = connection.execute(
        select(tables.audiences.c.name).where(tables.audiences.c.id == campaign.audience_id)
    ).scalar_one()
    values: dict[str, Any] = {
        "name": campaign.name,
        "state": CampaignState.DRAFT if campaign.draft else CampaignState.SCHEDULED,
        "content_id": campaign.content_id,
        "caption": campaign.caption,
        "filename": campaign.filename,
        "priority": campaign.priority,
        "max_attempts": campaign.max_attempts,
        "source": describe_audience(source, campaign.conditions),
        "audience_id": campaign.audience_id,
    }
    # What is left out is null in SQL; None would become the null of JSON.
    if campaign.conditions:
        values["audience_filter"] = msgspec.to_builtins(campaign.conditions)
    if campaign.variables:
        values["variables"] = dict(campaign.variables)
    if campaign.starts_at is not None:
        values["starts_at"] = campaign.starts_at
    campaign_id = int(connection.execute(insert(table).values(values).returning(table.c.id)).scalar_one())
    connection.execute(
        insert(tables.campaign_lanes), [{"campaign_id": campaign_id, "lane_id": lane} for lane in campaign.lanes]
    )
    return campaign_id


def start_audience_campaigns(engine: Engine) -> list[int]:
    """Give campaigns over audiences that are due their messages and make them `running`; returns their ids.

    Each in a transaction of its own, so that none waits for a large one. Raises UnavailableError when all have been
    tried and Postgres did not take one.
    """
    with transaction(engine) as connection:
        due = connection.exec_driver_sql(query("due_audience_campaigns")).scalars().all()
    started, failure = [], None
    for campaign_id in due:
        try:
            if start_audience_campaign(engine, campaign_id):
                started.append(campaign_id)
        except UnavailableError as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return started


def start_audience_campaign(engine: Engine, campaign_id: int) -> bool:
    """`scheduled → running`, with the members that its audience has now; False where it was not to be started."""
    with transaction(engine) as connection:
        # No member was forgotten, and nobody is while members become messages.
        hold_off(connection)
        row = connection.exec_driver_sql(
            query("lock_due_audience_campaign"), {"campaign_id": campaign_id}
        ).one_or_none()
        if row is None:
            return False
        selection = read_selection(row)
        _snapshot(connection, campaign_id, selection)
        reason = f"there is nobody to send to in the {describe_audience(row.audience, selection.conditions)}"
        parameters = {"campaign_id": campaign_id, "reason": reason}
        connection.exec_driver_sql(query("run_audience_campaign"), parameters).one()
        return True


def _snapshot(connection: Connection, campaign_id: int, selection: Selection) -> None:
    """Make the campaign's messages of the members that there are now."""
    connection.exec_driver_sql(query("snapshot_audience"), selection.parameters())
    messages = connection.exec_driver_sql(query("snapshot_size")).scalar_one()
    segment = open_segment(connection, campaign_id) if messages >= LARGE_CAMPAIGN else None
    number, table = (segment.number, segment.messages) if segment else (SHARED, "messages")
    parameters = {"campaign_id": campaign_id, "segment": number}
    connection.exec_driver_sql(query("deal_snapshot").format(messages=table), parameters)
    if segment:
        # No phone is twice in an audience.
        index_phones(connection, segment)
        attach_segment(connection, segment)


def describe_audience(audience: str, conditions: Sequence[Condition]) -> str:
    """For people: where the recipients come from."""
    return f"audience {audience}" + (f" where {describe_conditions(conditions)}" if conditions else "")
