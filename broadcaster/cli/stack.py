"""`broadcaster up`, `down` and `status`: everything on one machine, under one supervisor."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

import typer

import broadcaster
from broadcaster import embedded
from broadcaster.cli.database import database
from broadcaster.cli.output import local_time, one_line, say, say_fields, say_json, say_table, utc_time, warn
from broadcaster.db.migrate import upgrade
from broadcaster.embedded import ProcessId, ReadyNotice, Role, RoleStatus, StackState, StackStatus
from broadcaster.embedded.home import home_of, prepare
from broadcaster.errors import UnavailableError
from broadcaster.services.ticks import Tick, read_ticks
from broadcaster.settings import Settings, load
from broadcaster.worker.flower_credentials import FlowerCredentials, credentials_path, flower_credentials

ANSWER_SECONDS = 5.0
"""What a worker may take, beyond its longest request, to record outcomes and to give back what it had claimed."""
_DOWN_SECONDS = 300.0

STATE_STYLES = {
    "ready": "green",
    "starting": "yellow",
    "stopping": "yellow",
    "backing_off": "bold red",
    "degraded": "bold red",
    "lost": "bold red",
    "ticking": "green",
    "late": "bold red",
}

WorkerProcesses = Annotated[
    int, typer.Option("--worker-processes", min=1, max=64, metavar="N", help="How many workers to run.")
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]


def up(
    detach: Annotated[bool, typer.Option("--detach", help="Return when all is ready, and leave it running.")] = False,
    worker_processes: WorkerProcesses = 1,
) -> None:
    """Start everything here: Postgres and Redis where no URL is configured, migrations, workers, beat, Flower.

    What dies is restarted. Ctrl-C or SIGTERM stops all of it: what is being sent finishes first. Nothing is lost by
    stopping or by a power failure; the next `up` goes on from there.
    """
    settings = load()
    prepare(home_of(settings))
    password_is_new = not settings.flower_basic_auth and not credentials_path(settings).exists()
    credentials = flower_credentials(settings)
    if detach:
        _spawn(settings, worker_processes)
        say(f"up: it works in the background (`broadcaster status` shows it), logs are in {settings.home / 'logs'}")
        _say_flower(settings, credentials, password_is_new)
        return
    tell = _teller()

    def migrate() -> None:
        with database(settings) as engine:
            applied = upgrade(engine)
        tell(f"database: migrated to {applied[-1]}" if applied else "database: up to date")

    def announce() -> None:
        _say_flower(settings, credentials, password_is_new)
        tell(f"up: version {broadcaster.__version__}, logs are in {settings.home / 'logs'}; Ctrl-C stops everything")

    embedded.run_stack(settings, stack_roles(settings, worker_processes), tell, migrate, announce)


def down() -> None:
    """Stop what `up` started here, cleanly: what is being sent finishes first. Data stays."""
    settings = load()
    stopped = embedded.stop_stack(settings, _DOWN_SECONDS)
    say("stopped" if stopped else f"nothing was running in {settings.home}")


def status(as_json: Json = False) -> None:
    """Show what `up` runs here and how it is doing. `doctor` finds out what is wrong.

    Exit code 1: it was killed, or the work that is done every few seconds (its ticks) is not done.
    """
    settings = load()
    found = embedded.read_status(settings)
    ticks = _read_ticks(settings, found)
    running = found.settled_seconds
    if as_json:
        say_json(_status_document(settings, found, ticks, running))
    elif found.state is StackState.STOPPED:
        say(f"nothing is running in {settings.home}: start it with `broadcaster up`")
    else:
        _say_status(settings, found, ticks or [], running)
    late = ticks is None or any(tick.is_late(running) for tick in ticks)
    if found.state is StackState.LOST or (found.is_up and late):
        raise typer.Exit(1)


def stack_roles(settings: Settings, worker_processes: int = 1) -> list[Role]:
    """The roles beside the servers, in the order in which they start."""
    names = [f"worker-{n}" for n in range(1, worker_processes + 1)] if worker_processes > 1 else ["worker"]
    stop_timeout = settings.request_timeout_seconds + ANSWER_SECONDS
    workers = [_role(settings, name, "worker", stop_timeout) for name in names]
    return [*workers, _role(settings, "beat", "beat"), _role(settings, "flower", "flower")]


def flower_url(settings: Settings) -> str:
    """Where Flower is, as seen from this machine."""
    everywhere = settings.flower_bind in ("0.0.0.0", "::", "")  # noqa: S104 - compared, not bound
    host = "127.0.0.1" if everywhere else settings.flower_bind
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.flower_port}/"


def _role(settings: Settings, name: str, command: str, stop_timeout: float = 10.0) -> Role:
    notice = ReadyNotice(settings.run_dir / f"{name}.ready")
    return Role(
        name=name,
        argv=[sys.executable, "-m", "broadcaster", command],
        prepare=notice.prepare,
        ready=notice.heard,
        stop_timeout=stop_timeout,
    )


def _spawn(settings: Settings, worker_processes: int) -> None:
    argv = [sys.executable, "-m", "broadcaster", "up", "--worker-processes", str(worker_processes)]
    try:
        embedded.spawn_detached(settings, argv)
    except UnavailableError as error:
        # It ends with the last line that the background process wrote, and that is an error's line already.
        raise UnavailableError(str(error).removeprefix("error: ")) from None


def _teller() -> Callable[[str], None]:
    """Writes what happens, line by line: `name: what`. In a log each line has its moment."""
    on_terminal = sys.stdout.isatty()

    def tell(line: str) -> None:
        if on_terminal:
            name, colon, what = line.partition(": ")
            shown = f"  {name:<9} {what}" if colon else line
        else:
            shown = f"{utc_time(datetime.now(UTC))} {line}"
        # At once: whoever reads a pipe or a log waits for it.
        sys.stdout.write(f"{one_line(shown)}\n")
        sys.stdout.flush()

    return tell


def _say_flower(settings: Settings, credentials: FlowerCredentials, password_is_new: bool) -> None:
    say(f"Flower: {flower_url(settings)} user {credentials.user}, {_password(settings, credentials, password_is_new)}")
    sys.stdout.flush()


def _password(settings: Settings, credentials: FlowerCredentials, is_new: bool) -> str:
    if settings.flower_basic_auth:
        return "password as in BROADCASTER_FLOWER_BASIC_AUTH"
    path = credentials_path(settings)
    return f"password {credentials.password} (shown once, kept in {path})" if is_new else f"password in {path}"


def _read_ticks(settings: Settings, stack: StackStatus) -> list[Tick] | None:
    """When the ticks were last done, where something should do them; None, with a warning, if nobody can tell."""
    if not stack.is_up:
        return []
    try:
        with database(settings) as engine:
            # Of a database in which none was ever done, the most frequent one stands for all.
            return read_ticks(engine) or [Tick("dispatch", 1.0, None)]
    except UnavailableError as error:
        warn(f"when the ticks were last done cannot be told: {error}")
        return None


def _status_document(
    settings: Settings, stack: StackStatus, ticks: list[Tick] | None, running: float | None
) -> dict[str, object]:
    return {
        "state": stack.state,
        "pid": stack.process and stack.process.pid,
        "started_at": stack.started_at,
        "home": str(settings.home),
        "flower_url": flower_url(settings),
        "roles": [_role_document(role) for role in stack.roles],
        "ticks": None if ticks is None else [_tick_document(tick, running) for tick in ticks],
    }


def _say_status(settings: Settings, stack: StackStatus, ticks: list[Tick], running: float | None) -> None:
    where = {"home": settings.home, "flower": flower_url(settings)}
    say_fields({"state": stack.state, "pid": _pid(stack.process), "started": local_time(stack.started_at), **where})
    say("")
    say_table(
        ["ROLE", "STATE", "PID", "SINCE", "RESTARTS", "LAST EXIT"],
        (
            [role.name, role.state, _pid(role.process), local_time(role.since), role.restarts, role.last_exit]
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
