"""`broadcaster campaign plan`: when a campaign is sent, what it waits for, and what would make it earlier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
import typer

from broadcaster.cli.campaign import Name
from broadcaster.cli.campaign.told_plan import end_document, said_when_sent, say_days
from broadcaster.cli.database import database
from broadcaster.cli.options.results import Json
from broadcaster.cli.options.when import given_moment
from broadcaster.cli.output import say, say_fields, say_json, warn
from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.durations import duration
from broadcaster.domain.plan_changes import MOST_INSTANCES
from broadcaster.domain.plan_remarks import plan_remarks, said_change_of_expiry, said_expiry, said_waits_for_people
from broadcaster.domain.sending_plans import Hold
from broadcaster.domain.skips import said_skips
from broadcaster.domain.span_limits import SpanLimit, parse_each_rate
from broadcaster.domain.states import CampaignState, MessageState
from broadcaster.errors import NothingLeftError, UsageError, quoted
from broadcaster.services.campaigns.foreseeing import ForeseenCampaign, WhatIf, foresee
from broadcaster.settings import load
from broadcaster.time_zones import shown_time


def plan(
    name: Name,
    with_instance: Annotated[
        list[str] | None,
        typer.Option(
            "--with-instance",
            metavar="NAME|+N",
            help="As if it were sent through this one as well, or through N more like its best one. Repeatable.",
        ),
    ] = None,
    with_rate: Annotated[
        list[str] | None,
        typer.Option(
            "--with-rate",
            metavar="NAME=RATE",
            help="As if an instance had this rate in place of that of its span: 30/min, 200/h, 1000/d. Repeatable.",
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="WHEN",
            help="Name the cheapest change by which all of it leaves before; exit code 1 where none does.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show when a campaign is sent, beside all others: its end, each day and instance, what it waits for.

    Nothing is changed. That of a draft, or of one that is paused, is as if it were started, or resumed, now. --by
    exits with 0 where it is made or a change is named, and with 1 where no single change makes it. Messages that are
    dealt stay with their instances where a rate or a window changes. Whoever is skipped as it stands is not planned;
    it says how many are, and why. Nobody knows who opts out meanwhile; of an audience those count that there are now.

    Example: broadcaster campaign plan spring --with-instance +1 --by "Thursday 18:00"
    """
    names, more = _instances(with_instance or [])
    deadline = _deadline(by)
    asked = WhatIf(instances=names, more=more, rates=_rates(with_rate or []), deadline=deadline)
    try:
        with database(load()) as engine:
            found = foresee(engine, name, asked)
    except NothingLeftError as error:
        say_json({"name": name, "messages": 0, "remarks": [str(error)]}) if as_json else say(str(error))
        return
    if as_json:
        say_json(_document(found, asked))
    else:
        _say(found, asked)
    if found.is_missed:
        raise typer.Exit(1)


def _deadline(by: str | None) -> datetime | None:
    """Raises UsageError for one that is not ahead."""
    deadline = given_moment(by, "--by")
    if deadline is not None and deadline <= datetime.now(UTC):
        raise UsageError(
            f"--by {quoted(by or '')} is {shown_time(deadline)}, which has passed: give a moment that is ahead"
        )
    return deadline


_DONE = (
    MessageState.SENT,
    MessageState.FAILED,
    MessageState.IN_DOUBT,
    MessageState.UNKNOWN,
    MessageState.CANCELLED,
    MessageState.EXPIRED,
)
"""What is not left to send. Those that were skipped are told with those that will be."""
_AS_IF = {
    CampaignState.DRAFT: ": the plan is as if it were started now",
    CampaignState.PAUSED: ": the plan is as if it were resumed now",
}


def _instances(written: Sequence[str]) -> tuple[Sequence[str], int]:
    """The names, and how many more."""
    more = [each for each in written if each.startswith("+")]
    if not all(each[1:].isdecimal() and 1 <= int(each[1:3]) <= MOST_INSTANCES and len(each) <= 3 for each in more):
        raise UsageError(f"--with-instance {quoted(more[0])} is not understood: write +1 to +{MOST_INSTANCES}")
    return [each for each in written if not each.startswith("+")], sum(int(each[1:]) for each in more)


def _rates(written: Sequence[str]) -> dict[str, list[float | SpanLimit]]:
    """By instance. Raises UsageError."""
    rates: dict[str, list[str]] = {}
    for each in written:
        name, equals, rate = each.rpartition("=")
        if not (equals and name):
            raise UsageError(f"--with-rate {quoted(each)} is not understood: write it like main=30/min")
        rates.setdefault(name, []).append(rate.strip())
    return {name: _rates_of(name, of_one) for name, of_one in rates.items()}


def _rates_of(name: str, written: Sequence[str]) -> list[float | SpanLimit]:
    try:
        return parse_each_rate(written)
    except UsageError as error:
        given = " ".join(quoted(f"{name}={each}") for each in written)
        raise UsageError(f"--with-rate {given}: {error}; give NAME=RATE, like {name}=30/min") from None


def _document(found: ForeseenCampaign, asked: WhatIf) -> dict[str, Any]:
    what_if = None if found.changed is None else {"with": found.changes, **_plan_document(found.changed)}
    by = None if asked.deadline is None else {"at": asked.deadline, "is_made": found.is_made, "change": found.change}
    return {
        "name": found.name,
        "state": found.state,
        "started_at": found.started_at,
        **{state.value: found.counts[state] for state in _DONE},
        "messages": found.messages,
        **_plan_document(found.plan, found.days_without),
        "what_if": what_if,
        "by": by,
    }


def _plan_document(plan: CampaignPlan, days_without: Mapping[str, int] | None = None) -> dict[str, Any]:
    return {
        "begins_at": plan.begins_at,
        "first_at": plan.first_at,
        **end_document(plan),
        "expire": plan.expire,
        "expires_at": plan.expires_at,
        "remaining": plan.remaining,
        "days": [msgspec.structs.asdict(each) for each in plan.days],
        "waits": [msgspec.structs.asdict(each) for each in plan.waits],
        "waiting_people": plan.waiting_people,
        "moves": plan.moves,
        "stays": plan.stays,
        "skips": plan.skips,
        "remarks": list(plan_remarks(plan, shown_time, days_without)),
    }


def _say(found: ForeseenCampaign, asked: WhatIf) -> None:
    plan, total = found.plan, sum(found.counts.values())
    say_fields(
        {
            "campaign": found.name,
            "state": f"{found.state}{_AS_IF.get(found.state, '')}",
            **({"messages": total} if total else {}),
            **{state.value.replace("_", " "): found.counts[state] for state in _DONE if found.counts[state]},
            "to send": found.messages,
            **({"skipped": said_skips(plan.skips)} if plan.skips else {}),
            **({"began": shown_time(found.started_at)} if found.started_at else {}),
            "goes on" if found.started_at else "begins": None if plan.first_at is None else shown_time(plan.first_at),
            "ends": _said_end(plan),
            **{("waits for" if not number else ""): each for number, each in enumerate(_said_waits(plan))},
        }
    )
    say_days(plan.days, fewest=1)
    for remark in plan_remarks(plan, shown_time, found.days_without):
        warn(remark)
    if found.changed is not None:
        say(f"with {' and '.join(found.changes)}: {_said_end(found.changed)}{_said_gain(plan, found.changed)}")
    if asked.deadline is not None:
        _say_deadline(found, asked.deadline)


def _said_end(plan: CampaignPlan) -> str:
    said = said_when_sent(plan)
    return said if plan.known_end is None else f"{said}, in {duration(plan.seconds or 0.0)}"


def _said_waits(plan: CampaignPlan) -> list[str]:
    said = [f"{wait.what}, {duration(wait.seconds)} in all" for wait in plan.waits]
    said += said_waits_for_people(plan, shown_time)
    return ["; ".join(said)] if said else []


def _said_gain(before: CampaignPlan, after: CampaignPlan) -> str:
    expiry = said_change_of_expiry(before, after)
    told = f"; {expiry}" if expiry else ""
    if before.ends_at is None or after.ends_at is None:
        return told
    gained = (before.ends_at - after.ends_at).total_seconds()
    if abs(gained) < 1:
        return told or ", no earlier"
    return f", {duration(abs(gained))} {'earlier' if gained > 0 else 'later'}{told}"


def _say_deadline(found: ForeseenCampaign, deadline: datetime) -> None:
    plan = found.changed or found.plan
    at = f"{shown_time(deadline)}{_said_expired(plan, deadline)}"
    it, further = (f"with {' and '.join(found.changes)} it", "further ") if found.changed is not None else ("it", "")
    if found.is_made:
        say(f"{it} makes {at}{'' if plan.is_paced else ', as far as the gateway lets it'}")
    elif found.change is None:
        resumed = "instances that go on, " if plan.stopped else ""
        say(
            f"{it} misses {at}, and no single {further}change makes it: {resumed}an earlier start, longer windows, "
            f"one shared limit, one rate, or up to {MOST_INSTANCES} more instances{_said_canary(plan, deadline)}"
        )
    else:
        until = "" if found.change.ends_at is None else f", and it ends {shown_time(found.change.ends_at)}"
        say(f"{it} misses {at}; the cheapest {further}change that makes it: {found.change.says}{until}")


def _said_expired(plan: CampaignPlan, deadline: datetime) -> str:
    """That what does not leave by then has expired, where that is all that is missing."""
    last = plan.latest_at or plan.ends_at
    if plan.expires_at is None or plan.expires_at > deadline or (last is not None and last > deadline):
        return ""
    return f", since {said_expiry(plan, shown_time)}"


def _said_canary(plan: CampaignPlan, deadline: datetime) -> str:
    """That its slices alone take longer, where they do."""
    slices = sum(wait.seconds for wait in plan.waits if wait.cause is Hold.CANARY)
    if plan.begins_at + timedelta(seconds=slices) <= deadline:
        return ""
    return f"; the slices of its canary alone take {duration(slices)}: let them follow sooner with --after, or drop it"
