"""What operators ask: where campaigns stand, who got a message and who did not."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, text

from broadcaster.db.engine import transaction
from broadcaster.domain.states import MessageState
from broadcaster.errors import NotFoundError

_EXPORT_BATCH = 5_000
_LANES = text("""
    SELECT
        i.name AS instance, l.health, l.health_reason, i.rate_per_second, cl.total,
        cl.pending, cl.claimed, cl.sending, cl.sent, cl.failed, cl.in_doubt, cl.unknown,
        cl.skipped, cl.cancelled, cl.expired
    FROM campaign_lanes cl JOIN instances i ON i.id = cl.lane_id JOIN lanes l ON l.id = cl.lane_id
    WHERE cl.campaign_id = :id
    ORDER BY i.name
""")


@dataclass(frozen=True, slots=True)
class CampaignProgress:
    """A campaign's row of `campaign_report`, and its lanes with their instances' health."""

    summary: RowMapping
    lanes: Sequence[RowMapping]


@dataclass(frozen=True, slots=True)
class CampaignDetail(CampaignProgress):
    """The same, with its failures by reason."""

    failures: Sequence[RowMapping]


def list_campaigns(engine: Engine, *, limit: int = 50) -> Sequence[RowMapping]:
    """The latest campaigns, newest first, as the view `campaign_report` has them."""
    with transaction(engine) as connection:
        rows = connection.execute(
            text("SELECT * FROM campaign_report ORDER BY campaign_id DESC LIMIT :limit"), {"limit": limit}
        )
        return rows.mappings().all()


def campaign_summary(engine: Engine, name: str) -> RowMapping:
    """One campaign's row of `campaign_report`. Raises NotFoundError."""
    with transaction(engine) as connection:
        return _summary(connection, name)


def campaign_progress(engine: Engine, name: str) -> CampaignProgress:
    """What a live view shows; cheap, whatever the campaign's size. Raises NotFoundError."""
    with transaction(engine) as connection:
        summary = _summary(connection, name)
        return CampaignProgress(summary, _lanes(connection, summary))


def campaign_detail(engine: Engine, name: str) -> CampaignDetail:
    """All that `campaign report` shows. Raises NotFoundError."""
    with transaction(engine) as connection:
        summary = _summary(connection, name)
        failures = connection.execute(
            text("SELECT * FROM failure_report WHERE campaign_id = :id ORDER BY messages DESC, reason"),
            {"id": summary["campaign_id"]},
        )
        return CampaignDetail(summary, _lanes(connection, summary), failures.mappings().all())


def export_messages(
    engine: Engine, name: str, states: Collection[MessageState] = tuple(MessageState)
) -> Iterator[RowMapping]:
    """The messages of a campaign in `states` as the view `message_log` has them, in file order, with flat memory."""
    with transaction(engine) as connection:
        campaign_id = _summary(connection, name)["campaign_id"]
        rows = connection.execution_options(yield_per=_EXPORT_BATCH).execute(
            text("SELECT * FROM message_log WHERE campaign_id = :id AND state::text = ANY(:states) ORDER BY seq"),
            {"id": campaign_id, "states": [state.value for state in states]},
        )
        yield from rows.mappings()


def rejected_recipients(engine: Engine, name: str) -> Sequence[RowMapping]:
    """The rows of the recipients file that became no message: line, phone as written, reason."""
    with transaction(engine) as connection:
        rows = connection.execute(
            text("SELECT line, phone, reason FROM rejected_recipients WHERE campaign_id = :id ORDER BY line"),
            {"id": _summary(connection, name)["campaign_id"]},
        )
        return rows.mappings().all()


def _lanes(connection: Connection, summary: RowMapping) -> Sequence[RowMapping]:
    return connection.execute(_LANES, {"id": summary["campaign_id"]}).mappings().all()


def _summary(connection: Connection, name: str) -> RowMapping:
    row = (
        connection.execute(text("SELECT * FROM campaign_report WHERE campaign = :name"), {"name": name})
        .mappings()
        .first()
    )
    if row is None:
        raise NotFoundError(f"no campaign is called {name!r}: see `broadcaster campaign list`")
    return row
