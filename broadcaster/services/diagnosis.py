"""Finds out what is wrong with an installation, as far as Postgres can tell."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from shlex import quote
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, func, select

from broadcaster.crypto import open_vault
from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.grants import connected_role, excess, require_privileges
from broadcaster.db.migrate import require_current
from broadcaster.db.statements import each as each_row
from broadcaster.db.statements import rows, value
from broadcaster.domain.standstill import Remedy
from broadcaster.domain.states import MessageState
from broadcaster.errors import BroadcasterError
from broadcaster.services.doubt_diagnosis import GIVEN_UP_SECONDS, examine_doubts
from broadcaster.services.findings import Finding, Level, broken_by, not_examined, unwell, well
from broadcaster.services.retention_diagnosis import examine_retention
from broadcaster.services.server_diagnosis import examine_server
from broadcaster.services.standstill_diagnosis import examine_failovers, examine_standstills
from broadcaster.services.ticks import Tick, read_ticks
from broadcaster.settings import Settings

START = Remedy("start it with", "broadcaster up")
_LOOK_AGAIN = "broadcaster doctor"
_BATCH = 1_000
_IN_POSTGRES = (
    *(
        "schema",
        "role",
        "counters",
        "doubts",
        "campaigns",
        "schedules",
        "replies",
        "instances",
        "failovers",
        "notices",
    ),
)
"""The checks of which nothing is known without it."""
RECOVERY_SECONDS = 10.0
"""What the recovery of ended leases may take, on top of the lease."""
DOUBT_SECONDS = 900.0
"""A message that is in doubt for longer wants an operator's eye."""
CLOCK_SECONDS = 5.0
"""No limit depends on this machine's clock, but people compare its log lines with the moments in the database."""


class _Miscount(NamedTuple):
    campaign: str
    instance: str
    state: str
    kept: int
    counted: int


class _Held(msgspec.Struct, frozen=True):
    state: MessageState
    messages: int
    oldest_seconds: float


def examine_keys(engine: Engine, settings: Settings) -> Iterator[Finding]:
    """Whether the configured secret key opens every instance's key."""
    try:
        vault = open_vault(settings)
        with transaction(engine) as connection:
            kept = tables.accounts
            found = select(kept.c.key_encrypted, kept.c.base_url).where(kept.c.key_encrypted.is_not(None))
            accounts = 0
            with connection.execute(found.execution_options(yield_per=_BATCH)) as sealed:
                for key_encrypted, base_url in sealed:
                    vault.open(key_encrypted, base_url)
                    accounts += 1
    except BroadcasterError as error:
        yield broken_by(error, "secret key", "once it is the right one, look again with", _LOOK_AGAIN)
        return
    yield well("secret key", f"opens the keys of all {accounts:,} accounts")


def examine_database(
    engine: Engine, settings: Settings, starter: Remedy = START, running: float | None = None
) -> Iterator[Finding]:
    """Everything about Postgres, in the order in which it should be mended; ends early where nothing more can be.

    `starter` is how an embedded server comes back that does not answer. `running`: for how many seconds a beat and a
    worker have been at it, where that is known.
    """
    try:
        with transaction(engine) as connection:
            version = value(connection, "server_version")
        yield well("postgres", f"version {version}")
    except BroadcasterError as error:
        if settings.database_url is None:
            yield broken_by(error, "postgres", *starter)
        else:
            yield broken_by(error, "postgres", "once it is back, look again with", _LOOK_AGAIN)
        yield from (not_examined(check, "Postgres") for check in _IN_POSTGRES)
        return
    check = "schema"
    try:
        require_current(engine)
        yield well(check, "is this version's")
        check = "role"
        require_privileges(engine)
        yield _judge_role(engine)
    except BroadcasterError as error:
        yield broken_by(error, check, "then look again with", "broadcaster db check")
        return
    examinations: list[Callable[[Engine, Settings], Iterator[Finding]]] = [
        examine_server,
        _examine_clock,
        examine_keys,
        _examine_counters,
        _examine_held_messages,
        examine_doubts,
        partial(examine_retention, running=running),
        partial(examine_standstills, running=running),
        examine_failovers,
    ]
    for examine in examinations:
        yield from examine(engine, settings)


def _judge_role(engine: Engine) -> Finding:
    """Whether whoever has the database's password could change what it proves."""
    role, _ = connected_role(engine)
    beyond = excess(engine)
    if not beyond:
        return well("role", f"{role} has what it needs, and cannot delete what is evidence")
    what = f"{role} {' and '.join(beyond)}, which nothing here needs"
    advice = "give BROADCASTER_DATABASE_URL a role of its own (docs/security-roles.md), then run"
    return unwell("role", Level.WARN, what, advice, "broadcaster db upgrade")


def examine_ticks(engine: Engine, periods: Mapping[str, float], running: float | None = None) -> Iterator[Finding]:
    """Whether each tick of `periods` (seconds by name) was done lately, as far as Postgres can tell.

    `running`: for how many seconds a beat and a worker have been at it, where that is known.
    """
    try:
        done = {tick.name: tick for tick in read_ticks(engine)}
    except BroadcasterError:
        yield not_examined("beat", "Postgres")
        return
    ticks = [
        msgspec.structs.replace(done[name], period=period) if name in done else Tick(name, period, None)
        for name, period in periods.items()
    ]
    late = [tick for tick in ticks if tick.is_late(running)]
    for tick in late:
        what = f"{tick.name}, due every {tick.period:g} s, {_last_done(tick)}"
        # Where `up` runs here, all of that has been started, and `up` is refused.
        advice = (
            "see the log of what runs, or start what is missing with `broadcaster beat`, `broadcaster worker` or"
            if running is None
            else "see the log of what runs, or start all anew with `broadcaster down` and"
        )
        yield unwell("beat", Level.BAD, what, advice, "broadcaster up")
    if not late:
        ages = {tick.age: tick.name for tick in ticks if tick.age is not None}
        oldest = max(ages, default=0.0)
        said = f"has its ticks done, each within its time, {ages[oldest]} the longest ago: {oldest:.1f} s"
        yield well("beat", said if ages else "has just begun")


def _last_done(tick: Tick) -> str:
    if tick.put_back:
        return "has not been done since the database's clock was put back"
    return "was never done" if tick.age is None else f"was last done {tick.age:.0f} s ago"


def _examine_clock(engine: Engine, settings: Settings) -> Iterator[Finding]:
    with transaction(engine) as connection:
        before = time.time()
        theirs = float(connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one())
        ahead = (before + time.time()) / 2 - theirs
    relation = "ahead of" if ahead > 0 else "behind"
    what = f"this machine's clock is {abs(ahead):.1f} s {relation} the database's"
    if abs(ahead) < CLOCK_SECONDS:
        yield well("clock", what)
    else:
        yield unwell("clock", Level.WARN, what, "set the wrong one, for example with", "timedatectl set-ntp true")


def _examine_counters(engine: Engine, settings: Settings) -> Iterator[Finding]:
    balance = True
    for row in _miscounted(engine):
        balance = False
        where = f"campaign {row.campaign} on {row.instance}"
        if row.kept == row.counted:
            what = f"{where} is finished with {row.counted:,} messages {row.state}"
        else:
            what = f"{where} keeps {row.kept:,} {row.state}, a recount says {row.counted:,}"
        export = f"broadcaster campaign export {quote(row.campaign)}"
        yield unwell("counters", Level.BAD, what, "report it, with what each message came to from", export)
    if balance:
        yield well("counters", "of every campaign balance, and equal a recount where it is open: nothing is lost")


def _miscounted(engine: Engine) -> Iterator[_Miscount]:
    with transaction(engine) as connection:
        yield from each_row(connection, "miscounted_lanes", _Miscount)


def _examine_held_messages(engine: Engine, settings: Settings) -> Iterator[Finding]:
    lease = settings.lease_seconds + RECOVERY_SECONDS
    longest = {
        MessageState.SENDING: settings.request_timeout_seconds + lease,
        MessageState.IN_DOUBT: min(DOUBT_SECONDS, settings.doubt_deadline_seconds + GIVEN_UP_SECONDS),
    }
    with transaction(engine) as connection:
        found = {row.state: row for row in rows(connection, "held_messages", _Held)}
        tests = {state: _tests_held(connection, state) for state in longest}
    for state, limit in longest.items():
        row = found.get(state)
        check = state.replace("_", " ")
        if row is None:
            yield well(check, "no messages")
            continue
        what = f"{row.messages:,} messages, the oldest for {row.oldest_seconds:.0f} s"
        if row.oldest_seconds <= limit:
            yield well(check, what)
            continue
        # A doubt may last until its deadline; no request lasts that long.
        unusual = Level.BAD if state is MessageState.SENDING else Level.WARN
        what += f", longer than the {limit:g} s that are usual"
        held, name = tests[state]
        if held:
            what += f", {held:,} of them tests, such as {name}"
        if held < row.messages:
            yield unwell(check, unusual, what, "see which campaigns and why with", "broadcaster status")
        else:
            show = f"broadcaster campaign show {quote(str(name))}"
            yield unwell(check, unusual, what, "`status` tells of no tests, see that one with", show)


def _tests_held(connection: Connection, state: MessageState) -> tuple[int, str | None]:
    """How many messages in a state are tests, which `status` does not tell of, and the name of one."""
    lanes, campaigns = tables.campaign_lanes, tables.campaigns
    held = lanes.c[state.value]
    found = select(func.coalesce(func.sum(held), 0), func.min(campaigns.c.name))
    joined = found.join_from(lanes, campaigns, campaigns.c.id == lanes.c.campaign_id)
    messages, name = connection.execute(joined.where(campaigns.c.test_of.is_not(None), held > 0)).one()
    return int(messages), name
