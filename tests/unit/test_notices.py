"""What notices say, and in which order."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from broadcaster.domain.notices import CampaignEnd, Notice, Occasion, StoppedCampaign, ended, stopped, troubles
from broadcaster.domain.standstill import Cause, Remedy, Standstill, What
from broadcaster.domain.states import CampaignState, MessageState

MESSAGES = {MessageState.SENT: 391, MessageState.FAILED: 8, MessageState.SKIPPED: 2, MessageState.PENDING: 99}
FINISHED = CampaignEnd("c", CampaignState.FINISHED, datetime(2026, 11, 28, tzinfo=UTC), "1", MESSAGES)


def test_what_was_not_sent_is_told_in_the_first_line() -> None:
    told = msgspec.structs.replace(FINISHED, messages={MessageState.EXPIRED: 60})
    assert ended(told).notice.summary == "campaign c is finished: 0 of 60 messages sent, 60 expired"
    assert ended(FINISHED).notice.summary == (
        "campaign c is finished: 391 of 500 messages sent, 8 failed, 2 skipped, 99 pending"
    )


def test_the_first_line_of_an_end_adds_up() -> None:
    left = {MessageState.SENT: 108, MessageState.SKIPPED: 1, MessageState.CANCELLED: 190, MessageState.IN_DOUBT: 1}
    told = msgspec.structs.replace(FINISHED, state=CampaignState.CANCELLED, messages=left)
    assert ended(told).notice.summary == (
        "campaign c was cancelled: 108 of 300 messages sent, 1 skipped, 190 cancelled, 1 in doubt"
    )


def test_what_failed_beside_what_is_unknown_has_its_command_too() -> None:
    told = msgspec.structs.replace(FINISHED, messages={MessageState.FAILED: 34, MessageState.UNKNOWN: 2})
    detail, *_, advice = list(ended(told).notice.lines(str))[1:]
    assert detail == "`broadcaster campaign report c` says what became of the others"
    assert advice.endswith("ask the recipients; then decide with `broadcaster campaign settle c`")
    unknown = msgspec.structs.replace(FINISHED, messages={MessageState.UNKNOWN: 2})
    assert ended(unknown).notice.detail is None


def test_a_figure_says_what_it_counts() -> None:
    down = Standstill(What.INSTANCE, "a", Cause.DOWN, "is down", Remedy("see", "broadcaster doctor"), waiting=174)
    [occasion] = troubles([down])
    assert "messages waiting: 174" in occasion.notice.lines(str)


def test_what_has_stopped_is_said_once() -> None:
    notice = stopped(StoppedCampaign("echo", "stopped by its own limit: failed: 8 of 399 (2%), above 1%", {})).notice
    assert list(notice.lines(str))[:2] == [
        "campaign echo was stopped by its own limit",
        "failed: 8 of 399 (2%), above 1%",
    ]
    other = stopped(StoppedCampaign("echo", "there is nobody to send to in the audience people", {})).notice
    assert (other.summary, other.detail) == (
        "campaign echo has stopped",
        "there is nobody to send to in the audience people",
    )


@pytest.mark.parametrize("occasion", [ended(FINISHED), stopped(StoppedCampaign("c", "why", MESSAGES))])
def test_all_messages_of_a_campaign_are_told_by_state_in_one_order(occasion: Occasion) -> None:
    told = "total: 500, sent: 391, failed: 8, skipped: 2, pending: 99"
    assert told in occasion.notice.lines(str)
    # As Postgres gives it back: by the length of the keys, and then by the alphabet.
    kept = msgspec.to_builtins(occasion.notice)
    figures = {name: kept["figures"][name] for name in sorted(kept["figures"], key=lambda name: (len(name), name))}
    assert told in msgspec.convert(kept | {"figures": figures}, Notice).lines(str)
