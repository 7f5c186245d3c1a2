"""Campaigns over audiences get their messages when they start."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, value, values
from broadcaster.domain.conditions import Condition, described_source
from broadcaster.errors import BroadcasterError, UnavailableError
from broadcaster.services.audiences.selection import Selection
from broadcaster.services.campaigns.checks import lanes_in_use
from broadcaster.services.campaigns.homes import send_snapshot_home
from broadcaster.services.campaigns.judging import judge_anew
from broadcaster.services.campaigns.leaving_out import skip_left_out
from broadcaster.services.campaigns.segments import SHARED
from broadcaster.services.campaigns.snapshots import deal_snapshot, open_snapshot_segment
from broadcaster.services.campaigns.starting import start_each
from broadcaster.services.campaigns.stored_campaign import StoredCampaign, read_campaign
from broadcaster.services.forgetting.forgotten import hold_off


def start_audience_campaigns(engine: Engine) -> list[int]:
    """Give campaigns over audiences that are due their messages and make them `running`; returns their ids.

    Raises what `start_each` does.
    """
    return start_each(engine, "due_audience_campaigns", start_audience_campaign)


def start_audience_campaign(engine: Engine, campaign_id: int) -> bool:
    """`scheduled → running`, with the members that its audience has now; False where it was not to be started.

    `scheduled → paused`, with the reason, where the members are such that its conditions cannot be evaluated.
    """
    with transaction(engine) as connection:
        # No member was forgotten, and nobody is while members become messages.
        hold_off(connection)
        due = values(connection, "lock_due_audience_campaign", campaign_id=campaign_id)
        campaign = read_campaign(connection, due[0]) if due else None
        selection = campaign.selection if campaign else None
        if campaign is None or selection is None:
            return False
        try:
            selection = selection.ready(connection, lock=True)
        except UnavailableError:
            raise
        except BroadcasterError as error:
            execute(connection, "hold_audience_campaign", campaign_id=campaign_id, reason=f"whom to send to: {error}")
            return False
        segment = _snapshot(connection, campaign, selection)
        if campaign.require_consent:
            execute(connection, "skip_without_consent", campaign_id=campaign_id)
        skip_left_out(connection, campaign.care, campaign_id, segment)
        source = describe_audience(selection.audience.name, selection.meant)
        value(
            connection,
            "run_audience_campaign",
            campaign_id=campaign_id,
            source=source,
            nobody=f"there is nobody to send to in the {source}",
            all_rejected=f"nobody in the {source} can be sent to: all are rejected",
        )
        judge_anew(connection, campaign_id)
        return True


def _snapshot(connection: Connection, campaign: StoredCampaign, selection: Selection) -> int:
    """Make the campaign's messages of the members that there are now; returns in which segment they are."""
    execute(connection, selection.statement("snapshot_audience"), **selection.parameters())
    if campaign.sharing.sticky:
        send_snapshot_home(connection, lanes_in_use(connection, campaign.id))
    segment = open_snapshot_segment(connection, campaign.id)
    deal_snapshot(connection, campaign.id, segment)
    return segment.number if segment else SHARED


def describe_audience(audience: str, conditions: Sequence[Condition]) -> str:
    """For people: where the recipients come from."""
    return described_source(f"audience {audience}", conditions)
