"""`broadcaster doctor`: finds out what is wrong, and says what to do."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from broadcaster import embedded
from broadcaster.cli.database import database
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say_json, say_table
from broadcaster.cli.server_remedy import server_remedy
from broadcaster.embedded import StackState, StackStatus
from broadcaster.errors import SettingsError
from broadcaster.services.diagnosis import examine_database
from broadcaster.services.findings import Finding, Level, at_most_alike, broken_by, unwell, well
from broadcaster.services.trace_extra import TRACES_NEED, can_trace
from broadcaster.settings import Settings, load

LEVEL_STYLES = {"ok": "green", "warn": "yellow", "bad": "bold red"}


def doctor(as_json: Json = False) -> None:
    """Find out what is wrong, and say what to do. Exit code 1: something is bad; warnings leave it at 0."""
    findings = list(at_most_alike(_examine()))
    healthy = all(finding.level is not Level.BAD for finding in findings)
    if as_json:
        say_json({"ok": healthy, "checks": findings})
    else:
        rows = ([finding.check, finding.level, finding.detail] for finding in findings)
        say_table(["CHECK", "LEVEL", "FINDING"], rows, styles=LEVEL_STYLES, folded=["FINDING"])
    if not healthy:
        raise typer.Exit(1)


def _examine() -> Iterator[Finding]:
    try:
        settings = load()
    except SettingsError as error:
        yield broken_by(error, "settings", "fix that, then check again with", "broadcaster doctor")
        return
    yield well("settings", f"are valid, home {settings.home}")
    if settings.otlp_endpoint is not None and not can_trace():
        yield unwell("traces", Level.BAD, TRACES_NEED, "then check again with", "broadcaster doctor")
    stack = embedded.read_status(settings)
    yield from _examine_stack(settings, stack)
    running = stack.settled_seconds if stack.is_up else None
    with database(settings) as engine:
        yield from examine_database(engine, settings, server_remedy(stack), running)
        # Celery takes longer to import than everything else.
        from broadcaster.worker.app import app  # noqa: PLC0415
        from broadcaster.worker.examination import examine_workers  # noqa: PLC0415

        yield from examine_workers(app, engine, running, server_remedy(stack))


def _examine_stack(settings: Settings, stack: StackStatus) -> Iterator[Finding]:
    """Check what `up` runs here, if it is used here at all."""
    if stack.state is StackState.STOPPED:
        if settings.database_url is None:
            what = f"is not running in {settings.home}"
            yield unwell("stack", Level.BAD, what, "start it with", "broadcaster up")
        return
    ailing = [f"{role.name} is {role.state}" for role in stack.roles if role.state != "ready"]
    what = ", ".join([f"is {stack.state}", *ailing])
    match stack.state:
        case StackState.READY:
            yield well("stack", what)
        case StackState.LOST:
            what += ": its supervisor was killed"
            yield unwell("stack", Level.BAD, what, "take over what it left with", "broadcaster up")
        case _:
            advice = f"see the logs in {settings.home / 'logs'}, and whether it lasts with"
            yield unwell("stack", Level.WARN, what, advice, "broadcaster status")
