"""What came of a submission, or would, and what people should know of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from broadcaster.db.statements import values
from broadcaster.domain.campaign_plans import CampaignPlan, PlannedDay, StoppedInstance
from broadcaster.domain.care import Care, said_idle_rule
from broadcaster.domain.content_lint import Remark, empty_values, lint, refuse_warnings
from broadcaster.domain.dealing import Dealing, LaneRates
from broadcaster.domain.lanes_now import LaneNow
from broadcaster.domain.legal_hours import legal_hours_by_country
from broadcaster.domain.meeting_hours import InstanceHours, Meeting, said_hours
from broadcaster.domain.opening_hours import NOBODY, RecipientGroup
from broadcaster.domain.people_groups import PeopleBeside
from broadcaster.domain.plan_remarks import plan_remarks, said_expiry, said_reach
from broadcaster.domain.planned_campaign import PlannedCampaign
from broadcaster.domain.planned_parts import OWN
from broadcaster.domain.recipient_groups import has_several_clocks
from broadcaster.domain.rejections import too_many
from broadcaster.domain.sharing import Sharing, said_idle_failover
from broadcaster.domain.skips import Skipped, SkipReason, skips_of
from broadcaster.domain.spans import said_span
from broadcaster.domain.states import CampaignState
from broadcaster.domain.surroundings import Surroundings
from broadcaster.errors import InputError, UsageError, listed
from broadcaster.services.campaigns.checks import unread_instances
from broadcaster.services.campaigns.file_checks import OwnFile
from broadcaster.services.campaigns.group_numbers import GroupNumbers
from broadcaster.services.campaigns.loading import OnePer
from broadcaster.services.campaigns.new_campaign import insert_plan
from broadcaster.services.campaigns.planning import parts_to_be, surroundings_of
from broadcaster.services.campaigns.reach import Reach
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.frequency import caps_in
from broadcaster.services.openings import first_meeting, said_apart
from broadcaster.services.recipients.repeats import Repeat
from broadcaster.services.shared_limits import limits_for_campaigns
from broadcaster.time_zones import shown_time

_MOST_ZONES = 3
"""Time zones to name of whom nothing reaches."""


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
    """From its start on, beside all others; None where it cannot be told (`CampaignPlan.seconds`)."""
    not_meant: int = 0
    """Rows of a file that do not meet the conditions, and play no part."""
    repeated: int = 0
    """Rows whose phone is on an earlier one, too: left out, or with one message for each row sent."""
    repeats: Sequence[Repeat] = ()
    """The first few of them."""
    notices: list[str] = field(default_factory=list)
    """What people should know of how the file was read, and of what becomes of its messages."""
    waiting: int = 0
    """How many messages of other campaigns its instances have to send beside it, where it starts at once."""
    rest_of: str | None = None
    """The campaign of which it is the rest."""
    not_in_rest: dict[str, int] = field(default_factory=dict)
    """How many of that campaign's recipients are not in its rest, by why (`rests.NotInRest`)."""
    changed_values: int = 0
    """Of how many the audience of that campaign has other values now: these are taken."""
    unsettled: list[str] = field(default_factory=list)
    """That campaign and earlier rests of it, where they have messages that an operator can settle."""
    opens_at: datetime | None = None
    """When it and one of its instances are open at once for the first of its recipients; None: none has windows."""
    opens_through: list[str] = field(default_factory=list)
    """Which of its instances are open at that moment."""
    lanes: Sequence[LaneNow] = field(default=(), compare=False)
    """Those of its instances, as they stand at that moment."""
    never_meets: bool = False
    """Whether some of it is never sent, since windows do not meet."""
    open_until: datetime | None = None
    """When what has not left of it expires, where that is later than the last of it leaves."""
    is_never_sent: bool = False
    """Whether all of it expires before it may leave, whatever stands still by now."""
    stopped: Sequence[StoppedInstance] = ()
    """Those of its instances that stand still, and would get some of it."""
    in_several_zones: dict[str, int] = field(default_factory=dict)
    """How many recipients are in a country with several clocks that all have to be open: their number tells none."""
    without_legal_hours: list[str] = field(default_factory=list)
    """The countries of recipients of which no legal hours are known, where these are asked for."""
    ends_at: datetime | None = None
    """When the last of its messages leaves; None: it is a draft, or nobody can tell."""
    earliest_at: datetime | None = None
    """The same where chance is kind,"""
    latest_at: datetime | None = None
    """and where it is not: nine of ten times it is between."""
    days: Sequence[PlannedDay] = ()
    """How many of its messages leave on which day through which instance; of a draft as if it were started now."""
    draft: CampaignPlan | None = field(default=None, compare=False)
    """When a draft leaves if it is started now, or at its time; None: it is none."""
    waits_for: list[str] = field(default_factory=list)
    """What makes it take longer than its rates do, for people."""
    plan_remarks: list[str] = field(default_factory=list)
    """What people should know of when it is sent, besides how many messages expire."""
    untried: list[str] = field(default_factory=list)
    """Its instances through which nothing was sent yet, be it by a check."""
    sample_files: list[OwnFile] = field(default_factory=list)
    """The file that each of the samples gets, where recipients have files of their own."""
    shared_files: list[Remark] = field(default_factory=list)
    """What is to be said of files that go to several phones; among `lint`, too."""
    opted_out: int = 0
    """How many of `total` are to people who have opted out by now: they are skipped when it starts."""
    undecided_near_misses: int = 0
    """How many are to others who wrote something that may ask to stop, of which nobody has decided: they get it."""
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
    people: PeopleBeside | None = field(default=None, compare=False)
    """Those of them who get something of other campaigns before, which its plan reckons with; None: there are none."""
    care: Care | None = None
    """How careful it is; None: not."""
    sharing: Sharing = Sharing()  # noqa: RUF009 - it never changes
    """What becomes of messages whose instance is in trouble, and whether people keep theirs."""
    limits: list[str] = field(default_factory=list)
    """The names of limits that hold for it."""
    keep_theirs: dict[str, int] = field(default_factory=dict)
    """By instance, how many people keep it, since it talked to them last (`Sharing.sticky`)."""

    @property
    def instance_hours(self) -> InstanceHours:
        """When its instances may send."""
        return {lane.instance: lane.hours for lane in self.lanes}

    def look_at_hours(self, submission: Submission, around: Surroundings, groups: GroupNumbers | None) -> None:
        """Note when it and its instances are open. Raises UsageError where they never are at once."""
        hours = submission.hours
        self.lanes = [lane for lane in around.lanes if lane.instance in submission.instances]
        if hours is None and not any(self.instance_hours.values()):
            return
        recipients = {NOBODY: 0} if groups is None else groups.counts
        moment = max(around.now, submission.starts_at or around.now)
        meeting = first_meeting(hours, self.instance_hours, recipients, moment)
        self.opens_at, self.opens_through = meeting.opens_at, list(meeting.first)
        if self.opens_at and submission.expires_at is not None and submission.expires_at <= self.opens_at:
            until, opens = shown_time(submission.expires_at), shown_time(self.opens_at)
            raise UsageError(f"--expires: {until} is before its windows open for the first time, at {opens}")
        self._note_never(submission, meeting, recipients)
        if hours is None:
            return
        for group, count in recipients.items():
            if has_several_clocks(group, moment):
                self.in_several_zones[group.country] = self.in_several_zones.get(group.country, 0) + count
            if hours.is_legal and group is not NOBODY and group.country not in legal_hours_by_country():
                self.without_legal_hours = sorted({*self.without_legal_hours, group.country})

    def _note_never(self, submission: Submission, meeting: Meeting, recipients: Mapping[RecipientGroup, int]) -> None:
        """Note through which instances nothing leaves, and whom nothing reaches, since windows never meet."""
        self.never_meets = bool(meeting.apart or meeting.unmet)
        if apart := said_apart(submission.hours, self.instance_hours, meeting):
            self.notices.append(apart)
        if meeting.unmet:
            number = sum(recipients[group] for group in meeting.unmet)
            zones = ", ".join(sorted({zone for group in meeting.unmet for zone in group.zones})[:_MOST_ZONES])
            self.notices.append(
                f"{number:,} of {self.total:,} recipients are never sent to, those in {zones}: the windows never meet "
                f"there ({said_hours(submission.hours, self.instance_hours)})"
            )

    def look_ahead(
        self,
        connection: Connection,
        submission: Submission,
        dealing: Dealing,
        around: Surroundings,
        groups: GroupNumbers | None = None,
    ) -> None:
        """Note when its messages leave, and what it goes through for the first time."""
        lanes = dealing.rates
        self.untried = values(connection, "untried_instances", lanes=list(lanes))
        recipients = {NOBODY: self.total} if groups is None else groups.counts
        parts = parts_to_be(
            dealing.shares(self.total),
            recipients,
            hours=submission.hours,
            expires_at=submission.expires_at,
            priority=submission.priority,
            care=submission.care,
            limits=submission.limit_ids,
            left_out=self.total - self.leaving,
            waiting=self.contention.waiting,
        )
        if (people := self.people) and not people.is_within(around):
            around = surroundings_of(connection, [*lanes, *people.lanes], limits=submission.limit_ids)
        # One that was just stored stands beside itself.
        around = around.without(submission.name).with_canary(OWN, submission.care)
        around = around.with_failover(OWN, submission.sharing.failover_after, lanes)
        if people:
            parts, around = people.parts(parts, OWN), people.around(around, OWN)
        self._look_at_care(connection, submission, lanes)
        is_dealt = self.campaign_id is not None and not submission.draft
        weights = dealing.rates if submission.weights else {}
        shares = {lane: weight for lane, weight in weights.items() if weight is not None}
        planned = PlannedCampaign(around, parts, submission.starts_at, shares, set(lanes), is_dealt=is_dealt)
        self._tell_plan(planned, submission)

    def _tell_plan(self, planned: PlannedCampaign, submission: Submission) -> None:
        """Note when its messages leave; those of a draft as if it were started now."""
        plan = planned.plan()
        self.seconds_to_send, self.days = plan.seconds, plan.days
        self.draft = plan if submission.draft else None
        if plan.is_paced and not submission.draft:
            self.ends_at, self.earliest_at, self.latest_at = plan.ends_at, plan.earliest_at, plan.latest_at
        self.is_never_sent, self.stopped = plan.is_never_sent, plan.stopped
        self.open_until = plan.expires_at if plan.expire else None
        self.waits_for = plan.waits_for
        self.plan_remarks = list(plan_remarks(replace(plan, expire=0), shown_time, planned.days_without(plan)))
        if plan.skips or self.contention.skipped:
            self.plan_remarks.append(said_reach(plan, [*self._skipped_by_now(), *plan.skips]))
        if plan.expire:
            self.notices.append(said_expiry(plan, shown_time))
        if submission.starts_at is None:
            self.waiting = planned.waiting_beside()

    def keep_plan(self, connection: Connection) -> None:
        """Store when it is foreseen to end, where it was stored itself and that can be told."""
        if self.campaign_id is not None and self.ends_at is not None:
            insert_plan(connection, self.campaign_id, self.ends_at, self.earliest_at, self.latest_at)

    @property
    def leaving(self) -> int:
        """How many are left once whoever would be skipped by now is."""
        return max(0, self.total - sum(each.messages for each in self._skipped_by_now()))

    def _skipped_by_now(self) -> Sequence[Skipped]:
        counts = {
            SkipReason.OPTED_OUT: self.opted_out,
            SkipReason.NO_CONSENT: self.no_consent,
            SkipReason.UNANSWERED: self.unanswered,
            SkipReason.NOT_KNOWN: self.not_known,
        }
        if self.contention.is_skipped:
            counts |= {SkipReason.COOLDOWN: self.contention.cooldown, SkipReason.CAP: self.contention.cap}
        return skips_of(((reason, count or 0) for reason, count in counts.items()), is_done=False)

    def _look_at_care(self, connection: Connection, submission: Submission, lanes: LaneRates) -> None:
        if self.total and not self.leaving:
            self.notices.append("nobody may get it: by now all of its recipients would be skipped")
        if submission.require_consent and submission.one_per is OnePer.ROW and self.repeated:
            self.notices.append(
                "consent is a phone's: where several rows share one, it is enough that one of them says that it agreed"
            )
        care = submission.care
        idle = (
            said_idle_rule(care, are_caps=bool(caps_in(connection))),
            said_idle_failover(submission.sharing, len(lanes)),
        )
        self.notices += filter(None, idle)
        if care is not None and care.cooldown and submission.one_per is OnePer.ROW and self.repeated:
            others = "are skipped" if care.skips_recent else "wait until it is over"
            self.notices.append(
                f"people with several rows get one message within the cooldown of {said_span(care.cooldown)}, and "
                f"their other ones {others}"
            )
        if care is not None and care.needs_replies and (unread := unread_instances(connection, lanes)):
            self.notices.append(
                f"replies are not read through {listed(unread, 3)}: what goes through there counts neither for limits "
                "on opt-outs and replies nor for --max-unanswered"
            )

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


def with_limits(connection: Connection, submission: Submission, result: Submitted) -> Submission:
    """The submission with its limits as they are stored. Raises what `limits_for_campaigns` does."""
    result.limits = sorted(set(submission.limits or ()))
    return replace(submission, limit_ids=list(limits_for_campaigns(connection, result.limits).values()))


def look_at_content(submission: Submission, result: Submitted, variables: Collection[str]) -> None:
    """Keep what is to be said of the content and its samples. Raises InputError for a warning, if that is wanted."""
    shown = [message for _, message in result.samples]
    empty = empty_values(submission.content, result.empty_values)
    result.lint = [*lint(submission.content, shown, variables), *empty, *result.shared_files]
    if submission.strict:
        refuse_warnings(result.lint)
