"""Campaigns over audiences get their messages when they start."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Engine

from broadcaster.db.engine import transaction
from broadcaster.db.queries import query
from broadcaster.domain.conditions import Condition, describe_conditions
from broadcaster.domain.contents import stored_content
from broadcaster.errors import UnavailableError
from broadcaster.services.audiences.selection import Selection
from broadcaster.services.campaigns.segments import LARGE_CAMPAIGN, SHARED, attach_segment, index_phones, open_segment
from broadcaster.services.campaigns.stored_campaign import read_selection
from broadcaster.services.forgetting.forgotten import hold_off


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
        selection = read_selection(row, stored_content(row.kind, row.body, row.caption, row.filename))
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
