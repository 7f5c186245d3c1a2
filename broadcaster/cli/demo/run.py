"""`broadcaster demo`: two campaigns to a simulated gateway, and the proof that every recipient got exactly one."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.live import Live
from sqlalchemy import Engine

import broadcaster
from broadcaster import embedded
from broadcaster.cli.campaign.progress import render, take_snapshot
from broadcaster.cli.database import database, nudge_workers, upgrade_database
from broadcaster.cli.demo.proof import prove_the_promises
from broadcaster.cli.output import console, one_line, say_table, warn
from broadcaster.cli.own_process import as_called
from broadcaster.cli.stack import stack_roles
from broadcaster.crypto import open_vault
from broadcaster.domain.contents import Content
from broadcaster.domain.instances import Wire
from broadcaster.domain.meter import Meter
from broadcaster.domain.pacing import format_rate
from broadcaster.domain.states import FINAL_CAMPAIGN_STATES
from broadcaster.door_urls import flower_url
from broadcaster.errors import BroadcasterError, UnavailableError, quoted
from broadcaster.services.campaigns.campaign_reports import campaign_detail, campaign_summary
from broadcaster.services.campaigns.new_content import file_content, text_file_content
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.instances import add_instance
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from broadcaster.settings import Settings
from broadcaster.settings_faults import PREFIX
from broadcaster.simulator import InstanceConfig, Simulator, SimulatorConfig, background
from broadcaster.worker.flower_credentials import flower_credentials

_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.25
_LINE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Instance:
    name: str
    rate: float
    """Messages per second: far more than anybody should try with a real account, so that the demo is quick."""
    wire: Wire
    shape: str
    """The shape of the simulated gateway's replies."""


@dataclass(frozen=True, slots=True)
class _Campaign:
    name: str
    instances: Sequence[str]
    recipients: str
    content: Callable[[Path, int], Content]
    """The content, from the directory of the examples and the largest allowed file in bytes."""
    endpoint: str


_INSTANCES = (
    _Instance("north", 24.0, Wire.JSON, "sent"),
    _Instance("south", 12.0, Wire.FORM, "status"),
)
_CAMPAIGNS = (
    _Campaign(
        "order-updates",
        ["north", "south"],
        "customers.csv",
        lambda directory, most: text_file_content(directory / "order-update.txt", most),
        "/wa/send",
    ),
    _Campaign(
        "opening-hours",
        ["north"],
        "members.csv",
        lambda directory, most: file_content(directory / "opening-hours.pdf", most, caption=_CAPTION),
        "/wa/sendfile",
    ),
)
_CAPTION = "{{ name }}, these are our new opening hours."


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave it running until Ctrl-C, to look at Flower.")] = False,
) -> None:
    """Send sample campaigns to a simulated gateway, and compare its ledger with the database.

    Everything happens in a temporary directory, separate from what is configured or running here. Nothing leaves this
    machine. Exit code 1: the books do not balance.
    """
    began = time.monotonic()
    keys = {instance.name: secrets.token_urlsafe() for instance in _INSTANCES}
    _tell("Two campaigns over two instances of a simulated WhatsApp gateway.\n")
    with (
        _temporary_home() as home,
        background(_gateway_config(home, keys)) as gateway,
        _listener() as listener,
        embedded.start_servers(settings := _take_settings(home, listener)) as servers,
        database(settings) as engine,
    ):
        upgrade_database(settings)
        _tell("servers", "Postgres and Redis, in a temporary directory")
        servers.add(stack_roles(settings, flower_listener=listener))
        _tell("roles", "worker, beat, Flower")
        _tell("gateway", f"simulated, at {gateway.base_url}")
        credentials = flower_credentials(settings)
        _tell("Flower", flower_url(settings))
        _tell("", f"user {credentials.user}, password {credentials.password}")
        _add_instances(engine, settings, gateway, keys)
        for campaign in _CAMPAIGNS:
            _submit(engine, settings, campaign)
        nudge_workers(settings)
        _follow(engine)
        balances = _report(engine, gateway)
        if keep:
            _wait_for_interrupt(settings)
        if not balances:
            raise UnavailableError("the books do not balance, as shown above")
    _tell(f"\nAll of it is stopped again, after {time.monotonic() - began:.0f} s. For real: `broadcaster up`.")


def examples_dir() -> Path:
    """Inside the installed package, or beside it in a checkout."""
    package = Path(broadcaster.__file__).resolve().parent
    installed = package / "examples"
    return installed if installed.is_dir() else package.parent / "examples"


@contextmanager
def _temporary_home() -> Iterator[Path]:
    """A directory that is removed at the end. If something went wrong, it stays, because its logs may tell what."""
    # A supervisor that gets SIGTERM stops what it started, as at Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    home = Path(tempfile.mkdtemp(prefix="broadcaster-demo-"))
    # Under root the servers run as another account, which must get in.
    home.chmod(0o711 if os.geteuid() == 0 else 0o700)
    try:
        yield home
    except BroadcasterError:
        warn(f"data and logs are left in {home}")
        raise
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    shutil.rmtree(home)


def _take_settings(home: Path, listener: socket.socket) -> Settings:
    """Set the environment of this process, and of those that it starts, to the demo's own configuration."""
    settings = Settings(home=home, flower_port=listener.getsockname()[1])
    os.environ.update(settings.environment())
    return settings


def _listener() -> socket.socket:
    """The socket on which Flower will listen: at its usual port, or at a free one if that is taken."""
    for port in (Settings(home=Path()).flower_port, 0):
        with suppress(OSError):
            return socket.create_server(("127.0.0.1", port))
    raise UnavailableError("no free port on 127.0.0.1 for Flower")


def _gateway_config(home: Path, keys: Mapping[str, str]) -> SimulatorConfig:
    instances = tuple(
        InstanceConfig(name=each.name, key=keys[each.name], wire=each.wire.value, shape=each.shape)
        for each in _INSTANCES
    )
    return SimulatorConfig(instances=instances, ledger=home / "ledger.jsonl")


def _add_instances(engine: Engine, settings: Settings, gateway: Simulator, keys: Mapping[str, str]) -> None:
    vault = open_vault(settings)
    for each in _INSTANCES:
        key, rate = keys[each.name], each.rate
        add_instance(engine, vault, each.name, key, base_url=gateway.base_url, rate_per_second=rate, wire=each.wire)
    _tell("instances", ", ".join(f"{each.name} at {format_rate(each.rate)}" for each in _INSTANCES))


def _submit(engine: Engine, settings: Settings, campaign: _Campaign) -> None:
    content = campaign.content(examples_dir(), settings.max_file_bytes)
    submission = Submission(
        name=campaign.name, instances=campaign.instances, content=content, max_attempts=settings.max_attempts
    )
    options = RecipientOptions(text=content.text, caption=content.caption)
    with read_recipients(examples_dir() / campaign.recipients, options) as recipients:
        submitted = submit_campaign(engine, submission, recipients)
    _tell("campaign", f"{campaign.name}: {submitted.total:,} messages over {' and '.join(campaign.instances)}")
    rejects = ", ".join(f"line {line}: {quoted(written)}" for line, written, _ in submitted.rejects)
    left_out = f", {submitted.rejected:,} rejected ({rejects})" if rejects else ""
    left_out += f", {submitted.duplicates:,} repeated" if submitted.duplicates else ""
    _tell("", f"examples/{campaign.recipients}: {submitted.read:,} rows{left_out}")
    phone, text = submitted.samples[0]
    _tell("", f"to {phone}: {text}")


def _follow(engine: Engine) -> None:
    """Show the campaigns' progress until all are final.

    Raises UnavailableError if that takes too long.
    """
    _tell("")
    screen = console()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    meters = {campaign.name: Meter() for campaign in _CAMPAIGNS}
    with Live(console=screen, auto_refresh=False) if screen.is_terminal else nullcontext() as live:
        next_line = 0.0
        while True:
            snapshots = [take_snapshot(campaign_summary(engine, name), meter) for name, meter in meters.items()]
            done = all(snapshot.state in FINAL_CAMPAIGN_STATES for snapshot in snapshots)
            if live is not None:
                live.update(Group(*map(render, snapshots)), refresh=True)
            elif done or time.monotonic() >= next_line:
                next_line = time.monotonic() + _LINE_SECONDS
                _tell("; ".join(f"{each.summary.name}: {each.final} of {each.total} final" for each in snapshots))
            if done:
                return
            if time.monotonic() > deadline:
                raise UnavailableError(f"the campaigns are not finished after {_PATIENCE_SECONDS:g} s")
            time.sleep(_POLL_SECONDS)


def _report(engine: Engine, gateway: Simulator) -> bool:
    """Print what became of the messages, and whether the books balance; returns that."""
    _tell("")
    details = [campaign_detail(engine, campaign.name) for campaign in _CAMPAIGNS]
    say_table(
        ["CAMPAIGN", "INSTANCE", "LIMIT", "MESSAGES", "SENT", "FAILED", "UNKNOWN"],
        (
            [
                detail.summary.name,
                lane.instance,
                format_rate(lane.rate_per_second),
                lane.total,
                lane.sent,
                lane.failed,
                lane.unknown,
            ]
            for detail in details
            for lane in detail.lanes
        ),
    )
    _tell("")
    endpoints = {campaign.name: campaign.endpoint for campaign in _CAMPAIGNS}
    proofs = prove_the_promises(engine, endpoints, gateway.ledger.entries)
    say_table(
        ["CHECK", "", "BECAUSE"],
        ([proof.claim, "yes" if proof.holds else "NO", proof.evidence] for proof in proofs),
        styles={"yes": "green", "NO": "bold red"},
        folded=["BECAUSE"],
    )
    return all(proof.holds for proof in proofs)


def _wait_for_interrupt(settings: Settings) -> None:
    _tell("\nStill running, until Ctrl-C. In another terminal:")
    _tell(f"  {PREFIX}HOME={settings.home} {Path(sys.argv[0])} campaign list")
    with suppress(KeyboardInterrupt):
        signal.pause()


def _tell(first: str, what: str | None = None) -> None:
    """Write a line, or a name and a text about it. It is flushed at once, for readers of a pipe."""
    first = as_called(first)
    sys.stdout.write(f"{first}\n" if what is None else f"  {first:<10} {one_line(what)}\n")
    sys.stdout.flush()
