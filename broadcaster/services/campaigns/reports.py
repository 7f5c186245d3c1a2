"""What operators ask: where campaigns stand, who got a message and who did not."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

from broadcaster.db.reading import Reader, Row, reading, rows
from broadcaster.domain.states import MessageState
from broadcaster.errors import NotFoundError
from broadcaster.services.campaigns.purged import refuse_purged

if TYPE_CHECKING:
    from sqlalchemy import Engine

_EXPORT_BATCH = 5_000
_LANES = """
    SELECT
        i.name AS instance, l.health, l.health_reason, i.rate_per_second, cl.total,
        cl.pending, cl.sending, cl.sent, cl.failed, cl.in_doubt, cl.unknown,
        cl.skipped, cl.cancelled, cl.expired
    FROM campaign_lanes cl JOIN instances i ON i.id = cl.lane_id JOIN lanes l ON l.id = cl.lane_id
    WHERE cl.campaign_id = %(id)s
    ORDER BY i.name
"""


@dataclass(frozen=True, slots=True)
class CampaignProgress:
    """A campaign's row of `campaign_report`, and its lanes with their instances' health."""

    summary: Row
    lanes: Sequence[Row]


@dataclass(frozen=True, slots=True)
class CampaignDetail(CampaignProgress):
    """The same, with its failures by reason."""

    failures: Sequence[Row]


def list_campaigns(source: Engine | Reader, *, limit: int = 50) -> Sequence[Row]:
    """The latest campaigns, newest first, as the view `campaign_report` has them."""
    with reading(source) as connection:
        return rows(connection, "SELECT * FROM campaign_report ORDER BY campaign_id DESC LIMIT %(limit)s", limit=limit)


def campaign_summary(source: Engine | Reader, name: str) -> Row:
    """One campaign's row of `campaign_report`. Raises NotFoundError."""
    with reading(source) as connection:
        return _summary(connection, name)


def campaign_progress(source: Engine | Reader, name: str) -> CampaignProgress:
    """What a live view shows; cheap, whatever the campaign's size. Raises NotFoundError."""
    with reading(source) as connection:
        summary = _summary(connection, name)
        return CampaignProgress(summary, _lanes(connection, summary))


def campaign_detail(source: Engine | Reader, name: str) -> CampaignDetail:
    """All that `campaign report` shows. Raises NotFoundError."""
    with reading(source) as connection:
        summary = _summary(connection, name)
        failures = rows(
            connection,
            "SELECT * FROM failure_report WHERE campaign_id = %(id)s ORDER BY messages DESC, reason",
            id=summary["campaign_id"],
        )
        return CampaignDetail(summary, _lanes(connection, summary), failures)


def export_messages(
    source: Engine | Reader, name: str, states: Collection[MessageState] = tuple(MessageState)
) -> Iterator[Row]:
    """The messages of a campaign in `states` as the view `message_log` has them, in file order, with flat memory.

    Raises NotFoundError, and ConflictError where they are deleted.
    """
    with reading(source) as connection:
        campaign_id = _unpurged(connection, name)
        with connection.cursor("export", row_factory=dict_row) as cursor:
            cursor.itersize = _EXPORT_BATCH
            cursor.execute(
                "SELECT * FROM message_log WHERE campaign_id = %(id)s AND state::text = ANY(%(states)s) ORDER BY seq",
                {"id": campaign_id, "states": [state.value for state in states]},
            )
            yield from cursor


def variable_names(source: Engine | Reader, name: str) -> Sequence[str]:
    """The variables that the messages of a campaign have, all of them the same ones, unless somebody was forgotten.

    Raises NotFoundError, and ConflictError where the messages are deleted.
    """
    with reading(source) as connection:
        found = rows(
            connection,
            "SELECT variables FROM message_log WHERE campaign_id = %(id)s AND phone IS NOT NULL ORDER BY seq LIMIT 1",
            id=_unpurged(connection, name),
        )
        return list((found[0]["variables"] or {}) if found else ())


def rejected_recipients(source: Engine | Reader, name: str) -> Sequence[Row]:
    """The rows of the recipients file that became no message: line, phone as written, reason.

    Raises NotFoundError, and ConflictError where they are deleted.
    """
    with reading(source) as connection:
        return rows(
            connection,
            "SELECT line, phone, reason FROM rejected_recipients WHERE campaign_id = %(id)s ORDER BY line",
            id=_unpurged(connection, name),
        )


def _lanes(connection: psycopg.Connection[Any], summary: Row) -> Sequence[Row]:
    return rows(connection, _LANES, id=summary["campaign_id"])


def _unpurged(connection: psycopg.Connection[Any], name: str) -> int:
    """The id of a campaign whose messages are there."""
    summary = _summary(connection, name)
    refuse_purged(name, summary["purged_at"])
    return int(summary["campaign_id"])


def _summary(connection: psycopg.Connection[Any], name: str) -> Row:
    found = rows(connection, "SELECT * FROM campaign_report WHERE campaign = %(name)s", name=name)
    if not found:
        raise NotFoundError(f"no campaign is called {name!r}: see `broadcaster campaign list`")
    return found[0]
