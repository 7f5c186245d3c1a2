"""The marked message of `broadcaster instance check --to`: sent, looked for, told, and what follows from it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from shlex import quote
from typing import Any

import msgspec
import typer
from sqlalchemy import Engine

from broadcaster.cli.database import nudge_workers, prepare_nudge, vault_opener
from broadcaster.cli.instance.listing import health_word
from broadcaster.cli.instance.rules import reading_fields
from broadcaster.cli.instance_gateway import open_gateway
from broadcaster.cli.output import say
from broadcaster.domain.instances import Wire
from broadcaster.domain.outcomes import Outcome
from broadcaster.domain.remedies import address_remedy, learning_remedy
from broadcaster.domain.states import LaneHealth, MessageState
from broadcaster.domain.trial import Advice, Appearance, advise
from broadcaster.gateway import ReplyRules, read_rules
from broadcaster.services.instance_rules import Reading, explain, narrow_rules
from broadcaster.services.instance_trial import Look, Sent, Trial, follow_trial, look_for_trial, start_trial
from broadcaster.services.instances import StoredInstance
from broadcaster.settings import Settings


@dataclass(frozen=True, slots=True)
class Tried:
    """A trial from its beginning to its end; `reading` and `look` are None where there was no reply, or no need."""

    trial: Trial
    sent: Sent
    reading: Reading | None
    look: Look | None
    advice: Advice
    wire: Wire
    before: Mapping[str, Any]
    """The instance's own rules by which the reply was read."""


def try_instance(
    engine: Engine, settings: Settings, instance: StoredInstance, key: str, phone: str, seconds: float
) -> Tried:
    """Send the message through the instance (with its key) and look for it, for so long at most each."""
    prepare_nudge()
    trial = start_trial(engine, instance.name, phone, open_vault=vault_opener(settings))
    nudge_workers(settings)
    sent = follow_trial(engine, trial, seconds)
    look = asyncio.run(_look(instance, key, settings, trial, sent, seconds)) if sent.may_have_arrived else None
    before = instance.reply_rules or {}
    rules = read_rules(before)
    reading = None
    if sent.http_status is not None and sent.reply is not None:
        reading = explain(rules, sent.http_status, sent.reply.encode())
    return Tried(trial, sent, reading, look, _advice(sent, look, before, rules), instance.wire, before)


async def _look(
    instance: StoredInstance, key: str, settings: Settings, trial: Trial, sent: Sent, seconds: float
) -> Look:
    async with open_gateway(instance, key, settings) as gateway:
        return await look_for_trial(gateway, trial, sent, seconds)


def _advice(sent: Sent, look: Look | None, before: Mapping[str, Any], rules: ReplyRules) -> Advice:
    if sent.reply is None:
        return Advice("there was no reply")
    try:
        reply = json.loads(sent.reply)
    except ValueError:
        return Advice("the reply is not JSON, or too long to be kept whole")
    is_shown = look is not None and look.appearance is not None
    return advise(reply, before, rules, is_accepted=sent.outcome is Outcome.ACCEPTED, is_shown=is_shown)


def trial_fields(tried: Tried) -> dict[str, object]:
    """What there is to tell, for `say_fields`."""
    sent, look = tried.sent, tried.look
    if sent.outcome is None:
        return {"sent": f"NO, it is {sent.state}"}
    took = "" if sent.duration_ms is None else f" after {sent.duration_ms / 1000:.1f} s"
    status = "none" if sent.http_status is None else f"HTTP {sent.http_status}"
    is_late = sent.outcome is Outcome.UNKNOWN and sent.http_status is None
    if is_late and look is not None and look.appearance is not None:
        said = f"there was none ({sent.outcome_reason}), and its chat shows the message: it was sent"
        return {"reply": said, **_appearance_fields(tried.trial, look)}
    fields: dict[str, object] = {"reply": f"{status}{took}: {(sent.reply or '').strip() or '(nothing)'}"}
    if tried.reading is not None and tried.reading.verdict.outcome is sent.outcome:
        fields |= reading_fields(tried.reading.verdict, tried.reading.parts)
    else:
        fields |= {"read as": sent.outcome.value, "reason": sent.outcome_reason}
    if look is not None:
        fields |= _appearance_fields(tried.trial, look)
    return fields


def _appearance_fields(trial: Trial, look: Look) -> dict[str, object]:
    refused = {"not readable": "; ".join(look.failures)} if look.failures else {}
    seen = look.appearance
    if seen is None:
        return {"shown": f"NO, not within {look.seconds:.0f} s: look at the phone", **refused}
    return {
        "shown": f"yes, {max(look.seconds, 0):.0f} s after the reply",
        "under number": _number(trial, seen),
        "under id": _id(seen),
        "text": "; ".join(f"{each.what} {each.how}" for each in seen.changes) or "came back as it was sent",
        "found by text": _recognition(seen),
        **refused,
    }


def _number(trial: Trial, seen: Appearance) -> str:
    number = ", ".join(seen.forms)
    if trial.phone not in seen.forms:
        number += f", and not {trial.phone}, to which it was sent"
    if seen.number is None:
        return f"{number}; the entry does not say whose it is"
    return number if seen.number in seen.forms else f"{number}; the entry says {seen.number}"


def _id(seen: Appearance) -> str:
    if seen.id is None:
        return "none"
    which = {True: "the one of the reply", False: "NOT the one of the reply", None: "the reply gave none"}
    return f"{seen.id}: {which[seen.is_same_id]}"


def _recognition(seen: Appearance) -> str:
    if seen.is_recognised:
        return "yes: a message in doubt is found by its text and time"
    lacking = f"no {' and no '.join(seen.missing)} is shown" if seen.missing else "its text is too different"
    return f"NO, {lacking}: a message in doubt is found by its id at most, or ends as unknown"


def trial_document(tried: Tried) -> dict[str, Any]:
    """The trial for programs."""
    sent, look, reading = tried.sent, tried.look, tried.reading
    return {
        "phone": tried.trial.phone,
        "text": tried.trial.text,
        **msgspec.structs.asdict(sent),
        "is_recognised": None if reading is None else reading.verdict.is_recognised,
        "read_by": None if reading is None else reading.parts,
        "shown_after_seconds": look.seconds if look and look.appearance else None,
        "shown": asdict(look.appearance) if look and look.appearance else None,
        "unreadable": [] if look is None else look.failures,
        "proposal": asdict(tried.advice),
    }


def follow_advice(engine: Engine, name: str, tried: Tried, *, is_confirmed: bool) -> None:
    """Say what is proposed, and do it where a person confirms it: by --yes, or at a terminal's question."""
    advice = tried.advice
    if tried.sent.reply is None:
        return
    if advice.rules is None:
        say(f"no rules are proposed: {advice.reason}")
        return
    say(f"proposal: {advice.reason}.")
    asked = not is_confirmed and sys.stdin.isatty() and sys.stdout.isatty()
    if is_confirmed or (asked and typer.confirm(f"Read the replies of {name} so from now on?", default=False)):
        narrow_rules(engine, name, tried.before, advice.rules)
        say(
            "agreed: workers read replies so within 20 seconds; "
            f"`broadcaster instance rules {quote(name)} reset` goes back to the defaults"
        )
        return
    written = quote(json.dumps(advice.rules, ensure_ascii=False))
    say(f"nothing was changed; if you agree: `echo {written} | broadcaster instance rules {quote(name)} set -`")


def trial_problem(name: str, tried: Tried, seconds: float) -> str | None:
    """Why the trial was none of success, and what to do; None: the message was taken and is shown."""
    sent, look = tried.sent, tried.look
    if sent.outcome is None:
        return _not_left(name, sent, seconds)
    if sent.outcome is Outcome.ACCEPTED:
        if look is None or look.appearance is not None:
            return None
        return (
            f"the gateway says that it took the message, and did not show it within {look.seconds:.0f} s: look at the "
            "phone; where it is not there either, the gateway says yes and sends nothing"
        )
    if sent.outcome is Outcome.UNKNOWN:
        return _left_open(name, tried)
    said = f"the gateway did not take the message: {sent.outcome_reason}"
    if remedy := address_remedy(name, sent.outcome_reason, tried.wire):
        return f"{said}; {remedy}"
    is_known = tried.reading is None or tried.reading.verdict.is_recognised
    return said if is_known else f"{said}; {learning_remedy(name, sent.outcome_reason or '')}"


def _left_open(name: str, tried: Tried) -> str | None:
    """A reply that does not tell: its chat does, if it shows the message."""
    sent, look = tried.sent, tried.look
    if look is None or look.appearance is None:
        return (
            f"nobody knows whether the gateway took the message, and its chat does not show it: {sent.outcome_reason}"
        )
    if sent.http_status is None:
        return None
    return (
        f"the message was sent, as its chat shows, and the reply does not say so: {sent.outcome_reason}; messages are "
        "in doubt until they are read back, and several such replies in a row stop the instance: see how replies are "
        f"read with `broadcaster instance rules {quote(name)} set --help`"
    )


def _not_left(name: str, sent: Sent, seconds: float) -> str:
    if sent.state is MessageState.SENDING:
        return f"the gateway did not answer within {seconds:g} s: the message is still under way"
    if sent.health is not LaneHealth.OK:
        reason = f" ({sent.health_reason})" if sent.health_reason else ""
        return f"the message did not leave within {seconds:g} s: instance {name} is {health_word(sent.health)}{reason}"
    return (
        f"no worker took the message within {seconds:g} s, and it is cancelled: is one running? "
        "see `broadcaster status`, start one with `broadcaster up` or `broadcaster worker` and `broadcaster beat`"
    )
