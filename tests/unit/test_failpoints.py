"""Failpoints: what they understand, and that they are off."""

from __future__ import annotations

import pytest

from broadcaster.errors import SettingsError
from broadcaster.services.sending import failpoints
from broadcaster.services.sending.failpoints import Failpoint, parse


def test_points_kinds_durations_and_counts_are_understood() -> None:
    assert parse(" after_intent=crash@3; before_outcome=stall:5;reply_read=raise ") == {
        "after_intent": Failpoint("crash", 0.0, 3),
        "before_outcome": Failpoint("stall", 5.0, None),
        "reply_read": Failpoint("raise", 0.0, None),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [("after_lunch=crash", "no point 'after_lunch'"), ("after_intent", "POINT="), ("after_intent=explode", "POINT=")],
)
def test_what_is_no_failpoint_is_a_clear_error(text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        parse(text)


def test_there_are_none_unless_the_environment_says_so() -> None:
    assert failpoints.ACTIVE is False
