"""`broadcaster instance`: the WAChatPro accounts that campaigns are sent through."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from broadcaster.base_urls import DEFAULT_BASE_URL, is_in_the_clear
from broadcaster.cli.database import database
from broadcaster.cli.differences import say_differences
from broadcaster.cli.instance import Name
from broadcaster.cli.options.care_options import StopOptions
from broadcaster.cli.options.instance_options import GatewayOptions, KeyOptions, NewGatewayOptions
from broadcaster.cli.options.reply_options import ConfirmOptOut, ReadReplies, asked_confirmation, reading_interval
from broadcaster.cli.options.sending_hours import InstanceWindowOptions
from broadcaster.cli.output import say, warn
from broadcaster.crypto import open_vault
from broadcaster.domain.care import Stops
from broadcaster.domain.gaps import Gaps
from broadcaster.domain.instances import Wire
from broadcaster.domain.opening_hours import HoursChange
from broadcaster.domain.pacing import format_rate
from broadcaster.domain.span_limits import Rates, parse_rates, said_without_effect
from broadcaster.domain.standstill import counted
from broadcaster.domain.states import LaneHealth
from broadcaster.errors import UsageError, listed
from broadcaster.services import instances
from broadcaster.services.countries import instance_countries
from broadcaster.services.instance_changes import ChangedInstance, InstanceChanges, set_instance
from broadcaster.services.instance_health import pause_instance, resume_instance
from broadcaster.services.instance_removal import remove_instance
from broadcaster.services.instance_settings import settings_of_instance
from broadcaster.services.stored_limits import LaneLimits
from broadcaster.settings import load

if TYPE_CHECKING:
    from sqlalchemy import Engine


AnyTime = Annotated[bool, typer.Option("--any-time", help="Without windows and days off from now on.")]


def add(
    *,
    name: Name,
    secret: KeyOptions,
    gateway: NewGatewayOptions,
    read_replies: ReadReplies = None,
    windows: InstanceWindowOptions,
    confirm: ConfirmOptOut = None,
    stopping: StopOptions,
) -> None:
    """Add an instance. Without a key option the key is asked for, and on a terminal the country without --country.

    --stop-above and --stop-below count what was sent in the last day, and since the instance was resumed.

    Example: broadcaster instance add main --key-file key.txt --rate 20/min --country ID
    """
    settings = load()
    rates = parse_rates(gateway.rate) if gateway.rate else Rates(instances.DEFAULT_RATE)
    hours, gaps = windows.hours(), gateway.chance.of(Gaps())
    confirmation, stops = asked_confirmation(confirm), stopping.stop_change()
    key = secret.read()
    if key is None:
        if not sys.stdin.isatty():
            raise UsageError("the instance's key is missing: give --key-file FILE or --key-stdin")
        key = getpass.getpass(f"Key of {name}: ")
    country = gateway.known_country
    if gateway.country is None and sys.stdin.isatty() and sys.stdout.isatty():
        country = _ask_country()
    with database(settings) as engine:
        instances.add_instance(
            engine,
            open_vault(settings),
            name,
            key,
            base_url=DEFAULT_BASE_URL if gateway.base_url is None else gateway.base_url,
            rate_per_second=rates.pace,
            limits=LaneLimits(settings.acceptance_seconds, rates.counted, gateway.shared, gateway.steps),
            gaps=gaps,
            burst=gateway.burst,
            max_in_flight=gateway.max_in_flight or instances.DEFAULT_MAX_IN_FLIGHT,
            wire=gateway.wire or Wire.JSON,
            country=country,
            hours=hours,
            read_replies_seconds=None if read_replies is None else reading_interval(read_replies),
            confirm_opt_out=confirmation,
            stops=Stops() if stops is None else stops.of(Stops()),
        )
        kept = settings_of_instance(engine, name)
        _warn_of_other_countries(engine, country)
    _warn_in_the_clear(gateway.base_url or "")
    say(
        f"added instance {name}, at {rates}: "
        f"try it with `broadcaster instance check {quote(name)} --to NUMBER`, with a phone of yours"
    )
    _warn_of_idle_rates(rates)
    for what, value in kept.items():
        if value is not None:
            say(f"  {what}: {value}")


def _ask_country() -> str | None:
    """What a person says; None: nothing."""
    from broadcaster.domain.phones import country_code  # noqa: PLC0415 - start-up time: phonenumbers

    while True:
        try:
            answer = input("Country of phones written without + and country code, such as ID (Enter: not known): ")
            return country_code(answer) if answer.strip() else None
        except UsageError as error:
            say(str(error))
        except EOFError:
            return None


def change(
    *,
    name: Name,
    secret: KeyOptions,
    gateway: GatewayOptions,
    add_rate: Annotated[
        list[str] | None,
        typer.Option(
            "--add-rate", metavar="RATE", help="One more beside those that it has, or in place of the one of its span."
        ),
    ] = None,
    read_replies: ReadReplies = None,
    windows: InstanceWindowOptions,
    any_time: AnyTime = False,
    confirm: ConfirmOptOut = None,
    stopping: StopOptions,
) -> None:
    """Change what is given and leave the rest. Workers follow within 20 seconds, and at once to another key or URL.

    With another key or URL it is another account: what is in doubt of the old one is still read back there.
    --rate replaces all rates that it has, and --add-rate adds to them. A new rate comes with its default burst, unless
    --burst is given too. --stop-above and --stop-below count what was sent in the last day, and since they were set or
    the instance was resumed.

    Example: broadcaster instance set main --read-replies 30s
    """
    settings = load()
    reading = None if read_replies is None else reading_interval(read_replies)
    if add_rate and gateway.rate:
        raise UsageError("--add-rate with --rate: --rate replaces all that it has; give one of the two")
    rates = parse_rates(gateway.rate) if gateway.rate else None
    limits = LaneLimits(settings.acceptance_seconds, rates.counted if rates else None, gateway.shared, gateway.steps)
    if any_time and windows.are_given:
        raise UsageError("--any-time with windows: they contradict each other")
    hours = HoursChange(at_any_time=True) if any_time else windows.change()
    confirmation = asked_confirmation(confirm)
    stops, chance = stopping.stop_change(), gateway.chance
    key = secret.read()
    with database(settings) as engine:
        changed = set_instance(
            engine,
            open_vault(settings),
            name,
            InstanceChanges(
                key=key,
                base_url=gateway.base_url,
                rate_per_second=rates and rates.pace,
                unlimited=rates is not None and rates.pace is None,
                limits=limits if add_rate or any(part is not None for part in limits[1:]) else None,
                more_rates=add_rate or (),
                burst=gateway.burst,
                gaps=chance,
                max_in_flight=gateway.max_in_flight,
                wire=gateway.wire,
                country=gateway.known_country,
                without_country=gateway.is_without_country,
                read_replies_seconds=reading,
                without_replies=read_replies is not None and reading is None,
                hours=hours,
                confirm_opt_out=confirmation,
                without_confirmation=confirm is not None and confirmation is None,
                stops=stops,
            ),
        )
        _warn_of_other_countries(engine, gateway.known_country)
    _warn_in_the_clear(gateway.base_url or "")
    if rates is not None:
        _warn_of_idle_rates(rates)
    if changed.unheard:
        warn(
            f"campaigns {listed(changed.unheard, 3)}: limits on opt-outs and replies, and --max-unanswered, see "
            f"no more what is answered to {name}: pause them, or read its replies again"
        )
    if changed.apart:
        most = 3
        more = f" and {len(changed.apart) - most} more" if len(changed.apart) > most else ""
        named = ", ".join(changed.apart[:most])
        warn(f"nothing is sent through instance {name} any more, since the windows never meet, of {named}{more}")
    say("; ".join([f"changed instance {name}", *_what_follows(name, changed, key_is_given=key is not None)]))
    say_differences(changed.before, changed.after)


def _warn_of_other_countries(engine: Engine, country: str | None) -> None:
    """Where a country was given, tell that instances have others: then theirs is no longer known without names."""
    found = instance_countries(engine) if country else []
    if len(found) > 1:
        warn(
            f"instances have different countries now ({', '.join(found)}): a command that is about several of them, "
            "or names none, needs --country for phones that are written without their country code"
        )


def _what_follows(name: str, changed: ChangedInstance, *, key_is_given: bool) -> Iterator[str]:
    if changed.is_other_account:
        yield "a new account begins, and what the one before left in doubt is still looked for there"
    elif key_is_given:
        yield "it is the same account as before"
    told = f" ({changed.health_reason})" if changed.health_reason else ""
    goes, waits = ("goes", "waits") if changed.waiting == 1 else ("go", "wait")
    match changed.health:
        case LaneHealth.OK if not changed.waiting:
            yield "it goes on, and nothing waits for it" if changed.goes_on else "nothing waits for it"
        case LaneHealth.OK if changed.is_other_account or changed.goes_on:
            yield f"{counted(changed.waiting)} that {waits} for it {goes} out at once, {_at(changed)}"
        case LaneHealth.OK:
            yield f"{counted(changed.waiting)} {waits} for it, and workers follow within 20 seconds, {_at(changed)}"
        case LaneHealth.PAUSED:
            yield f"it stays paused: go on with `broadcaster instance resume {quote(name)}`"
        case LaneHealth.REFUSED:
            yield f"it stays stopped{told}: mend that, then go on with `broadcaster instance resume {quote(name)}`"
        case _:
            yield f"it is still {changed.health}{told} and is tried again by itself: see `broadcaster status`"


def _at(changed: ChangedInstance) -> str:
    return f"at {format_rate(changed.permitted_per_second)}" if changed.permitted_per_second else "without a limit"


def pause(name: Name) -> None:
    """Send nothing through an instance until it is resumed; what is in flight still gets its outcome."""
    with database(load()) as engine:
        pause_instance(engine, name)
    say(f"instance {name} is paused")


def resume(name: Name) -> None:
    """Send through an instance again, whatever stopped it: paused, by itself too, retired, key refused, down."""
    with database(load()) as engine:
        resume_instance(engine, name)
    say(f"instance {name} is in use again")


def remove(name: Name) -> None:
    """Remove an instance that no campaign has used."""
    with database(load()) as engine:
        remove_instance(engine, name)
    say(f"removed instance {name}")


def _warn_of_idle_rates(rates: Rates) -> None:
    for idle in said_without_effect(rates.counted):
        warn(idle)


def _warn_in_the_clear(base_url: str) -> None:
    if is_in_the_clear(base_url):
        warn("http:// sends the key and the messages unencrypted over the network: use https:// if the gateway has it")
