"""Recipients in a snapshot, which is a temporary table, become the messages of a campaign.

Three statements make one: `snapshot_audience` of members, `snapshot_rest` of whom another campaign has not reached,
`snapshot_clone` of all whom another one has.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, select

from broadcaster.db import tables
from broadcaster.db.statements import execute, naming, value, values
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.recipient_groups import GROUP_BEGINNING, recipient_group
from broadcaster.services.campaigns.dealing_ahead import as_parameter, stored_shares
from broadcaster.services.campaigns.segments import (
    LARGE_CAMPAIGN,
    SHARED,
    Segment,
    attach_segment,
    index_phones,
    open_segment,
)
from broadcaster.services.openings import ask_for_openings, number_groups


def open_snapshot_segment(connection: Connection, campaign_id: int) -> Segment | None:
    """A segment for the campaign's messages where the snapshot is a large one; None: they go into the shared one."""
    messages = value(connection, "snapshot_size")
    return open_segment(connection, campaign_id) if messages >= LARGE_CAMPAIGN else None


def deal_snapshot(connection: Connection, campaign_id: int, segment: Segment | None) -> None:
    """Make the campaign's messages of whoever can be sent to, and keep the others with the reason.

    The campaign and its lanes must be there.
    """
    number, table = (segment.number, segment.messages) if segment else (SHARED, "messages")
    groups = msgspec.json.encode(_number_snapshot(connection, campaign_id)).decode()
    shares = stored_shares(connection, campaign_id, value(connection, "snapshot_size"))
    into = {"campaign_id": campaign_id, "segment": number, "shares": as_parameter(shares)}
    execute(connection, naming("deal_snapshot", messages=table), **into, groups=groups, digits=GROUP_BEGINNING)
    if segment:
        # Nobody is twice in a snapshot.
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
