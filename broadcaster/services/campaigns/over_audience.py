"""Campaigns over audiences get their messages when they start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, Engine, select

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, naming, value, values
from broadcaster.domain.conditions import Condition, describe_conditions
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.recipient_groups import GROUP_BEGINNING, recipient_group
from broadcaster.errors import BroadcasterError, UnavailableError
from broadcaster.services.audiences.selection import Selection
from broadcaster.services.campaigns.segments import LARGE_CAMPAIGN, SHARED, attach_segment, index_phones, open_segment
from broadcaster.services.campaigns.stored_campaign import read_campaign
from broadcaster.services.forgetting.forgotten import hold_off
from broadcaster.services.openings import ask_for_openings, number_groups


def start_audience_campaigns(engine: Engine) -> list[int]:
    """Give campaigns over audiences that are due their messages and make them `running`; returns their ids.

    Each in a transaction of its own, so that none waits for a large one. Raises UnavailableError when all have been
    tried and Postgres did not take one.
    """
    with transaction(engine) as connection:
        due = values(connection, "due_audience_campaigns")
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
    """`scheduled → running`, with the members that its audience has now; False where it was not to be started.

    `scheduled → paused`, with the reason, where the members are such that its conditions cannot be evaluated.
    """
    with transaction(engine) as connection:
        # No member was forgotten, and nobody is while members become messages.
        hold_off(connection)
        due = values(connection, "lock_due_audience_campaign", campaign_id=campaign_id)
        selection = read_campaign(connection, due[0]).selection if due else None
        if selection is None:
            return False
        try:
            selection = selection.ready(connection, lock=True)
        except UnavailableError:
            raise
        except BroadcasterError as error:
            execute(connection, "hold_audience_campaign", campaign_id=campaign_id, reason=f"whom to send to: {error}")
            return False
        _snapshot(connection, campaign_id, selection)
        source = describe_audience(selection.audience.name, selection.meant)
        reason = f"there is nobody to send to in the {source}"
        value(connection, "run_audience_campaign", campaign_id=campaign_id, reason=reason)
        return True


def _snapshot(connection: Connection, campaign_id: int, selection: Selection) -> None:
    """Make the campaign's messages of the members that there are now."""
    execute(connection, selection.statement("snapshot_audience"), **selection.parameters())
    messages = value(connection, "snapshot_size")
    segment = open_segment(connection, campaign_id) if messages >= LARGE_CAMPAIGN else None
    number, table = (segment.number, segment.messages) if segment else (SHARED, "messages")
    deal = naming("deal_snapshot", messages=table)
    groups = msgspec.json.encode(_number_snapshot(connection, campaign_id)).decode()
    execute(connection, deal, campaign_id=campaign_id, segment=number, groups=groups, digits=GROUP_BEGINNING)
    if segment:
        # No phone is twice in an audience.
        index_phones(connection, segment)
        attach_segment(connection, segment)


def _number_snapshot(connection: Connection, campaign_id: int) -> Mapping[str, int]:
    """The numbers of the recipients' groups by the beginnings of their phones; empty where these play no part."""
    campaigns, opening_hours = tables.campaigns, tables.opening_hours
    found = select(opening_hours.c.id, opening_hours.c.document).join(
        campaigns, campaigns.c.hours_id == opening_hours.c.id
    )
    row = connection.execute(found.where(campaigns.c.id == campaign_id)).first()
    if row is None or not msgspec.convert(row.document, OpeningHours).goes_by_recipient:
        return {}
    by_beginning = {
        each: recipient_group(each) for each in values(connection, "snapshot_beginnings", digits=GROUP_BEGINNING)
    }
    numbers = number_groups(connection, by_beginning.values())
    ask_for_openings(connection, row.id, {numbers[group] for group in by_beginning.values()})
    return {beginning: numbers[group] for beginning, group in by_beginning.items()}


def describe_audience(audience: str, conditions: Sequence[Condition]) -> str:
    """For people: where the recipients come from."""
    return f"audience {audience}" + (f" where {describe_conditions(conditions)}" if conditions else "")
