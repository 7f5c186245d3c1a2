"""`broadcaster up`, `down` and `status`: everything on one machine, under one supervisor."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated

import typer

import broadcaster
from broadcaster import embedded
from broadcaster.cli.campaign.ends import campaign_end_document, say_ends
from broadcaster.cli.database import reader, upgrade_database
from broadcaster.cli.doors import doors_of, say_doors
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import (
    json_item,
    say,
    say_fields,
    say_json,
    say_json_with_items,
    say_table,
    warn,
)
from broadcaster.cli.own_process import own_command, own_environment
from broadcaster.cli.stack_events import teller
from broadcaster.cli.troubles import Few, few_troubles, say_troubles, trouble_document, troubles
from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.door_urls import flower_url, web_url
from broadcaster.embedded import ProcessId, ReadyNotice, Role, RoleStatus, StackState, StackStatus
from broadcaster.embedded.home import prepare_home
from broadcaster.errors import UnavailableError
from broadcaster.services.campaigns.planning import plans_of_all
from broadcaster.services.ticks import Tick, read_ticks
from broadcaster.settings import Settings, load
from broadcaster.time_zones import shown_time
from broadcaster.web.web_password import can_serve_web
from broadcaster.worker.flower_credentials import LISTENER

ANSWER_SECONDS = 5.0
"""Seconds beyond its longest request that a stopping worker may take to record outcomes and give back its claims."""
_DOWN_SECONDS = 300.0
_KEPT_IN_MEMORY = 1_000_000
"""Bytes of what is told of instances; more are in a temporary file until they are written."""

STATE_STYLES = {
    "ready": "green",
    "starting": "yellow",
    "stopping": "yellow",
    "not_answering": "bold red",
    "backing_off": "bold red",
    "degraded": "bold red",
    "lost": "bold red",
    "ticking": "green",
    "late": "bold red",
}

WorkerProcesses = Annotated[
    int, typer.Option("--worker-processes", min=1, max=64, metavar="N", help="How many workers to run.")
]


def up(
    detach: Annotated[bool, typer.Option("--detach", help="Return when all is ready, and leave it running.")] = False,
    worker_processes: WorkerProcesses = 1,
) -> None:
    """Start everything here: Postgres and Redis if no URL is configured, migrations, workers, beat, Flower, web.

    Whatever dies is restarted. Ctrl-C or SIGTERM stops everything; messages being sent finish first. Neither stopping
    nor a power failure loses anything: the next `up` goes on from there.
    """
    settings = load()
    prepare_home(settings)
    doors = doors_of(settings)
    if detach:
        _spawn(settings, worker_processes)
        say(f"up: it works in the background (`broadcaster status` shows it), logs are in {settings.home / 'logs'}")
        say_doors(doors)
        return
    tell = teller(settings)

    def migrate() -> None:
        applied = upgrade_database(settings)
        tell(f"database: migrated to {applied[-1]}" if applied else "database: up to date")

    def announce() -> None:
        for door in doors:
            tell(door)
        tell(f"up: version {broadcaster.__version__}, logs are in {settings.home / 'logs'}; Ctrl-C stops everything")

    roles = stack_roles(settings, worker_processes)
    if can_serve_web():
        roles.append(_role(settings, "web", "web"))
    embedded.run_stack(settings, roles, tell, migrate, announce)


def down() -> None:
    """Stop what `up` started here. Messages being sent finish first. Data stays."""
    settings = load()
    stopped = embedded.stop_stack(settings, _DOWN_SECONDS)
    say("stopped" if stopped else f"nothing was running in {settings.home}")


def status(as_json: Json = False) -> None:
    """Show what `up` runs here and how it is doing, what does not move, and why: instances, campaigns, replies.

    `doctor` finds out what is wrong. Exit code 1: `up` was killed, its ticks (the work of every few seconds) are not
    done, or Postgres is away.
    """
    settings = load()
    found = embedded.read_status(settings)
    running = found.settled_seconds
    with SpooledTemporaryFile(_KEPT_IN_MEMORY) as items:
        work = _read_work(settings, found, items if as_json else None)
        if as_json:
            _say_document(settings, found, work, running, items)
        else:
            _say_status(settings, found, work, running)
    late = found.is_up and any(tick.is_late(running) for tick in work.ticks or ())
    if found.state is StackState.LOST or late or work.is_unknown:
        raise typer.Exit(1)


def stack_roles(
    settings: Settings, worker_processes: int = 1, flower_listener: socket.socket | None = None
) -> list[Role]:
    """The roles besides the servers, in their starting order. Flower listens on `flower_listener`, if there is one."""
    names = [f"worker-{n}" for n in range(1, worker_processes + 1)] if worker_processes > 1 else ["worker"]
    stop_timeout = settings.request_timeout_seconds + ANSWER_SECONDS
    workers = [_role(settings, name, "worker", stop_timeout) for name in names]
    flower = _role(settings, "flower", "flower")
    if flower_listener is not None:
        number = flower_listener.fileno()
        flower = replace(flower, passed=[number], env={**(flower.env or {}), LISTENER: str(number)})
    return [*workers, _role(settings, "beat", "beat"), flower]


def _role(settings: Settings, name: str, command: str, stop_timeout: float = 10.0) -> Role:
    # Not beside the servers' sockets: their account could send the role's message.
    notice = ReadyNotice(settings.run_dir.parent / f"{name}.ready")
    return Role(
        name=name,
        argv=own_command(command),
        env=own_environment(settings),
        prepare=notice.prepare,
        ready=notice.heard,
        stop_timeout=stop_timeout,
    )


def _spawn(settings: Settings, worker_processes: int) -> None:
    argv = own_command("up", "--worker-processes", str(worker_processes))
    try:
        embedded.spawn_detached(settings, argv, own_environment(settings))
    except UnavailableError as error:
        # The error ends with the background process's last line, which begins with `error:` already.
        raise UnavailableError(str(error).removeprefix("error: ")) from None


@dataclass(frozen=True, slots=True)
class _Work:
    """What the database tells about the work. None: it was not asked, or it did not answer (`is_unknown`)."""

    ticks: list[Tick] | None = None
    troubles: Few | None = None
    is_unknown: bool = False
    plans: Mapping[str, CampaignPlan] = field(default_factory=dict)
    """When each running campaign is sent."""


def _read_work(settings: Settings, stack: StackStatus, items: IO[bytes] | None) -> _Work:
    """When the ticks were last done, if something here should do them, and what does not move.

    Where there are `items`, that is written to them instead, as JSON and one a line: each of very many instances may
    be in trouble.
    """
    if not stack.is_up and settings.database_url is None:
        return _Work(ticks=[])
    try:
        with reader(settings) as source:
            # If no tick was ever done in the database, the most frequent one stands for all.
            ticks = (read_ticks(source) or [Tick("dispatch", 1.0, None)]) if stack.is_up else []
            plans = plans_of_all(source)
            found = troubles(source, settings)
            if items is None:
                return _Work(ticks, few_troubles(found), plans=plans)
            items.writelines(json_item(trouble_document(trouble)) + b"\n" for trouble in found)
            return _Work(ticks, Few((), {}), plans=plans)
    except UnavailableError as error:
        warn(f"when the ticks were last done and what does not move is not known: Postgres is away ({error})")
        return _Work(is_unknown=True)


def _say_document(
    settings: Settings, stack: StackStatus, work: _Work, running: float | None, items: IO[bytes]
) -> None:
    document = {
        "state": stack.state,
        "pid": stack.process and stack.process.pid,
        "started_at": stack.started_at,
        "home": str(settings.home),
        "flower_url": flower_url(settings),
        "web_url": web_url(settings) if can_serve_web() else None,
        "roles": [_role_document(role) for role in stack.roles],
        "ticks": None if work.ticks is None else [_tick_document(tick, running) for tick in work.ticks],
        "ends": [campaign_end_document(name, plan) for name, plan in work.plans.items()],
    }
    if work.troubles is None:
        say_json({**document, "standing_still": None})
        return
    items.seek(0)
    say_json_with_items(document, "standing_still", items)


def _say_status(settings: Settings, stack: StackStatus, work: _Work, running: float | None) -> None:
    if stack.state is StackState.STOPPED:
        say(f"nothing is running in {settings.home}: start it with `broadcaster up`")
    else:
        _say_stack(settings, stack, work.ticks or [], running)
    say_ends(work.plans)
    if work.troubles is not None:
        say_troubles(work.troubles)


def _say_stack(settings: Settings, stack: StackStatus, ticks: list[Tick], running: float | None) -> None:
    where = {"home": settings.home, "flower": flower_url(settings)}
    if can_serve_web():
        where["web"] = web_url(settings)
    say_fields({"state": stack.state, "pid": _pid(stack.process), "started": shown_time(stack.started_at), **where})
    say("")
    say_table(
        ["ROLE", "STATE", "PID", "SINCE", "RESTARTS", "LAST EXIT"],
        (
            [
                role.name,
                role.state,
                _pid(role.process),
                shown_time(role.since, seconds=True),
                role.restarts,
                role.last_exit,
            ]
            for role in stack.roles
        ),
        styles=STATE_STYLES,
        folded=["LAST EXIT"],
    )
    if ticks:
        say("")
        say_table(
            ["TICK", "STATE", "EVERY", "LAST DONE"],
            (
                [
                    tick.name,
                    "late" if tick.is_late(running) else "ticking",
                    f"{tick.period:g} s",
                    _last_done(tick),
                ]
                for tick in ticks
            ),
            styles=STATE_STYLES,
        )


def _last_done(tick: Tick) -> str:
    if tick.put_back:
        return "before its clock was put back"
    return "never" if tick.age is None else f"{tick.age:.1f} s ago"


def _role_document(role: RoleStatus) -> dict[str, object]:
    return {
        "name": role.name,
        "state": role.state,
        "pid": role.process and role.process.pid,
        "since": role.since,
        "restarts": role.restarts,
        "last_exit": role.last_exit,
    }


def _tick_document(tick: Tick, running: float | None) -> dict[str, object]:
    return {
        "name": tick.name,
        "period_seconds": tick.period,
        "age_seconds": tick.age,
        "late": tick.is_late(running),
    }


def _pid(process: ProcessId | None) -> str | None:
    return None if process is None else str(process.pid)
