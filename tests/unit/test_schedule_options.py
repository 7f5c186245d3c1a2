"""The spans of schedules as operators write them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from broadcaster.cli.schedule.options import parse_grace
from broadcaster.errors import UsageError


def test_a_grace_is_a_span_of_time() -> None:
    assert parse_grace("90m") == timedelta(minutes=90)
    with pytest.raises(UsageError, match=r"^--grace 'soon'"):
        parse_grace("soon")
