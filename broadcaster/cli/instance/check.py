"""`broadcaster instance check`: asks the gateway, and says in words what it found and what to do."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from shlex import quote
from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from broadcaster.cli.database import database
from broadcaster.cli.instance import Name
from broadcaster.cli.instance.listing import health_word
from broadcaster.cli.instance.trial import (
    Tried,
    follow_advice,
    trial_document,
    trial_fields,
    trial_problem,
    try_instance,
)
from broadcaster.cli.instance_gateway import open_gateway
from broadcaster.cli.options.phones import Country, phone_of
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_fields, say_json
from broadcaster.crypto import open_vault
from broadcaster.db.pool import open_pool
from broadcaster.domain.instances import Wire
from broadcaster.domain.remedies import address_remedy
from broadcaster.domain.states import LaneHealth
from broadcaster.domain.truth import false_yes_estimate, missing_words
from broadcaster.errors import UnavailableError, UsageError, quoted
from broadcaster.services.countries import known_country
from broadcaster.services.instance_check import (
    InstanceCheck,
    ReadBackCheck,
    SendingCheck,
    check_instance,
    check_read_back,
    check_sending,
)
from broadcaster.services.instance_reports import show_instance
from broadcaster.services.instance_rules import narrow_rules
from broadcaster.services.instances import StoredInstance, instance_key
from broadcaster.services.reconcile.chat_reader import ChatReader
from broadcaster.services.reconcile.doubts import DoubtStore
from broadcaster.settings import Settings, load
from broadcaster.time_zones import shown_time

To = Annotated[
    str | None,
    typer.Option(
        "--to", metavar="MY_PHONE", help="Send one marked message to this phone, and see what is made of it."
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        min=0,
        metavar="SECONDS",
        help="With --to: how long to wait for it to leave, and then to be shown.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="With --to: take over the rules that are proposed.")]


def check(
    name: Name,
    to: To = None,
    country: Country = None,
    timeout: Timeout = 60.0,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Find out whether an instance can be used, which sends nothing. Exit code 1: it cannot be used as it is now.

    The gateway is asked for the instance's chats. Then the latest message that it accepted is looked for, as is done
    for messages in doubt: only where that is found may one that is missing be sent again.

    With --to one message is sent the way of all messages, ahead of them, by a worker. It begins with [TEST]
    and is counted in no report. Told are the raw reply and how it was read, how long it took until the chat showed the
    message, under which number and id, and what was made of its text.

    Where its reply says yes by a field and the chat shows it, rules are proposed: of words, only that of the reply
    counts as a yes then. They narrow what counts as accepted and never widen it, and you confirm them, at the question
    or with --yes.

    Example: broadcaster instance check main --to 628123456789
    """
    if yes and to is None:
        raise UsageError("--yes: rules are proposed only with --to MY_PHONE")
    if country is not None and to is None:
        raise UsageError("--country: goes with --to MY_PHONE")
    settings = load()
    with database(settings) as engine:
        phone = None
        if to is not None:
            phone = phone_of("--to", to, known_country(engine, settings, country, instances=[name]))
        instance, key = instance_key(engine, open_vault(settings), name)
        result, read_back = asyncio.run(_ask(instance, key, settings))
        sending = check_sending(show_instance(engine, name), result, datetime.now(UTC))
        document = _document(name, instance, result, read_back, sending)
        problem = document["problem"]
        if not as_json:
            say_fields(_fields(name, instance, result, read_back, sending, is_tried=phone is not None))
        # Whether a lane goes on that is down or rests is shown by the message.
        if phone is not None and result.passed and sending.health not in (LaneHealth.REFUSED, LaneHealth.PAUSED):
            tried = _try(engine, settings, instance, key, phone, timeout, as_json=as_json)
            problem = trial_problem(name, tried, timeout)
            document |= {"passed": problem is None, "problem": problem, "trial": trial_document(tried)}
            if not as_json:
                say_fields(trial_fields(tried))
                follow_advice(engine, name, tried, is_confirmed=yes)
            elif yes and tried.advice.rules is not None:
                narrow_rules(engine, name, tried.before, tried.advice.rules)
    if as_json:
        say_json(document)
        if problem is not None:
            raise typer.Exit(1)
    elif problem is not None:
        raise UnavailableError(problem)


async def _ask(instance: StoredInstance, key: str, settings: Settings) -> tuple[InstanceCheck, ReadBackCheck | None]:
    async with open_gateway(instance, key, settings) as gateway:
        result = await check_instance(gateway)
        if not result.passed:
            return result, None
        async with open_pool(settings, size=1, lock_timeout=5.0, statement_timeout=settings.lease_seconds) as pool:
            store = DoubtStore(pool, settings)
            reader = ChatReader(store, gateway, instance.account_id, settings)
            return result, await check_read_back(store, gateway, reader, instance.account_id)


def _try(
    engine: Engine,
    settings: Settings,
    instance: StoredInstance,
    key: str,
    phone: str,
    seconds: float,
    *,
    as_json: bool,
) -> Tried:
    if not as_json:
        say(f"sending a marked message to {phone} …")
        sys.stdout.flush()
    tried = try_instance(engine, settings, instance, key, phone, seconds)
    if tried.look is not None and tried.look.appearance is not None:
        # It is kept as the proof that messages to such numbers are shown.
        asyncio.run(_ask(instance, key, settings))
    return tried


def _document(
    name: str,
    instance: StoredInstance,
    result: InstanceCheck,
    read_back: ReadBackCheck | None,
    sending: SendingCheck,
) -> dict[str, Any]:
    answers = {key: value for key, value in asdict(result).items() if key != "health"}
    problem = _problem(name, instance.wire, result, sending)
    parts = {"read_back": read_back, "sending": sending}
    return {"name": name, "passed": problem is None, "problem": problem, **answers, **parts}


def _fields(
    name: str,
    instance: StoredInstance,
    result: InstanceCheck,
    read_back: ReadBackCheck | None,
    sending: SendingCheck,
    *,
    is_tried: bool,
) -> dict[str, object]:
    mend = _mend(name, instance.wire, result)
    return {
        "reachable": _word(result.reachable, instance.base_url, mend),
        "key accepted": _word(result.key_accepted, "", mend),
        "running": _word(result.running, "", mend),
        "reply readable": _word(result.reply_readable, _counted(result.chats), mend),
        "read back": _read_back(name, read_back, is_tried=is_tried) if read_back else "not known",
        "messages": _shape(read_back) if read_back else "not known",
        "sending": _sending(name, result, sending),
    }


def _counted(chats: int | None) -> str:
    return "" if chats is None else "1 chat" if chats == 1 else f"{chats:,} chats"


def _problem(name: str, wire: Wire, result: InstanceCheck, sending: SendingCheck) -> str | None:
    """Why the instance cannot be used now, and what to do; None: it can."""
    if not result.passed:
        return f"instance {name} cannot be used: {_said(result.reason)}; {_mend(name, wire, result)}"
    return f"nothing is sent through instance {name} now: {_rest(name, sending)}" if sending.rests else None


def _mend(name: str, wire: Wire, result: InstanceCheck) -> str:
    """What to do about the gateway's answer."""
    change, again = f"`broadcaster instance set {quote(name)}", f"`broadcaster instance check {quote(name)}`"
    if not result.reachable:
        return f"see whether its address is right, {change} --base-url URL` changes it, and whether it runs"
    if remedy := address_remedy(name, result.reason, wire):
        return str(remedy)
    if result.key_accepted is False:
        return f"give the right key and address with {change} --key-file FILE --base-url URL`"
    if result.health is LaneHealth.THROTTLED:
        return f"wait a minute, then {again}"
    if result.running is False:
        return f"start it or scan its QR code at the gateway, then {again}"
    return f"see whether its address is right, {change} --base-url URL` changes it; if it is, try later"


def _sending(name: str, result: InstanceCheck, sending: SendingCheck) -> str:
    if sending.rests:
        return f"NO, {_rest(name, sending)}"
    if sending.works is None:
        return "not known: its list of chats cannot be read"
    if not sending.works:
        lacks = "its key is not accepted" if result.key_accepted is False else "it takes no requests now"
        return f"NO, {lacks if result.reachable else 'nothing answers there'}"
    looked_for = sending.shown + sending.missing
    if not looked_for:
        return "yes; whether what it accepts arrives was not looked for lately"
    if not sending.missing:
        return f"yes; of what it accepted lately {looked_for:,} were looked for, and all are in their chats"
    share = false_yes_estimate(sending.shown, sending.missing)
    evidence = missing_words(sending.shown, sending.missing)
    return f"DOUBTFUL: {evidence}, so {share} of what it accepts may never be sent: look at a phone"


def _rest(name: str, sending: SendingCheck) -> str:
    """Why nothing is sent, until when, and what to do."""
    resume = f"`broadcaster instance resume {quote(name)}`"
    reason = f" ({_said(sending.reason)})" if sending.reason else ""
    state = "resting" if sending.health is LaneHealth.OK else health_word(sending.health)
    if sending.health is LaneHealth.PAUSED:
        return f"it is paused{reason}: go on with {resume}"
    if sending.health is LaneHealth.REFUSED:
        return f"it is {state}{reason}: mend that, then go on with {resume}"
    next_try = shown_time(sending.next_try) or "as soon as there is something to send"
    return f"it is {state}{reason}: it is tried again by itself, {next_try}; at once with {resume}"


def _said(reason: str | None) -> str:
    """The gateway's words, in which the key is blanked."""
    words = reason or "no reason is given"
    return f"{quoted(words, 300)}, where [key] stands for its key" if "[key]" in words else words


def _read_back(name: str, found: ReadBackCheck, *, is_tried: bool) -> str:
    told = _word(found.works, found.reason or "")
    if found.works or is_tried:
        return told
    return f"{told}; find out with `broadcaster instance check {quote(name)} --to MY_PHONE`"


def _shape(found: ReadBackCheck) -> str:
    """What the gateway shows of messages."""
    if found.entries is None:
        return "not known"
    shown = {"id": found.ids, "time": found.times, "direction": found.directions, "text or file": found.texts}
    return ", ".join([f"{found.entries} in the chat", *(f"{count} with {what}" for what, count in shown.items())])


def _word(answer: bool | None, detail: str = "", mend: str = "") -> str:
    word = "not known" if answer is None else "yes" if answer else "NO"
    told = f"{word} ({detail})" if detail else word
    return f"{told}: {mend}" if answer is False and mend else told
