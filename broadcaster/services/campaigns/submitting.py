"""Turns a recipients file and a content into a campaign: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy import Connection, Engine, func, select

from broadcaster.db import tables
from broadcaster.db.statements import execute, value
from broadcaster.domain.conditions import Got, Listed, Messaged, leaves
from broadcaster.domain.dealing import Dealing
from broadcaster.domain.phone_census import without_repeated
from broadcaster.errors import InputError
from broadcaster.services.audiences.listed_rows import ListedRows
from broadcaster.services.campaigns.checks import admission, refuse_unread
from broadcaster.services.campaigns.dealing_ahead import submitted_dealing
from broadcaster.services.campaigns.file_checks import OwnFile, shared_files, shared_staged_files
from broadcaster.services.campaigns.group_numbers import GroupNumbers
from broadcaster.services.campaigns.homes import send_staged_home
from broadcaster.services.campaigns.leaving_out import count_left_out
from broadcaster.services.campaigns.loading import (
    MessageText,
    OnePer,
    count_staged,
    load_messages,
    move_staged,
    segment_of_staged,
    stage_messages,
)
from broadcaster.services.campaigns.new_campaign import insert_campaign, next_campaign_id
from broadcaster.services.campaigns.new_content import store_content
from broadcaster.services.campaigns.planning import surroundings_of
from broadcaster.services.campaigns.recipient_files import store_recipient_files
from broadcaster.services.campaigns.segments import SHARED, attach_segment
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submission_result import Submitted, look_at_content, with_limits
from broadcaster.services.consent.consent_columns import unasked_consents
from broadcaster.services.consent.listed_consents import ListedConsents
from broadcaster.services.consent.undecided_replies import count_undecided
from broadcaster.services.forgetting.forgotten import Forgotten, OpenVault, no_vault
from broadcaster.services.openings import ask_for_openings, store_hours
from broadcaster.services.recipients.batches import SAMPLES, Batch, OnRejected, Progress, telling_rejected
from broadcaster.services.recipients.reader import RecipientReader


def submit_campaign(
    engine: Engine,
    submission: Submission,
    recipients: RecipientReader,
    *,
    consents: ListedConsents | None = None,
    open_vault: OpenVault = no_vault,
    dry_run: bool = False,
    progress: Progress = lambda _read, _total, _rows: None,
    on_rejected: OnRejected = lambda _: None,
) -> Submitted:
    """Store the campaign with all its messages, and the consents that its list tells, in one transaction, or nothing.

    Raises UsageError for a wrong value, NotFoundError for an unknown instance, ConflictError for a name that is
    taken, InputError for a recipients file that cannot be used or looks like a mistake, ContentionError where somebody
    was forgotten meanwhile, and what `evaluate` raises for the conditions. A dry run does what tells the same, but
    says what looks like a mistake in its result, and writes to temporary tables alone: nothing of it is left on disk.
    """
    result = Submitted(submission.name, state=submission.state, care=submission.care, sharing=submission.sharing)
    moments = submission.starts_at, submission.expires_at
    with admission(engine, submission.name, submission.instances, *moments, submission.weights) as (connection, lanes):
        refuse_unread(connection, lanes, submission.care)
        submission = with_limits(connection, submission, result)
        dealing = submitted_dealing(connection, submission, lanes)
        if submission.conditions:
            submission = _with_chosen_rows(connection, submission, recipients, result, lock=not dry_run)
        groups = submission.groups(None if dry_run else engine)
        forgotten = Forgotten(connection, open_vault)
        batches = _batches(recipients, forgotten, result, submission, progress)
        batches = telling_rejected(batches, on_rejected)
        if consents is not None:
            batches = consents.noted(batches)
        if dry_run:
            total = _try(connection, submission, dealing, recipients, batches, groups, consents, result)
        else:
            total = _store(connection, submission, dealing, recipients, batches, groups, consents, forgotten, result)
        _check(recipients, result, total, dry_run=dry_run)
        around = surroundings_of(connection, lanes, limits=submission.limit_ids)
        result.look_at_hours(submission, around, groups)
        result.empty_values = dict(recipients.empty_values)
        look_at_content(submission, result, recipients.variables)
        result.look_ahead(connection, submission, dealing, around, groups)
        result.keep_plan(connection)
        asked = unasked_consents(recipients.columns, consents)
        result.notices = [*recipients.notices, *asked, *result.notices]
    return result


def _with_chosen_rows(
    connection: Connection, submission: Submission, recipients: RecipientReader, result: Submitted, *, lock: bool
) -> Submission:
    """Leave the rows that do not meet the conditions out. The submission has the conditions as they are meant."""
    listed = ListedRows(
        connection=connection,
        name=recipients.name,
        variables=recipients.variables,
        conditions=submission.conditions,
        starts_at=submission.starts_at,
        lock=lock,
    )
    recipients.choose(listed.choose)
    result.not_meant = listed.read - listed.chosen
    result.where, result.notes = [str(each) for each in listed.meant], list(listed.notes)
    if submission.draft and listed.meant != submission.conditions:
        result.notes.append("`today` is the day on which the file is submitted, whenever the draft is started")
    asked = [leaf for condition in listed.meant for leaf in leaves(condition)]
    if (submission.draft or submission.starts_at) and any(isinstance(each, Messaged | Got | Listed) for each in asked):
        result.notes.append(
            "the rows of a file are chosen when it is submitted: what people get until the start does not count"
        )
    return replace(submission, conditions=listed.meant)


def _try(
    connection: Connection,
    submission: Submission,
    dealing: Dealing,
    recipients: RecipientReader,
    batches: Iterator[Batch],
    groups: GroupNumbers | None,
    consents: ListedConsents | None,
    result: Submitted,
) -> int:
    """How many messages there would be."""
    with MessageText(0, recipients.variables, dealing.lanes(), submission.one_per, groups) as messages:
        stage_messages(connection, messages, batches)
        if submission.sharing.sticky:
            result.keep_theirs = send_staged_home(connection, dealing.rates)
        _tell_repeated(recipients, messages, result)
        result.opted_out = value(connection, "count_opted_out_staged")
        result.undecided_near_misses = count_undecided(connection, "count_undecided_staged")
        if submission.files is not None:
            result.shared_files = shared_staged_files(connection, submission.files)
        if consents is not None:
            result.consents, result.consents_kept, result.consents_to_come = consents.stage(connection)
        else:
            execute(connection, "stage_consents")
        result.no_consent, result.unanswered, result.not_known, result.contention, result.people = count_left_out(
            connection, submission, dealing.rates, "candidates_of_staged"
        )
        return count_staged(connection)


def _store(
    connection: Connection,
    submission: Submission,
    dealing: Dealing,
    recipients: RecipientReader,
    batches: Iterator[Batch],
    groups: GroupNumbers | None,
    consents: ListedConsents | None,
    forgotten: Forgotten,
    result: Submitted,
) -> int:
    """How many messages there are."""
    result.campaign_id = campaign_id = next_campaign_id(connection)
    holds = submission.care is not None and bool(submission.care.canary)
    with MessageText(
        campaign_id, recipients.variables, dealing.lanes(), submission.one_per, groups, holds=holds
    ) as messages:
        is_sticky = submission.sharing.sticky
        segment = load_messages(connection, messages, batches, staged=is_sticky)
        are_staged = segment is None
        if is_sticky:
            result.keep_theirs = send_staged_home(connection, dealing.rates)
            segment = segment_of_staged(connection, messages)
        _tell_repeated(recipients, messages, result)
        forgotten.hold(connection)
        # Only now: another submission of the same content or name waits for what is written here.
        new = submission.new_campaign(store_content(connection, submission.content), dealing.rates, recipients.name)
        hours_id = None if submission.hours is None else store_hours(connection, submission.hours)
        if hours_id is not None and groups is not None:
            ask_for_openings(connection, hours_id, groups.numbers)
        insert_campaign(
            connection,
            replace(
                new,
                id=campaign_id,
                hours_id=hours_id,
                segment=segment.number if segment else SHARED,
                recipients_read=result.read,
                recipients_rejected=result.rejected,
            ),
        )
        if are_staged:
            move_staged(connection, messages, segment)
        if segment:
            attach_segment(connection, segment)
        messages.copy_rejected(connection)
        number = segment.number if segment else SHARED
        of_campaign = {"segment": number, "campaign_id": campaign_id}
        result.opted_out = value(connection, "count_opted_out", **of_campaign)
        result.undecided_near_misses = count_undecided(connection, "count_undecided", **of_campaign)
        if consents is not None:
            result.consents, result.consents_kept, result.consents_to_come = consents.stage(connection)
            consents.keep(connection, f"campaign {submission.name}, from {recipients.name}")
        result.no_consent, result.unanswered, result.not_known, result.contention, result.people = count_left_out(
            connection, submission, dealing.rates, "candidates_of_messages", **of_campaign
        )
        if submission.files is not None:
            store_recipient_files(connection, campaign_id, number, submission.files)
            result.shared_files = shared_files(connection, campaign_id)
    counted = select(func.sum(tables.campaign_lanes.c.total)).where(tables.campaign_lanes.c.campaign_id == campaign_id)
    return int(connection.execute(counted).scalar_one())


def _tell_repeated(recipients: RecipientReader, messages: MessageText, result: Submitted) -> None:
    """Which lines repeat others, and the countries of the numbers without those that are left out for it."""
    result.repeated, result.repeats = messages.repeats, messages.first_repeats
    result.countries = without_repeated(recipients.census.countries, messages.repeated_beginnings)


def _check(recipients: RecipientReader, result: Submitted, total: int, *, dry_run: bool) -> None:
    source = recipients.name
    result.total = total
    result.landlines, result.landline_lines = recipients.census.landlines.count, recipients.census.landlines.lines
    result.duplicates = result.read - result.rejected - result.total
    if result.total == 0:
        raise InputError(
            f"{source}: none of its {result.read} recipients can be used; "
            f"the first: line {result.rejects[0][0]}, {result.rejects[0][1]!r}: {result.rejects[0][2]}"
        )
    result.stopped_by = recipients.reasons_to_stop
    if result.stopped_by and not dry_run:
        raise InputError(f"{source}: {'; '.join(result.stopped_by)} (nothing was submitted)")


def _batches(
    recipients: RecipientReader, forgotten: Forgotten, result: Submitted, submission: Submission, progress: Progress
) -> Iterator[Batch]:
    for batch in map(forgotten.without, recipients):
        result.read += len(batch.phones) + len(batch.rejected)
        result.rejected += len(batch.rejected)
        _sample(batch, result, submission)
        for row in batch.rejected[: SAMPLES - len(result.rejects)]:
            result.rejects.append((row.line, row.phone, row.fault.sentence))
        progress(recipients.bytes_read, recipients.total_bytes, result.read)
        yield batch


def _sample(batch: Batch, result: Submitted, submission: Submission) -> None:
    """Render the first few messages; a phone that comes again makes none, unless each row does."""
    if len(result.samples) == SAMPLES:
        return
    for _, phone, variables in batch.recipients:
        if len(result.samples) == SAMPLES:
            return
        if submission.one_per is OnePer.ROW or phone not in dict(result.samples):
            result.samples.append((phone, submission.content.render(variables).words))
            if (files := submission.files) is not None:
                path = variables[files.column]
                result.sample_files.append(OwnFile(path, files.size(path)))
