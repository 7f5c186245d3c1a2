"""Submits campaigns whose recipients are the members of an audience."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine

from broadcaster.db.engine import transaction
from broadcaster.domain.conditions import Condition
from broadcaster.domain.dealing import seconds_to_send
from broadcaster.domain.names import check_name
from broadcaster.domain.states import CampaignState
from broadcaster.errors import InputError
from broadcaster.services.audiences.audience import find_audience
from broadcaster.services.audiences.selection import Selection
from broadcaster.services.campaigns.checks import lanes_of, name_taken_meanwhile, refuse_past, refuse_taken
from broadcaster.services.campaigns.contents import store_content
from broadcaster.services.campaigns.over_audience import AudienceCampaign, describe_audience, store_audience_campaign
from broadcaster.services.campaigns.submission import Submission, Submitted
from broadcaster.services.recipients.reader import SAMPLES


def submit_over_audience(
    engine: Engine,
    submission: Submission,
    audience: str,
    conditions: Sequence[Condition] = (),
    *,
    dry_run: bool = False,
) -> Submitted:
    """Store a campaign that gets the members that meet the conditions when it starts; a dry run keeps nothing.

    What is returned counts those that there are now. Raises UsageError for a wrong value, NotFoundError for an
    unknown instance or audience, ConflictError for a name that is taken, InputError for a text that cannot be
    rendered and where there is nobody to send to now, which is when it would start.
    """
    check_name(submission.name)
    content = submission.content
    state = CampaignState.DRAFT if submission.draft else CampaignState.SCHEDULED
    result = Submitted(submission.name, state=state)
    with name_taken_meanwhile(submission.name), transaction(engine) as connection:
        refuse_taken(connection, submission.name)
        refuse_past(connection, submission.starts_at)
        lanes = lanes_of(connection, submission.instances)
        selection = Selection(
            audience=find_audience(connection, audience),
            conditions=conditions,
            text=content.text,
            caption=content.caption,
        )
        selection.check()
        result.read, result.rejected = selection.count(connection)
        result.total = result.read - result.rejected
        faulty = selection.sample(connection, SAMPLES, faulty=True) if result.rejected else ()
        result.rejects = [(0, row["phone"], row["fault"]) for row in faulty]
        if not (result.total or submission.draft or submission.starts_at):
            raise InputError(_nobody(describe_audience(audience, conditions), result))
        result.samples = [
            (row["phone"], content.shown(row["variables"])) for row in selection.sample(connection, SAMPLES)
        ]
        result.seconds_to_send = seconds_to_send(result.total, lanes)
        if not dry_run:
            result.campaign_id = store_audience_campaign(
                connection,
                AudienceCampaign(
                    name=submission.name,
                    audience_id=selection.audience.id,
                    lanes=lanes,
                    content_id=store_content(connection, content),
                    caption=content.caption.source if content.caption else None,
                    filename=content.filename,
                    conditions=conditions,
                    max_attempts=submission.max_attempts,
                    starts_at=submission.starts_at,
                    priority=submission.priority,
                    draft=submission.draft,
                ),
            )
    return result


def _nobody(source: str, result: Submitted) -> str:
    if not result.rejects:
        return f"there is nobody in the {source}: nothing would be sent"
    _, phone, reason = result.rejects[0]
    return f"nobody in the {source} can be sent to; the first of {result.rejected:,}: {phone}: {reason}"
