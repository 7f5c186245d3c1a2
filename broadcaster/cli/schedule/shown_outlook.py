"""Shows what a schedule would come to: when it is due next, whom that would reach, and what they would read."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from broadcaster.cli.options.phones import countries_document
from broadcaster.cli.output import say
from broadcaster.cli.reached import say_empty_values, say_members, say_rejects, say_samples
from broadcaster.cli.schedule.show import say_upcoming, upcoming_document
from broadcaster.domain.content_kinds import ContentKind
from broadcaster.domain.durations import duration
from broadcaster.domain.meeting_hours import said_hours
from broadcaster.domain.rejections import too_many
from broadcaster.domain.whose_numbers import said_countries
from broadcaster.services.schedules.outlook import Outlook
from broadcaster.time_zones import shown_time


def outlook_document(outlook: Outlook, *, dry_run: bool) -> dict[str, Any]:
    """The same for programs: the keys of `--json`."""
    reach = outlook.reach
    rejects = [{"phone": phone, "reason": reason} for _, phone, reason in reach.rejects]
    samples = [{"phone": phone, "message": message} for phone, message in reach.samples]
    lists = {"rejects": rejects, "samples": samples, "countries": countries_document(reach.countries)}
    upcoming = upcoming_document(outlook.upcoming)
    moments = {"utc": outlook.due_at, "opens_at": outlook.opens_at, "expires_at": outlook.expires_at}
    expires_after = outlook.upcoming.schedule.expires_after
    document = {
        **upcoming,
        "dry_run": dry_run,
        "hours": outlook.hours,
        "expires_after_seconds": expires_after and expires_after.total_seconds(),
        "notices": outlook.notices,
        "first": {**moments, **asdict(reach), **lists},
    }
    return document if outlook.lint is None else document | {"lint": list(map(asdict, outlook.lint))}


def say_outlook(outlook: Outlook, kind: ContentKind) -> None:
    """The next occurrences, and what the first of them would come to."""
    schedule, reach = outlook.upcoming.schedule, outlook.reach
    say_upcoming(outlook.upcoming)
    _say_hours(outlook)
    due = "of the next occurrence" if outlook.upcoming.occurrences else "of one that is run now"
    say(f"{due}, {shown_time(outlook.due_at, schedule.zone)}:")
    say_members(reach, outlook.audience, "each gets those that there are when it starts")
    say(f"countries: {said_countries(reach.countries)}")
    say_rejects(reach)
    if too_many(reach.rejected, reach.read):
        say("warning: that many look like a mistake; `broadcaster status` tells when an occurrence has as many")
    if not reach.total:
        say("warning: now nobody would get it")
    for remark in reach.contention.remarks():
        say(remark)
    say_empty_values(reach, f"{reach.total:,}")
    say_samples(reach, kind)


def _say_hours(outlook: Outlook) -> None:
    """When its campaigns are sent, until when, and what to think of that."""
    zone, expires_after = outlook.upcoming.schedule.zone, outlook.upcoming.schedule.expires_after
    if (hours := said_hours(outlook.hours, outlook.instances)) and outlook.opens_at is not None:
        opens = shown_time(outlook.opens_at, zone)
        say(f"it is sent {hours}: the next occurrence can be sent from {opens} on")
    if expires_after is not None and outlook.expires_at is not None:
        after, expires = duration(expires_after.total_seconds()), shown_time(outlook.expires_at, zone)
        say(f"what has not left {after} after an occurrence expires, that of the next one at {expires}")
    for notice in outlook.notices:
        say(f"warning: {notice}")
