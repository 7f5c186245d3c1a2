"""When messages may start by hours, while plans are made: what is open is reckoned once for all of them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import floor, inf

from broadcaster.domain.lanes_now import moment_of_seconds
from broadcaster.domain.opening_hours import OpeningHours, RecipientGroup, joint_opening
from broadcaster.domain.plan_terms import NEVER, OpenSpan, always_open

_DAY = 86_400


class PlannedHours:
    """The openings of all hours that have been asked for. Plans that are made beside each other share one."""

    def __init__(self) -> None:
        self._known: dict[tuple[Sequence[OpeningHours], RecipientGroup], _Openings] = {}

    def opening(
        self,
        instance: OpeningHours | None,
        campaign: OpeningHours | None,
        group: RecipientGroup,
        reserve: float,
        margin: float = 0.0,
    ) -> Callable[[float], OpenSpan]:
        """For `Queue.opening`: when both are open, without the reserve before they close. In seconds.

        Without the margin before that, too, unless that is more than half of the time that they are open.
        """
        all_hours = tuple(hours for hours in (instance, campaign) if hours is not None)
        if not all_hours:
            return always_open
        openings = self._known.setdefault((all_hours, group), _Openings(all_hours, group))
        return lambda moment: openings.first(moment, reserve, margin)


class _Openings:
    """When all of these hours are open for a group of recipients."""

    def __init__(self, all_hours: Sequence[OpeningHours], group: RecipientGroup) -> None:
        self._all_hours = all_hours
        self._group = group
        self._from: dict[float, OpenSpan] = {}
        """What is open at a moment or next: asked for at the beginnings of days, and when something closes."""

    def first(self, moment: float, reserve: float, margin: float) -> OpenSpan:
        """What is open at a moment or next, without the reserve and the margin before it closes."""
        asked = floor(moment / _DAY) * float(_DAY)
        while True:
            begins, closes = self._at(asked)
            ends = closes - reserve
            ends -= min(margin, max(0.0, ends - begins) / 2)
            begins = max(moment, begins)
            if begins < ends or closes == inf:
                return OpenSpan(begins, ends)
            asked = closes

    def _at(self, asked: float) -> OpenSpan:
        known = self._from.get(asked)
        if known is None:
            found = joint_opening(self._all_hours, self._group, moment_of_seconds(asked))
            known = NEVER if found is None else OpenSpan(found.opens_at.timestamp(), found.closes_at.timestamp())
            self._from[asked] = known
        return known
