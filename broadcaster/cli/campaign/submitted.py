"""What `campaign submit` says of what was stored, or would be, and what it asks."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from shlex import quote

import typer

from broadcaster.cli.campaign.remarks import file_document, said_file, say_remarks
from broadcaster.cli.campaign.told_plan import said_duration, said_duration_of_draft, said_end, say_days
from broadcaster.cli.options.phones import countries_document
from broadcaster.cli.output import one_line, say, warn
from broadcaster.cli.reached import (
    say_conditions,
    say_earlier_consents,
    say_empty_values,
    say_members,
    say_rejects,
    say_repeats,
    say_samples,
)
from broadcaster.cli.rejected_file import said_place_of_rejected
from broadcaster.domain.durations import duration
from broadcaster.domain.meeting_hours import said_hours
from broadcaster.domain.pacing import closing_reserve
from broadcaster.domain.plan_remarks import said_stopped
from broadcaster.domain.whose_numbers import said_countries, said_landlines
from broadcaster.errors import listed
from broadcaster.services.campaigns.loading import OnePer
from broadcaster.services.campaigns.rests import NotInRest
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submission_result import Submitted
from broadcaster.services.recipients.row_checks import SentAlreadyError
from broadcaster.settings import load
from broadcaster.time_zones import shown_time, shown_zone

_MOST_NAMED = 3
"""Instances to name that were never tried: who has more of them has understood."""


def submitted_document(submitted: Submitted) -> dict[str, object]:
    """What was stored, or would be, for programs."""
    document = asdict(submitted) | {"countries": countries_document(submitted.countries)}
    for unwritten in ("sample_files", "shared_files", "lanes", "never_meets", "draft"):
        del document[unwritten]
    del document["people"]
    del document["is_never_sent"], document["stopped"], document["open_until"]
    document["care"] = submitted.care
    document["samples"] = [
        {"phone": phone, "message": message, "file": file_document(file)}
        for (phone, message), file in zip_longest(submitted.samples, submitted.sample_files)
    ]
    document["repeats"] = [repeat._asdict() for repeat in submitted.repeats]
    document["rejects"] = [
        {"line": line or None, "phone": phone, "reason": reason} for line, phone, reason in submitted.rejects
    ]
    return document


def say_submitted(
    submitted: Submitted,
    submission: Submission,
    audience: str | None,
    *,
    dry_run: bool,
    all_rejected: Path | None = None,
) -> None:
    """Say what was stored, or would be, and what to think of before it is sent.

    `all_rejected` is where all rejected rows of a file were written.
    """
    name = submitted.name
    if dry_run:
        say(f"dry run of campaign {name}: nothing was stored")
    else:
        starts_now = not submission.draft and submission.starts_at is None
        say(f"campaign {name} is stored, {'and starts now' if starts_now else f'as {submitted.state}'}")
    _say_counts(submitted, audience)
    if submitted.opted_out:
        say(f"opted out by now: {submitted.opted_out:,}; their messages are skipped when it starts")
    if submitted.undecided_near_misses:
        say(
            f"may have asked to stop, and nobody has decided: {submitted.undecided_near_misses:,}; they get it unless "
            "you read what they wrote with `broadcaster replies list --undecided` and `broadcaster phone block NUMBER`"
        )
    if submitted.consents is not None:
        say(f"have agreed to messages, by this list: {submitted.consents:,}")
    say_earlier_consents(submitted.consents_kept, submitted.consents_to_come)
    if submitted.no_consent is not None:
        say(f"have not agreed to messages by now: {submitted.no_consent:,}; who has not is skipped when it starts")
    _say_care(submitted)
    say(f"countries: {said_countries(submitted.countries)}")
    if submitted.landlines:
        say(said_landlines(submitted.landlines, submitted.landline_lines))
    say_rejects(submitted)
    if submitted.rejected > len(submitted.rejects) and audience is None:
        _say_all_rejected(submitted, all_rejected, dry_run=dry_run)
    _say_file_notes(submitted, submission)
    if dry_run:
        say_samples(submitted, submission.content.kind, list(map(said_file, submitted.sample_files)))
    say_remarks(submitted.lint)
    if submission.starts_at is not None:
        say_start(submission.starts_at, dry_run=dry_run)
    _say_hours(submitted, submission)
    _say_estimate(submitted, submission)
    for instance in submitted.untried[:_MOST_NAMED]:
        say(
            f"nothing was sent through instance {instance} yet: see a message arrive on a phone of yours with "
            f"`broadcaster instance check {quote(instance)} --to NUMBER`"
        )
    if submission.draft and not dry_run:
        say(f"start it with `broadcaster campaign start {quote(name)}`")


def _say_all_rejected(submitted: Submitted, output: Path | None, *, dry_run: bool) -> None:
    """Where there are more of them than are shown."""
    if not dry_run and output is None:
        say(f"  `broadcaster campaign export {quote(submitted.name)} --rejected` has them all")
    elif submitted.rest_of is None:
        say(f"  {said_place_of_rejected(output)}")


def _say_care(submitted: Submitted) -> None:
    if submitted.unanswered is not None:
        say(f"have not answered for long by now: {submitted.unanswered:,}; who has not is skipped when it starts")
    if submitted.not_known is not None:
        say(f"not known to their instance by now: {submitted.not_known:,}; who is not is skipped when it starts")
    for remark in submitted.contention.remarks():
        say(remark)
    if submitted.care is not None:
        say(f"care: {submitted.care}")
    if submitted.sharing.is_given:
        say(f"sharing: {submitted.sharing}")
    if submitted.limits:
        say(f"limits: {', '.join(submitted.limits)}")
    if submitted.sharing.sticky:
        kept = ", ".join(f"{instance} {people:,}" for instance, people in submitted.keep_theirs.items())
        say(f"people who keep the instance that talked to them last: {kept or 'none'}")


def _say_hours(submitted: Submitted, submission: Submission) -> None:
    if submitted.opens_at is not None:
        now = datetime.now(UTC)
        opens = "now" if submitted.opens_at <= now else f"at {shown_time(submitted.opens_at)}"
        hours = said_hours(submission.hours, submitted.instance_hours)
        first = submitted.opens_through
        through = f", through {listed(first, _MOST_NAMED)}" if len(first) < len(submitted.lanes) else ""
        say(f"it is sent {hours}: the first of its recipients may be sent to {opens}{through}")
    for country, recipients in submitted.in_several_zones.items():
        are = "recipient is" if recipients == 1 else "recipients are"
        zones = "where numbers tell no time zone: all zones of it have to be open"
        say(f"{recipients:,} {are} in {country}, {zones}")
    if submitted.without_legal_hours:
        countries = ", ".join(submitted.without_legal_hours)
        say(f"no legal hours are known of {countries}: add a --window of yours where you know more")
    if submission.expires_at is not None:
        until = submission.expires_at - closing_reserve(load().request_timeout_seconds)
        expires = shown_time(submission.expires_at)
        if until > datetime.now(UTC):
            rest = f"since a request takes its time; the others expire at {expires}"
            say(f"messages leave until {shown_time(until)}, {rest}")
        else:
            say(f"it expires at {expires}, and a request may take longer: nothing leaves before")


def _say_counts(submitted: Submitted, audience: str | None) -> None:
    if submitted.rest_of is not None:
        _say_rest(submitted, submitted.rest_of)
    elif audience is None:
        say(
            f"recipients read: {submitted.read:,}; messages: {submitted.total:,}; rejected: {submitted.rejected:,}; "
            f"repeated: {submitted.duplicates:,}"
        )
        if submitted.where:
            rows = submitted.read + submitted.not_meant
            say(f"  {submitted.read:,} of the file's {rows:,} rows meet the conditions")
            say_conditions(submitted)
    else:
        say_members(submitted, audience, "it gets those that there are when it starts")


_NOT_IN_REST = {
    NotInRest.SENT: "have got it",
    NotInRest.PENDING: "will still get it",
    NotInRest.SENDING: "are being sent to",
    NotInRest.IN_DOUBT: "may have got it, in doubt",
    NotInRest.UNKNOWN: "may have got it, unknown",
    NotInRest.OPTED_OUT: "have opted out",
    NotInRest.LEFT: "are in its audience no more",
    NotInRest.FORGOTTEN: "were forgotten",
}


def _say_rest(submitted: Submitted, of: str) -> None:
    say(f"left of campaign {of}: {submitted.read:,}; messages: {submitted.total:,}; rejected: {submitted.rejected:,}")
    for reason, messages in submitted.not_in_rest.items():
        say(f"  not among them, since they {_NOT_IN_REST[NotInRest(reason)]}: {messages:,}")
    if submitted.changed_values:
        say(f"  their values have changed since, and they get those of now: {submitted.changed_values:,}")
    for name in submitted.unsettled:
        say(f"  decide about those in doubt or unknown with `broadcaster campaign settle {quote(name)}`")


def say_start(starts_at: datetime, *, dry_run: bool = False) -> None:
    """When a campaign starts that has time yet."""
    ahead = duration((starts_at - datetime.now(UTC)).total_seconds())
    starts = "would start" if dry_run else "starts"
    say(f"it {starts} {shown_time(starts_at)}, in {ahead}, by the clocks of {shown_zone()}")


def _say_estimate(submitted: Submitted, submission: Submission) -> None:
    if submitted.seconds_to_send is None:
        _say_why_untold(submitted)
        return
    if submitted.seconds_to_send < 1:
        say("sending takes as long as the gateway needs: so many may be sent at once")
    elif submitted.draft is not None:
        say(said_duration_of_draft(submitted.draft, submission.starts_at))
    elif submitted.ends_at is not None:
        until = said_end(submitted.ends_at, submitted.earliest_at, submitted.latest_at)
        told = said_duration(submitted.seconds_to_send, submitted.ends_at, until, submitted.waits_for)
        say(f"{told}; it stays open until {shown_time(submitted.open_until)}" if submitted.open_until else told)
    if submission.draft and len({each.day for each in submitted.days}) > 1:
        say("the days are as if it were started now:")
    say_days(submitted.days)
    _say_plan_remarks(submitted)
    if submitted.waiting:
        messages = "message of another campaign" if submitted.waiting == 1 else "messages of other campaigns"
        say(f"  beside {submitted.waiting:,} {messages} through its instances, as priorities say")


def _say_plan_remarks(submitted: Submitted, *, but: Collection[str] = ()) -> None:
    """All of them but those that have been said."""
    for remark in submitted.plan_remarks:
        if remark not in but:
            say(f"  {remark}")


def _say_why_untold(submitted: Submitted) -> None:
    """Why nobody can tell how long sending takes, and what is to be said of it besides."""
    unlimited = [lane.instance for lane in submitted.lanes if not (lane.interval or lane.limits)]
    why: Sequence[str] = list(said_stopped(submitted.stopped))
    if submitted.never_meets:
        why = ["some of it is never sent, since windows do not meet"]
    elif not why and unlimited:
        why = [f"{listed(unlimited, _MOST_NAMED)} has no rate limit"]
    elif not why and all(lane.interval for lane in submitted.lanes):
        why = ["limits and windows do not let all of it leave within a year"]
    if submitted.is_never_sent:
        say("nothing of it is sent: all of it expires before it may leave")
    elif submitted.leaving:
        told = f"how long sending takes cannot be told: {'; '.join(why)}"
        say(told if why else "sending takes as long as the gateway needs: so many may be sent at once")
    _say_plan_remarks(submitted, but=why)


def ask_again(error: SentAlreadyError, path: Path) -> None:
    """Ask whether to send again to whoever got a message. Raises the error unless somebody says yes."""
    if path == Path("-") or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise error
    if not typer.confirm(f"{one_line(str(error))}\nSend to all such rows again?", err=True):
        raise error


def _say_file_notes(submitted: Submitted, submission: Submission) -> None:
    """Say which lines repeat others, where variables are empty, and what else should be known before it is sent."""
    say_repeats(submitted.repeats, submitted.repeated)
    if submitted.repeated:
        if submission.one_per is OnePer.ROW:
            say("  each of these lines gets a message of its own")
        else:
            say("  the first line of a phone is sent; --one-per row sends each")
    among = f"{submitted.total + submitted.duplicates:,}"
    say_empty_values(submitted, f"{among} rows, repeated ones included" if submitted.duplicates else among)
    for notice in submitted.notices:
        warn(notice)
