"""Turns a recipients file and a content into a campaign: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine, func, select

from broadcaster.db import tables
from broadcaster.db.statements import execute, rows, value, values
from broadcaster.domain.campaign_plans import OTHERS, PlannedDay, PlannedPart
from broadcaster.domain.care import Care
from broadcaster.domain.conditions import Condition, Got, Listed, Messaged, described_source, leaves
from broadcaster.domain.content_lint import Remark, empty_values, lint, refuse_warnings
from broadcaster.domain.contents import Content
from broadcaster.domain.dealing import Limits, deal
from broadcaster.domain.legal_hours import legal_hours_by_country
from broadcaster.domain.opening_hours import NOBODY, OpeningHours
from broadcaster.domain.rejections import too_many
from broadcaster.domain.states import CampaignState
from broadcaster.errors import InputError, UsageError
from broadcaster.services.audiences.listed_rows import ListedRows
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
from broadcaster.services.campaigns.planning import parts_to_be, surroundings_of
from broadcaster.services.campaigns.reach import Reach
from broadcaster.services.campaigns.recipient_files import RecipientFiles, store_recipient_files
from broadcaster.services.campaigns.segments import SHARED, attach_segment
from broadcaster.services.consent.consent_columns import unasked_consents
from broadcaster.services.consent.listed_consents import ListedConsents
from broadcaster.services.forgetting.forgotten import Forgotten, OpenVault, no_vault
from broadcaster.services.openings import ask_for_openings, first_opening, store_hours
from broadcaster.services.recipients.reader import (
    SAMPLES,
    Batch,
    OnRejected,
    Progress,
    RecipientReader,
    telling_rejected,
)
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
    conditions: Sequence[Condition] = ()
    """Which rows of its file are meant: all of these hold, when it is submitted."""
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
            source=described_source(source, self.conditions),
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
    landlines: int = 0
    """How many of the usable numbers of a file are landlines for certain."""
    landline_lines: Sequence[int] = ()
    """On which lines the first of them are."""
    stopped_by: Sequence[str] = ()
    """What looks like a mistake, so that only a dry run gets so far."""
    lint: list[Remark] = field(default_factory=list)
    """What is to be said of the content."""
    seconds_to_send: float | None = None
    """At least, from its start on, by limits and windows; None where it cannot be told (`CampaignPlan.seconds`)."""
    not_meant: int = 0
    """Rows of a file that do not meet the conditions, and play no part."""
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
    changed_values: int = 0
    """Of how many the audience of that campaign has other values now: these are taken."""
    unsettled: list[str] = field(default_factory=list)
    """That campaign and earlier rests of it, where they have messages that an operator can settle."""
    opens_at: datetime | None = None
    """When its hours are open for the first of its recipients; None: it has none."""
    in_several_zones: dict[str, int] = field(default_factory=dict)
    """How many recipients are in a country whose zones all have to be open, since their number tells none."""
    without_legal_hours: list[str] = field(default_factory=list)
    """The countries of recipients of which no legal hours are known, where these are asked for."""
    ends_at: datetime | None = None
    """When the last of its messages leaves at the earliest; None: it is a draft, or nobody can tell."""
    days: Sequence[PlannedDay] = ()
    """How many of its messages leave on which day through which instance, at the most."""
    waits_for: Sequence[str] = ()
    """What makes it take longer than its rates do, for people."""
    untried: list[str] = field(default_factory=list)
    """Its instances through which nothing was sent yet, be it by a check."""
    sample_files: list[OwnFile] = field(default_factory=list)
    """The file that each of the samples gets, where recipients have files of their own."""
    shared_files: list[Remark] = field(default_factory=list)
    """What is to be said of files that go to several phones; among `lint`, too."""
    opted_out: int = 0
    """How many of `total` are to people who have opted out by now: they are skipped when it starts."""
    consents: int | None = None
    """How many people of a list have agreed to messages, by the list itself; None: it was not asked."""
    consents_kept: int = 0
    """How many have agreed by an earlier list, while this one says nothing of it: their consent stays."""
    consents_to_come: int = 0
    """How many rows are left out, since they say that somebody agrees at a time that is yet to come."""
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

    def look_ahead(
        self, connection: Connection, submission: Submission, lanes: Limits, groups: GroupNumbers | None = None
    ) -> None:
        """Note when its messages leave, and what it goes through for the first time."""
        self.untried = values(connection, "untried_instances", lanes=list(lanes))
        around = surroundings_of(connection, lanes)
        recipients = {NOBODY: self.total} if groups is None else groups.counts
        parts = parts_to_be(lanes, recipients, hours=submission.hours, expires_at=submission.expires_at)
        plan = around.plan(parts, begins_at=submission.starts_at)
        self.seconds_to_send = plan.seconds
        if submission.draft:
            return
        self.ends_at, self.days, self.waits_for = plan.ends_at if plan.is_paced else None, plan.days, plan.waits
        if plan.expire and submission.expires_at is not None:
            self.notices.append(
                f"{plan.expire:,} of {self.total:,} messages will expire: limits and windows do not let them leave "
                f"before {day_and_time(submission.expires_at)}"
            )
        if submission.starts_at is not None:
            return
        rows_of_lanes = rows(connection, "waiting_by_lane", _Waiting, lanes=list(lanes), priority=submission.priority)
        waiting = [
            PlannedPart(lane_id=row.lane_id, messages=row.messages, rank=OTHERS)
            for row in rows_of_lanes
            if row.messages
        ]
        self.waiting = sum(part.messages for part in waiting)
        if waiting:
            self.seconds_with_waiting = around.plan([*parts, *waiting]).seconds

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
    on_rejected: OnRejected = lambda _: None,
) -> Submitted:
    """Store the campaign with all its messages, and the consents that its list tells, in one transaction, or nothing.

    Raises UsageError for a wrong value, NotFoundError for an unknown instance, ConflictError for a name that is
    taken, InputError for a recipients file that cannot be used or looks like a mistake, ContentionError where somebody
    was forgotten meanwhile, and what `evaluate` raises for the conditions. A dry run does what tells the same, but
    says what looks like a mistake in its result, and writes to temporary tables alone: nothing of it is left on disk.
    """
    result = Submitted(submission.name, state=submission.state, care=submission.care)
    moments = submission.starts_at, submission.expires_at
    with admission(engine, submission.name, submission.instances, *moments) as (connection, lanes):
        refuse_unread(connection, lanes, submission.care)
        if submission.conditions:
            submission = _with_chosen_rows(connection, submission, recipients, result, lock=not dry_run)
        groups = submission.groups(None if dry_run else engine)
        forgotten = Forgotten(connection, open_vault)
        batches = _batches(recipients, forgotten, result, submission, progress)
        batches = telling_rejected(batches, on_rejected)
        if consents is not None:
            batches = consents.noted(batches)
        if dry_run:
            total = _try(connection, submission, recipients.variables, lanes, batches, groups, consents, result)
        else:
            total = _store(connection, submission, lanes, recipients, batches, groups, consents, forgotten, result)
        _check(recipients, result, total, dry_run=dry_run)
        result.look_at_hours(connection, submission, groups)
        result.empty_values = dict(recipients.empty_values)
        look_at_content(submission, result, recipients.variables)
        result.look_ahead(connection, submission, lanes, groups)
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


def look_at_content(submission: Submission, result: Submitted, variables: Collection[str]) -> None:
    """Keep what is to be said of the content and its samples. Raises InputError for a warning, if that is wanted."""
    shown = [message for _, message in result.samples]
    empty = empty_values(submission.content, result.empty_values)
    result.lint = [*lint(submission.content, shown, variables), *empty, *result.shared_files]
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
            result.consents, result.consents_kept, result.consents_to_come = consents.stage(connection)
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
            result.consents, result.consents_kept, result.consents_to_come = consents.stage(connection)
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
