"""`broadcaster instance`: the WAChatPro accounts that campaigns are sent through."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from broadcaster.base_urls import DEFAULT_BASE_URL, is_in_the_clear
from broadcaster.cli.database import database
from broadcaster.cli.instance import Name
from broadcaster.cli.instance.listing import health_word, instance_document, limit_in_words
from broadcaster.cli.options.results import Json
from broadcaster.cli.options.sending_hours import InstanceWindowOptions
from broadcaster.cli.output import duration, local_time, say, say_fields, say_json, warn
from broadcaster.crypto import open_vault
from broadcaster.domain.instances import Wire
from broadcaster.domain.pacing import format_rate
from broadcaster.domain.span_limits import Rates, parse_ramp, parse_rates
from broadcaster.domain.standstill import counted
from broadcaster.domain.states import LaneHealth
from broadcaster.errors import InputError, UsageError, quoted
from broadcaster.input_files import STANDARD_INPUT, read_input
from broadcaster.services import instances
from broadcaster.services.countries import instance_countries
from broadcaster.services.inbox_reports import InboxStanding, inbox_standing
from broadcaster.services.instance_reports import show_instance
from broadcaster.services.instances import ChangedInstance
from broadcaster.services.stored_limits import LaneLimits
from broadcaster.settings import load

if TYPE_CHECKING:
    from sqlalchemy import Engine

_LARGEST = 1_000_000
_NO_COUNTRY = "none"
_READ_REPLIES = "--read-replies"
_OFF = "off"
_SHORTEST_READING = 5
"""Seconds: a chat that changed is read again at the next list, when the second of its change is over."""
_RAREST_READING = timedelta(days=1)
_NO_LIMIT = "none"
_LONGEST_KEY_FILE = 16 * 1024
"""Bytes: a key, and what surrounds it."""


@dataclass(frozen=True, slots=True)
class KeyOptions:
    """Where the secret key comes from."""

    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="KEY",
            help="The secret key. Others on this machine can read it in `ps`: prefer --key-file or --key-stdin.",
        ),
    ] = field(default=None, repr=False)
    key_file: Annotated[Path | None, typer.Option("--key-file", metavar="FILE", help="Read the key from a file.")] = (
        None
    )
    key_stdin: Annotated[bool, typer.Option("--key-stdin", help="Read the key from standard input.")] = False

    def read(self) -> str | None:
        """The key from wherever it was given; None: nowhere. Raises UsageError where that is twice, and InputError."""
        if (self.key is not None) + (self.key_file is not None) + self.key_stdin > 1:
            raise UsageError("give only one of --key, --key-file and --key-stdin")
        if self.key_file is None and not self.key_stdin:
            return self.key
        try:
            return read_input(self.key_file or STANDARD_INPUT, _LONGEST_KEY_FILE, "the key").decode()
        except UnicodeDecodeError:
            raise InputError(
                f"{self.key_file or 'standard input'} is not text: it should hold the key and nothing else"
            ) from None


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """Where an instance sends, how much, and in which encoding."""

    base_url: Annotated[
        str | None,
        typer.Option("--base-url", metavar="URL", help=f"Where the API answers. Default: {DEFAULT_BASE_URL}."),
    ] = None
    rate: Annotated[
        list[str] | None,
        typer.Option(
            "--rate",
            metavar="RATE",
            help="The most it may send: 20/min, 5/s, 1000/h, 1000/d or unlimited. Repeat it: all of them hold.",
        ),
    ] = None
    ramp: Annotated[
        str | None,
        typer.Option(
            "--ramp",
            metavar="N,N,…",
            help="The most on its first day, its second and so on: a step for each day in which it sent and was well, "
            "and one back after trouble. `none`: no ramp.",
        ),
    ] = None
    limit: Annotated[
        list[str] | None,
        typer.Option(
            "--limit",
            metavar="NAME",
            help="A limit that it shares with others (`broadcaster limit add`). Repeat it; `none`: it shares none.",
        ),
    ] = None
    burst: Annotated[
        int | None,
        typer.Option(
            "--burst",
            metavar="N",
            min=1,
            max=_LARGEST,
            help="Of these, how many at once. Default: a second's worth, at least 2.",
        ),
    ] = None
    max_in_flight: Annotated[
        int | None,
        typer.Option(
            "--max-in-flight",
            metavar="N",
            min=1,
            max=_LARGEST,
            help=f"The most requests under way at once. Default: {instances.DEFAULT_MAX_IN_FLIGHT}.",
        ),
    ] = None
    wire: Annotated[
        Wire | None, typer.Option("--wire", metavar="json|form", help="How requests are encoded. Default: json.")
    ] = None
    country: Annotated[
        str | None,
        typer.Option(
            "--country",
            metavar="ID",
            help="Of phones that are written without their country code: ID, DE, … `none`: not known.",
        ),
    ] = None

    @property
    def steps(self) -> tuple[int, ...] | None:
        """The ramp, if one is given. Raises UsageError."""
        return None if self.ramp is None else parse_ramp(self.ramp)

    @property
    def shared(self) -> list[str] | None:
        """The names of the limits that it is to share; None: nothing is said of them."""
        return None if self.limit is None else [name for name in self.limit if name != _NO_LIMIT]

    @property
    def is_without_country(self) -> bool:
        """Whether it is said that the country is not known."""
        return self.country is not None and self.country.strip().casefold() == _NO_COUNTRY

    @property
    def known_country(self) -> str | None:
        """The country, if one is named."""
        return None if self.is_without_country else self.country


AnyTime = Annotated[bool, typer.Option("--any-time", help="Without windows and days off from now on.")]


@dataclass(frozen=True, slots=True)
class NewGatewayOptions(GatewayOptions):
    """The same of an instance that is added: without a limit only where that is said."""

    rate: Annotated[
        list[str] | None,
        typer.Option(
            "--rate",
            metavar="RATE",
            help="The most it may send: 20/min, 5/s, 1000/h, 1000/d; unlimited has to be said. Repeat it: all of them "
            f"hold. Default: {format_rate(instances.DEFAULT_RATE)}.",
        ),
    ] = None


def add(*, name: Name, secret: KeyOptions, gateway: NewGatewayOptions, windows: InstanceWindowOptions) -> None:
    """Add an instance. Without a key option the key is asked for, and on a terminal the country without --country.

    Example: broadcaster instance add main --key-file key.txt --rate 20/min --country ID
    """
    settings = load()
    rates = parse_rates(gateway.rate) if gateway.rate else Rates(instances.DEFAULT_RATE)
    hours = windows.hours()
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
            burst=gateway.burst,
            max_in_flight=gateway.max_in_flight or instances.DEFAULT_MAX_IN_FLIGHT,
            wire=gateway.wire or Wire.JSON,
            country=country,
            hours=hours,
        )
        _warn_of_other_countries(engine, country)
    _warn_in_the_clear(gateway.base_url or "")
    say(
        f"added instance {name}, at {rates}: "
        f"try it with `broadcaster instance check {quote(name)} --to NUMBER`, with a phone of yours"
    )


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


ReadReplies = Annotated[
    str | None,
    typer.Option(
        _READ_REPLIES,
        metavar="30s|off",
        help="Look for replies so often: 5s to 1d. STOP and the like opt out by themselves. Default: off.",
    ),
]


ConfirmOptOut = Annotated[
    str | None,
    typer.Option(
        "--confirm-opt-out",
        metavar="TEXT|off",
        help="Send this to who opts out by a word: once to each person, for ever. Default: off.",
    ),
]


def change(
    *,
    name: Name,
    secret: KeyOptions,
    gateway: GatewayOptions,
    read_replies: ReadReplies = None,
    windows: InstanceWindowOptions,
    any_time: AnyTime = False,
    confirm: ConfirmOptOut = None,
) -> None:
    """Change what is given and leave the rest. Workers follow within 20 seconds, and at once to another key or URL.

    With another key or URL it is another account: what is in doubt of the old one is still read back there.
    A new rate comes with its default burst, unless --burst is given too.

    Example: broadcaster instance set main --read-replies 30s
    """
    settings = load()
    reading = None if read_replies is None else _seconds_between(read_replies)
    rates = parse_rates(gateway.rate) if gateway.rate else None
    limits = LaneLimits(settings.acceptance_seconds, rates.counted if rates else None, gateway.shared, gateway.steps)
    if any_time and windows.are_given:
        raise UsageError("--any-time with windows: they contradict each other")
    hours = windows.hours()
    confirmation = _confirmation(confirm)
    key = secret.read()
    with database(settings) as engine:
        changed = instances.set_instance(
            engine,
            open_vault(settings),
            name,
            instances.InstanceChanges(
                key=key,
                base_url=gateway.base_url,
                rate_per_second=rates and rates.pace,
                unlimited=rates is not None and rates.pace is None,
                limits=limits if any(part is not None for part in limits[1:]) else None,
                burst=gateway.burst,
                max_in_flight=gateway.max_in_flight,
                wire=gateway.wire,
                country=gateway.known_country,
                without_country=gateway.is_without_country,
                read_replies_seconds=reading,
                without_replies=read_replies is not None and reading is None,
                hours=hours,
                at_any_time=any_time,
                confirm_opt_out=confirmation,
                without_confirmation=confirm is not None and confirmation is None,
            ),
        )
        _warn_of_other_countries(engine, gateway.known_country)
    _warn_in_the_clear(gateway.base_url or "")
    say("; ".join([f"changed instance {name}", *_what_follows(name, changed, key_is_given=key is not None)]))


def _warn_of_other_countries(engine: Engine, country: str | None) -> None:
    """Where a country was given, tell that instances have others: then theirs is no longer known without names."""
    found = instance_countries(engine) if country else []
    if len(found) > 1:
        warn(
            f"instances have different countries now ({', '.join(found)}): a command that is about several of them, "
            "or names none, needs --country for phones that are written without their country code"
        )


def _confirmation(written: str | None) -> str | None:
    """What confirms an opt-out; None: nothing, or it stays as it is. Raises InputError for a text with variables."""
    from broadcaster.services.campaigns.confirmations import check_confirmation  # noqa: PLC0415 - start-up time

    if written is None or written.strip().casefold() == _OFF:
        return None
    check_confirmation(written)
    return written


def _seconds_between(written: str) -> float | None:
    """How often replies are looked for; None: never. Raises UsageError."""
    from broadcaster.domain.recurrence import parse_interval  # noqa: PLC0415 - start-up time: cronsim

    if written.strip().casefold() == _OFF:
        return None
    number, unit = parse_interval(written, _READ_REPLIES, _RAREST_READING)
    seconds = timedelta(**{f"{unit}s": number}).total_seconds()
    if seconds < _SHORTEST_READING:
        raise UsageError(f"{_READ_REPLIES} {quoted(written)} must be off, or between {_SHORTEST_READING}s and 1d")
    return seconds


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
    return f"at {format_rate(changed.rate_per_second)}" if changed.rate_per_second else "without a limit"


def pause(name: Name) -> None:
    """Send nothing through an instance until it is resumed; what is in flight still gets its outcome."""
    with database(load()) as engine:
        instances.pause_instance(engine, name)
    say(f"instance {name} is paused")


def resume(name: Name) -> None:
    """Send through an instance again, whatever stopped it: paused, key refused, down, throttled."""
    with database(load()) as engine:
        instances.resume_instance(engine, name)
    say(f"instance {name} is in use again")


def remove(name: Name) -> None:
    """Remove an instance that no campaign has used."""
    with database(load()) as engine:
        instances.remove_instance(engine, name)
    say(f"removed instance {name}")


def show(name: Name, as_json: Json = False) -> None:
    """Show one instance. Its key is never shown."""
    with database(load()) as engine:
        inbox = inbox_standing(engine, name)
        document = {**instance_document(show_instance(engine, name)), "inbox": inbox}
    if as_json:
        say_json(document)
        return
    moments = {
        key: local_time(document[key]) for key in ("health_since", "not_before", "lease_expires_at", "created_at")
    }
    if document["not_before"] is not None and document["not_before"] <= datetime.now(UTC):
        moments["not_before"] = None
    document["health"] = health_word(document["health"])
    document["hours"] = document["hours"] and str(document["hours"])
    limits = document.pop("limits")
    del document["rate_per_second"], document["id"], document["inbox"]
    document["replies"] = _told_of_replies(inbox)
    say_fields({key.replace("_", " "): value for key, value in (document | moments).items()})
    for limit in limits:
        say(limit_in_words(limit))


def _told_of_replies(inbox: InboxStanding) -> str:
    """Whether they are read, how far, and what may be missing, in a sentence."""
    if inbox.read_replies_seconds is None:
        return "not read"
    told = [f"read every {duration(inbox.read_replies_seconds)}, at most {inbox.reads_a_second} reads a second"]
    told.append(f"last at {local_time(inbox.listed_at)}" if inbox.listed_at else "not yet")
    if inbox.chats_waiting:
        told.append(f"{inbox.chats_waiting:,} changed chats wait")
    if inbox.unreadable_since:
        told.append(f"not readable since {local_time(inbox.unreadable_since)}")
    if inbox.gap_from:
        told.append(f"chats that changed since {local_time(inbox.gap_from)} (its clock) may be left out of its lists")
    if inbox.chats_cut:
        told.append(f"{inbox.chats_cut:,} readings of chats did not show all")
    if inbox.trouble:
        told.append(inbox.trouble)
    return "; ".join(told)


def _warn_in_the_clear(base_url: str) -> None:
    if is_in_the_clear(base_url):
        warn("http:// sends the key and the messages unencrypted over the network: use https:// if the gateway has it")
