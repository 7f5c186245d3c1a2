"""What a command changed, for people: as it was and as it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from broadcaster.cli.output import say
from broadcaster.domain.changed_words import changed_words
from broadcaster.errors import listed, quoted
from broadcaster.time_zones import shown_time

_LONGEST_SHOWN = 60
"""Characters of a text before and after. Of a longer one the words that changed are shown."""


def say_differences(before: Mapping[str, object], after: Mapping[str, object]) -> None:
    """A line for each of them that is another one now."""
    for what in {**before, **after}:
        if before.get(what) != after.get(what):
            say(f"  {what}: {said_difference(before.get(what), after.get(what))}")


def said_difference(was: object, now: object) -> str:
    """`'a' -> 'b'`, and of long texts the words that changed. None: there was, or is, none."""
    if isinstance(was, str) and isinstance(now, str) and max(len(was), len(now)) > _LONGEST_SHOWN:
        return changed_words(was, now)
    return f"{_shown(was)} -> {_shown(now)}"


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return shown_time(value)
    if isinstance(value, list):
        return listed(value)
    if isinstance(value, str):
        return quoted(value, _LONGEST_SHOWN)
    return "none" if value is None else str(value)
