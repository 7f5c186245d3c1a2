"""When a stored campaign is sent, until when, how soon, and to which members: what of that is to be another one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from shlex import quote
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select, update

from broadcaster.db import tables
from broadcaster.db.statements import execute
from broadcaster.domain.conditions import Condition, changed_conditions, describe_conditions
from broadcaster.domain.meeting_hours import meeting_of
from broadcaster.domain.opening_hours import HoursChange, OpeningHours
from broadcaster.domain.states import CampaignState
from broadcaster.errors import ConflictError, UsageError
from broadcaster.services.audiences.selection import Selection
from broadcaster.services.campaigns.checks import lanes_in_use, refuse_past
from broadcaster.services.campaigns.over_audience import describe_audience
from broadcaster.services.campaigns.stored_campaign import StoredCampaign
from broadcaster.services.openings import (
    EVERYBODY,
    ask_for_openings,
    first_meeting,
    groups_with_numbers,
    instance_hours,
    said_apart,
    store_hours,
)
from broadcaster.time_zones import shown_time, shown_zone

_TERMS = frozenset({"priority", "starts_at", "expires_at"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsChange:
    """What is to be another one; None: it stays."""

    priority: int | None = None
    starts_at: datetime | None = None
    """Aware."""
    hours: HoursChange | None = None
    expires: datetime | timedelta | None = None
    """A moment, or a span from its start on."""
    never_expires: bool = False
    where: Sequence[Condition] | None = None
    """Those that the members have to meet, without the exclusions (`is_exclusion`),"""
    exclude: Sequence[Condition] | None = None
    """and these."""
    everybody: bool = False
    """Without any of them."""

    @property
    def is_about_members(self) -> bool:
        """Whether it goes to others of its audience."""
        return self.everybody or self.where is not None or self.exclude is not None


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that was changed, what it was and what it is: words, names, a moment, or None where there is none."""

    what: str
    was: str | list[str] | datetime | None
    now: str | list[str] | datetime | None


@dataclass(slots=True)
class ChangedTerms:
    """What a change comes to, before it is stored."""

    selection: Selection | None
    """Who gets it; None: its messages are there."""
    differences: list[Difference] = field(default_factory=list)
    columns: dict[str, Any] = field(default_factory=dict)
    """Of its row, but for the hours."""
    hours: OpeningHours | None = None
    are_other_hours: bool = False
    notices: list[str] = field(default_factory=list)
    """What people should know of it."""

    def of(self, campaign: StoredCampaign) -> StoredCampaign:
        """The campaign as it is once this is stored, but for whom it goes to."""
        known = {each: self.columns[each] for each in _TERMS & self.columns.keys()}
        return replace(campaign, hours=self.hours if self.are_other_hours else campaign.hours, **known)


def changed_terms(
    connection: Connection,
    campaign: StoredCampaign,
    change: TermsChange,
    *,
    lanes: Collection[int] | None,
    lock: bool,
) -> ChangedTerms:
    """What the change comes to for a campaign that is locked. With `lock` nobody imports into its audience until then.

    `lanes` are those that it gets; None: it keeps its own.
    Raises UsageError and InputError for what `submit_campaign` refuses, and ConflictError for what comes too late.
    """
    changed = ChangedTerms(campaign.selection)
    if change.priority is not None and change.priority != campaign.priority:
        changed.columns["priority"] = change.priority
        changed.differences.append(Difference("priority", str(campaign.priority), str(change.priority)))
    starts_at = _change_start(connection, campaign, change, changed)
    expires_at = _change_expiry(campaign, change, starts_at, changed)
    if change.is_about_members:
        _change_members(connection, campaign, change, changed, lock=lock)
    elif changed.selection is not None:
        changed.selection = replace(changed.selection, starts_at=starts_at)
    _change_source(connection, campaign, change, changed)
    _change_hours(connection, campaign, change, changed)
    begins = _first_moment(connection, campaign, lanes, starts_at, changed)
    _check_end(campaign, begins, expires_at, changed)
    return changed


def store_terms(connection: Connection, campaign: StoredCampaign, changed: ChangedTerms) -> None:
    """Store what was reckoned in this transaction."""
    if changed.are_other_hours:
        hours_id = _stored_hours(connection, campaign, changed.hours)
        execute(connection, "change_hours", campaign_id=campaign.id, hours_id=hours_id)
    if changed.columns:
        table = tables.campaigns
        connection.execute(update(table).where(table.c.id == campaign.id).values(changed.columns))


def _change_start(
    connection: Connection, campaign: StoredCampaign, change: TermsChange, changed: ChangedTerms
) -> datetime:
    """When it starts then."""
    starts_at = change.starts_at
    if starts_at is None or starts_at == campaign.starts_at:
        return campaign.starts_at
    if campaign.started_at is not None:
        raise ConflictError(f"campaign {campaign.name!r} has started: --at is for one that has not")
    refuse_past(connection, starts_at)
    changed.columns["starts_at"] = starts_at
    changed.differences.append(Difference("start", campaign.starts_at, starts_at))
    return starts_at


def _change_expiry(
    campaign: StoredCampaign, change: TermsChange, starts_at: datetime, changed: ChangedTerms
) -> datetime | None:
    """Until when it is sent then."""
    expires_at = None if change.never_expires else campaign.expires_at
    if isinstance(change.expires, timedelta):
        if campaign.state is CampaignState.DRAFT:
            raise UsageError("--expires: a span counts from the start, which a draft has none: name a moment")
        expires_at = (campaign.started_at or starts_at) + change.expires
    elif change.expires is not None:
        expires_at = change.expires
    if expires_at != campaign.expires_at:
        changed.columns["expires_at"] = expires_at
        changed.differences.append(Difference("expires", campaign.expires_at, expires_at))
    return expires_at


def _change_members(
    connection: Connection, campaign: StoredCampaign, change: TermsChange, changed: ChangedTerms, *, lock: bool
) -> None:
    selection = changed.selection
    if selection is None:
        raise ConflictError(
            f"campaign {campaign.name!r} has its recipients already: --where, --exclude and --everybody are for one "
            "over an audience that has not started"
        )
    before = selection.conditions
    now = changed_conditions(before, where=change.where, exclude=change.exclude, everybody=change.everybody)
    starts_at = changed.columns.get("starts_at", selection.starts_at)
    selection = replace(selection, conditions=now, starts_at=starts_at).checked(connection, lock=lock)
    changed.selection = selection
    if (was := _said(before)) != (is_now := _said(selection.conditions)):
        changed.columns["audience_filter"] = msgspec.to_builtins(selection.conditions) or None
        changed.differences.append(Difference("where", was, is_now))


def _change_source(
    connection: Connection, campaign: StoredCampaign, change: TermsChange, changed: ChangedTerms
) -> None:
    """Its conditions are shown with the day for which `today` stands, unless it is a draft."""
    selection = changed.selection
    if selection is None or not changed.columns.keys() & {"starts_at", "audience_filter"}:
        return
    is_draft = campaign.state is CampaignState.DRAFT
    meant = selection.conditions if is_draft else selection.ready(connection).meant
    changed.columns["source"] = describe_audience(selection.audience.name, meant)


def _change_hours(
    connection: Connection, campaign: StoredCampaign, change: TermsChange, changed: ChangedTerms
) -> None:
    before = changed.hours = campaign.hours
    if change.hours is None:
        return
    hours = change.hours.of(before, shown_zone().key)
    if hours == before:
        return
    by_recipient = hours is not None and hours.goes_by_recipient
    if by_recipient and campaign.selection is None and not any(_groups(connection, campaign)):
        raise ConflictError(
            f"the messages of campaign {campaign.name!r} do not tell where their recipients are, so that windows "
            f"cannot go by them: cancel it, and send to whoever has not got it with `broadcaster campaign submit NEW "
            f"--instance NAME --rest-of {quote(campaign.name)}` and these windows"
        )
    changed.hours, changed.are_other_hours = hours, True
    changed.differences.append(Difference("windows", str(before) if before else None, str(hours) if hours else None))


def _groups(connection: Connection, campaign: StoredCampaign) -> Sequence[int]:
    """The numbers of the groups that its messages are in."""
    messages = tables.messages.c
    of_campaign = messages.segment == campaign.segment, messages.campaign_id == campaign.id
    return connection.scalars(select(messages.recipient_group).where(*of_campaign).distinct()).all()


def _first_moment(
    connection: Connection,
    campaign: StoredCampaign,
    lanes: Collection[int] | None,
    starts_at: datetime,
    changed: ChangedTerms,
) -> datetime:
    """When the first of it may leave then. Raises UsageError for windows that never meet those of its instances."""
    begins = max(connection.execute(select(func.now())).scalar_one(), starts_at)
    is_met_anew = lanes is not None or changed.are_other_hours
    if not is_met_anew and not changed.columns.keys() & {"starts_at", "expires_at"}:
        return begins
    instances = instance_hours(connection, lanes_in_use(connection, campaign.id) if lanes is None else lanes)
    groups = groups_with_numbers(connection, _groups(connection, campaign)) if campaign.selection is None else []
    # Windows that have never met are no reason to refuse another end.
    meeting_at = first_meeting if is_met_anew else meeting_of
    meeting = meeting_at(changed.hours, instances, groups, begins)
    if apart := said_apart(changed.hours, instances, meeting):
        changed.notices.append(apart)
    return meeting.opens_at or begins


def _check_end(campaign: StoredCampaign, begins: datetime, expires_at: datetime | None, changed: ChangedTerms) -> None:
    """Refuse what would expire before anything of it leaves."""
    if expires_at is None or expires_at > begins:
        return
    if "expires_at" in changed.columns:
        raise UsageError(
            f"--expires: {shown_time(expires_at)} is before anything of it would leave, at {shown_time(begins)}"
        )
    if changed.columns.get("starts_at") or changed.are_other_hours:
        option = "--at" if changed.columns.get("starts_at") else "--window"
        raise UsageError(f"{option}: campaign {campaign.name!r} expires at {shown_time(expires_at)} already")


def _stored_hours(connection: Connection, campaign: StoredCampaign, hours: OpeningHours | None) -> int | None:
    """Its id. Messages stay in the groups that they are in: openings are kept for these, and be it for always."""
    groups = [group for group in _groups(connection, campaign) if group != EVERYBODY]
    if hours is None and not groups:
        return None
    hours_id = store_hours(connection, hours or OpeningHours(zone=shown_zone().key))
    ask_for_openings(connection, hours_id, groups)
    return hours_id


def _said(conditions: Sequence[Condition]) -> str | None:
    return describe_conditions(conditions) if conditions else None
