"""`broadcaster notify add`, `list`, `show`, `set`, `remove`: the receivers."""

from __future__ import annotations

from functools import partial
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from broadcaster.cli.database import database, vault_opener
from broadcaster.cli.notify import Name
from broadcaster.cli.options.phones import phone_of
from broadcaster.cli.options.receiver_options import Events, OptOutsAbove, ReceiverOptions
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_fields, say_json, say_table, warn
from broadcaster.cli.troubles import few_troubles, say_troubles
from broadcaster.domain.care import percent
from broadcaster.domain.notices import NoticeEvent, parse_events, said_events
from broadcaster.domain.receiver_causes import not_allowed
from broadcaster.domain.receivers import OPT_OUTS_ABOVE, ReceiverWay, parse_opt_outs_above, shown_address
from broadcaster.errors import UsageError
from broadcaster.services.countries import known_country
from broadcaster.services.notices import receivers
from broadcaster.services.notices.receivers import Destination, Receiver, ReceiverChange
from broadcaster.services.standstill import find_troubled_receivers
from broadcaster.settings import Settings, load
from broadcaster.time_zones import shown_time
from broadcaster.webhook_urls import ALLOW_PRIVATE_WEBHOOKS, is_private_webhook

if TYPE_CHECKING:
    from sqlalchemy import Engine


def add(*, name: Name, where: ReceiverOptions, on: Events = None, optouts_above: OptOutsAbove = None) -> None:
    """Add a receiver, which is told what happens from now on. The secret of a webhook is shown this once.

    What goes by WhatsApp keeps the limits of its instance, and reaches nobody who has opted out. Phones of recipients
    are in no notice.

    Example: broadcaster notify add ops --webhook https://hooks.example.com/wa --on instance.trouble
    """
    settings = load()
    events = parse_events(on or ())
    bound = OPT_OUTS_ABOVE if optouts_above is None else parse_opt_outs_above(optouts_above)
    with database(settings) as engine:
        reading = partial(_phone, engine, settings, where.country)
        destination = where.destination(allow_private=settings.allow_private_webhooks, phone_of=reading)
        if destination is None:
            raise UsageError("say where to: --webhook URL, --mail ADDRESS or --whatsapp PHONE --instance NAME")
        secret = receivers.add_receiver(engine, vault_opener(settings), name, destination, events, bound)
        _warn_of_workers(engine, settings, destination)
    _say_secret(secret)
    say(f"added receiver {name}, told of {said_events(events)}: try it with `broadcaster notify test {quote(name)}`")


def change(
    *,
    name: Name,
    where: ReceiverOptions,
    on: Events = None,
    optouts_above: OptOutsAbove = None,
    new_secret: Annotated[
        bool, typer.Option("--new-secret", help="Sign with another secret from now on, and show it.")
    ] = False,
) -> None:
    """Change what is given and leave the rest. --on replaces all events that it had. What waits goes to the new place.

    Example: broadcaster notify set ops --on campaign.finished --optouts-above 1%
    """
    settings = load()
    events = None if on is None else parse_events(on)
    bound = None if optouts_above is None else parse_opt_outs_above(optouts_above)
    with database(settings) as engine:
        reading = partial(_phone, engine, settings, where.country)
        destination = where.destination(allow_private=settings.allow_private_webhooks, phone_of=reading)
        changed = ReceiverChange(destination, events, bound, new_secret)
        if changed == ReceiverChange():
            raise UsageError(f"nothing to change: see `broadcaster notify set {quote(name)} --help`")
        secret = receivers.change_receiver(engine, vault_opener(settings), name, changed)
        if destination is not None:
            _warn_of_workers(engine, settings, destination)
    _say_secret(secret)
    say(f"changed receiver {name}")


def list_all(as_json: Json = False) -> None:
    """List all receivers: what they are told of, what waits for them, and what has not arrived.

    UNDELIVERED counts the notices that were given up. Tests are not counted.
    """
    with database(load()) as engine:
        found = receivers.show_receivers(engine)
        troubles = [] if as_json else find_troubled_receivers(engine)
    if as_json:
        say_json([*map(_document, found)])
    elif found:
        headers = ["NAME", "WAY", "WHERE", "TOLD OF", "WAITING", "UNDELIVERED"]
        say_table(headers, [_cells(each) for each in found], folded=["NAME", "WHERE", "TOLD OF"])
        say_troubles(few_troubles(troubles))
    else:
        say("nobody is told anything yet: add a receiver with `broadcaster notify add NAME --webhook URL`")


def show(name: Name, as_json: Json = False) -> None:
    """Show one receiver. The URL of a webhook is shown without its path, which may be a key, and its secret never."""
    with database(load()) as engine:
        [found] = receivers.show_receivers(engine, name)
        troubles = [] if as_json else find_troubled_receivers(engine, name)
    if as_json:
        say_json(_document(found))
        return
    say_fields(
        {
            "name": found.name,
            "way": found.way,
            "where": shown_address(found.way, found.address),
            "instance": found.instance,
            "told of": said_events(found.events),
            "opt-outs above": percent(found.optouts_above),
            "since": shown_time(found.since),
            "delivered": found.delivered,
            "last delivered": shown_time(found.last_delivered_at),
            "waiting": found.waiting,
            "undelivered": found.undelivered,
            "failed in a row": found.failures,
            "next try": shown_time(found.not_before) if found.failures else None,
            "said last": found.answer,
        }
    )
    say_troubles(few_troubles(troubles))


def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it with the notices that wait for it.")] = False,
) -> None:
    """Remove a receiver, with what it was told. While notices wait for it, it says how many and wants --yes.

    Example: broadcaster notify remove ops --yes
    """
    with database(load()) as engine:
        waiting = receivers.remove_receiver(engine, name, with_waiting=yes)
    lost = f", and {waiting:,} {'notice' if waiting == 1 else 'notices'} that waited for it" if waiting else ""
    say(f"removed receiver {name}{lost}")


def _phone(engine: Engine, settings: Settings, country: str | None, written: str) -> str:
    return phone_of("--whatsapp", written, known_country(engine, settings, country))


def _warn_of_workers(engine: Engine, settings: Settings, destination: Destination) -> None:
    """Of settings that workers need, too: a command's own are not theirs."""
    is_private = destination.way is ReceiverWay.WEBHOOK and is_private_webhook(destination.address)
    if is_private and any(not_allowed(each) for each in find_troubled_receivers(engine)):
        warn(
            f"there are workers without {ALLOW_PRIVATE_WEBHOOKS}=true, which post nothing there: restart them with it"
        )
    if destination.way is ReceiverWay.MAIL and settings.smtp_url is None:
        warn("BROADCASTER_SMTP_URL is not set here: mail leaves only from workers that have it")


def _say_secret(secret: str | None) -> None:
    if secret is not None:
        say(f"it signs with {secret} (shown once: keep it where notices are checked)")


def _document(found: Receiver) -> dict[str, object]:
    return {
        "name": found.name,
        "way": found.way,
        "where": shown_address(found.way, found.address),
        "instance": found.instance,
        "events": [NoticeEvent(each).value for each in found.events],
        "optouts_above": found.optouts_above,
        "since": found.since,
        "delivered": found.delivered,
        "last_delivered_at": found.last_delivered_at,
        "waiting": found.waiting,
        "undelivered": found.undelivered,
        "failures": found.failures,
        "next_try_at": found.not_before if found.failures else None,
        "answer": found.answer,
    }


def _cells(found: Receiver) -> tuple[object, ...]:
    where = shown_address(found.way, found.address) + (f" by {found.instance}" if found.instance else "")
    return found.name, found.way, where, said_events(found.events), found.waiting, found.undelivered
