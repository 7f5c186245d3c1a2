"""Why something does not move: each cause, its sentence and its command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import pytest

from broadcaster.domain.care import stop_reason
from broadcaster.domain.causes import standing_still
from broadcaster.domain.frequency import PersonRule
from broadcaster.domain.gaps import Gaps, Rest, Span
from broadcaster.domain.holds import HoldCause, holds_now
from broadcaster.domain.inbox_causes import TroubledInbox, UndecidedInbox, troubled_inboxes, undecided_inboxes
from broadcaster.domain.instances import Wire
from broadcaster.domain.judgement import BLAMED, UNKNOWN_WORDS
from broadcaster.domain.outcomes import WRONG_ADDRESS_HINT
from broadcaster.domain.receiver_causes import TroubledReceiver, troubled_receivers
from broadcaster.domain.schedule_causes import (
    HeldOccurrences,
    QueuedOccurrences,
    RejectingSchedule,
    held_occurrences,
    queued_occurrences,
    rejecting_schedules,
)
from broadcaster.domain.standstill import CampaignFacts, Cause, LaneFacts, Part, Scene, Standstill, What
from broadcaster.domain.states import CampaignState, LaneHealth
from broadcaster.domain.unsettled_causes import UnsettledCampaign, unsettled_campaigns
from tests.support.commands import assert_runnable

NOW = datetime(2026, 11, 27, 12, 31, tzinfo=UTC)
SCENE = Scene(NOW, ticked_at=NOW)
AWAY = replace(SCENE, is_ticking=False, ticked_at=NOW - timedelta(seconds=90))


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def lane(health: LaneHealth = LaneHealth.OK, **known: Any) -> LaneFacts:
    usual = {"name": "main", "health": health, "since": ago(60), "rate": 5.0, "permitted": 5.0, "used_at": ago(1)}
    return LaneFacts(**{**usual, **known})


Work = Sequence[Part]
"""The parts of one campaign."""
NOBODYS = CampaignFacts("", CampaignState.RUNNING, NOW, NOW)


def work(lane: LaneFacts, **known: Any) -> Part:
    """What a lane has to do for a campaign that `campaign` says."""
    return Part(NOBODYS, lane, **known)


def campaign(*parts: Part, state: CampaignState = CampaignState.RUNNING, **known: Any) -> Work:
    facts = CampaignFacts(**{"name": "news", "state": state, "starts_at": ago(600), "started_at": ago(600), **known})
    return [replace(part, campaign=facts) for part in parts]


def found(*campaigns: Work, scene: Scene = SCENE) -> list[Standstill]:
    lanes: dict[str, tuple[LaneFacts, list[Part]]] = {}
    for part in (part for each in campaigns for part in each):
        lanes.setdefault(part.lane.name, (part.lane, []))[1].append(part)
    return list(standing_still(lanes.values(), scene))


def sentences(*campaigns: Work, scene: Scene = SCENE) -> list[str]:
    return [each.sentence(lambda moment: f"{moment:%H:%M:%S}") for each in found(*campaigns, scene=scene)]


DOWN = lane(LaneHealth.DOWN, reason="The device is not connected to WhatsApp", not_before=NOW + timedelta(seconds=8))
REFUSED = lane(LaneHealth.REFUSED, reason="wrong key", not_before=ago(60))
RESTS = lane(LaneHealth.THROTTLED, reason="HTTP 429", not_before=NOW + timedelta(seconds=30))
SLOW = lane(rate=1 / 3600, slot=NOW + timedelta(minutes=40))
UNREADABLE = lane(unreadable_since=ago(120), next_read_at=NOW + timedelta(seconds=10))
DOUBT = work(
    lane(),
    in_doubt=5,
    doubted_since=ago(60),
    decided_by=NOW + timedelta(minutes=59),
    next_poll_at=NOW + timedelta(seconds=4),
)


@pytest.mark.parametrize("health", [LaneHealth.DOWN, LaneHealth.REFUSED])
def test_chats_that_cannot_be_read_since_the_gateway_is_gone_are_no_trouble_of_their_own(health: LaneHealth) -> None:
    gone = replace(UNREADABLE, health=health, reason="connection refused", since=ago(60))
    assert causes_of_instances(gone) == [Cause(health)]
    former = replace(gone, unreadable_is_former=True)
    assert causes_of_instances(former) == [Cause(health), Cause.UNREADABLE], "another gateway has those"


def causes_of_instances(instance: LaneFacts) -> list[Cause]:
    told = found(campaign(work(instance, pending=1, in_doubt=2)))
    return [each.cause for each in told if each.what is What.INSTANCE]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (
            campaign(work(lane(), pending=40, opens_at=NOW + timedelta(hours=8))),
            "campaign news waits for its window; it opens at 20:31:00; 40 messages wait: "
            "see its windows with `broadcaster campaign show news`",
        ),
        (
            campaign(work(DOWN, pending=199)),
            "instance main is down since 12:30:00: The device is not connected to WhatsApp; next try 12:31:08; "
            "199 messages wait: see `broadcaster instance check main`",
        ),
        (
            campaign(work(REFUSED, pending=1)),
            "instance main is stopped since 12:30:00: wrong key; 1 message waits: "
            "give the new key, then it goes on: `broadcaster instance set main --key-stdin`",
        ),
        (
            campaign(work(lane(LaneHealth.REFUSED, reason="BROADCASTER_SECRET_KEY: opens no key"), pending=1)),
            "instance main is stopped since 12:30:00: BROADCASTER_SECRET_KEY: opens no key; 1 message waits: "
            "give the workers all secret keys, restart them, then go on with `broadcaster instance resume main`",
        ),
        (
            campaign(work(lane(LaneHealth.REFUSED, reason="This account has been disabled"), pending=1)),
            "instance main is stopped since 12:30:00: This account has been disabled; 1 message waits: "
            "once that is mended, go on with `broadcaster instance resume main`",
        ),
        (
            campaign(work(lane(LaneHealth.DOWN, reason=f"HTTP 404: nothing there: {WRONG_ADDRESS_HINT}"), pending=1)),
            "instance main is down since 12:30:00: HTTP 404: nothing there: is the base URL right?; 1 message waits: "
            "give the right one with `broadcaster instance set main --base-url URL`",
        ),
        (
            campaign(work(lane(LaneHealth.DOWN, reason=f"refused 5: “nope 17 zut”, {UNKNOWN_WORDS}"), pending=1)),
            "instance main is down since 12:30:00: refused 5: “nope 17 zut”, which no rule knows; 1 message waits: "
            "if you know whom these words are about (gateway, account or recipient), say so: "
            "`broadcaster instance rules main learn nope --about gateway`",
        ),
        (
            campaign(work(lane(LaneHealth.DOWN, reason=f"refused 5: “HTTP 499”, {UNKNOWN_WORDS}"), pending=1)),
            "instance main is down since 12:30:00: refused 5: “HTTP 499”, which no rule knows; 1 message waits: "
            "if you know whom this status is about (gateway, account or recipient), say so: "
            "`broadcaster instance rules main learn 'HTTP 499' --about gateway`",
        ),
        (
            campaign(work(lane(LaneHealth.DOWN, reason="HTTP 415: no", wire=Wire.FORM), pending=1)),
            "instance main is down since 12:30:00: HTTP 415: no; 1 message waits: "
            "it takes the other encoding, give that with `broadcaster instance set main --wire json`",
        ),
        (
            campaign(
                work(lane(LaneHealth.DOWN, reason=f"refused 30 messages with “x”, {BLAMED}"), pending=2, failed=30)
            ),
            "instance main is down since 12:30:00: refused 30 messages with “x”, as if every recipient were at fault; "
            "2 messages wait: look at its phone, retry those who failed with `broadcaster campaign retry news`; "
            "if the list is bad, go on with `broadcaster instance resume main`",
        ),
        (
            campaign(work(lane(LaneHealth.PAUSED, reason="paused by an operator", name="my shop"), pending=1200)),
            "instance my shop is paused by an operator since 12:30:00; 1,200 messages wait: "
            "go on with `broadcaster instance resume 'my shop'`",
        ),
        (
            campaign(work(RESTS, pending=3)),
            "instance main has to rest since 12:30:00: HTTP 429; it goes on at 12:31:30; 3 messages wait: "
            "if that happens often, send slower: `broadcaster instance set main --rate 150/min`",
        ),
        (
            campaign(work(UNREADABLE, sending=1, in_doubt=5)),
            "instance main does not let its chats be read since 12:29:00: nobody can tell whether messages in "
            "doubt arrived; next try 12:31:10; 5 messages wait: see `broadcaster instance check main`",
        ),
        (
            campaign(work(replace(UNREADABLE, unreadable_is_former=True), sending=1, in_doubt=5)),
            "instance main does not let its chats be read with its former key or URL since 12:29:00: nobody can tell "
            "whether messages in doubt arrived; next try 12:31:10; 5 messages wait: "
            "decide yourself with `broadcaster campaign settle news`",
        ),
        (
            campaign(work(lane(), pending=3), state=CampaignState.DRAFT, started_at=None),
            "campaign news is a draft: start it with `broadcaster campaign start news`",
        ),
        (
            campaign(work(lane(), pending=3), state=CampaignState.SCHEDULED, starts_at=NOW + timedelta(hours=1)),
            "campaign news is not due yet; it starts at 13:31:00: follow it with `broadcaster campaign watch news`",
        ),
        (
            campaign(work(lane(), pending=3), state=CampaignState.SCHEDULED, starts_at=ago(60)),
            "campaign news is due and has not begun since 12:30:00; 3 messages wait: find out why with "
            "`broadcaster doctor`",
        ),
        (
            campaign(work(lane(), pending=3), state=CampaignState.PAUSED),
            "campaign news is paused by an operator; 3 messages wait: go on with `broadcaster campaign resume news`",
        ),
        (
            campaign(work(lane(), pending=3, next_due_at=NOW + timedelta(minutes=4), last_claimed_at=ago(30))),
            "campaign news waits for another try since 12:30:30; next try 12:35:00; 3 messages wait: "
            "see why with `broadcaster campaign export news --state pending`",
        ),
        (
            campaign(work(SLOW, pending=3)),
            "campaign news waits for its turn: instance main may send 1/h; next message at 13:11:00; 3 messages wait: "
            "see its limit with `broadcaster instance show main`",
        ),
        (
            campaign(work(lane(), pending=3, outranked_by="urgent")),
            "campaign news waits for its turn: campaign urgent goes first on instance main; 3 messages wait: "
            "follow that one with `broadcaster campaign watch urgent`",
        ),
        (
            campaign(DOUBT),
            "campaign news has 5 messages in doubt since 12:30:00: their chats are read back; next reading 12:31:04; "
            "those still in doubt by their deadlines become unknown, the last of them at 13:30:00: "
            "decide yourself with `broadcaster campaign settle news`",
        ),
        (
            campaign(replace(DOUBT, in_doubt=1)),
            "campaign news has 1 message in doubt since 12:30:00: its chat is read back; next reading 12:31:04; "
            "if it is still in doubt at 13:30:00, it becomes unknown: "
            "decide yourself with `broadcaster campaign settle news`",
        ),
        (
            campaign(replace(DOUBT, decided_by=NOW + timedelta(seconds=3))),
            "campaign news has 5 messages in doubt since 12:30:00: their chats are read back; "
            "those still in doubt by their deadlines become unknown, the last of them at 12:31:03: "
            "decide yourself with `broadcaster campaign settle news`",
        ),
        (
            campaign(replace(DOUBT, unreadable=5)),
            "campaign news has 5 messages in doubt since 12:30:00: their chats cannot be read, and they stay in doubt "
            "until they can; next reading 12:31:04: decide yourself with `broadcaster campaign settle news`",
        ),
        (
            campaign(replace(DOUBT, in_doubt=1, unreadable=1)),
            "campaign news has 1 message in doubt since 12:30:00: its chat cannot be read, and it stays in doubt "
            "until it can; next reading 12:31:04: decide yourself with `broadcaster campaign settle news`",
        ),
        (
            campaign(DOUBT, replace(DOUBT, in_doubt=2, unreadable=2)),
            "campaign news has 7 messages in doubt since 12:30:00: chats of some cannot be read, which stay in doubt "
            "until they can; next reading 12:31:04: decide yourself with `broadcaster campaign settle news`",
        ),
        (
            campaign(work(lane(used_at=ago(90), since=ago(900)), pending=3)),
            "campaign news stands still since 12:29:30: its messages are due, and no worker takes them; "
            "3 messages wait: find out why with `broadcaster doctor`",
        ),
    ],
    ids=lambda value: "" if isinstance(value, list) else value.split(":")[0].split(" since")[0],
)
def test_each_cause_has_one_sentence_that_ends_with_the_command(what: Work, said: str) -> None:
    assert sentences(what)[0] == said
    assert said.endswith("`")
    assert_runnable(said)


def test_nothing_is_said_to_leave_next_that_has_expired_by_then() -> None:
    full = lane(full="20/h", slot=NOW + timedelta(hours=1))
    [in_time] = sentences(campaign(work(full, pending=3), expires_at=NOW + timedelta(hours=2)))
    [late] = sentences(campaign(work(full, pending=3), expires_at=NOW + timedelta(minutes=30)))
    assert "next message at 13:31:00; 3 messages wait" in in_time
    assert "has sent all that limit 20/h allows; 3 messages wait" in late


def test_a_next_try_never_lies_in_the_past() -> None:
    [instance, told] = found(campaign(work(replace(DOWN, not_before=ago(1)), pending=3)))
    assert (instance.next_try, told.next_try) == (None, None)
    assert "; next try now; 3 messages wait" in sentences(campaign(work(replace(DOWN, not_before=NOW), pending=3)))[0]
    assert "; it goes on now; " in sentences(campaign(work(replace(RESTS, not_before=ago(1)), pending=3)))[0]
    assert "; next reading now; " in sentences(campaign(replace(DOUBT, next_poll_at=ago(1))))[0]


def test_a_rest_that_is_over_is_none() -> None:
    rested = replace(RESTS, not_before=ago(1200))
    assert found(campaign(work(rested))) == []
    assert found(campaign(work(rested, pending=3))) == []
    later = work(rested, pending=3, next_due_at=NOW + timedelta(minutes=4))
    assert [each.cause for each in found(campaign(later))] == [Cause.RETRY]


SUSPECT = lane(shown=7, missing=5)


def found_lanes(*lanes: LaneFacts) -> list[Standstill]:
    """What is told of lanes that have done with the campaign which is asked for."""
    return list(standing_still([(each, None) for each in lanes], SCENE))


def test_a_retired_instance_is_told_of_only_where_something_waits_for_it() -> None:
    retired = lane(health=LaneHealth.PAUSED, is_retired=True)
    [told] = standing_still([(retired, [work(retired, in_doubt=1)])], SCENE)
    assert told.cause is Cause.IN_DOUBT, "and nothing of the instance"
    told = next(standing_still([(retired, [work(retired, pending=3)])], SCENE))
    assert told.says == "is retired"


def test_an_instance_that_may_not_send_is_told_of_with_the_evidence_and_what_to_do() -> None:
    [told] = found_lanes(SUSPECT, lane(shown=40, missing=1))
    assert told.sentence(str) == (
        "instance main may lose messages that it accepts: of 12 accepted messages that were looked for, 5 are not in "
        "their chats: look at its phone, and send a test message to your own: "
        "`broadcaster instance check main --to MY_PHONE`"
    )


def test_what_has_paused_itself_says_so_with_its_figures() -> None:
    figures = "failed: 6 of 50 (12%), above 10%"
    reason = stop_reason([figures])
    stopped = campaign(work(lane(), pending=40), state=CampaignState.PAUSED, reason=reason)
    assert sentences(stopped) == [
        f"campaign news has paused itself: {figures}; 40 messages wait: go on with `broadcaster campaign resume news`"
    ]
    [of_instance, _] = sentences(campaign(work(lane(LaneHealth.PAUSED, reason=reason), pending=1)))
    assert of_instance.startswith(f"instance main has paused itself since 12:30:00: {figures}; 1 message waits: go on")


def test_a_canary_says_when_its_next_slice_opens() -> None:
    held = work(lane(), pending=40, is_held=True, next_slice_at=NOW + timedelta(minutes=30))
    assert sentences(campaign(held)) == [
        "campaign news waits for its canary: those who got it have time to react, and then its limits have to hold; "
        "the next slice opens at 13:01:00; 40 messages wait: see its slices with `broadcaster campaign show news`"
    ]


def test_an_instance_that_was_stopped_says_why_by_its_reason_alone() -> None:
    assert found_lanes(replace(SUSPECT, health=LaneHealth.REFUSED)) == []


def test_every_cause_is_one_that_can_be_found() -> None:
    """The table above and the tests below have them all; none is left that nothing decides for."""
    parts = [
        *(work(each, pending=1) for each in (DOWN, REFUSED, RESTS, lane(LaneHealth.PAUSED), SLOW)),
        work(UNREADABLE, in_doubt=1),
        work(lane(), pending=1, next_due_at=NOW + timedelta(minutes=1)),
        work(lane(), pending=1, next_due_at=NOW + timedelta(minutes=1), person_rule=PersonRule.CAP),
        work(lane(), pending=1, outranked_by="urgent"),
        work(lane(), pending=1, opens_at=NOW + timedelta(hours=8)),
        work(lane(), pending=1, is_held=True),
        work(lane(used_at=ago(90), since=ago(900)), pending=1),
    ]
    running = [campaign(part) for part in parts]
    states = (CampaignState.DRAFT, CampaignState.PAUSED, CampaignState.SCHEDULED)
    others = [campaign(work(lane(), pending=1), state=state) for state in states]
    later = campaign(work(lane(), pending=1), state=CampaignState.SCHEDULED, starts_at=NOW + timedelta(hours=1))
    each = [found(one) for one in [*running, *others, later]]
    each += [found(running[0], scene=scene) for scene in (AWAY, replace(AWAY, is_redis_away=True))]
    each.append(list(rejecting_schedules([RejectingSchedule("news", "news 2026-11-23T09:00", 20, 4, "has no city")])))
    each.append(list(queued_occurrences([QueuedOccurrences("news", 2, NOW, False, "news 2026-11-23T09:00")])))
    each.append(list(held_occurrences([HeldOccurrences("news", 1, NOW, "missed", "2026-11-23T09:00")])))
    each += [found_lanes(SUSPECT)]
    each.append(list(troubled_inboxes([TroubledInbox("a", None, None, NOW, 1, NOW, None)])))
    each.append(list(undecided_inboxes([UndecidedInbox("a", 1, NOW)])))
    each.append(list(unsettled_campaigns([UnsettledCampaign("news", 2)])))
    each.append(list(troubled_receivers([TroubledReceiver("ops", 3, 2, 1, "HTTP 503", "HTTP 404")])))
    assert {standstill.cause for standstills in each for standstill in standstills} == {*Cause}


@pytest.mark.parametrize(
    ("number", "receiver", "inbox"),
    [
        (
            1,
            ["takes no notices, and 1 waits for it", "did not get 1 notice of"],
            "lags, with 1 changed chat that waits,",
        ),
        (
            2,
            ["takes no notices, and 2 wait for it", "did not get 2 notices of"],
            "lags, with 2 changed chats that wait,",
        ),
    ],
)
def test_one_is_told_as_one(number: int, receiver: list[str], inbox: str) -> None:
    receivers = [TroubledReceiver("ops", 3, number, number, "HTTP 503", "HTTP 503")]
    told = [each.says for each in troubled_receivers(receivers)]
    assert [says.removesuffix(" the last week") for says in told] == receiver
    assert [each.says for each in troubled_inboxes([TroubledInbox("a", None, None, NOW, number, None, None)])] == [
        inbox
    ]


def test_nothing_that_waits_is_not_told() -> None:
    told = troubled_receivers([TroubledReceiver("ops", 3, 0, 1, None, "HTTP 404")])
    assert [(each.says, each.detail) for each in told] == [
        ("takes no notices", None),
        ("did not get 1 notice of the last week", "HTTP 404"),
    ]


@pytest.mark.parametrize(
    ("scene", "said"),
    [
        (AWAY, "12:29:30: no worker or no beat runs; 4 messages wait: start what is missing with `broadcaster up`"),
        (
            replace(AWAY, is_redis_away=True),
            "12:29:30: Redis is away; nothing is lost; 4 messages wait: start what is missing with `broadcaster up`",
        ),
        (
            replace(AWAY, starter="broadcaster doctor"),
            "12:29:30: no worker or no beat runs; 4 messages wait: find out what is missing with `broadcaster doctor`",
        ),
    ],
)
def test_where_nobody_works_that_is_the_cause_and_no_other(scene: Scene, said: str) -> None:
    due = campaign(work(lane(), pending=3, in_doubt=1, next_due_at=NOW + timedelta(minutes=4)))
    assert sentences(due, scene=scene) == [f"campaign news stands still since {said}"]
    late = campaign(work(lane(), pending=4), state=CampaignState.SCHEDULED, starts_at=ago(300), started_at=None)
    assert sentences(late, scene=scene) == [f"campaign news stands still since {said}"]


def test_where_nobody_ever_worked_nobody_knows_since_when() -> None:
    assert sentences(campaign(work(lane(), pending=3)), scene=replace(AWAY, ticked_at=None))[0].startswith(
        "campaign news stands still: no worker"
    )


@pytest.mark.parametrize(
    "moving",
    [
        campaign(),
        campaign(work(lane(), pending=3)),
        campaign(work(lane(), sending=1, in_doubt=3)),
        campaign(DOUBT, work(lane(name="b"), pending=3)),
        campaign(work(lane(), pending=3, next_due_at=NOW + timedelta(seconds=1))),
        campaign(work(lane(slot=NOW + timedelta(seconds=5)), pending=3)),
        campaign(work(lane(used_at=ago(90), since=ago(900), is_tended=False), pending=3)),
        campaign(work(lane(used_at=ago(900), since=ago(900)), pending=3), started_at=ago(30)),
        campaign(work(lane(), pending=3), state=CampaignState.SCHEDULED, starts_at=ago(2)),
        campaign(work(lane()), state=CampaignState.PAUSED),
    ],
)
def test_what_moves_is_not_told_of(moving: Work) -> None:
    assert found(moving) == []


def test_a_campaign_is_told_of_only_where_none_of_its_instances_sends() -> None:
    other = work(lane(name="other"), pending=7)
    assert [each.what for each in found(campaign(work(DOWN, pending=3), other))] == ["instance"]
    paused = work(lane(LaneHealth.PAUSED, name="other"), pending=7)
    *_, told = found(campaign(work(DOWN, pending=3), paused, DOUBT))[:-1]
    assert (told.cause, told.waiting, told.next_try) == (Cause.INSTANCES, 10, DOWN.not_before)
    assert told.why == "stands still: instance main is down, instance other is paused by an operator"


def test_messages_of_what_does_not_want_to_send_yet_wait_for_no_instance() -> None:
    part = work(DOWN, pending=3)
    for state in (CampaignState.PAUSED, CampaignState.DRAFT):
        instance = found(campaign(part, state=state))[0]
        assert (instance.cause, instance.waiting, instance.next_try) == (Cause.DOWN, 0, None)


def test_an_instance_that_nobody_tries_has_no_next_try() -> None:
    assert found(campaign(work(DOWN, pending=3)), scene=AWAY)[0].next_try is None
    assert found(campaign(work(REFUSED, pending=3)))[0].next_try is None


def test_doubts_of_which_nobody_can_tell_when_they_end_have_no_end() -> None:
    unclear = replace(DOUBT, decided_by=None)
    [told] = found(campaign(DOUBT, unclear))
    assert (told.until, told.waiting) == (None, 10)


@pytest.mark.parametrize(
    ("rate", "slower"), [(None, "20/min"), (1 / 3600, "0.5/h"), (1 / 86_400, "0.0417/h"), (20.0, "10/s")]
)
def test_an_instance_that_has_to_rest_is_better_off_at_half_its_rate(rate: float | None, slower: str) -> None:
    [told, _] = found(campaign(work(replace(RESTS, permitted=rate), pending=3)))
    assert told.remedy.command == f"broadcaster instance set main --rate {slower}"


NAMES: list[Callable[[str], Work]] = [
    lambda name: campaign(work(lane(), pending=3), state=CampaignState.PAUSED, name=name),
    lambda name: campaign(replace(DOUBT), name=name),
]


@pytest.mark.parametrize("named", NAMES)
def test_a_name_that_a_shell_would_split_is_quoted_in_the_command(named: Callable[[str], Work]) -> None:
    [told] = found(named("it's new; rm"))
    assert told.remedy.command.endswith("""'it'"'"'s new; rm'""")


def test_a_campaign_over_many_instances_names_some_and_is_judged_at_once() -> None:
    count = 20_000
    parts = [work(replace(DOWN, name=f"shop {number}"), pending=1) for number in range(count)]
    began = monotonic()
    *instances, everywhere = found(campaign(*parts))
    # Each instance compared with each part would take minutes.
    assert monotonic() - began < 15
    assert len(instances) == count
    assert everywhere.detail is not None
    assert everywhere.detail.startswith("instance shop 0 is down, instance shop 1 is down, ")
    assert everywhere.detail.endswith(f"instance shop 11 is down and {count - 12:,} more")


@pytest.mark.parametrize(("rejected", "read", "told"), [(1, 20, False), (3, 20, False), (4, 20, True), (2, 2, True)])
def test_a_schedule_is_told_of_where_many_of_its_recipients_were_rejected(
    rejected: int, read: int, told: bool
) -> None:
    schedule = RejectingSchedule("news", "news 2026-11-23T09:00", read, rejected, "has no city.")
    sentences = [each.sentence(str) for each in rejecting_schedules([schedule])]
    said = (
        f"schedule news had {rejected} of {read} recipients rejected in campaign news 2026-11-23T09:00: has no city: "
        "see them with `broadcaster campaign export 'news 2026-11-23T09:00' --rejected`"
    )
    assert sentences == ([said] if told else [])


GAPS = Gaps(Span(20.0, 60.0), Rest(Span(300.0, 600.0), 50))
NEXT = NOW + timedelta(seconds=40)


@pytest.mark.parametrize(
    ("known", "cause", "says"),
    [
        ({"rate": 1.5, "gaps": GAPS, "slot": NEXT}, HoldCause.GAP, "gaps of 20s..1m, next message at 12:31:40"),
        ({"rate": 1.5, "gaps": GAPS, "slot": ago(1)}, HoldCause.GAP, "gaps of 20s..1m"),
        ({"rate": None, "gaps": GAPS, "slot": ago(1)}, HoldCause.GAP, "gaps of 20s..1m"),
        # Its rate keeps them further apart.
        ({"rate": 1 / 60, "gaps": GAPS, "slot": NEXT}, HoldCause.RATE, "rate 1/min"),
        (
            {"rate": 1.5, "gaps": GAPS, "is_resting": True, "slot": NEXT},
            HoldCause.REST,
            "rest of 5m..10m after 50, goes on at 12:31:40",
        ),
        # It has rested, and sends.
        ({"rate": 1.5, "gaps": Gaps(rest=GAPS.rest), "is_resting": True}, HoldCause.RATE, "rate 90/min"),
        ({"rate": 1.5, "gaps": Gaps(rest=GAPS.rest), "slot": NEXT}, HoldCause.RATE, "rate 90/min"),
    ],
)
def test_gaps_and_rests_hold_by_themselves_with_their_moment(
    known: dict[str, Any], cause: HoldCause, says: str
) -> None:
    [hold] = holds_now([work(lane(**known), pending=3)], SCENE)
    assert (hold.cause, hold.says("{:%H:%M:%S}".format)) == (cause, says)


@pytest.mark.parametrize(
    ("rate", "used", "sending", "says"),
    [
        (1 / 3, 7, 2, "requests that its gateway has not answered yet"),
        (1 / 3, 5, 2, "rate 20/min"),
        (1 / 60, 90, 1, "rate 1/min"),
        (1 / 3, 60, 0, "rate 20/min"),
        (None, 60, 4, "as fast as its gateway answers"),
    ],
)
def test_an_instance_of_which_all_that_may_be_under_way_hangs_is_held_by_its_gateway(
    rate: float | None, used: float, sending: int, says: str
) -> None:
    [hold] = holds_now([work(lane(rate=rate, used_at=ago(used)), pending=3, sending=sending)], SCENE)
    assert hold.says(str) == says


@pytest.mark.parametrize(("free_for", "causes"), [(-0.1, [HoldCause.RATE]), (0.4, [HoldCause.RATE]), (0.6, [])])
def test_a_rate_whose_slot_is_not_taken_holds_nothing(free_for: float, causes: list[HoldCause]) -> None:
    slow = lane(rate=5.0, slot=ago(free_for), used_at=ago(free_for))
    assert [hold.cause for hold in holds_now([work(slow, pending=3, sending=1)], SCENE)] == causes


@pytest.mark.parametrize(
    ("known", "held", "says"),
    [
        ({"health": LaneHealth.DOWN, "not_before": NOW - timedelta(seconds=1)}, {}, "is down, next try now"),
        ({"full": "5/d", "slot": NOW - timedelta(seconds=1)}, {}, "limit 5/d, again now"),
        ({}, {"opens_at": NOW}, "its window opens now"),
        ({}, {"is_held": True, "next_slice_at": NOW}, "the next slice of its canary opens now"),
        ({"health": LaneHealth.PAUSED}, {}, "is paused by an operator"),
    ],
)
def test_what_is_due_already_is_told_to_be_now(known: dict[str, Any], held: dict[str, Any], says: str) -> None:
    [hold] = holds_now([work(lane(**known), pending=3, **held)], SCENE)
    assert (hold.until, hold.says("{:%H:%M:%S}".format)) == (None, says)


def test_a_campaign_that_waits_for_a_gap_or_a_rest_says_so() -> None:
    far = NOW + timedelta(minutes=5)
    waits = lane(rate=1.5, gaps=GAPS, slot=far)
    [gap] = found(campaign(work(waits, pending=3)))
    [rest] = found(campaign(work(replace(waits, is_resting=True), pending=3)))
    assert (gap.cause, gap.detail, gap.next_try) == (Cause.PACED, "instance main keeps gaps of 20s..1m", far)
    assert rest.detail == "instance main has a rest of 5m..10m after 50"
