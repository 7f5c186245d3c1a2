"""`broadcaster worker`, `beat`, `flower`, `web` and `simulator`: one role each, for orchestrators and development."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from broadcaster.errors import UnavailableError
from broadcaster.settings import load

# Celery and Flower are slow to import, so each role imports its own part inside its function. Roles read the settings
# and then work in `/`, so that nothing comes from the current directory.


def worker() -> None:
    """Run one worker: it sends what is due. Stop it with SIGTERM or Ctrl-C; messages in flight finish first.

    Run as many as you like, on as many machines as you like. The instances' limits hold for all of them together.
    """
    from broadcaster.worker.roles import run_worker  # noqa: PLC0415

    os.chdir("/")
    run_worker()


def beat() -> None:
    """Run one beat: it tells the workers once a second to look for due work. A second one does no harm."""
    from broadcaster.worker.roles import run_beat  # noqa: PLC0415

    os.chdir("/")
    run_beat()


def flower() -> None:
    """Run Flower, the web view of workers and tasks, at BROADCASTER_FLOWER_BIND and BROADCASTER_FLOWER_PORT."""
    from broadcaster.worker.flower import run_flower  # noqa: PLC0415

    os.chdir("/")
    run_flower()


def web(
    allow_changes: Annotated[
        bool,
        typer.Option(
            "--allow-changes",
            help="Let who is signed in pause, resume and cancel campaigns. Default: BROADCASTER_WEB_ALLOW_CHANGES.",
        ),
    ] = False,
) -> None:
    """Serve the view in the browser at BROADCASTER_WEB_BIND and BROADCASTER_WEB_PORT: campaigns as they are sent.

    It is behind a password, and only to look at unless changes are allowed. What somebody changes is in `audit`.

    Example: broadcaster web --allow-changes
    """
    from broadcaster.web.web_password import EXTRA, can_serve_web  # noqa: PLC0415

    settings = load()
    if not can_serve_web():
        raise UnavailableError(EXTRA)
    import structlog  # noqa: PLC0415

    from broadcaster.cli.doors import door_of_web, say_doors  # noqa: PLC0415
    from broadcaster.cli.troubles import look_around  # noqa: PLC0415
    from broadcaster.doors_in_clear import web_in_clear  # noqa: PLC0415
    from broadcaster.web.web_server import serve_web  # noqa: PLC0415
    from broadcaster.worker.logs import configure_logs  # noqa: PLC0415
    from broadcaster.worker.nudge import nudge  # noqa: PLC0415
    from broadcaster.worker.readiness import announce_ready  # noqa: PLC0415

    settings = replace(settings, web_allow_changes=settings.web_allow_changes or allow_changes)
    configure_logs(settings, "web")
    door, in_clear = door_of_web(settings, shows_new=sys.stdout.isatty()), web_in_clear(settings)
    os.chdir("/")

    def ready() -> None:
        if sys.stdout.isatty():
            say_doors([door, *filter(None, [in_clear])])
        else:
            structlog.get_logger().info(door)
            if in_clear is not None:
                structlog.get_logger().warning(in_clear)
        announce_ready()

    serve_web(settings, surroundings=partial(look_around, settings=settings), nudge=nudge, ready=ready)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorCommandOptions:
    """What the simulator listens on, and how it behaves."""

    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1"
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one.")] = 8085
    instances: Annotated[
        list[str] | None,
        typer.Option("--instance", metavar="NAME:KEY[,wire=…][,shape=…]", help="An instance. Default: any key."),
    ] = None
    instances_file: Annotated[
        Path | None, typer.Option("--instances", metavar="FILE", help="A JSON or TOML file of instances.")
    ] = None
    any_key: Annotated[
        bool | None, typer.Option("--any-key/--no-any-key", help="Default: only if no instance is given.")
    ] = None
    wire: Annotated[str, typer.Option(help="The encoding that instances take: json, form or both.")] = "both"
    shape: Annotated[str, typer.Option(help="The shape of replies: sent, status, serialized, ok, self or rotate.")] = (
        "sent"
    )
    ledger: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append every request here; read at the start.")
    ] = None
    fsync: Annotated[bool, typer.Option("--fsync", help="Reply only when the ledger is on the disk.")] = False
    listing: Annotated[
        str,
        typer.Option(metavar="aliases=…,page=…,…", help="The listing of chats for instances without their own."),
    ] = ""
    faults: Annotated[
        list[str] | None,
        typer.Option("--fault", metavar="kind=…,probability=…,…", help="What is to go wrong, and when."),
    ] = None
    faults_file: Annotated[
        Path | None, typer.Option("--faults", metavar="FILE", help="A JSON list of fault rules.")
    ] = None
    seed: Annotated[int, typer.Option(help="The seed of the faults' probabilities.")] = 0
    visible_after: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long after sending /wa/messages shows a message.")
    ] = 0.0


def simulator(
    *,
    options: SimulatorCommandOptions,
    explain: Annotated[
        bool, typer.Option("--explain", help="Explain what --fault and --listing can do, and exit.")
    ] = False,
) -> None:
    """Run a WAChatPro gateway to develop and test against. It takes messages, delivers nothing, and keeps a ledger."""
    from broadcaster.simulator import SimulatorOptions, build_config, guide, serve  # noqa: PLC0415

    if explain:
        typer.echo(guide())
        return
    serve(build_config(SimulatorOptions(**asdict(options))))
