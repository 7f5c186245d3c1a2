"""Submits campaigns whose recipients are the members of an audience."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Engine

from broadcaster.domain.conditions import Condition
from broadcaster.errors import InputError
from broadcaster.services.audiences.audience import find_audience
from broadcaster.services.audiences.selection import Selection
from broadcaster.services.campaigns.checks import admission, refuse_unread
from broadcaster.services.campaigns.dealing_ahead import submitted_dealing
from broadcaster.services.campaigns.homes import count_members_with_homes
from broadcaster.services.campaigns.leaving_out import count_left_out
from broadcaster.services.campaigns.new_campaign import insert_campaign
from broadcaster.services.campaigns.new_content import store_content
from broadcaster.services.campaigns.over_audience import describe_audience
from broadcaster.services.campaigns.planning import surroundings_of
from broadcaster.services.campaigns.reach import look_at_members
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submission_result import Submitted, look_at_content, with_limits
from broadcaster.services.consent.undecided_replies import count_undecided
from broadcaster.services.openings import store_hours
from broadcaster.time_zones import shown_zone


def submit_over_audience(
    engine: Engine,
    submission: Submission,
    audience: str,
    conditions: Sequence[Condition] = (),
    *,
    accept_rejected: bool = False,
    dry_run: bool = False,
) -> Submitted:
    """Store a campaign that gets the members that meet the conditions when it starts; a dry run keeps nothing.

    What is returned counts those that there are now, with `today` as it is then. Raises what `evaluate` does for the
    conditions, UsageError for a wrong value, NotFoundError for an unknown instance or audience, ConflictError for a
    name that is taken, InputError for a text that cannot be rendered, where there is nobody to send to now, which is
    when it would start, and where many cannot be sent to, unless any number is accepted; a dry run says that in its
    result.
    """
    content = submission.content
    result = Submitted(submission.name, state=submission.state, care=submission.care, sharing=submission.sharing)
    moments = submission.starts_at, submission.expires_at
    with admission(engine, submission.name, submission.instances, *moments, submission.weights) as (connection, lanes):
        refuse_unread(connection, lanes, submission.care)
        submission = with_limits(connection, submission, result)
        selection = Selection(
            audience=find_audience(connection, audience),
            conditions=conditions,
            content=content,
            starts_at=submission.starts_at,
        )
        selection = selection.checked(connection, lock=not dry_run)
        look_at_members(connection, selection, result)
        result.opted_out = selection.count_opted_out(connection, list(lanes))
        result.undecided_near_misses = count_undecided(
            connection, selection.statement("count_undecided_recipients"), **selection.parameters(), lanes=list(lanes)
        )
        result.no_consent, result.unanswered, result.not_known, result.contention, result.people = count_left_out(
            *(connection, submission, lanes, selection.statement("candidates_of_members")),
            **selection.parameters(),
            of_lanes=list(lanes),
        )
        if submission.sharing.sticky:
            result.keep_theirs = count_members_with_homes(connection, selection, lanes)
        look_at_content(submission, result, selection.audience.variables)
        if submission.draft and selection.meant != selection.conditions:
            result.notes.append("`today` counts on the day on which it starts, which nobody knows yet of a draft")
        source = describe_audience(audience, selection.conditions if submission.draft else selection.meant)
        if not (result.total or submission.draft or submission.starts_at):
            raise InputError(_nobody(source, result, selection.hints))
        result.refuse_left_out("members", source, accept_rejected=accept_rejected, dry_run=dry_run)
        around = surroundings_of(connection, lanes, limits=submission.limit_ids)
        result.look_at_hours(submission, around, None)
        result.look_ahead(connection, submission, submitted_dealing(connection, submission, lanes), around)
        if selection.meant != selection.conditions:
            _warn_of_other_days(submission.starts_at or around.now, result)
        if not dry_run:
            new = submission.new_campaign(store_content(connection, content), lanes, source)
            hours_id = None if submission.hours is None else store_hours(connection, submission.hours)
            new = replace(new, hours_id=hours_id, audience_id=selection.audience.id, conditions=selection.conditions)
            result.campaign_id = insert_campaign(connection, new)
            result.keep_plan(connection)
    return result


def _warn_of_other_days(starts_at: datetime, result: Submitted) -> None:
    """`today` in its conditions is the day of the start, whenever its messages leave."""
    today = starts_at.astimezone(shown_zone()).date()
    late = sum(each.messages for each in result.days if each.day != today)
    if late:
        result.notices.append(
            f"{late:,} of {result.total:,} messages leave on another day than {today:%a %Y-%m-%d}, for which `today` "
            "in the conditions stands: what they say of days may be wrong by then; start it on the day of sending"
        )


def _nobody(source: str, result: Submitted, hints: Sequence[str]) -> str:
    if not result.rejects:
        return "; ".join([f"there is nobody in the {source}: nothing would be sent", *hints])
    _, phone, reason = result.rejects[0]
    return f"nobody in the {source} can be sent to; the first of {result.rejected:,}: {phone}: {reason}"
