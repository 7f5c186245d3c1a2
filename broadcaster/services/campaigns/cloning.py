"""A campaign again, as a draft: the same content, recipients and options under another name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from shlex import quote
from typing import NamedTuple

from sqlalchemy import Connection, Engine, func, select

from broadcaster.db.statements import execute, value
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.states import CampaignState
from broadcaster.errors import ConflictError, InputError
from broadcaster.services.campaigns.checks import admission, lanes_in_use, refuse_unread
from broadcaster.services.campaigns.homes import send_snapshot_home
from broadcaster.services.campaigns.new_campaign import NewCampaign, insert_campaign, next_campaign_id
from broadcaster.services.campaigns.new_content import StoredContent
from broadcaster.services.campaigns.over_audience import describe_audience
from broadcaster.services.campaigns.segments import SHARED
from broadcaster.services.campaigns.snapshots import deal_snapshot, open_snapshot_segment
from broadcaster.services.campaigns.stored_campaign import StoredCampaign, read_campaign
from broadcaster.services.forgetting.forgotten import hold_off
from broadcaster.services.shared_limits import limits_for_campaigns


class Cloned(NamedTuple):
    """The new draft, and how many messages it has. With an `audience` it gets them when it starts.

    `lost_expiry`: when the campaign that it is one of expired, which it does not.
    """

    name: str
    clone_of: str
    state: CampaignState
    messages: int
    audience: str | None
    hours: OpeningHours | None
    expires_at: datetime | None
    lost_expiry: datetime | None


def clone_campaign(engine: Engine, name: str, clone: str, *, limits: Collection[str] | None = None) -> Cloned:
    """Store a draft called `clone` with what the campaign `name` sends now, to its recipients, by its options.

    It has the same hours, and expires at the same moment where that is ahead. `limits` hold for it; None: the same do.
    One over an audience goes to the members that there are when the clone starts; whoever was forgotten is left out.
    Raises NotFoundError, UsageError for a wrong name, ConflictError for a name that is taken, a limit of instances or
    a campaign whose messages are deleted, and InputError where nobody is left of its recipients.
    """
    with admission(engine, clone, (), None) as (connection, _):
        # Nobody is forgotten, and no file deleted, between what is read here and the commit.
        hold_off(connection)
        campaign = read_campaign(connection, name)
        new = _draft(connection, campaign, clone)
        held = limits_for_campaigns(connection, campaign.limits if limits is None else limits)
        new = replace(new, limits=held.values())
        refuse_unread(connection, new.lanes, new.care)
        if campaign.over is not None:
            insert_campaign(connection, new)
            messages, audience = 0, campaign.over.audience.name
        else:
            messages, audience = _with_messages(connection, campaign, new), None
        return Cloned(
            name=clone,
            clone_of=name,
            state=new.state,
            messages=messages,
            audience=audience,
            hours=campaign.hours,
            expires_at=new.expires_at,
            lost_expiry=campaign.expires_at if new.expires_at is None else None,
        )


def _draft(connection: Connection, campaign: StoredCampaign, name: str) -> NewCampaign:
    """The clone without messages. A start and an expiry that are still to come are kept."""
    lanes = lanes_in_use(connection, campaign.id)
    if not lanes:
        raise ConflictError(
            f"the instances of campaign {campaign.name!r} are retired: send to its recipients through others with "
            f"`broadcaster campaign submit {quote(name)} --instance NAME`"
        )
    now = connection.execute(select(func.now())).scalar_one()
    over = campaign.over
    source = (
        f"those of campaign {campaign.name}"
        if over is None
        else describe_audience(over.audience.name, over.conditions)
    )
    return NewCampaign(
        name=name,
        content=StoredContent.of(campaign.content_id, campaign.content),
        lanes=lanes,
        weights={lane: weight for lane, weight in lanes.items() if weight is not None},
        sharing=campaign.sharing,
        max_attempts=campaign.max_attempts,
        priority=campaign.priority,
        starts_at=campaign.starts_at if campaign.starts_at > now else None,
        hours_id=None if campaign.hours is None else campaign.hours_id,
        expires_at=campaign.expiry_after(now),
        state=CampaignState.DRAFT,
        source=source,
        file_column=campaign.content.file_column,
        audience_id=None if over is None else over.audience.id,
        conditions=() if over is None else over.conditions,
        variables={} if over is None else over.variables,
        require_consent=campaign.require_consent,
        care=campaign.care,
    )


def _with_messages(connection: Connection, campaign: StoredCampaign, new: NewCampaign) -> int:
    """Store the clone with a message for each recipient; returns how many there are."""
    execute(connection, "snapshot_clone", campaign_id=campaign.id)
    count = int(value(connection, "snapshot_size"))
    if new.sharing.sticky:
        send_snapshot_home(connection, new.lanes)
    if not count:
        raise InputError(f"campaign {campaign.name!r} goes to nobody: there is nothing to clone")
    clone_id = next_campaign_id(connection)
    segment = open_snapshot_segment(connection, clone_id)
    number = segment.number if segment else SHARED
    insert_campaign(connection, replace(new, id=clone_id, segment=number, recipients_read=count))
    deal_snapshot(connection, clone_id, segment)
    execute(connection, "copy_recipient_files", campaign_id=campaign.id, clone_id=clone_id)
    return count
