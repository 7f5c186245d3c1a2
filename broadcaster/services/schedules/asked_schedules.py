"""Schedules, and changes of them, as they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from broadcaster.domain.care import Care
from broadcaster.domain.conditions import Condition
from broadcaster.domain.contents import Content
from broadcaster.domain.opening_hours import HoursChange, OpeningHours
from broadcaster.domain.schedules import Misfire, Overlap
from broadcaster.domain.sharing import Sharing, SharingChange

DEFAULT_GRACE = timedelta(hours=2)
"""Who switches the computer on at 9:15 means a schedule of 9:00 to be sent; who does at noon may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    """A schedule as it is asked for. Exactly one of `cron` and `every` is given."""

    name: str
    cron: str | None = None
    every: str | None = None
    timezone: str
    audience: str
    conditions: Sequence[Condition] = ()
    content: Content
    instances: Sequence[str]
    max_attempts: int
    from_at: datetime | None = None
    """Aware; also where intervals count from."""
    until_at: datetime | None = None
    count: int | None = None
    misfire: Misfire = Misfire.CATCH_UP
    grace: timedelta = DEFAULT_GRACE
    overlap: Overlap = Overlap.QUEUE
    priority: int = 0
    hours: OpeningHours | None = None
    """When its campaigns may be sent; None: always."""
    expires_after: timedelta | None = None
    """How long after each occurrence what has not left is expired; None: never."""
    require_consent: bool = False
    """Whether its campaigns skip whoever has not agreed to messages."""
    care: Care | None = None
    """How careful they are; None: not."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """By which its instances share the messages; empty: by their rates."""
    sharing: Sharing = Sharing()  # noqa: RUF009 - it never changes
    """What becomes of messages whose instance is in trouble, and whether people keep theirs."""
    limits: Sequence[str] = ()
    """The names of limits that its campaigns get."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleChanges:
    """What is to be changed of a schedule; None: left as it is."""

    cron: str | None = None
    every: str | None = None
    timezone: str | None = None
    audience: str | None = None
    where: Sequence[Condition] | None = None
    """Those that the members have to meet, without the exclusions (`is_exclusion`),"""
    exclude: Sequence[Condition] | None = None
    """and these."""
    everybody: bool = False
    """Without any of them."""
    content: Content | None = None
    caption: str | None = None
    """This, the name and the locale of the content that it has."""
    filename: str | None = None
    locale: str | None = None
    instances: Sequence[str] | None = None
    max_attempts: int | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None
    count: int | None = None
    forever: bool = False
    """Without the end that `until_at` and `count` make."""
    misfire: Misfire | None = None
    grace: timedelta | None = None
    overlap: Overlap | None = None
    priority: int | None = None
    hours: HoursChange | None = None
    expires_after: timedelta | None = None
    never_expires: bool = False
    care: Care | None = None
    without_care: bool = False
    require_consent: bool | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    """Of the instances, where these are given."""
    sharing: SharingChange | None = None
    limits: Sequence[str] | None = None

    @property
    def rule(self) -> bool:
        """Whether they say anew which moments are occurrences."""
        return any(value is not None for value in (self.cron, self.every, self.timezone, self.from_at))

    @property
    def sending(self) -> bool:
        """Whether they say anew what is sent to whom."""
        words = (self.content, self.caption, self.filename, self.locale)
        return self.everybody or any(each is not None for each in (self.audience, self.where, self.exclude, *words))

    @property
    def timing(self) -> bool:
        """Whether they say anew when the schedule is due next, or until when it is."""
        return self.rule or self.forever or self.until_at is not None or self.count is not None

    @property
    def retimed(self) -> bool:
        """Whether they say anew when its campaigns are sent."""
        given = (self.hours, self.expires_after, self.instances)
        return self.timing or any(each is not None for each in given)
