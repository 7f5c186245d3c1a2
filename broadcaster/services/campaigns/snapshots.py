"""Recipients in a snapshot, which is a temporary table, become the messages of a campaign.

Two statements make one: `snapshot_audience` of members, `snapshot_rest` of whom another campaign has not reached.
"""

from __future__ import annotations

from sqlalchemy import Connection

from broadcaster.db.statements import execute, naming, value
from broadcaster.services.campaigns.segments import (
    LARGE_CAMPAIGN,
    SHARED,
    Segment,
    attach_segment,
    index_phones,
    open_segment,
)


def open_snapshot_segment(connection: Connection, campaign_id: int) -> Segment | None:
    """A segment for the campaign's messages where the snapshot is a large one; None: they go into the shared one."""
    messages = value(connection, "snapshot_size")
    return open_segment(connection, campaign_id) if messages >= LARGE_CAMPAIGN else None


def deal_snapshot(connection: Connection, campaign_id: int, segment: Segment | None) -> None:
    """Make the campaign's messages of whoever can be sent to, and keep the others with the reason.

    The campaign and its lanes must be there.
    """
    number, table = (segment.number, segment.messages) if segment else (SHARED, "messages")
    execute(connection, naming("deal_snapshot", messages=table), campaign_id=campaign_id, segment=number)
    if segment:
        # Nobody is twice in a snapshot.
        index_phones(connection, segment)
        attach_segment(connection, segment)
