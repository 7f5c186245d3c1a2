"""`broadcaster instance list`: all instances, however many there are."""

from __future__ import annotations

from typing import Any

import msgspec

from broadcaster.cli.database import reader
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import json_item, say, say_json_items, say_table
from broadcaster.domain.pacing import format_rate
from broadcaster.domain.span_limits import SpanLimit
from broadcaster.domain.states import LaneHealth
from broadcaster.services.instance_reports import InstanceSummary, LimitInUse, list_instances
from broadcaster.settings import load
from broadcaster.time_zones import shown_time

HEALTH_STYLES = {
    "ok": "green",
    "throttled": "yellow",
    "down": "bold red",
    "stopped": "bold white on red",
    "paused": "yellow",
    "retired": "dim",
}

_HEADERS = (
    "NAME",
    "HEALTH",
    "RATE",
    "PENDING",
    "SENDING",
    "SENT",
    "FAILED",
    "IN DOUBT",
    "UNKNOWN",
    "EXPIRED",
    "OTHER",
)
_LEFT_OUT_IF_NONE = [_HEADERS.index(each) for each in ("UNKNOWN", "EXPIRED", "OTHER")]


def list_all(as_json: Json = False) -> None:
    """List all instances: their health, limits and what went through them so far.

    Where there are any, UNKNOWN counts the messages of which nobody knows whether they were accepted, EXPIRED those
    that did not leave in time, and OTHER those that were skipped or cancelled.
    """
    # Only what is written is kept of each row, and the transaction does not last while somebody pages through it.
    with reader(load()) as source:
        if as_json:
            items = [json_item(instance_document(row)) for row in list_instances(source)]
        else:
            listed = []
            full: list[tuple[str, LimitInUse]] = []
            for row in list_instances(source):
                listed.append((_cells(row), _why_unwell(row)))
                full += [(row.name, limit) for limit in row.limits if limit.free_at is not None]
    if as_json:
        say_json_items(items)
    elif listed:
        left_out = [at for at in _LEFT_OUT_IF_NONE if not any(cells[at] for cells, _ in listed)]
        shown = [at for at in range(len(_HEADERS)) if at not in left_out]
        rows = [[cells[at] for at in shown] for cells, _ in listed]
        say_table([_HEADERS[at] for at in shown], rows, styles=HEALTH_STYLES, folded=["NAME"])
        for cells, why in listed:
            if why:
                say(f"{cells[0]} is {cells[1]}: {why}")
        for name, limit in full:
            say(f"{name} waits: {limit_in_words(limit)}")
    else:
        say("there are no instances yet: add one with `broadcaster instance add`")


def health_word(health: str) -> str:
    """How a lane's health is said to people, as `status` says it."""
    return "stopped" if health == LaneHealth.REFUSED else str(health)


def instance_document(instance: InstanceSummary) -> dict[str, Any]:
    """An instance for programs: the keys of `--json`, its rate also as people write it."""
    document: dict[str, Any] = {}
    for key, value in msgspec.structs.asdict(instance).items():
        document[key] = value
        if key == "rate_per_second":
            document["rate"] = format_rate(value)
    return document


def limit_in_words(limit: LimitInUse) -> str:
    """How much of a limit is left, for people."""
    said = str(SpanLimit(limit.most, limit.span_seconds))
    named = f"limit {limit.name}, {said}" if limit.name else f"limit {said}"
    if limit.ramp:
        named = f"ramp, step {limit.step} of {len(limit.ramp)}, {said}"
    if limit.free_at is not None:
        return f"{named}: full, the next place is free at {shown_time(limit.free_at)}"
    return f"{named}: {limit.most - limit.taken:,} left"


def _cells(instance: InstanceSummary) -> tuple[object, ...]:
    return (
        instance.name,
        health_word(instance.told_health),
        _rates(instance),
        instance.pending,
        instance.sending,
        instance.sent,
        instance.failed,
        instance.in_doubt,
        instance.unknown,
        instance.expired,
        instance.otherwise,
    )


def _rates(instance: InstanceSummary) -> str:
    """All of its own: what it may send a minute, an hour, a day. Its ramp and shared limits are told by `show`."""
    own = [str(SpanLimit(each.most, each.span_seconds)) for each in instance.limits if not (each.name or each.ramp)]
    pace = [] if own and instance.rate_per_second is None else [format_rate(instance.rate_per_second)]
    return ", ".join([*pace, *own])


def _why_unwell(instance: InstanceSummary) -> str | None:
    return instance.health_reason if instance.health is not LaneHealth.PAUSED else None
