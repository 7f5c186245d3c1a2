"""`broadcaster instance show`: all that there is to be said of one."""

from __future__ import annotations

from datetime import UTC, datetime

from broadcaster.cli.database import reader
from broadcaster.cli.instance import Name
from broadcaster.cli.instance.listing import health_word, instance_document, limit_in_words
from broadcaster.cli.moves import say_failovers, say_moves
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_fields, say_json
from broadcaster.domain.durations import duration
from broadcaster.domain.pacing import format_rate
from broadcaster.services.campaigns.move_reports import moves_of_instance, open_failovers
from broadcaster.services.inbox_reports import InboxStanding, inbox_standing
from broadcaster.services.instance_reports import LONGEST_BOUND, GatewayLatency, show_instance
from broadcaster.settings import load
from broadcaster.time_zones import shown_time

_MOMENTS = ("health_since", "not_before", "lease_expires_at", "created_at", "retired_at")


def show(name: Name, as_json: Json = False) -> None:
    """Show one instance. Its key is never shown."""
    with reader(load()) as source:
        inbox = inbox_standing(source, name)
        shown = show_instance(source, name)
        document = {**instance_document(shown), "inbox": inbox}
        moves, away = moves_of_instance(source, name), open_failovers(source, instance=name)
    if as_json:
        say_json(document | {"moves": moves, "failovers": away})
        return
    moments = {key: shown_time(document[key]) for key in _MOMENTS}
    if document["not_before"] is not None and document["not_before"] <= datetime.now(UTC):
        moments["not_before"] = None
    document["health"] = health_word(shown.told_health)
    document["hours"] = document["hours"] and str(document["hours"])
    permitted = format_rate(document.pop("permitted_per_second"))
    document["gaps"] = document["gaps"] and f"{document['gaps']}: {permitted} in all"
    document["stops"] = document["stops"] and str(document["stops"])
    limits = document.pop("limits")
    document["latency"] = _told_latency(document["latency"])
    del document["rate_per_second"], document["id"], document["inbox"]
    document["replies"] = _told_of_replies(inbox)
    say_fields({key.replace("_", " "): value for key, value in (document | moments).items()})
    for limit in limits:
        say(limit_in_words(limit))
    say_failovers(away)
    say_moves(moves, of_instance=True)


def _told_latency(latency: GatewayLatency) -> str:
    """How slow the gateway was lately."""
    since = shown_time(latency.since)
    if not latency.requests:
        return f"nothing was sent since {since}"
    half, nearly_all = _bound(latency.half_within_ms), _bound(latency.nearly_all_within_ms)
    requests = "1 request" if latency.requests == 1 else f"{latency.requests:,} requests"
    return f"half took {half}, 99 of 100 {nearly_all}: of {requests} since {since}"


def _bound(milliseconds: int | None) -> str:
    if milliseconds is None:
        return f"more than {duration(LONGEST_BOUND)}"
    return f"at most {f'{milliseconds} ms' if milliseconds < 1000 else duration(milliseconds / 1000)}"


def _told_of_replies(inbox: InboxStanding) -> str:
    """Whether they are read, how far, and what may be missing, in a sentence."""
    if inbox.read_replies_seconds is None:
        return "not read"
    told = [f"read every {duration(inbox.read_replies_seconds)}, at most {inbox.reads_a_second} reads a second"]
    told.append(f"last at {shown_time(inbox.listed_at)}" if inbox.listed_at else "not yet")
    if inbox.chats_waiting:
        chats = "1 changed chat waits" if inbox.chats_waiting == 1 else f"{inbox.chats_waiting:,} changed chats wait"
        told.append(chats)
    if inbox.unreadable_since:
        told.append(f"not readable since {shown_time(inbox.unreadable_since)}")
    if inbox.gap_from:
        told.append(f"chats that changed since {shown_time(inbox.gap_from)} (its clock) may be left out of its lists")
    if inbox.chats_cut:
        told.append(f"{inbox.chats_cut:,} readings of chats did not show all")
    if inbox.trouble:
        told.append(inbox.trouble)
    return "; ".join(told)
