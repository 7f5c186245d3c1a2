"""`broadcaster campaign settle`: the operator's word where nobody knows whether a message was accepted."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Annotated

import typer
from sqlalchemy import Engine

from broadcaster.cli.campaign import Name
from broadcaster.cli.database import database, nudge_workers
from broadcaster.cli.operator import ByOption, account
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_json, say_table
from broadcaster.errors import UsageError
from broadcaster.services.campaigns import settling
from broadcaster.services.campaigns.settling import Settleable, Settlement
from broadcaster.settings import Settings, load
from broadcaster.time_zones import shown_time

_CONSEQUENCES = {
    Settlement.SENT: "to be counted as sent",
    Settlement.RESEND: "to be sent again, which makes it twice where the first one has arrived",
    Settlement.FAILED: "to be counted as failed, which `campaign retry` sends again, whether they have arrived or not",
}


def settle(
    name: Name,
    settlement: Annotated[
        Settlement | None,
        typer.Option("--as", help="What becomes of them: count as sent, send again, count as failed."),
    ] = None,
    phones: Annotated[
        list[str] | None, typer.Option("--phone", metavar="PHONE", help="Only this one. May be repeated.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why, for the record.")] = None,
    by: ByOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it, instead of listing what would be done.")] = False,
    as_json: Json = False,
) -> None:
    """Decide about messages that are unknown, or still in doubt some seconds after their requests have ended.

    Lists them, and with --yes does what --as says. What is settled as failed counts as not arrived, so that `campaign
    retry` sends it again. Who decided what, when and why is kept in the table `settlements`.

    Example: broadcaster campaign settle promo --as resend --phone 628123456789 --reason "asked her" --yes
    """
    if yes and settlement is None:
        raise UsageError("--yes: say with --as what becomes of the messages: sent, resend or failed")
    settings = load()
    chosen = None if phones is None else [_digits(phone) for phone in phones]
    with database(settings) as engine:
        found = settling.settleable(engine, name, settle_seconds=settings.doubt_settle_seconds, phones=chosen)
        # Exactly those that were listed, and none that has become unknown since.
        listed = [each.phone for each in found.messages]
        done = _settle(engine, settings, name, settlement, listed, reason, by) if yes and settlement else None
    if as_json:
        say_json({"name": name, "as": settlement, "settled": done, "messages": found.messages})
    else:
        _tell(name, settlement, found, done)
    if done and settlement is Settlement.RESEND:
        nudge_workers(settings)


def _settle(
    engine: Engine,
    settings: Settings,
    name: str,
    settlement: Settlement,
    phones: Sequence[str],
    reason: str | None,
    by: str | None,
) -> int:
    moved = settling.settle_messages(
        engine,
        name,
        settlement,
        settle_seconds=settings.doubt_settle_seconds,
        settled_by=by or account(),
        reason=reason,
        phones=phones,
    )
    return moved.messages


def _tell(name: str, settlement: Settlement | None, found: Settleable, done: int | None) -> None:
    rows = found.messages
    if found.waits:
        read_back, wait = len(found.waits), ceil(min(found.waits))
        say(f"messages in doubt that are still being read back: {read_back:,}; the first can be settled in {wait} s")
    elif not rows:
        say(f"campaign {name} has nothing to settle")
    if not rows:
        return
    if done is not None:
        say(f"campaign {name}: settled as {settlement}: {done:,}")
        return
    say_table(
        ["PHONE", "STATE", "SINCE", "REASON"],
        ([each.phone, each.state, shown_time(each.since, seconds=True), each.reason] for each in rows),
        folded=["REASON"],
    )
    if settlement is None:
        say(f"messages: {len(rows):,}; settle them with --as sent, --as resend or --as failed, and --yes")
    else:
        say(f"messages {_CONSEQUENCES[settlement]}: {len(rows):,}; add --yes to do it")


def _digits(phone: str) -> str:
    """As it is stored: people paste numbers with a plus and blanks."""
    digits = "".join(character for character in phone if character.isdecimal())
    if not digits:
        raise UsageError(f"--phone {phone!r} is no phone number")
    return digits
