"""When what is left of a campaign leaves, and what it waits for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

import msgspec

from broadcaster.domain.failover_plans import PlannedMove
from broadcaster.domain.frequency import PersonRule, WaitingPeople, people_waited_for
from broadcaster.domain.sending_plans import Hold
from broadcaster.domain.skips import Skipped
from broadcaster.domain.states import LaneHealth


class PlannedDay(msgspec.Struct, frozen=True):
    """How many messages leave through one instance on one day."""

    day: date
    instance: str
    messages: int
    ends_at: datetime


class PlannedWait(msgspec.Struct, frozen=True):
    """What keeps a campaign from sending."""

    cause: Hold
    what: str
    """For people: `its windows`, `limit 1000/d of a`."""
    seconds: float
    """For how long, in all."""
    times: int
    """How often it is interrupted by that once it has begun."""
    span_seconds: int | None = None
    """Of a limit."""


class StoppedInstance(NamedTuple):
    """An instance through which nothing is sent now, and nobody knows until when: it is paused, refused or down."""

    instance: str
    health: LaneHealth


class PlannedStay(msgspec.Struct, frozen=True):
    """So many messages stay with an instance that is stopped."""

    instance: str
    messages: int
    health: LaneHealth


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """When a campaign is sent, if nobody intervenes."""

    begins_at: datetime
    """From when on it may be sent."""
    ends_at: datetime | None
    """When its last message leaves; None: some do not within a year, or nobody can tell whether and when they do."""
    is_paced: bool
    """Whether it is known how long it takes. Otherwise it takes as long as the gateway needs."""
    expire: int
    """How many of its messages expire, if nothing changes."""
    days: Sequence[PlannedDay]
    waits: Sequence[PlannedWait]
    """What it waits for, the longest first."""
    first_at: datetime | None = None
    """When its first message leaves; None: none does."""
    earliest_at: datetime | None = None
    """When it ends where all goes well,"""
    latest_at: datetime | None = None
    """and where it does not: nine of ten times it is between. None: as with `ends_at`."""
    remaining: int = 0
    """How many of its messages do not leave within a year, or nobody knows when."""
    messages: int = 0
    """How many it has left to send,"""
    expires_at: datetime | None = None
    """and when those of them expire that do; None: none does."""
    stopped: Sequence[StoppedInstance] = ()
    """Those of its instances that stand still."""
    expire_stopped: int = 0
    """How many of those that expire may leave before, if these instances go on in time."""
    waiting_people: Sequence[WaitingPeople] = ()
    """Its messages that wait now until their people may get one again, by rule."""
    skips: Sequence[Skipped] = ()
    """How many of its other messages were skipped, or will be as it stands, by reason."""
    expire_about: bool = False
    """Whether seconds may make a difference to how many expire: those before them leave by their pace until then."""
    waits_in_vain: Sequence[str] = ()
    """What those wait for that expire, where others leave; for people, such as `limit 25/d of a`."""
    put_off: Mapping[PersonRule, int] = field(default_factory=dict)
    """How many of its messages will have to wait for people who get something else before."""
    is_earliest: bool = False
    """Whether people whom it shares with others may make it end later: these are not reckoned with."""
    is_skipped: bool = False
    """Whether it is left out, since another one of its schedule is still sent when it is due."""
    rest_of: int | None = None
    """How many messages it has in all, where some of them have left before; None: none has."""
    stays: Sequence[PlannedStay] = ()
    """What of it stays with those that are `stopped`."""
    fails_over: bool = False
    """Whether others of its instances send what one in trouble has, after some time."""
    moves: Sequence[PlannedMove] = ()
    """What goes from its instances in trouble to others, the first first."""

    @property
    def is_rest(self) -> bool:
        """Whether some of it has left before."""
        return self.rest_of is not None

    @property
    def known_end(self) -> datetime | None:
        """When its last message leaves, where it is known how long that takes."""
        return self.ends_at if self.is_paced else None

    @property
    def seconds(self) -> float | None:
        """How long it takes from its start on."""
        ends_at = self.known_end
        return None if ends_at is None else max(0.0, (ends_at - self.begins_at).total_seconds())

    @property
    def waits_for(self) -> list[str]:
        """What it waits for, people included; each for people, such as `limit 25/d of a`."""
        rules = [*(each.rule for each in self.waiting_people), *self.put_off]
        return [*(wait.what for wait in self.waits), *people_waited_for(rules)]

    @property
    def said_waits(self) -> str:
        """The same in one clause; nothing where it waits for nothing."""
        return " and ".join(self.waits_for)

    @property
    def sent_on(self) -> int:
        """On how many days something of it leaves."""
        return len({each.day for each in self.days})

    @property
    def leave(self) -> int:
        """How many of its messages leave."""
        return self.messages - self.expire - self.remaining

    @property
    def is_for_nobody(self) -> bool:
        """Whether all whom it has left are skipped."""
        return bool(self.skips) and not self.messages

    @property
    def leaves_nothing(self) -> bool:
        """Whether all that it has left to send expires, if nothing changes."""
        return 0 < self.messages == self.expire

    @property
    def is_never_sent(self) -> bool:
        """Whether all that it has left to send expires, whatever stands still by now."""
        return self.leaves_nothing and not self.expire_stopped

    def misses(self, moment: datetime) -> bool:
        """Whether it is known that some of it does not leave until then, also where all goes well."""
        known = self.earliest_at or self.ends_at
        is_late = any(each.ends_at > moment for each in self.days) if known is None else known > moment
        # What is stopped may go on before.
        return is_late or (not self.stopped and bool(self.expire or self.remaining))
