"""What the audit trail keeps of settings, as people write them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from broadcaster.domain.care import Care, Stops
from broadcaster.domain.gaps import Gaps
from broadcaster.domain.pacing import format_rate
from broadcaster.domain.sharing import Sharing

HOURS = "hours_id"
NOTHING = "-"
_BEFORE = "_before"
_RATE = "rate_per_second"
_OF_MOMENTS = ("_at", "_since")
"""How the names of moments end."""
_DOCUMENTS: Mapping[str, type] = {"gaps": Gaps, "stops": Stops, "care": Care, "sharing": Sharing}
"""What is stored as one document, and says itself what it is."""
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?[+-]\d{2}:\d{2}")
"""As Postgres writes a moment into JSON."""
_NEVER = {"infinity", "-infinity"}
"""As it writes one that never comes, or never was."""


def changed_settings(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    said_hours: Mapping[int, str],
    moment: Callable[[datetime], str],
) -> dict[str, tuple[str, str]]:
    """What is another one now: by name what it was and is.

    `said_hours` has windows in words by the ids that the trail names, and `moment` words a moment. What is noted as
    one thing has what it was beside what it is, as `limits_before` beside `limits`.
    """
    noted = {name: after[f"{name}{_BEFORE}"] for name in after if f"{name}{_BEFORE}" in after}
    after = {name: value for name, value in after.items() if not name.endswith(_BEFORE)}
    was, now = (shown_settings(each, said_hours, moment) for each in ({**before, **noted}, after))
    pairs = {name: (was.get(name, NOTHING), now.get(name, NOTHING)) for name in sorted({*was, *now})}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def shown_settings(
    values: Mapping[str, Any], said_hours: Mapping[int, str], moment: Callable[[datetime], str]
) -> dict[str, str]:
    """The values as people write them, some under another name."""
    shown = {}
    for name, value in values.items():
        if name == HOURS:
            shown["windows"] = NOTHING if value is None else said_hours.get(value, str(value))
        elif name == _RATE:
            shown["rate"] = format_rate(value)
        elif name.endswith(_OF_MOMENTS) and value in _NEVER:
            shown[name] = NOTHING
        else:
            shown[name] = _document(name, value) or _words(value, moment)
    return shown


def _document(name: str, value: Any) -> str | None:
    """What it says of itself; None: it is no such document, or one of another version."""
    if not isinstance(value, Mapping) or name not in _DOCUMENTS:
        return None
    try:
        return str(msgspec.convert(value, _DOCUMENTS[name]))
    except msgspec.ValidationError:
        return None


def _words(value: Any, moment: Callable[[datetime], str]) -> str:
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return moment(datetime.fromisoformat(value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={_words(each, moment)}" for name, each in value.items())
    if isinstance(value, list):
        return "/".join(_words(each, moment) for each in value) or NOTHING
    return NOTHING if value is None else str(value)
