"""Celery tasks, each a few lines around a service."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from celery import signals

from broadcaster.crypto import open_vault
from broadcaster.errors import BroadcasterError, UnavailableError, listed
from broadcaster.services import dispatch as scans
from broadcaster.services.accounts import erase_unused_keys
from broadcaster.services.campaigns.judging import judge_campaigns
from broadcaster.services.campaigns.purging import purge_due
from broadcaster.services.clocks import mend_clocks
from broadcaster.services.frequency import purge_frequency
from broadcaster.services.instance_judging import judge_instances
from broadcaster.services.notices.delivering import deliver_due, due_receivers
from broadcaster.services.notices.noting import note_notices
from broadcaster.services.openings import move_openings
from broadcaster.services.schedules.due_occurrences import make_due_occurrences
from broadcaster.services.schedules.occurrences import start_occurrence
from broadcaster.services.sending.drain_report import MOST_NAMED
from broadcaster.services.ticks import note_tick
from broadcaster.worker.app import (
    BEAT,
    DELIVER,
    DISPATCH,
    LIFECYCLE,
    NOTICES,
    OCCURRENCE,
    PURGE,
    READ_BACK,
    READ_REPLIES,
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


# Flower's list shows what was sent, not the clock.
_TICK = {"send_events": False}


@app.task(name=DISPATCH, **_TICK)
def dispatch() -> None:
    """Wake the lanes with due work but no worker."""
    for lanes in scans.wake_lanes(runtime().engine, request_timeout=runtime().settings.request_timeout_seconds):
        _wake(lanes)


@app.task(name=LIFECYCLE, **_TICK)
def lifecycle() -> None:
    """Move windows on, expire what is too late, fail over, start, judge and finish campaigns."""
    has_opened = move_openings(runtime().engine)
    scans.expire_messages(runtime().engine)
    scans.finish_campaigns(runtime().engine)
    started = scans.start_due_campaigns(runtime().engine, grace=runtime().settings.acceptance_seconds)
    has_released = judge_campaigns(runtime().engine)
    runtime().note_started(started)
    if started or has_opened or has_released:
        dispatch()


@app.task(name=SCHEDULES, **_TICK)
def schedules() -> None:
    """Make the campaigns of due schedules."""
    for made in make_due_occurrences(runtime().engine):
        occurrence.delay(made.schedule, made.campaign)


@app.task(name=RECOVER, **_TICK)
def recover() -> None:
    """Free the lanes of workers that died, mend moments after a step of the database's clock, and climb ramps."""
    mend_clocks(runtime().engine, runtime().settings)
    if scans.recover_leases(runtime().engine, request_timeout=runtime().settings.request_timeout_seconds).lanes:
        dispatch()
    scans.climb_ramps(runtime().engine)


@app.task(name=RECONCILE, **_TICK)
def reconcile() -> None:
    """Give up doubts that are too old, have the others and replies read, judge instances, erase unneeded keys."""
    erase_unused_keys(runtime().engine)
    scans.give_up_doubts(runtime().engine, deadline=runtime().settings.doubt_deadline_seconds)
    judge_instances(runtime().engine)
    if scans.doubts_are_due(runtime().engine) or scans.truths_are_due(runtime().engine, runtime().settings):
        read_back.delay()
    if scans.replies_are_due(runtime().engine):
        read_replies.delay()


@app.task(name=NOTICES, **_TICK)
def notices() -> None:
    """Note what operators want to be told, and have it delivered."""
    note_notices(runtime().engine, runtime().settings)
    for receiver, name in due_receivers(runtime().engine).items():
        # Flower shows its name.
        deliver.apply_async((receiver,), argsrepr=name)


class InstanceTroubleError(Exception):
    """Instances whose gateway refused, throttled or did not answer. Flower shows the task as failed, in one line."""

    def __repr__(self) -> str:
        """What it says: Flower shows this."""
        return str(self)


@app.task(name=SEND, throws=(InstanceTroubleError, UnavailableError))
def send(lanes: list[int]) -> dict[str, Any]:
    """Drain lanes for a while. Flower shows the result: what became of messages by instance, and their campaigns.

    Raises InstanceTroubleError once everything is done, where something is wrong with an instance.
    """
    report = runtime().send_due(lanes)
    for unfinished in scans.in_tasks(report.unfinished):
        _wake(unfinished)
    if report.troubles:
        raise InstanceTroubleError(report.told_troubles())
    return report.document()


def _wake(lanes: Mapping[int, str]) -> None:
    """Publish a task for lanes. Flower shows their instances by name."""
    send.apply_async((list(lanes),), argsrepr=listed(list(lanes.values()), MOST_NAMED))


@app.task(name=OCCURRENCE, throws=(BroadcasterError,))
def occurrence(schedule: str, campaign: str) -> dict[str, Any]:
    """Start an occurrence's campaign. If this task is lost, the lifecycle tick starts it. Flower shows the result."""
    started = start_occurrence(runtime().engine, campaign)
    runtime().note_started([started.id])
    dispatch()
    return {"schedule": schedule, "campaign": campaign, "state": started.state.value, "messages": started.total}


@app.task(name=DELIVER)
def deliver(receiver: int) -> dict[str, Any]:
    """Deliver notices to a receiver for some seconds. Flower shows the result: how many arrived, how many did not."""
    return deliver_due(runtime().engine, runtime().settings, lambda: open_vault(runtime().settings), receiver)


@app.task(name=READ_BACK)
def read_back() -> dict[str, Any]:
    """Read chats for a few seconds. Flower shows the result: what became of messages in doubt, per instance."""
    return runtime().reconcile()


@app.task(name=READ_REPLIES)
def read_replies() -> dict[str, Any]:
    """Read what people wrote, for a few seconds. Flower shows the result: reads and new messages, per instance."""
    return runtime().read_replies()


@app.task(name=PURGE)
def purge() -> dict[str, Any]:
    """Purge campaigns that ended long enough ago, for a few seconds. Flower shows the result: what was deleted."""
    days = runtime().settings.retention_days
    purged = {} if days is None else purge_due(runtime().engine, days)
    return purged | {"people": purge_frequency(runtime().engine)}


def attach(opened: Runtime) -> None:
    """Give the tasks of this process their runtime. Call it before the worker starts."""
    _runtimes.append(opened)


@signals.worker_shutting_down.connect
def _stop(**_: Any) -> None:
    for each in _runtimes:
        each.stop()


@signals.task_success.connect
def _note_tick(sender: Any, **_: Any) -> None:
    """Record that a tick was done. A missing or hung beat is noticed by missing ticks."""
    for name, entry in BEAT.items():
        if entry["task"] == sender.name:
            # The tick was done even if that cannot be recorded.
            with suppress(BroadcasterError):
                note_tick(runtime().engine, name, entry["schedule"])
