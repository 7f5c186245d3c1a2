"""Segments: partitions of `messages` and `attempts` that hold one large campaign each.

A segment is filled before it has indexes and before anybody else sees it, by COPY or INSERT into `Segment.messages`,
and attached to the partitioned tables when it is full; all in the transaction that makes the campaign's messages.
docs/decisions/0012-large-campaigns.md has the measurements.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from broadcaster.db.queries import query

LARGE_CAMPAIGN = 100_000
"""From so many messages on, a campaign gets a segment of its own."""

MOST_SEGMENTS = 32
"""So many large campaigns at most: every statement over messages pays for each partition."""

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


def open_segment(connection: Connection, campaign_id: int) -> Segment | None:
    """Make a segment for the campaign, or None while there are MOST_SEGMENTS; nobody sees it before the commit."""
    if connection.exec_driver_sql(query("count_segments")).scalar_one() > MOST_SEGMENTS:
        return None
    segment = Segment(campaign_id)
    connection.exec_driver_sql(query("load_faster"))
    connection.exec_driver_sql(query("create_segment").format(segment=segment.number))
    return segment


def index_phones(connection: Connection, segment: Segment) -> bool:
    """Make its phones unique. False, and nothing done, where they are not: remove the repeated ones first.

    To try is the quickest way to learn it: the index is needed anyway, and most lists repeat nobody.
    """
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(query("index_phones").format(segment=segment.number))
    except IntegrityError:
        return False
    return True


def attach_segment(connection: Connection, segment: Segment) -> None:
    """Count its messages and show it to everybody, from the commit on.

    Its messages must be new: pending, and due. The campaign must carry the segment's number, and its `campaign_lanes`
    exist. Raises IntegrityError where a phone is there twice.
    """
    connection.exec_driver_sql(query("count_segment").format(segment=segment.number))
    connection.exec_driver_sql(query("attach_segment").format(segment=segment.number))
