"""The commands, and where each of them is."""

from __future__ import annotations

from typing import Annotated

import typer

import broadcaster
from broadcaster.cli.groups import lazy_group

COMMANDS = {
    "up": ("broadcaster.cli.stack:up", "Start everything here: servers, migrations, worker, beat, Flower, web."),
    "down": ("broadcaster.cli.stack:down", "Stop what `up` started."),
    "status": ("broadcaster.cli.stack:status", "Show what is running here and how it is doing."),
    "top": ("broadcaster.cli.top:top", "Show all that is sent now, again and again."),
    "doctor": ("broadcaster.cli.doctor:doctor", "Find out what is wrong, and say what to do."),
    "demo": (
        "broadcaster.cli.demo.run:demo",
        "Send a sample campaign to a simulated gateway and prove that it balances.",
    ),
    "instance": ("broadcaster.cli.instance:app", "Add, change and check WAChatPro instances."),
    "limit": ("broadcaster.cli.limit:app", "Limits that several instances, campaigns or people share."),
    "campaign": ("broadcaster.cli.campaign:app", "Submit, watch, steer and report campaigns."),
    "audience": ("broadcaster.cli.audience:app", "Keep recipients under a name, for campaigns and schedules."),
    "phone": ("broadcaster.cli.phone:app", "Stop messages to a person, show what is stored, or forget it."),
    "replies": ("broadcaster.cli.reply:app", "What people wrote back, and what their words asked for."),
    "schedule": ("broadcaster.cli.schedule:app", "Broadcasts that recur: schedules and their occurrences."),
    "notify": ("broadcaster.cli.notify:app", "Tell people and programs what happens, by webhook, mail or WhatsApp."),
    "proof": ("broadcaster.cli.proof_keys:app", "The key that proofs of campaigns are signed with."),
    "verify": ("broadcaster.cli.verify:verify", "Check a proof of a campaign; needs no database."),
    "purge": ("broadcaster.cli.purge:purge", "Delete what is personal of campaigns that ended long ago."),
    "audit": ("broadcaster.cli.audit:audit", "Show what operators did: who, when, what, before and after."),
    "metrics": ("broadcaster.cli.metrics:metrics", "Figures for monitors: print them, or serve them to Prometheus."),
    "db": ("broadcaster.cli.db:app", "Bring the database up to date, or check it."),
    "secrets": ("broadcaster.cli.secrets:app", "Change the secret key that instance keys are encrypted with."),
    "worker": ("broadcaster.cli.roles:worker", "Run one worker."),
    "beat": ("broadcaster.cli.roles:beat", "Run one beat, which fires the workers' ticks."),
    "flower": ("broadcaster.cli.roles:flower", "Run Flower, the web view of the workers."),
    "web": ("broadcaster.cli.roles:web", "Run the view in the browser: what is sent now, and why something is not."),
    "simulator": ("broadcaster.cli.roles:simulator", "Run a WAChatPro gateway to develop and test against."),
}


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"broadcaster {broadcaster.__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


app = lazy_group(COMMANDS, "Bulk broadcasts over WhatsApp through the WAChatPro HTTP API.", _options)
