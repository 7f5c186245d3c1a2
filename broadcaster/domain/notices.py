"""What operators are told of, and in which words. Pure.

Each notice says what happened, to which campaign or instance, with its figures, and what to do. None has a phone in
it: db/sql/note_notices.sql takes numbers out of `detail`, where gateways may have said them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from shlex import quote

import msgspec
from msgspec.structs import force_setattr

from broadcaster.domain.care import STOPPED, percent
from broadcaster.domain.standstill import Cause, Remedy, Standstill, What, counted
from broadcaster.domain.states import FINAL_CAMPAIGN_STATES, CampaignState, MessageState
from broadcaster.domain.unsettled_causes import UnsettledCampaign
from broadcaster.errors import UsageError, quoted


class NoticeEvent(StrEnum):
    """What happened."""

    FINISHED = "campaign.finished"
    STOPPED = "campaign.stopped"
    """By its own limits, by its conditions, or cancelled."""
    STUCK = "campaign.stuck"
    """Nothing leaves although it is due."""
    DOUBTS = "campaign.doubts"
    """Nobody knows whether some of its messages arrived: an operator settles them."""
    OPT_OUTS = "campaign.optouts"
    HELD = "schedule.held"
    """An occurrence waits for an operator."""
    TROUBLE = "instance.trouble"
    """It sends nothing, or is not to be trusted."""
    WELL = "instance.well"
    TEST = "test"


_SETTLE = "look into these chats in WhatsApp, on the instance's own phone, or ask the recipients; then decide with"
TOLD = tuple(event for event in NoticeEvent if event is not NoticeEvent.TEST)
"""Those that receivers choose from."""
PATIENCE: Mapping[NoticeEvent, float] = {
    NoticeEvent.STOPPED: 0.0,
    NoticeEvent.STUCK: 300.0,
    NoticeEvent.DOUBTS: 0.0,
    NoticeEvent.HELD: 0.0,
    NoticeEvent.TROUBLE: 60.0,
}
"""What lasts, and for how many seconds it does before it is told: it may pass by itself."""
CALM: Mapping[NoticeEvent, float] = {
    NoticeEvent.STOPPED: 0.0,
    NoticeEvent.STUCK: 300.0,
    NoticeEvent.DOUBTS: 0.0,
    NoticeEvent.HELD: 0.0,
    NoticeEvent.TROUBLE: 300.0,
}
"""For how many seconds it is over before it counts as over: an instance that comes and goes is told of once."""
MOST_AT_ONCE = 20
"""So many of what lasts are told of one event by one look; the rest in one notice: a gateway may serve a thousand."""
_FIGURES = ("total", "sent", "failed", "unknown", "skipped", "cancelled", "expired", "sending", "in_doubt", "pending")
"""The order in which figures are told; others come after these."""
_NAMED = {"waiting": "messages waiting"}
"""Figures whose name does not say to people what they count."""
_STUCK = (Cause.INSTANCES, Cause.STALLED, Cause.NOT_STARTED, Cause.NOT_RUNNING)
_ILL = (Cause.DOWN, Cause.REFUSED, Cause.UNREADABLE, Cause.SUSPECT)


class Notice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is said of what happened, as it is stored."""

    summary: str
    """One line, with the name of the campaign or instance."""
    detail: str | None = None
    """Why, where that is known."""
    advice: str
    """What to do, which leads to the command."""
    command: str | None = None
    figures: Mapping[str, int | float] = {}
    """By name: messages, or a share from 0 to 1."""
    since: datetime | None = None

    def __post_init__(self) -> None:
        # Postgres keeps no order of keys.
        places = {name: place for place, name in enumerate(_FIGURES)}
        ordered = sorted(self.figures, key=lambda name: places.get(name, len(places)))
        force_setattr(self, "figures", {name: self.figures[name] for name in ordered})

    def lines(self, clock: Callable[[datetime], str]) -> Iterator[str]:
        """For people, the first one without what follows. `clock` formats a moment."""
        yield self.summary
        if self.detail:
            yield self.detail
        if self.figures:
            named = {_NAMED.get(name, name.replace("_", " ")): value for name, value in self.figures.items()}
            yield ", ".join(f"{name}: {_figure(value)}" for name, value in named.items())
        if self.since:
            yield f"since {clock(self.since)}"
        yield str(Remedy(self.advice, self.command)) if self.command else self.advice


class Occasion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened, or does not pass, to one campaign, schedule or instance."""

    event: NoticeEvent
    subject: str
    occurrence: str = ""
    """Of what lasts: its cause. Otherwise what tells this time from another."""
    notice: Notice
    heard_from: datetime | None = None
    """Receivers that came later are not told; None: all of them are."""
    optouts_above: float | None = None
    """Only those with this bound are told; None: all of them are."""


class CampaignEnd(msgspec.Struct, frozen=True):
    """A campaign that is over, and its messages by state."""

    name: str
    state: CampaignState
    finished_at: datetime
    occurrence: str
    messages: Mapping[MessageState, int]


class StoppedCampaign(msgspec.Struct, frozen=True):
    """A campaign that paused, and no operator did it; with its messages by state."""

    name: str
    reason: str
    messages: Mapping[MessageState, int]


class OptOutRate(msgspec.Struct, frozen=True):
    """How many opted out by a reply, of a campaign's messages whose replies are read: more than a bound allows."""

    name: str
    state: CampaignState
    read: int
    opted_out: int
    bound: float
    """From 0 to 1."""
    occurrence: str


def ended(end: CampaignEnd) -> Occasion:
    """A campaign finished, or was cancelled."""
    total = sum(end.messages.values())
    sent, unknown = (end.messages.get(state, 0) for state in (MessageState.SENT, MessageState.UNKNOWN))
    is_finished = end.state is CampaignState.FINISHED
    says = "is finished" if is_finished else "was cancelled"
    states = (MessageState(name) for name in _FIGURES if name not in {"total", "sent"})
    others = [f"{end.messages[state]:,} {state.replace('_', ' ')}" for state in states if end.messages.get(state)]
    report = f"broadcaster campaign report {quote(end.name)}"
    return Occasion(
        event=NoticeEvent.FINISHED if is_finished else NoticeEvent.STOPPED,
        subject=end.name,
        occurrence=end.occurrence,
        heard_from=end.finished_at,
        notice=Notice(
            summary=", ".join([f"campaign {end.name} {says}: {sent:,} of {counted(total)} sent", *others]),
            detail=f"`{report}` says what became of the others" if unknown and len(others) > 1 else None,
            advice=_SETTLE if unknown else "see what became of them with",
            command=f"broadcaster campaign settle {quote(end.name)}" if unknown else report,
            figures=_by_state(end.messages),
        ),
    )


def stopped(campaign: StoppedCampaign) -> Occasion:
    """A campaign paused itself, or could not begin."""
    by_itself = campaign.reason.startswith(STOPPED)
    return Occasion(
        event=NoticeEvent.STOPPED,
        subject=campaign.name,
        notice=Notice(
            summary=f"campaign {campaign.name} {'was ' + STOPPED.removesuffix(': ') if by_itself else 'has stopped'}",
            detail=campaign.reason.removeprefix(STOPPED),
            advice="mend what it says, then go on with",
            command=f"broadcaster campaign resume {quote(campaign.name)}",
            figures=_by_state(campaign.messages),
        ),
    )


def unsettled(campaign: UnsettledCampaign) -> Occasion:
    """Messages wait for an operator: it is told of the first of them, and `ended` counts all."""
    so_far = " so far" if campaign.is_open else ""
    arrived = f"nobody knows whether {'it' if campaign.unknown == 1 else 'they'} arrived"
    return Occasion(
        event=NoticeEvent.DOUBTS,
        subject=campaign.name,
        notice=Notice(
            summary=f"campaign {campaign.name} has {counted(campaign.unknown)} unknown{so_far}: {arrived}",
            advice=_SETTLE,
            command=f"broadcaster campaign settle {quote(campaign.name)}",
            figures={"unknown": campaign.unknown},
        ),
    )


def many_opted_out(rate: OptOutRate) -> Occasion:
    """More opted out than a receiver's bound allows."""
    share = rate.opted_out / rate.read
    if rate.state in FINAL_CAMPAIGN_STATES:
        remedy = Remedy(
            "ask whether these people wanted it before they get another one; read what they wrote with",
            f"broadcaster replies list --campaign {quote(rate.name)}",
        )
    else:
        remedy = Remedy(
            "ask whether these people wanted it, and stop what still waits with",
            f"broadcaster campaign pause {quote(rate.name)}",
        )
    return Occasion(
        event=NoticeEvent.OPT_OUTS,
        subject=rate.name,
        occurrence=rate.occurrence,
        optouts_above=rate.bound,
        notice=Notice(
            summary=f"campaign {rate.name}: {percent(share)} have opted out, above {percent(rate.bound)}",
            advice=remedy.advice,
            command=remedy.command,
            figures={"sent": rate.read, "opted_out": rate.opted_out, "share": round(share, 6)},
        ),
    )


def troubles(found: Iterable[Standstill]) -> Iterator[Occasion]:
    """Those of what does not move that receivers are told of, if it lasts."""
    for each in found:
        if each.what is What.INSTANCE and _is_trouble(each):
            event = NoticeEvent.TROUBLE
        elif each.what is What.CAMPAIGN and each.cause in _STUCK:
            event = NoticeEvent.STUCK
        elif each.cause is Cause.HELD:
            event = NoticeEvent.HELD
        else:
            continue
        yield Occasion(
            event=event,
            subject=each.name,
            # Another one that is held later is news.
            occurrence=each.cause.value if each.cause is not Cause.HELD else f"{each.cause} {each.since}",
            notice=Notice(
                summary=f"{each.what} {each.name} {each.says}",
                detail=each.detail,
                advice=each.remedy.advice.removesuffix(":"),
                command=each.remedy.command,
                figures={"waiting": each.waiting} if each.waiting else {},
                since=each.since,
            ),
        )


def well_again(instance: str, occurrence: str, heard_from: datetime) -> Occasion:
    """An instance is well of whose trouble receivers were told, at `heard_from`."""
    return Occasion(
        event=NoticeEvent.WELL,
        subject=instance,
        occurrence=occurrence,
        heard_from=heard_from,
        notice=Notice(
            summary=f"instance {instance} is well again",
            advice="see it with",
            command=f"broadcaster instance show {quote(instance)}",
        ),
    )


def few_at_once(found: Iterable[Occasion]) -> Iterator[Occasion]:
    """The first MOST_AT_ONCE of each event, and one that says how many more there are."""
    counts: Counter[NoticeEvent] = Counter()
    last: dict[NoticeEvent, Occasion] = {}
    for each in found:
        counts[each.event] += 1
        if counts[each.event] <= MOST_AT_ONCE:
            yield each
        last[each.event] = each
    for event, count in counts.items():
        if count > MOST_AT_ONCE:
            more = count - MOST_AT_ONCE
            summary = f"{event}: {more:,} more of the same, the last of them {last[event].subject}"
            notice = Notice(
                summary=summary, advice="see all with", command="broadcaster status", figures={"more": more}
            )
            # The last one's own occurrence, which is told by nothing else.
            yield msgspec.structs.replace(last[event], notice=notice)


def trial_notice(receiver: str) -> Notice:
    """What a receiver gets to show that it can be reached."""
    summary = f"this is a test of receiver {receiver}"
    return Notice(summary=summary, advice="nothing has happened, and nothing needs doing")


def parse_events(written: Iterable[str]) -> tuple[NoticeEvent, ...]:
    """The events that are named, each once; without a name all of them. Raises UsageError."""
    names = {event.value: event for event in TOLD}
    wanted = [each.strip().casefold() for each in written]
    if unknown := [each for each in wanted if each not in names]:
        raise UsageError(f"--on {quoted(unknown[0])} is no event: there are {', '.join(names)}")
    return tuple(event for event in TOLD if not wanted or event.value in wanted)


def said_events(events: Iterable[NoticeEvent]) -> str:
    """For people: `all`, or their names."""
    named = [event.value for event in events]
    return "all" if set(named) == {event.value for event in TOLD} else ", ".join(named)


def _is_trouble(found: Standstill) -> bool:
    """Not where an operator has paused it: then nothing is to be told; one that has paused itself says why."""
    return found.cause in _ILL or (found.cause is Cause.PAUSED and found.detail is not None)


def _by_state(messages: Mapping[MessageState, int]) -> dict[str, int | float]:
    return {"total": sum(messages.values()), **{state.value: count for state, count in messages.items() if count}}


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else percent(value)
