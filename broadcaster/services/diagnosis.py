"""Finds out what is wrong with an installation, as far as Postgres can tell."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import Engine, func, select

from broadcaster.crypto import open_vault
from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.migrate import require_current
from broadcaster.db.queries import query
from broadcaster.domain.states import LaneHealth, MessageState
from broadcaster.errors import BroadcasterError
from broadcaster.services.instances import list_instances
from broadcaster.services.ticks import Tick, read_ticks
from broadcaster.settings import Settings

RECOVERY_SECONDS = 10.0
"""What the recovery of ended leases may take, on top of the lease."""
DOUBT_SECONDS = 900.0
"""A message that is in doubt for longer wants an operator's eye."""
GIVEN_UP_SECONDS = 60.0
"""What giving up doubts may take once their deadline has passed."""
LATE_SECONDS = 10.0
"""A campaign that is due is started within two seconds if a beat and a worker run."""
CLOCK_SECONDS = 5.0
"""No limit depends on this machine's clock, but people compare its log lines with the moments in the database."""


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check came to: in one line, what is so, and what to do about it where something is wrong."""

    check: str
    level: Level
    detail: str


def examine_keys(engine: Engine, settings: Settings) -> Iterator[Finding]:
    """Whether the configured secret key opens every instance's key."""
    try:
        vault = open_vault(settings)
        with transaction(engine) as connection:
            kept = tables.accounts
            found = select(kept.c.key_encrypted, kept.c.base_url).where(kept.c.key_encrypted.is_not(None))
            accounts = connection.execute(found).all()
        for key_encrypted, base_url in accounts:
            vault.open(key_encrypted, base_url)
    except BroadcasterError as error:
        yield Finding("secret key", Level.BAD, str(error))
        return
    yield Finding("secret key", Level.OK, f"opens the keys of all {len(accounts)} accounts")


def examine_database(engine: Engine, settings: Settings) -> Iterator[Finding]:
    """Everything about Postgres, in the order in which it should be mended; ends early where nothing more can be."""
    try:
        with transaction(engine) as connection:
            version = connection.exec_driver_sql("SHOW server_version").scalar_one()
        yield Finding("postgres", Level.OK, f"version {version}")
    except BroadcasterError as error:
        yield Finding("postgres", Level.BAD, str(error))
        return
    try:
        require_current(engine)
        yield Finding("schema", Level.OK, "is this version's")
    except BroadcasterError as error:
        yield Finding("schema", Level.BAD, str(error))
        return
    examinations: list[Callable[[Engine, Settings], Iterator[Finding]]] = [
        _examine_clock,
        examine_keys,
        _examine_counters,
        _examine_held_messages,
        _examine_stuck_doubts,
        _examine_late_campaigns,
        _examine_lanes,
    ]
    for examine in examinations:
        yield from examine(engine, settings)


def examine_ticks(engine: Engine, periods: Mapping[str, float], running: float | None = None) -> Iterator[Finding]:
    """Whether each tick of `periods` (seconds by name) was done lately; nothing where Postgres cannot tell.

    `running`: for how many seconds a beat and a worker have been at it, where that is known.
    """
    try:
        done = {tick.name: tick for tick in read_ticks(engine)}
    except BroadcasterError:
        return
    ticks = [
        replace(done[name], period=period) if name in done else Tick(name, period, None)
        for name, period in periods.items()
    ]
    late = [tick for tick in ticks if tick.is_late(running)]
    for tick in late:
        detail = (
            f"{tick.name}, due every {tick.period:g} s, {_last_done(tick)}: start what is missing with "
            "`broadcaster up`, `broadcaster beat` or `broadcaster worker`, or see the log of what runs"
        )
        yield Finding("beat", Level.BAD, detail)
    if not late:
        ages = ", ".join(f"{tick.name} {tick.age:.1f} s ago" for tick in ticks if tick.age is not None)
        yield Finding("beat", Level.OK, f"has its ticks done: {ages}" if ages else "has just begun")


def _last_done(tick: Tick) -> str:
    if tick.put_back:
        return "has not been done since the database's clock was put back"
    return "was never done" if tick.age is None else f"was last done {tick.age:.0f} s ago"


def _examine_clock(engine: Engine, settings: Settings) -> Iterator[Finding]:
    with transaction(engine) as connection:
        before = time.time()
        theirs = float(connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one())
        ahead = (before + time.time()) / 2 - theirs
    level = Level.OK if abs(ahead) < CLOCK_SECONDS else Level.WARN
    relation = "ahead of" if ahead > 0 else "behind"
    yield Finding("clock", level, f"this machine's clock is {abs(ahead):.1f} s {relation} the database's")


def _examine_counters(engine: Engine, settings: Settings) -> Iterator[Finding]:
    with transaction(engine) as connection:
        rows = connection.exec_driver_sql(query("miscounted_lanes")).all()
    for row in rows:
        where = f"campaign {row.campaign} on {row.instance}"
        if row.kept == row.counted:
            detail = f"{where} is finished with {row.counted:,} messages {row.state}"
        else:
            detail = f"{where} keeps {row.kept:,} {row.state}, a recount says {row.counted:,}"
        yield Finding("counters", Level.BAD, detail)
    if not rows:
        detail = "of every campaign balance, and equal a recount where it is open: nothing is lost"
        yield Finding("counters", Level.OK, detail)


def _examine_held_messages(engine: Engine, settings: Settings) -> Iterator[Finding]:
    lease = settings.lease_seconds + RECOVERY_SECONDS
    longest = {
        MessageState.SENDING: settings.request_timeout_seconds + lease,
        MessageState.IN_DOUBT: DOUBT_SECONDS,
    }
    with transaction(engine) as connection:
        found = {MessageState(row.state): row for row in connection.exec_driver_sql(query("held_messages"))}
    for state, limit in longest.items():
        row = found.get(state)
        check = state.replace("_", " ")
        if row is None:
            yield Finding(check, Level.OK, "no messages")
            continue
        # A doubt may last until its deadline; no request lasts that long.
        unusual = Level.BAD if state is MessageState.SENDING else Level.WARN
        level = Level.OK if row.oldest_seconds <= limit else unusual
        hint = "" if level is Level.OK else f", longer than the {limit:g} s that are usual"
        yield Finding(check, level, f"{row.messages:,} messages, the oldest for {row.oldest_seconds:.0f} s{hint}")


def _examine_stuck_doubts(engine: Engine, settings: Settings) -> Iterator[Finding]:
    patience = settings.doubt_deadline_seconds + GIVEN_UP_SECONDS
    with transaction(engine) as connection:
        row = connection.exec_driver_sql(query("stuck_doubts"), {"deadline": timedelta(seconds=patience)}).one()
    if not row.messages:
        yield Finding("doubts", Level.OK, "all are read back or given up in time")
        return
    since = f"the oldest for {row.oldest_seconds:.0f} s"
    detail = f"{row.messages:,} messages stay in doubt beyond BROADCASTER_DOUBT_DEADLINE_SECONDS, {since}"
    if row.forgotten:
        detail += f", {row.forgotten:,} of them unknown to reading back"
    yield Finding("doubts", Level.BAD, f"{detail}: see the beat's ticks, or settle them with `campaign settle`")


def _examine_late_campaigns(engine: Engine, settings: Settings) -> Iterator[Finding]:
    with transaction(engine) as connection:
        rows = connection.exec_driver_sql(query("late_campaigns")).all()
    late = [row for row in rows if row.late_seconds > LATE_SECONDS]
    for row in late:
        detail = f"{row.name} has been due for {row.late_seconds:.0f} s: no beat or no worker runs"
        yield Finding("campaigns", Level.BAD, detail)
    if not late:
        yield Finding("campaigns", Level.OK, "none is due that has not been started")


def _examine_lanes(engine: Engine, settings: Settings) -> Iterator[Finding]:
    lanes = list_instances(engine)
    unwell = [lane for lane in lanes if lane["health"] != LaneHealth.OK]
    for lane in unwell:
        level = Level.BAD if lane["health"] == LaneHealth.REFUSED else Level.WARN
        reason = lane["health_reason"] or "no reason given"
        waiting = f"{lane['pending']:,} messages wait for it"
        yield Finding("instances", level, f"{lane['instance']} is {lane['health']} ({reason}), {waiting}")
    if not unwell:
        yield Finding("instances", Level.OK, f"all {len(lanes)} are ok")
