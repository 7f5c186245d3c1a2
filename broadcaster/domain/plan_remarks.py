"""What people should know of a plan before anything is sent. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from shlex import quote

from broadcaster.domain.campaign_plans import CampaignPlan, StoppedInstance
from broadcaster.domain.failover_plans import PlannedMove, together
from broadcaster.domain.frequency import PersonRule, they_were
from broadcaster.domain.sending_plans import Hold
from broadcaster.domain.skips import Skipped, said_skips
from broadcaster.domain.states import LaneHealth
from broadcaster.errors import listed, quoted

_MOST_NAMED = 3
_STOPPED = {
    LaneHealth.PAUSED: ": {they_are} paused by an operator; go on with `broadcaster instance resume {name}`",
    LaneHealth.REFUSED: ", and nobody knows until when: {they_are} refused; see `broadcaster instance show {name}`",
    LaneHealth.DOWN: ", and nobody knows until when: {they_are} down, and probed until {they_are} well",
}
"""Why nothing is sent through instances now, and what helps."""


def plan_remarks(
    plan: CampaignPlan, clock: Callable[[datetime], str], days_without: Mapping[str, int] | None = None
) -> Iterator[str]:
    """One sentence each, without the campaign's name. `clock` formats a moment.

    `days_without`: on how many days it would be sent without a limit (`PlannedCampaign.days_without`).
    """
    for wait in plan.waits:
        if wait.cause is Hold.WINDOW and wait.times:
            yield "it crosses a closed window" if wait.times == 1 else f"it crosses {wait.times} closed windows"
        elif wait.cause is Hold.OTHERS:
            yield f"it waits while {wait.what} is sent, which goes first"
    yield from said_put_off(plan)
    for limit, days in (days_without or {}).items():
        yield f"it needs {plan.sent_on} days with {limit}, and {days} without"
    for moved in together(plan.moves):
        yield _said_move(moved, clock)
    if plan.expire:
        yield said_expiry(plan, clock)
    yield from said_stopped(plan.stopped)
    yield from _said_stays(plan)
    if plan.remaining and not plan.stopped:
        yield f"{_messages(plan.remaining)} will not leave within a year"


def _said_stays(plan: CampaignPlan) -> Iterator[str]:
    """How many messages stay with instances through which nothing is sent."""
    for each in plan.stays[:_MOST_NAMED]:
        verb = "stays" if each.messages == 1 else "stay"
        is_no_trouble = plan.fails_over and each.health is LaneHealth.PAUSED
        why = ": a pause is no reason for a failover" if is_no_trouble else ""
        yield f"{_messages(each.messages)} {verb} with {quoted(each.instance)}{why}"
    if more := plan.stays[_MOST_NAMED:]:
        kept = sum(each.messages for each in more)
        yield f"{_messages(kept)} stay with {len(more)} more that are stopped"


def said_put_off(plan: CampaignPlan) -> Iterator[str]:
    """How many of a plan's messages wait for people, where some of these get something else before."""
    now = {each.rule: each.messages for each in plan.waiting_people}
    for rule in plan.put_off:
        by_now = f", {now[rule]:,} of them by now" if rule in now else ""
        yield f"{_said_held_back(plan, rule)} of {plan.messages:,} wait for people who {they_were(rule)}{by_now}"


def said_waits_for_people(plan: CampaignPlan, clock: Callable[[datetime], str]) -> Iterator[str]:
    """Whom a plan's messages wait for, by now or later, without a verb. `clock` formats a moment."""
    yield from (each.what(clock) for each in plan.waiting_people if each.rule not in plan.put_off)
    for rule in plan.put_off:
        yield f"people who {they_were(rule)} ({_said_held_back(plan, rule)} of {_messages(plan.messages)})"


def _said_held_back(plan: CampaignPlan, rule: PersonRule) -> str:
    """How many messages wait for people by this rule, of whom some get something else before."""
    messages = plan.put_off[rule] + sum(each.messages for each in plan.waiting_people if each.rule is rule)
    # People are planned in groups: of what all of them meet it is known to how many it is.
    return f"{'about ' if messages < plan.messages else ''}{messages:,}"


def said_reach(plan: CampaignPlan, skips: Sequence[Skipped]) -> str:
    """To how many it is sent, and how many others are skipped: `sent to about 15; skipped about 45 (cooldown)`."""
    is_about = (plan.expire and plan.expire_about) or any(each.is_about for each in skips)
    about = "about " if is_about else ""
    return f"sent to {about}{plan.leave:,}{' more' if plan.is_rest else ''}; skipped {said_skips(skips)}"


def said_change_of_expiry(before: CampaignPlan, after: CampaignPlan) -> str | None:
    """How many leave and expire after a change, and before it; None: none expire, or as many."""
    if before.expire == after.expire:
        return None
    about = "about " if any(each.expire and each.expire_about for each in (before, after)) else ""
    return (
        f"{about}{after.leave:,} leave and {after.expire:,} expire, instead of {before.leave:,} and {before.expire:,}"
    )


def said_stopped(stopped: Sequence[StoppedInstance]) -> Iterator[str]:
    """Through which instances nothing is sent, why, and what helps."""
    by_health: dict[LaneHealth, list[str]] = defaultdict(list)
    for instance, health in stopped:
        by_health[health].append(instance)
    for health, instances in by_health.items():
        they_are, name = ("it is", quote(instances[0])) if len(instances) == 1 else ("they are", "NAME")
        why = _STOPPED[health].format(they_are=they_are, name=name)
        yield f"nothing is sent through {listed(instances, _MOST_NAMED)} now{why}"


def said_expiry(plan: CampaignPlan, clock: Callable[[datetime], str]) -> str:
    """How many of a plan's messages expire, when, and why or unless what."""
    when = "" if plan.expires_at is None else f" at {clock(plan.expires_at)}"
    return f"{_said_expiring(plan)} will expire{when}{said_why_late(plan)}"


def said_why_late(plan: CampaignPlan) -> str:
    """Why those expire that do, or unless what, as the end of a sentence."""
    late = plan.expire - plan.expire_stopped
    they = "none of it can" if plan.leaves_nothing else "they cannot"
    waits_for = f": they wait for {' and '.join(plan.waits_in_vain)}" if plan.waits_in_vain else ""
    if not plan.expire_stopped:
        return f", since {they} leave before{waits_for}"
    unless = f"unless {_said_well_again(plan.stopped)} before"
    return f", {late:,} since they cannot leave before{waits_for}, the others {unless}" if late else f" {unless}"


def _said_expiring(plan: CampaignPlan) -> str:
    if plan.leaves_nothing:
        rest = None if plan.rest_of is None else f"the rest of it, {plan.expire:,} of {_messages(plan.rest_of)},"
        return rest or f"all of it, {_messages(plan.expire)},"
    about = "about " if plan.expire_about and plan.expire > plan.expire_stopped else ""
    of = f"{'the ' if plan.is_rest else ''}{_messages(plan.messages)}{' that are left' if plan.is_rest else ''}"
    return f"{about}{plan.expire:,} of {of}"


def _said_well_again(stopped: Sequence[StoppedInstance]) -> str:
    """What has to be so that they send: `'main' is well again and 'other' is resumed`."""
    goes_on = {False: "well again", True: "resumed"}
    by_kind: dict[bool, list[str]] = defaultdict(list)
    for instance, health in stopped:
        by_kind[health is LaneHealth.PAUSED].append(instance)
    return " and ".join(
        f"{listed(instances, _MOST_NAMED)} {'is' if len(instances) == 1 else 'are'} {goes_on[is_paused]}"
        for is_paused, instances in by_kind.items()
    )


def _said_move(moved: Sequence[PlannedMove], clock: Callable[[datetime], str]) -> str:
    messages, first = sum(each.messages for each in moved), moved[0]
    takers = [each.to_instance if len(moved) == 1 else f"{each.to_instance} ({each.messages:,})" for each in moved]
    more = [f"{len(takers) - _MOST_NAMED} more"] if len(takers) > _MOST_NAMED else []
    *named, last = [*takers[:_MOST_NAMED], *more]
    to = f"{', '.join(named)} and {last}" if named else last
    move = "moves" if messages == 1 else "move"
    return f"{_messages(messages)} {move} from {first.from_instance} to {to} at {clock(first.at)}"


def _messages(number: int) -> str:
    return f"{number:,} {'message' if number == 1 else 'messages'}"
