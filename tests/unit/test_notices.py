"""What notices say, and in which order."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from broadcaster.domain.notices import CampaignEnd, Notice, Occasion, StoppedCampaign, ended, stopped
from broadcaster.domain.states import CampaignState, MessageState

MESSAGES = {MessageState.SENT: 391, MessageState.FAILED: 8, MessageState.SKIPPED: 2, MessageState.PENDING: 99}
FINISHED = CampaignEnd("c", CampaignState.FINISHED, datetime(2026, 11, 28, tzinfo=UTC), "1", MESSAGES)


@pytest.mark.parametrize("occasion", [ended(FINISHED), stopped(StoppedCampaign("c", "why", MESSAGES))])
def test_all_messages_of_a_campaign_are_told_by_state_in_one_order(occasion: Occasion) -> None:
    told = "total: 500, sent: 391, failed: 8, skipped: 2, pending: 99"
    assert told in occasion.notice.lines(str)
    # As Postgres gives it back: by the length of the keys, and then by the alphabet.
    kept = msgspec.to_builtins(occasion.notice)
    figures = {name: kept["figures"][name] for name in sorted(kept["figures"], key=lambda name: (len(name), name))}
    assert told in msgspec.convert(kept | {"figures": figures}, Notice).lines(str)
