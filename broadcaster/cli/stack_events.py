"""What `up` tells of its roles while it runs, event by event."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from broadcaster.cli.output import one_line, utc_time
from broadcaster.settings import Settings


def teller(settings: Settings) -> Callable[[str], None]:
    """Returns a function that writes events, `name: what`, a line each.

    For people on a terminal; or else as JSON, like the logs of roles, unless the settings say otherwise.
    """
    on_terminal = sys.stdout.isatty()
    as_json = settings.log_json if settings.log_json is not None else not on_terminal

    def tell(event: str) -> None:
        # Flushed at once, for readers of a pipe or a log.
        sys.stdout.write(f"{_json(event) if as_json else one_line(_shown(event, on_terminal))}\n")
        sys.stdout.flush()

    return tell


def _json(event: str) -> str:
    moment = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return msgspec.json.encode({"event": event, "role": "up", "level": "info", "timestamp": moment}).decode()


def _shown(event: str, on_terminal: bool) -> str:
    if not on_terminal:
        return f"{utc_time(datetime.now(UTC))} {event}"
    name, colon, what = event.partition(": ")
    return f"  {name:<9} {what}" if colon else event
