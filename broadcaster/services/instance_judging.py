"""Instances by their own figures of the last day: they pause themselves."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, rows, values
from broadcaster.domain.care import ANSWERED_AFTER, Figures, Stops, exceeded, stop_reason
from broadcaster.services.audit import STOPPED_BY

log = structlog.get_logger(__name__)


class _Judged(Figures, frozen=True, kw_only=True):
    """An instance that may pause itself, and its figures."""

    id: int
    name: str
    stops: Stops
    since: datetime


def judge_instances(engine: Engine) -> list[str]:
    """Pause the instances that have passed a limit of their own; returns their names."""
    with transaction(engine) as connection:
        judged = rows(connection, "judged_instances", _Judged, after=timedelta(seconds=ANSWERED_AFTER))
    return [name for each in judged if (name := _stop(engine, each, list(exceeded(each.stops, each)))) is not None]


def _stop(engine: Engine, judged: _Judged, told: list[str]) -> str | None:
    if not told:
        return None
    with transaction(engine) as connection:
        values(connection, "lock_instance_row", instance_id=judged.id)
        execute(connection, "speak_as", name=STOPPED_BY)
        found = {"instance_id": judged.id, "since": judged.since}
        if not values(connection, "stop_instance", **found, reason=stop_reason(told)):
            return None
    log.warning("instance has paused itself", instance=judged.name, figures=told)
    return judged.name
