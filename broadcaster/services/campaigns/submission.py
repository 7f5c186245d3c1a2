"""Turns a recipients file and a content into a campaign: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine, func, select

from broadcaster.db import tables
from broadcaster.db.statements import execute, rows, value, values
from broadcaster.domain.care import Care
from broadcaster.domain.content_lint import Remark, lint, refuse_warnings
from broadcaster.domain.contents import Content
from broadcaster.domain.dealing import Limits, deal, seconds_to_send
from broadcaster.domain.legal_hours import legal_hours_by_country
from broadcaster.domain.opening_hours import NOBODY, OpeningHours
from broadcaster.domain.rejections import too_many
from broadcaster.domain.states import CampaignState
from broadcaster.errors import InputError, UsageError
from broadcaster.services.campaigns.checks import admission, refuse_unread
from broadcaster.services.campaigns.file_checks import OwnFile, shared_files, shared_staged_files
from broadcaster.services.campaigns.group_numbers import GroupNumbers
from broadcaster.services.campaigns.leaving_out import count_left_out
from broadcaster.services.campaigns.loading import (
    MessageText,
    OnePer,
    count_staged,
    load_messages,
    share_messages,
    stage_messages,
)
from broadcaster.services.campaigns.new_campaign import NewCampaign, insert_campaign, next_campaign_id
from broadcaster.services.campaigns.new_content import StoredContent, store_content
from broadcaster.services.campaigns.reach import Reach
from broadcaster.services.campaigns.recipient_files import RecipientFiles, store_recipient_files
from broadcaster.services.campaigns.segments import SHARED, attach_segment
from broadcaster.services.consent.listed_consents import ListedConsents
from broadcaster.services.forgetting.forgotten import Forgotten, OpenVault, no_vault
from broadcaster.services.openings import ask_for_openings, first_opening, store_hours
from broadcaster.services.recipients.reader import SAMPLES, Batch, Progress, RecipientReader
from broadcaster.services.recipients.repeats import Repeat
from broadcaster.time_zones import day_and_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A campaign as it is asked for."""

    name: str
    instances: Sequence[str]
    content: Content
    max_attempts: int
    starts_at: datetime | None = None
    """Aware; None: at once."""
    hours: OpeningHours | None = None
    """When it may be sent; None: always."""
    expires_at: datetime | None = None
    """What has not left by then (aware) is expired; None: never."""
    priority: int = 0
    draft: bool = False
    one_per: OnePer = OnePer.PHONE
    files: RecipientFiles | None = None
    """Each recipient's own; None: they get the same."""
    require_consent: bool = False
    """Skip whoever has not agreed to messages when it starts."""
    care: Care | None = None
    """At which figures it pauses itself, in which slices it begins, whom it skips; None: none of it."""
    strict: bool = False
    """Refuse a content that there is a warning about."""

    @property
    def state(self) -> CampaignState:
        """Its first one."""
        return CampaignState.DRAFT if self.draft else CampaignState.SCHEDULED

    def groups(self, engine: Engine | None) -> GroupNumbers | None:
        """What tells its recipients apart by where they are; None: that plays no part."""
        return GroupNumbers(engine) if self.hours is not None and self.hours.goes_by_recipient else None

    def new_campaign(self, content: StoredContent, lanes: Collection[int], source: str) -> NewCampaign:
        """What is to be stored of it; what its recipients make of it is left to say."""
        return NewCampaign(
            name=self.name,
            content=content,
            lanes=lanes,
            max_attempts=self.max_attempts,
            priority=self.priority,
            starts_at=self.starts_at,
            expires_at=self.expires_at,
            state=self.state,
            source=source,
            file_column=self.content.file_column,
            require_consent=self.require_consent,
            care=self.care,
        )


class _Waiting(NamedTuple):
    lane_id: int
    messages: int


@dataclass(slots=True)
class Submitted(Reach):
    """What became of a submission (or would, for a dry run)."""

    name: str
    duplicates: int = 0
    campaign_id: int | None = None
    state: CampaignState = CampaignState.DRAFT
    stopped_by: Sequence[str] = ()
    """What looks like a mistake, so that only a dry run gets so far."""
    lint: list[Remark] = field(default_factory=list)
    """What is to be said of the content."""
    seconds_to_send: float | None = None
    """At least, at the instances' limits; None where it cannot be told (`dealing.seconds_to_send`)."""
    repeated: int = 0
    """Rows whose phone is on an earlier one, too: left out, or with one message for each row sent."""
    repeats: Sequence[Repeat] = ()
    """The first few of them."""
    notices: list[str] = field(default_factory=list)
    """What people should know of how the file was read."""
    waiting: int = 0
    """How many messages of other campaigns the instances have to send now, where it starts at once."""
    seconds_with_waiting: float | None = None
    """The same with those before; None where nothing waits."""
    rest_of: str | None = None
    """The campaign of which it is the rest."""
    not_in_rest: dict[str, int] = field(default_factory=dict)
    """How many of that campaign's recipients are not in its rest, by why (`rests.NotInRest`)."""
    unsettled: list[str] = field(default_factory=list)
    """That campaign and earlier rests of it, where they have messages that an operator can settle."""
    opens_at: datetime | None = None
    """When its hours are open for the first of its recipients; None: it has none."""
    in_several_zones: dict[str, int] = field(default_factory=dict)
    """How many recipients are in a country whose zones all have to be open, since their number tells none."""
    without_legal_hours: list[str] = field(default_factory=list)
    """The countries of recipients of which no legal hours are known, where these are asked for."""
    untried: list[str] = field(default_factory=list)
    """Its instances through which nothing was sent yet, be it by a check."""
    sample_files: dict[str, OwnFile] = field(default_factory=dict)
    """By the phone of a sample the file that it gets, where recipients have files of their own."""
    shared_files: list[Remark] = field(default_factory=list)
    """What is to be said of files that go to several phones; among `lint`, too."""
    opted_out: int = 0
    """How many of `total` are to people who have opted out by now: they are skipped when it starts."""
    consents: int | None = None
    """How many people of a list have agreed to messages, by the list itself; None: it was not asked."""
    no_consent: int | None = None
    """How many of `total` are to people who have neither agreed nor opted out by now; None: they need not agree."""
    unanswered: int | None = None
    """How many are to people who have not answered for long (`Care.max_unanswered`); None: that is not asked."""
    not_known: int | None = None
    """How many of the others are to people whom the instance does not know (`Care.only_known`); None: the same."""
    care: Care | None = None
    """How careful it is; None: not."""

    def look_at_hours(self, connection: Connection, submission: Submission, groups: GroupNumbers | None) -> None:
        """Note when its hours are open. Raises UsageError where they never are for some of its recipients."""
        hours = submission.hours
        if hours is None:
            return
        now: datetime = connection.execute(select(func.now())).scalar_one()
        recipients = {NOBODY: 0} if groups is None else groups.counts
        self.opens_at = first_opening(hours, recipients, max(now, submission.starts_at or now))
        if submission.expires_at is not None and submission.expires_at <= self.opens_at:
            until, opens = day_and_time(submission.expires_at), day_and_time(self.opens_at)
            raise UsageError(f"--expires: {until} is before its windows open for the first time, at {opens}")
        for group, count in recipients.items():
            if len(group.zones) > 1:
                self.in_several_zones[group.country] = self.in_several_zones.get(group.country, 0) + count
            if hours.is_legal and group is not NOBODY and group.country not in legal_hours_by_country():
                self.without_legal_hours = sorted({*self.without_legal_hours, group.country})

    def look_ahead(self, connection: Connection, submission: Submission, lanes: Limits) -> None:
        """Note how long sending its messages takes, and what it goes through for the first time."""
        self.untried = values(connection, "untried_instances", lanes=list(lanes))
        self.seconds_to_send = seconds_to_send(self.total, lanes)
        if submission.draft or submission.starts_at is not None:
            return
        rows_of_lanes = rows(connection, "waiting_by_lane", _Waiting, lanes=list(lanes), priority=submission.priority)
        waiting = {row.lane_id: row.messages for row in rows_of_lanes if row.messages}
        self.waiting = sum(waiting.values())
        if waiting:
            self.seconds_with_waiting = seconds_to_send(self.total, lanes, waiting)

    def refuse_left_out(self, whom: str, source: str, *, accept_rejected: bool, dry_run: bool) -> None:
        """Raise InputError where many of them, who were found in `source`, cannot be sent to; a dry run notes it."""
        if accept_rejected or not too_many(self.rejected, self.read):
            return
        _, phone, reason = self.rejects[0]
        why = (
            f"{self.rejected:,} of {self.read:,} {whom} cannot be sent to, the first {phone}: "
            f"{reason.removesuffix('.')}; mend them, or leave them out with --accept-rejected"
        )
        self.stopped_by = [why]
        if not dry_run:
            raise InputError(f"{source}: {why} (nothing was submitted)")


def submit_campaign(
    engine: Engine,
    submission: Submission,
    recipients: RecipientReader,
    *,
    consents: ListedConsents | None = None,
    open_vault: OpenVault = no_vault,
    dry_run: bool = False,
    progress: Progress = lambda _read, _total, _rows: None,
) -> Submitted:
    """Store the campaign with all its messages, and the consents that its list tells, in one transaction, or nothing.

    Raises UsageError for a wrong value, NotFoundError for an unknown instance, ConflictError for a name that is
    taken, InputError for a recipients file that cannot be used or looks like a mistake, ContentionError where somebody
    was forgotten meanwhile. A dry run does what tells the same, but says what looks like a mistake in its result, and
    writes to temporary tables alone: nothing of it is left on disk.
    """
    result = Submitted(submission.name, state=submission.state, care=submission.care)
    moments = submission.starts_at, submission.expires_at
    with admission(engine, submission.name, submission.instances, *moments) as (connection, lanes):
        refuse_unread(connection, lanes, submission.care)
        groups = submission.groups(None if dry_run else engine)
        forgotten = Forgotten(connection, open_vault)
        batches = _batches(recipients, forgotten, result, submission, progress)
        if consents is not None:
            batches = consents.noted(batches)
        if dry_run:
            total = _try(connection, submission, recipients.variables, lanes, batches, groups, consents, result)
        else:
            total = _store(connection, submission, lanes, recipients, batches, groups, consents, forgotten, result)
        _check(recipients, result, total, dry_run=dry_run)
        result.look_at_hours(connection, submission, groups)
        look_at_content(submission, result, recipients.variables)
        result.look_ahead(connection, submission, lanes)
        result.empty_values = dict(recipients.empty_values)
        result.notices = list(recipients.notices)
    return result


def look_at_content(submission: Submission, result: Submitted, variables: Collection[str]) -> None:
    """Keep what is to be said of the content and its samples. Raises InputError for a warning, if that is wanted."""
    shown = [message for _, message in result.samples]
    result.lint = [*lint(submission.content, shown, variables), *result.shared_files]
    if submission.strict:
        refuse_warnings(result.lint)


def _try(
    connection: Connection,
    submission: Submission,
    variables: Sequence[str],
    lanes: Limits,
    batches: Iterator[Batch],
    groups: GroupNumbers | None,
    consents: ListedConsents | None,
    result: Submitted,
) -> int:
    """How many messages there would be."""
    with MessageText(0, variables, deal(lanes), submission.one_per, groups) as messages:
        stage_messages(connection, messages, batches)
        result.repeated, result.repeats = messages.repeats, messages.first_repeats
        result.opted_out = value(connection, "count_opted_out_staged")
        if submission.files is not None:
            result.shared_files = shared_staged_files(connection, submission.files)
        if consents is not None:
            result.consents = consents.stage(connection)
        if submission.require_consent:
            if consents is None:
                execute(connection, "stage_consents")
            result.no_consent = value(connection, "count_without_consent_staged")
        result.unanswered, result.not_known = count_left_out(
            connection, submission.care, lanes, "candidates_of_staged"
        )
        return count_staged(connection)


def _store(
    connection: Connection,
    submission: Submission,
    lanes: Limits,
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
        campaign_id, recipients.variables, deal(lanes), submission.one_per, groups, holds=holds
    ) as messages:
        segment = load_messages(connection, messages, batches)
        result.repeated, result.repeats = messages.repeats, messages.first_repeats
        forgotten.hold(connection)
        # Only now: another submission of the same content or name waits for what is written here.
        new = submission.new_campaign(store_content(connection, submission.content), lanes, recipients.name)
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
        if segment:
            attach_segment(connection, segment)
        else:
            share_messages(connection, messages)
        messages.copy_rejected(connection)
        number = segment.number if segment else SHARED
        result.opted_out = value(connection, "count_opted_out", segment=number, campaign_id=campaign_id)
        if consents is not None:
            result.consents = consents.stage(connection)
            consents.keep(connection, f"campaign {submission.name}, from {recipients.name}")
        of_campaign = {"segment": number, "campaign_id": campaign_id}
        result.unanswered, result.not_known = count_left_out(
            connection, submission.care, lanes, "candidates_of_messages", **of_campaign
        )
        if submission.require_consent:
            result.no_consent = value(connection, "count_without_consent", **of_campaign)
        if submission.files is not None:
            store_recipient_files(connection, campaign_id, number, submission.files)
            result.shared_files = shared_files(connection, campaign_id)
    counted = select(func.sum(tables.campaign_lanes.c.total)).where(tables.campaign_lanes.c.campaign_id == campaign_id)
    return int(connection.execute(counted).scalar_one())


def _check(recipients: RecipientReader, result: Submitted, total: int, *, dry_run: bool) -> None:
    source = recipients.name
    result.total = total
    result.countries = recipients.census.countries
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
    """Render the first few messages; a phone that comes again makes none."""
    if len(result.samples) == SAMPLES:
        return
    for _, phone, variables in batch.recipients:
        if len(result.samples) == SAMPLES:
            return
        if phone not in dict(result.samples):
            result.samples.append((phone, submission.content.render(variables).words))
            if (files := submission.files) is not None:
                path = variables[files.column]
                result.sample_files[phone] = OwnFile(path, files.size(path))
