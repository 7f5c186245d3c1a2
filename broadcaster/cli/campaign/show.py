"""`broadcaster campaign list` and `show`: where campaigns stand."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote
from typing import Annotated, Any

import msgspec
import typer

from broadcaster.cli.campaign import Name
from broadcaster.cli.campaign.count_columns import count_columns
from broadcaster.cli.campaign.told_plan import said_when_sent
from broadcaster.cli.database import reader
from broadcaster.cli.moves import say_failovers, say_moves
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_fields, say_json, say_table
from broadcaster.cli.troubles import (
    few_troubles,
    said_by_instances,
    say_troubles,
    trouble_document,
    troubles_and_holds,
    without_own_remedy,
)
from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.care import percent
from broadcaster.domain.durations import duration
from broadcaster.domain.frequency import WaitingPeople
from broadcaster.domain.holds import HoldNow, said_holds
from broadcaster.domain.plan_remarks import said_expiry
from broadcaster.domain.shares import said_share
from broadcaster.domain.sharing import said_weights
from broadcaster.domain.skips import Skipped, said_skips
from broadcaster.domain.standstill import Standstill
from broadcaster.domain.states import CampaignState, MessageState
from broadcaster.services.campaigns import campaign_reports
from broadcaster.services.campaigns.campaign_reports import CampaignSummary
from broadcaster.services.campaigns.move_reports import OpenFailover, ToldMove, moves_of_campaign, open_failovers
from broadcaster.services.campaigns.planning import open_work
from broadcaster.services.campaigns.purged import told_of_purge
from broadcaster.services.inbox_reports import ReplyFigures, reply_figures
from broadcaster.settings import load
from broadcaster.time_zones import shown_time

STATE_STYLES = {
    "running": "green",
    "finished": "bold green",
    "paused": "yellow",
    "scheduled": "cyan",
    "queued": "cyan",
    "cancelled": "dim",
    "failed": "bold red",
}


_GOES_ON = (CampaignState.SCHEDULED, CampaignState.RUNNING)


def list_latest(
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=100_000, help="How many.")] = 50,
    as_json: Json = False,
) -> None:
    """List the latest campaigns, newest first. OPEN counts the messages that are not final yet.

    Where there are any, UNKNOWN counts those of which nobody knows whether they were accepted, EXPIRED those that did
    not leave in time, OTHER those that were skipped or cancelled, and REJECTED the recipients who could be sent
    nothing: they are no messages.
    """
    with reader(load()) as source:
        rows = campaign_reports.list_campaigns(source, limit=limit)
    if as_json:
        say_json(rows)
    elif rows:
        counts, with_rejected = count_columns(rows), any(each.recipients_rejected for each in rows)
        say_table(
            [
                *("NAME", "STATE", *counts),
                *(["REJECTED"] if with_rejected else []),
                "STARTS",
            ],
            (
                [
                    *(each.name, each.said_state, *(count(each) for count in counts.values())),
                    *([each.recipients_rejected] if with_rejected else []),
                    shown_time(each.starts_at, seconds=False),
                ]
                for each in rows
            ),
            styles=STATE_STYLES,
            folded=["NAME"],
        )
    else:
        say("there are no campaigns yet: submit one with `broadcaster campaign submit`")


def show(name: Name, as_json: Json = False) -> None:
    """Show where a campaign stands: its messages by state, its instances and times, and what keeps it from moving."""
    settings = load()
    with reader(settings) as source:
        summary = campaign_reports.campaign_summary(source, name)
        figures = reply_figures(source, summary.id)
        found, holds = troubles_and_holds(source, settings, name)
        plan = open_work(source, name).plan()
        moves, away = moves_of_campaign(source, name), open_failovers(source, campaign=name)
    ahead = plan if summary.state in _GOES_ON else None
    waiting, skips = (plan.waiting_people, plan.skips) if plan else ((), ())
    if as_json:
        ends = {"ends_at": ahead and ahead.known_end, "holds": holds, "waiting_people": waiting, "skips": skips}
        document = {**campaign_document(summary, found), **reply_document(summary, figures), **ends}
        say_json(document | moves_document(moves, away))
    else:
        say_fields(campaign_fields(summary, figures) | _skipped(skips) | _ends(ahead, found) | _held(holds, waiting))
        say_purged(summary)
        said = without_own_remedy(said_by_instances(found), f"broadcaster campaign show {quote(name)}")
        say_troubles(few_troubles(said))
        say_failovers(away)
        say_moves(moves)


def moves_document(moves: Sequence[ToldMove], away: Sequence[OpenFailover]) -> dict[str, Any]:
    """What went from one of its instances to another, for programs."""
    return {"moves": moves, "failovers": away}


def _ends(plan: CampaignPlan | None, found: Sequence[Standstill]) -> dict[str, object]:
    """When it is sent, what it waits for, how many of it expire, and until when it stays open for that."""
    if plan is None or (plan.known_end is None and not plan.expire):
        return {}
    told = [said_when_sent(plan), f"it waits for {plan.said_waits}" if plan.waits_for else ""]
    told += [said_expiry(plan, shown_time)] if plan.expire and not plan.is_never_sent else []
    expires_at = plan.expires_at if plan.expire else None
    open_until = max(filter(None, [expires_at, *(each.until for each in found)]), default=None)
    if plan.known_end is not None and open_until is not None and open_until > plan.known_end:
        told.append(f"it stays open until {shown_time(open_until)}")
    return {"ends": "; ".join(filter(None, told))}


def _skipped(skips: Sequence[Skipped]) -> dict[str, object]:
    """How many it skips, and why, as its plan says it."""
    return {"skipped": said_skips(skips)} if skips else {}


def _held(holds: Sequence[HoldNow], waiting: Sequence[WaitingPeople]) -> dict[str, object]:
    """What holds it now."""
    return {"held by": "; ".join(said_holds(holds, shown_time, waiting))} if holds or waiting else {}


def campaign_document(summary: CampaignSummary, found: Sequence[Standstill]) -> dict[str, Any]:
    """One campaign for programs: the keys of `--json`, with what keeps it from moving."""
    return {**msgspec.structs.asdict(summary), "standing_still": [trouble_document(each) for each in found]}


def reply_document(summary: CampaignSummary, figures: ReplyFigures) -> dict[str, Any]:
    """What came back for it, for programs."""
    return {**msgspec.structs.asdict(figures), "reply_rate": _reply_rate(summary, figures)}


def campaign_fields(summary: CampaignSummary, figures: ReplyFigures) -> dict[str, object]:
    """A campaign for people: states that hold no message are left out."""
    reason = summary.state_reason
    counts = {state.value.replace("_", " "): summary.count(state) for state in MessageState}
    return {
        "campaign": summary.name,
        "state": f"{summary.said_state} ({reason})" if reason else summary.said_state,
        "messages": summary.total,
        **{f"  {state}": count for state, count in counts.items() if count},
        "rejected": _rejected(summary),
        **({"replies": _told_of_replies(summary, figures)} if figures.replies else {}),
        "instances": said_weights({name: (summary.weights or {}).get(name) for name in summary.instances or ()}),
        "content": summary.content,
        "locale": summary.locale,
        "recipients": _recipients(summary),
        "created": shown_time(summary.created_at),
        "starts": shown_time(summary.starts_at),
        **({"windows": str(summary.hours)} if summary.hours else {}),
        **({"expires": shown_time(summary.expires_at)} if summary.expires_at else {}),
        **({"requires consent": "yes"} if summary.require_consent else {}),
        **({"care": str(summary.care)} if summary.care else {}),
        **({"sharing": str(summary.sharing)} if summary.sharing else {}),
        **({"limits": ", ".join(summary.limits)} if summary.limits else {}),
        **({"canary": told_of_slices(summary)} if told_of_slices(summary) else {}),
        "started": shown_time(summary.started_at),
        "finished": shown_time(summary.finished_at),
    }


def told_of_slices(summary: CampaignSummary) -> str:
    """Which slice of its canary is open, and when the next one is: `slice 1 of 3, up to 2% of the recipients`."""
    care, open_slices = summary.care, summary.open_slices
    if care is None or not open_slices or open_slices >= care.slices or summary.finished_at is not None:
        return ""
    told = f"slice {open_slices} of {care.slices}, up to {percent(care.share_of(open_slices))} of the recipients"
    if summary.next_slice_at is None or summary.state is not CampaignState.RUNNING:
        return told
    return f"{told}; the next opens at {shown_time(summary.next_slice_at)} if its limits hold"


def _reply_rate(summary: CampaignSummary, figures: ReplyFigures) -> float | None:
    """The share of its sent messages that were answered; None: nothing was sent."""
    return figures.answered / summary.sent if summary.sent else None


def _told_of_replies(summary: CampaignSummary, figures: ReplyFigures) -> str:
    rate, first = _reply_rate(summary, figures), figures.seconds_to_first_reply
    share = f", {said_share(rate)} of those sent" if rate is not None else ""
    told = [
        f"{figures.replies:,} from {figures.answered:,}{share}",
        f"{figures.opted_out_by_reply:,} opted out by it, {figures.near_misses:,} may ask to stop",
    ]
    if first is not None:
        told.append(f"half of the first ones within {duration(first)}")
    return "; ".join(told)


def say_purged(summary: CampaignSummary) -> None:
    """A line where the campaign has its totals only."""
    if summary.purged_at is not None:
        say(told_of_purge(summary.purged_at))


def _rejected(summary: CampaignSummary) -> str | None:
    if not summary.recipients_rejected:
        return None
    return f"{summary.recipients_rejected:,} (`broadcaster campaign export {quote(summary.name)} --rejected`)"


def _recipients(summary: CampaignSummary) -> str:
    source, read, rejected = summary.source, summary.recipients_read, summary.recipients_rejected
    if summary.audience is not None and summary.started_at is None:
        return f"{source}, as it is at the start"
    told = f"{source}: {read:,} read, {rejected:,} rejected"
    return told if (repeated := summary.recipients_repeated) is None else f"{told}, {repeated:,} repeated"
