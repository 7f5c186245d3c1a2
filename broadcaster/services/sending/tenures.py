"""For how long each lane is held, and which task waits for it meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, KeysView
from dataclasses import dataclass, field
from math import inf

from broadcaster.services.sending.drain_report import DrainReport
from broadcaster.services.sending.lane import Lane

HAND_OVER = 1.0
"""Lanes whose time is up are waited for this many seconds, to be handed over together. A request may take longer."""


@dataclass(slots=True, eq=False)
class Tenure:
    """The lanes that a `send` task waits for, until shortly after `ends`, or that go on after their task.

    `ends` is a moment on the path's clock.
    """

    ends: float
    lanes: set[Lane] = field(default_factory=set)
    report: DrainReport = field(default_factory=DrainReport)
    is_up: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once no task waits for it."""

    @classmethod
    def without_task(cls, ends: float) -> Tenure:
        """One that nobody waits for."""
        tenure = cls(ends)
        tenure.over.set()
        return tenure

    def moments(self) -> Iterator[float]:
        """When it is to be looked at."""
        if not self.is_up:
            yield self.ends
            return
        if not self.over.is_set():
            yield self.ends + HAND_OVER
        yield min((lane.may_go_on_from for lane in self.lanes), default=inf)


class Tenures:
    """The tenures of all lanes that are held, and of lanes whose lease was lost while they had requests under way."""

    def __init__(self, most_tasks: int) -> None:
        """At most `most_tasks` tasks wait for their lanes."""
        self._most_tasks = most_tasks
        self._open: set[Tenure] = set()
        self._of: dict[Lane, Tenure] = {}

    @property
    def lanes(self) -> KeysView[Lane]:
        """All lanes that have one."""
        return self._of.keys()

    def to_join(self) -> Tenure | None:
        """The tenure that more lanes must join; None: another task may wait."""
        waited_for = [tenure for tenure in self._open if not tenure.over.is_set()]
        to_join = [tenure for tenure in waited_for if not tenure.is_up]
        if len(waited_for) < self._most_tasks or not to_join:
            return None
        return min(to_join, key=lambda tenure: len(tenure.lanes))

    def add(self, lane: Lane, tenure: Tenure) -> None:
        """The lane has this one from now on."""
        self._of[lane] = tenure
        self._open.add(tenure)
        tenure.lanes.add(lane)

    def end(self, now: float, *, is_stopping: bool) -> list[Lane]:
        """Let no lane claim more whose time is up. Returns those that are to go on all the same: they have none now.

        Nobody else could take these before a request of theirs has ended that takes long.
        """
        going_on: list[Lane] = []
        for tenure in list(self._open):
            if now < tenure.ends and not is_stopping:
                continue
            if not is_stopping:
                long = [lane for lane in tenure.lanes if lane.may_go_on_from <= now]
                going_on += long
                for lane in long:
                    self._leave(lane)
            if not tenure.is_up:
                tenure.is_up = True
                for lane in tenure.lanes:
                    lane.hand_over()
            elif now >= tenure.ends + HAND_OVER and not is_stopping and not tenure.over.is_set():
                for lane in tenure.lanes:
                    tenure.report.add(lane)
                tenure.over.set()
        return going_on

    def is_handed_over(self, lane: Lane) -> bool:
        """Whether its task will wake it again. Where no task waits for it any more, a tick does."""
        return lane.has_more and not self._of[lane].over.is_set()

    def let_go(self, lane: Lane) -> None:
        """The lane has been given back."""
        if self.is_handed_over(lane):
            self._of[lane].report.unfinished[lane.held.id] = lane.held.name
        self._leave(lane)

    def _leave(self, lane: Lane) -> None:
        tenure = self._of.pop(lane)
        if not tenure.over.is_set():
            tenure.report.add(lane)
        tenure.lanes.discard(lane)
        if not tenure.lanes:
            self._open.discard(tenure)
            tenure.over.set()

    def next_moment(self) -> float:
        """When one of them is to be looked at."""
        return min((moment for tenure in self._open for moment in tenure.moments()), default=inf)

    def abandon(self) -> None:
        """Stop all lanes at once, and forget them."""
        for lane in self._of:
            lane.abandon()
        self._of.clear()
        self._open.clear()
