"""A campaign's progress: what is known of it at one moment, and three ways to show that."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

from broadcaster.cli.campaign.show import STATE_STYLES, campaign_document, told_of_slices
from broadcaster.cli.output import console, one_line, say, say_json
from broadcaster.cli.own_process import as_called
from broadcaster.cli.troubles import said_by_instances, trouble_line, without_repeated_remedies
from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.durations import duration
from broadcaster.domain.frequency import WaitingPeople
from broadcaster.domain.holds import HoldNow, said_holds
from broadcaster.domain.meter import RATE_WINDOW_SECONDS, Meter, SpeedLimit, said_speed, speed_of
from broadcaster.domain.shares import said_share
from broadcaster.domain.standstill import Cause, Standstill
from broadcaster.domain.states import CampaignState, MessageState
from broadcaster.services.campaigns.campaign_reports import CampaignSummary
from broadcaster.services.campaigns.planning import OpenWork
from broadcaster.time_zones import shown_time

if TYPE_CHECKING:
    from rich.console import RenderableType

_CLOCK_SECONDS = 90
"""From how much time left on its end is told too."""
_PLANS_SHARE = 20
"""A plan is made again after so many times the time that it took to make."""
_SAID_BY_HOLDS = (Cause.WINDOW, Cause.CANARY, Cause.RETRY, Cause.PERSON, Cause.PACED, Cause.OUTRANKED)
LINE_SECONDS = 1.0
"""Where it is shown in lines, counts alone make at most one line in this time."""


class Foresight:
    """When a campaign will have been sent, reckoned again now and then."""

    def __init__(self, look: Callable[[], OpenWork]) -> None:
        """`look` reads what is left of it (`planning.open_work`)."""
        self._look = look
        self.plan: CampaignPlan | None = None
        """The latest one; None: nothing is left to send."""
        self._best: CampaignPlan | None = None
        self._work: OpenWork | None = None
        self._known_until = -inf
        self._open = 0

    def seconds_left(self, still_open: int, rate: float) -> float | None:
        """How many seconds the `still_open` messages take, if all goes on as it does; None: nobody can tell.

        Lanes without a limit go on at `rate`.
        """
        now = time.monotonic()
        if now >= self._known_until or (still_open == 0) != (self._open == 0):
            self._open, begun = still_open, now
            self._work = self._look()
            self.plan, self._best = self._work.plan(rate), None
            # However long a plan takes to make, most of the time none is made.
            self._known_until = time.monotonic() + max(LINE_SECONDS, _PLANS_SHARE * (time.monotonic() - begun))
        ends_at = self.ends_at
        return None if ends_at is None else max(0.0, ends_at.timestamp() - time.time())

    @property
    def at_best(self) -> CampaignPlan | None:
        """The same if whatever stops its instances ended now."""
        if self.plan is None or self._work is None or not self.plan.stopped:
            return self.plan
        if self._best is None:
            self._best = self._work.going_on.plan()
        return self._best

    @property
    def ends_at(self) -> datetime | None:
        """When its last message leaves, by the latest plan; None: nobody can tell."""
        return None if self.plan is None else self.plan.known_end


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known at one moment.

    `rate` is in messages per second; `seconds_left` is None where it is not known; `notes` say what keeps the campaign
    from going on.
    """

    summary: CampaignSummary
    rate: float
    troubles: Sequence[Standstill] = ()
    notes: tuple[str, ...] = ()
    seconds_left: float | None = None
    holds: Sequence[HoldNow] = ()
    """What holds it now, by instance."""
    limit: SpeedLimit | None = None
    """What its paces permit; None: one of its instances has no limit, or that is not known."""
    waiting_people: Sequence[WaitingPeople] = ()
    """How many messages wait for people, as of the latest plan."""

    @property
    def state(self) -> CampaignState:
        return self.summary.state

    @property
    def total(self) -> int:
        return self.summary.total

    @property
    def final(self) -> int:
        return self.summary.total - self.summary.still_open

    @property
    def counts(self) -> str:
        """The states that hold messages, with how many."""
        counted = {state: self.summary.count(state) for state in MessageState}
        shown = (state for state in MessageState if counted[state] or state is MessageState.SENT)
        return ", ".join(f"{counted[state]:,} {state.replace('_', ' ')}" for state in shown)

    @property
    def pace(self) -> str:
        """How fast it goes and how long it will, or how many were sent in which time."""
        started, finished = self.summary.started_at, self.summary.finished_at
        if finished and started:
            seconds = max((finished - started).total_seconds(), 0.001)
            took = f"took {duration(seconds)}"
            if not self.summary.sent or seconds < RATE_WINDOW_SECONDS:
                return took
            return f"{said_speed(speed_of(self.summary.sent, seconds, self.limit))} sent on average, {took}"
        if self.state is CampaignState.RUNNING:
            expires_at = self.summary.expires_at
            expires = f"expires {shown_time(expires_at, seconds=False)}" if expires_at else ""
            told = [said_speed(self.rate) if self.rate else "", self._left, expires, told_of_slices(self.summary)]
            return ", ".join(filter(None, told))
        if self.state is CampaignState.SCHEDULED and self.summary.starts_at > datetime.now(UTC):
            return f"starts {shown_time(self.summary.starts_at)}"
        return ""

    @property
    def _left(self) -> str:
        if self.seconds_left is None:
            return ""
        if not self.summary.pending and self.summary.still_open:
            return "all have left, and what is in doubt is read back" if self.summary.in_doubt else "all have left"
        if not self.seconds_left:
            return ""
        left = f"{duration(self.seconds_left)} left"
        if self.seconds_left < _CLOCK_SECONDS:
            return left
        with suppress(OverflowError):
            return (
                f"{left}, until {shown_time(datetime.now(UTC) + timedelta(seconds=self.seconds_left), seconds=False)}"
            )
        return left


def take_snapshot(
    summary: CampaignSummary,
    meter: Meter,
    troubles: Sequence[Standstill] = (),
    foresight: Foresight | None = None,
    holds: Sequence[HoldNow] = (),
    limit: SpeedLimit | None = None,
) -> Snapshot:
    """What `summary`, `troubles` and `holds`, read just now, come to."""
    # When it starts is said by the pace, and what decides when the next message leaves by the holds.
    said = (Cause.STARTS_LATER, *(_SAID_BY_HOLDS if holds else ()))
    told = [each for each in said_by_instances(troubles) if each.cause not in said]
    rate = meter.rate(time.monotonic(), summary.total - summary.still_open, limit)
    left = None if foresight is None else foresight.seconds_left(summary.still_open, rate)
    waiting = foresight.plan.waiting_people if foresight and foresight.plan else ()
    notes = [trouble_line(each, of=summary.name) for each in without_repeated_remedies(told)]
    if holds or waiting:
        notes.insert(0, f"held by {'; '.join(said_holds(holds, shown_time, waiting))}")
    return Snapshot(summary, rate, troubles, tuple(notes), left, holds, limit, waiting)


class View(Protocol):
    """Shows snapshots, one after the other, each at once."""

    def update(self, snapshot: Snapshot) -> None: ...


class JsonView:
    """One document in a line for each change."""

    def __init__(self) -> None:
        self._last: Mapping[str, object] = {}

    def update(self, snapshot: Snapshot) -> None:
        """Write the document if it is not the last one."""
        ahead = {"holds": snapshot.holds, "waiting_people": snapshot.waiting_people}
        document = {**campaign_document(snapshot.summary, snapshot.troubles), **ahead}
        if document != self._last:
            self._last = document
            say_json(document, indent=False)
            sys.stdout.flush()


class LineView:
    """One line for each change, and at most one in LINE_SECONDS where only counts change."""

    def __init__(self) -> None:
        self._last: Snapshot | None = None
        self._line = ""
        self._next = 0.0

    def update(self, snapshot: Snapshot) -> None:
        """Write a line if there is something to tell."""
        last = self._last
        told = last is not None and (last.state, last.notes) == (snapshot.state, snapshot.notes)
        if told and (time.monotonic() < self._next or last is None or last.counts == snapshot.counts):
            return
        self._last, self._next = snapshot, time.monotonic() + LINE_SECONDS
        reached = f"{snapshot.summary.said_state}: {snapshot.final:,} of {snapshot.total:,} final"
        line = "; ".join(filter(None, [reached, snapshot.counts, snapshot.pace, *snapshot.notes]))
        if line != self._line:
            self._line = line
            say(line)
            sys.stdout.flush()


class LiveView:
    """A bar that moves. To be used in a `with`."""

    def __init__(self, live: Any) -> None:
        self._live = live

    def update(self, snapshot: Snapshot) -> None:
        """Draw it anew."""
        self._live.update(render(snapshot), refresh=True)


def render(snapshot: Snapshot) -> RenderableType:
    """A snapshot as a terminal shows it."""
    from rich.console import Group  # noqa: PLC0415 - start-up time: only terminals need it
    from rich.progress_bar import ProgressBar  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    state = snapshot.summary.said_state
    title = Text.assemble((snapshot.summary.name, "bold"), "  ", (state, STATE_STYLES.get(state, "")))
    bar = Table.grid(padding=(0, 2, 0, 0), expand=True)
    bar.add_column(ratio=1)
    bar.add_column(justify="right", no_wrap=True)
    share = snapshot.final / snapshot.total if snapshot.total else 0.0
    bar.add_row(
        ProgressBar(total=max(snapshot.total, 1), completed=snapshot.final),
        f"{snapshot.final:,} of {snapshot.total:,} final  {said_share(share)}",
    )
    lines = [Text(snapshot.counts), Text(snapshot.pace, style="dim")]
    return Group(title, bar, *lines, *(Text(one_line(as_called(note)), style="yellow") for note in snapshot.notes))


@contextmanager
def open_view(*, as_json: bool) -> Iterator[View]:
    """The view that suits whoever reads stdout."""
    screen = console()
    if as_json:
        yield JsonView()
    elif not screen.is_terminal:
        yield LineView()
    else:
        from rich.live import Live  # noqa: PLC0415 - start-up time, as above

        with Live(console=screen, auto_refresh=False) as live:
            yield LiveView(live)
