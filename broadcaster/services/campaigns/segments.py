"""Segments: partitions of `messages` and `attempts` that hold one large campaign each.

A segment is filled before it has indexes and before anybody else sees it, by COPY or INSERT into `Segment.messages`,
and attached to the partitioned tables when it is full; all in the transaction that makes the campaign's messages.
Commands and workers may not change the schema: functions of the database do it (db/schema/functions/open_segment.sql).
docs/decisions/0012-large-campaigns.md has the measurements.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from broadcaster.db.statements import execute, value

LARGE_CAMPAIGN = 100_000
"""From so many messages on, a campaign gets a segment of its own."""

SHARED = 0
"""The segment of all other campaigns."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A campaign's own segment. Its number is the campaign's id."""

    number: int

    @property
    def messages(self) -> str:
        """Its table of messages. `segment` and `campaign_id` need not be given: they are its defaults."""
        return f"messages_{self.number}"


def open_segment(connection: Connection, campaign_id: int, *, holds: bool = False) -> Segment | None:
    """Make a segment for the campaign, or None while there are too many; nobody sees it before the commit.

    Where it `holds`, messages that are copied into it are held: due only when a slice of its canary opens.
    """
    is_open = value(connection, "open_segment", campaign_id=campaign_id, holds=holds)
    return Segment(campaign_id) if is_open else None


def index_phones(connection: Connection, segment: Segment) -> bool:
    """Make its phones unique. False, and nothing done, where they are not: remove the repeated ones first."""
    return bool(value(connection, "index_segment", campaign_id=segment.number))


def attach_segment(connection: Connection, segment: Segment) -> None:
    """Count its messages and show it to everybody, from the commit on.

    Its messages must be new: pending, and due or held. The campaign must carry the segment's number, or be about to
    start, and its `campaign_lanes` exist.
    """
    execute(connection, "attach_segment", campaign_id=segment.number)
