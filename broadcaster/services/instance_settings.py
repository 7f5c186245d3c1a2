"""What an instance is set to, in words: what a change of it compares."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Engine, select

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import first
from broadcaster.domain.durations import duration
from broadcaster.domain.gaps import Gaps
from broadcaster.domain.span_limits import Rates, SpanLimit
from broadcaster.errors import NotFoundError
from broadcaster.services.instance_reports import InstanceDetail, LimitInUse

SHARED = "limits that it shares"


def instance_settings(connection: Connection, name: str) -> Mapping[str, str | int | None]:
    """Each setting by what people call it; None: there is none. Never the key. Raises NotFoundError."""
    found = first(connection, "show_instance", InstanceDetail, name=name)
    if found is None:
        raise NotFoundError(f"no instance is called {name!r}: see `broadcaster instance list`")
    gaps = found.gaps or Gaps()
    own = [SpanLimit(each.most, each.span_seconds) for each in found.limits if each.name is None and not each.ramp]
    return {
        "base URL": found.base_url,
        "wire": str(found.wire),
        "country": found.country,
        "rates": str(Rates(found.rate_per_second, tuple(sorted(own, key=lambda limit: limit.span)))),
        "burst": found.burst,
        "gap": _words(gaps.gap),
        "rest": _words(gaps.rest),
        "ramp": _said_ramp(found.limits),
        SHARED: ", ".join(sorted(each.name for each in found.limits if each.name)) or None,
        "most in flight": found.max_in_flight,
        "windows": _words(found.hours),
        "replies are read": _said_reading(connection, found.id),
        "opt-outs are confirmed with": found.confirm_opt_out,
        "stops itself at": _words(found.stops),
    }


def settings_of_instance(engine: Engine, name: str) -> Mapping[str, str | int | None]:
    """The same in a transaction of its own."""
    with transaction(engine) as connection:
        return instance_settings(connection, name)


def _words(setting: object | None) -> str | None:
    return None if setting is None else str(setting)


def _said_ramp(limits: list[LimitInUse]) -> str | None:
    for each in limits:
        if each.ramp:
            return f"{', '.join(map(str, each.ramp))} a day, at step {each.step}"
    return None


def _said_reading(connection: Connection, instance_id: int) -> str | None:
    table = tables.instances
    seconds = connection.scalar(select(table.c.read_replies_seconds).where(table.c.id == instance_id))
    return None if seconds is None else f"every {duration(seconds)}"
