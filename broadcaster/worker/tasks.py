"""Celery tasks, each a few lines around a service."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from celery import signals

from broadcaster.errors import BroadcasterError, UnavailableError
from broadcaster.services import dispatch as scans
from broadcaster.services.accounts import forget_accounts
from broadcaster.services.campaigns.purging import purge_due
from broadcaster.services.clocks import mend_clocks
from broadcaster.services.schedules.occurrences import start_occurrence
from broadcaster.services.schedules.tick import make_due_occurrences
from broadcaster.services.ticks import note_tick
from broadcaster.worker.app import (
    BEAT,
    DISPATCH,
    LIFECYCLE,
    OCCURRENCE,
    PURGE,
    READ_BACK,
    RECONCILE,
    RECOVER,
    SCHEDULES,
    SEND,
    app,
)
from broadcaster.worker.runtime import Runtime

_runtimes: list[Runtime] = []


def runtime() -> Runtime:
    """This worker process's runtime."""
    return _runtimes[0]


# No events: Flower's list shows what was sent, not the clock. While Postgres is away there is a line for each tick in
# the log, and no traceback.
_TICK = {"send_events": False, "throws": (UnavailableError,)}


@app.task(name=DISPATCH, **_TICK)
def dispatch() -> None:
    """Wake the lanes that have due work and no worker."""
    for lanes in scans.wake_lanes(runtime().engine):
        send.delay(lanes)


@app.task(name=LIFECYCLE, **_TICK)
def lifecycle() -> None:
    """Start the campaigns that are due and finish those that balance."""
    scans.finish_campaigns(runtime().engine)
    if scans.start_due_campaigns(runtime().engine):
        dispatch()


@app.task(name=SCHEDULES, **_TICK)
def schedules() -> None:
    """Make the campaigns of schedules that are due."""
    for made in make_due_occurrences(runtime().engine):
        occurrence.delay(made.schedule, made.campaign)


@app.task(name=RECOVER, **_TICK)
def recover() -> None:
    """Free the lanes of workers that died, and mend what a step of the database's clock left behind."""
    mend_clocks(runtime().engine, runtime().settings)
    if scans.recover_leases(runtime().engine, request_timeout=runtime().settings.request_timeout_seconds).lanes:
        dispatch()


@app.task(name=RECONCILE, send_events=False)
def reconcile() -> None:
    """Give up what has been in doubt for too long, have the rest read back, and forget keys that nobody needs."""
    forget_accounts(runtime().engine)
    scans.give_up_doubts(runtime().engine, deadline=runtime().settings.doubt_deadline_seconds)
    if scans.doubts_are_due(runtime().engine) or scans.truths_are_due(runtime().engine, runtime().settings):
        read_back.delay()


@app.task(name=SEND)
def send(lanes: list[int]) -> dict[str, Any]:
    """Drain lanes for a while; what Flower shows is what became of their messages, per instance."""
    report = runtime().drain(lanes)
    for unfinished in scans.in_tasks(report.unfinished):
        send.delay(unfinished)
    return report.counts


@app.task(name=OCCURRENCE, throws=(BroadcasterError,))
def occurrence(schedule: str, campaign: str) -> dict[str, Any]:
    """Start the campaign of an occurrence; were this lost, the lifecycle tick would do so. Flower shows the result."""
    started = start_occurrence(runtime().engine, campaign)
    dispatch()
    return {"schedule": schedule, "campaign": campaign, **started}


@app.task(name=READ_BACK)
def read_back() -> dict[str, Any]:
    """Read chats for a few seconds; what Flower shows is what they said of messages in doubt, per instance."""
    return runtime().reconcile()


@app.task(name=PURGE, throws=(UnavailableError,))
def purge() -> dict[str, Any]:
    """Purge for a few seconds the campaigns that ended long enough ago; what Flower shows is what went."""
    days = runtime().settings.retention_days
    return {} if days is None else purge_due(runtime().engine, days)


def attach(opened: Runtime) -> None:
    """Give the tasks of this process their runtime; before the worker starts."""
    _runtimes.append(opened)


@signals.worker_shutting_down.connect
def _stop(**_: Any) -> None:
    for each in _runtimes:
        each.stop()


@signals.task_success.connect
def _note_tick(sender: Any, **_: Any) -> None:
    """A beat that is wedged, or that nobody started, is noticed by the ticks that are not done."""
    for name, entry in BEAT.items():
        if entry["task"] == sender.name:
            # The tick has been done, whether that can be noted or not.
            with suppress(BroadcasterError):
                note_tick(runtime().engine, name, entry["schedule"])
