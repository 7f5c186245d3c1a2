"""`broadcaster campaign test`: one marked copy to a phone of one's own."""

from __future__ import annotations

import time
from typing import Annotated

import msgspec
import typer
from sqlalchemy import Engine

from broadcaster.cli.campaign import Name
from broadcaster.cli.database import database, nudge_workers, prepare_nudge, vault_opener
from broadcaster.cli.options.phones import Country, phone_of
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_json, warn
from broadcaster.domain.durations import duration
from broadcaster.domain.states import FINAL_MESSAGE_STATES, LaneHealth, MessageState, told_health
from broadcaster.errors import BroadcasterError
from broadcaster.services.campaigns.lifecycle import cancel_campaign
from broadcaster.services.campaigns.test_copies import TestCopy, read_test, send_test
from broadcaster.services.countries import known_country
from broadcaster.settings import load

_POLL_SECONDS = 0.2
_QUIET_SECONDS = 2.0
"""How long it may take without a word about why."""


class TestFailedError(BroadcasterError):
    """The copy was not sent."""


def test(
    name: Name,
    to: Annotated[str, typer.Option("--to", metavar="PHONE", help="Who gets the copy.", show_default=False)],
    instance: Annotated[
        str | None,
        typer.Option("--instance", metavar="NAME", help="Through this one. Default: one of the campaign's."),
    ] = None,
    country: Country = None,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0, metavar="SECONDS", help="Cancel it if it has not left by then.")
    ] = 60.0,
    as_json: Json = False,
) -> None:
    """Send one copy of a campaign's message to a phone, and wait for what becomes of it.

    It goes the way of all messages, ahead of them, begins with [TEST] and is counted in no report and no list. Its
    variables are those of this phone if the campaign goes to it, else those of the first recipient. Exit code 1: it
    was not sent.

    Example: broadcaster campaign test promo --to 628123456789
    """
    settings = load()
    prepare_nudge()
    with database(settings) as engine:
        through = {"instances": [instance]} if instance else {"campaign": name}
        phone = phone_of("--to", to, known_country(engine, settings, country, **through))
        copy = send_test(engine, name, phone, instance, open_vault=vault_opener(settings))
        nudge_workers(settings)
        copy = _follow(engine, copy, time.monotonic() + timeout)
    if as_json:
        say_json(
            {"campaign": name, **{key: value for key, value in msgspec.structs.asdict(copy).items() if key != "id"}}
        )
    if copy.state is not MessageState.SENT:
        raise TestFailedError(_failure(copy))
    if not as_json:
        say(f"the test of campaign {name} is sent to {phone} through instance {copy.instance}")


def _follow(engine: Engine, copy: TestCopy, ends: float) -> TestCopy:
    """Wait until it is final, and say what it waits for; cancel what has not left in time."""
    told, tell_from = "", time.monotonic() + _QUIET_SECONDS
    while copy.state not in FINAL_MESSAGE_STATES and time.monotonic() < ends:
        time.sleep(_POLL_SECONDS)
        copy = read_test(engine, copy.id)
        if (waits := _waits_for(copy)) != told and time.monotonic() >= tell_from:
            told = waits
            if waits:
                warn(f"{waits}; the test is cancelled if it has not left in {duration(ends - time.monotonic())}")
    if copy.state in FINAL_MESSAGE_STATES:
        return copy
    cancel_campaign(engine, copy.name)
    return read_test(engine, copy.id)


def _waits_for(copy: TestCopy) -> str:
    """Why it has not left yet, in a few words; nothing where it has."""
    if copy.state is not MessageState.PENDING:
        return ""
    if copy.health is LaneHealth.OK:
        return f"instance {copy.instance} has not sent it yet: is a worker running?"
    return _said_health(copy)


def _said_health(copy: TestCopy) -> str:
    health = told_health(copy.health, is_retired=copy.is_retired)
    return f"instance {copy.instance} is {health}" + (f" ({copy.health_reason})" if copy.health_reason else "")


def _failure(copy: TestCopy) -> str:
    to = f"the test to {copy.phone}"
    if copy.state is MessageState.CANCELLED:
        hint = "is a worker running?" if copy.health is LaneHealth.OK else "see `broadcaster instance check`"
        return f"{to} was cancelled, since it had not left in time: {_said_health(copy)}; {hint}"
    if copy.state is MessageState.FAILED:
        return f"{to} failed: {copy.reason}"
    return f"{to} may or may not have arrived, it is {copy.state}: {copy.reason}"
