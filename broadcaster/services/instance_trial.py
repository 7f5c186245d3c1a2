"""A marked message through an instance, the way of all messages: what its gateway replies, and what it shows of it."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass

import msgspec
from sqlalchemy import Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import rows
from broadcaster.domain.outcomes import Outcome
from broadcaster.domain.states import LaneHealth, MessageState
from broadcaster.domain.trial import Appearance, find_trial
from broadcaster.domain.trial_text import trial_text
from broadcaster.errors import ConflictError
from broadcaster.gateway import WAChatPro
from broadcaster.services.campaigns.checks import lanes_of
from broadcaster.services.campaigns.lifecycle import cancel_campaign
from broadcaster.services.campaigns.new_campaign import (
    NewCampaign,
    insert_single,
    moment_name,
    next_campaign_id,
)
from broadcaster.services.campaigns.new_content import store_content, text_content
from broadcaster.services.campaigns.test_copies import MARK
from broadcaster.services.consent.opt_outs import refuse_opted_out
from broadcaster.services.forgetting.forgotten import OpenVault, no_vault, refuse_forgotten
from broadcaster.services.reconcile.chat_reader import list_chat

_POLL_SECONDS = 0.2
_LOOK_SECONDS = 1.0
"""Between two looks into the chat. Each is one read for each form of the number."""
_UNDER_WAY = (MessageState.PENDING, MessageState.SENDING)


@dataclass(frozen=True, slots=True)
class Trial:
    """The message of a trial, as it is stored: a campaign that is counted nowhere."""

    id: int
    name: str
    """Its own name, as a campaign."""
    instance: str
    phone: str
    token: str
    text: str


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the message, by the gateway's reply to its latest attempt."""

    state: MessageState
    reason: str | None
    gateway_id: str | None
    attempt: int | None
    """None, as all that follows but the health: there was no attempt."""
    outcome: Outcome | None
    outcome_reason: str | None
    http_status: int | None
    reply: str | None
    duration_ms: int | None
    age_seconds: float | None
    """Since when that is known."""
    health: LaneHealth
    """Of the instance."""
    health_reason: str | None

    @property
    def is_awaited(self) -> bool:
        """Whether there may yet be a first reply."""
        return self.state is MessageState.SENDING or (self.state is MessageState.PENDING and self.outcome is None)

    @property
    def replied_id(self) -> str | None:
        """The message's id where the reply gave it, and not its chat when it was read back."""
        is_said = self.gateway_id is not None and (
            self.outcome is Outcome.ACCEPTED or self.gateway_id in (self.reply or "")
        )
        return self.gateway_id if is_said else None

    @property
    def may_have_arrived(self) -> bool:
        """Whether there is anything to look for in the chat."""
        return self.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Look:
    """What the chat has shown in the end. `seconds` passed from the reply until then."""

    appearance: Appearance | None
    seconds: float
    failures: tuple[str, ...] = ()
    """What the gateway answered where the chat could not be read, the last time that it was tried."""


def start_trial(engine: Engine, instance: str, phone: str, *, open_vault: OpenVault = no_vault) -> Trial:
    """Store the message to `phone` (E.164 digits), to be sent before all others.

    Raises NotFoundError, and InputError where the phone was forgotten or has opted out.
    """
    token = secrets.token_hex(3)
    text = trial_text(MARK, token)
    with transaction(engine) as connection:
        refuse_forgotten(connection, phone, open_vault)
        lanes = lanes_of(connection, [instance])
        refuse_opted_out(connection, phone, next(iter(lanes)))
        trial_id = next_campaign_id(connection)
        new = NewCampaign(
            id=trial_id,
            name=f"{instance} (check {token}, {moment_name(connection)})",
            content=store_content(connection, text_content(text)),
            lanes=lanes,
            # Whatever becomes of the first one is what there is to see.
            max_attempts=1,
            source=f"a check of instance {instance}",
            # It is no copy of another campaign's message, and is counted nowhere like one.
            test_of=trial_id,
        )
        insert_single(connection, new, phone, None)
    return Trial(trial_id, new.name, instance, phone, token, text)


def follow_trial(engine: Engine, trial: Trial, seconds: float) -> Sent:
    """Wait for the reply to the message, for so long at most; cancel what has not left or would be tried again."""
    ends = time.monotonic() + seconds
    sent = _read_sent(engine, trial)
    while sent.is_awaited and time.monotonic() < ends:
        time.sleep(_POLL_SECONDS)
        sent = _read_sent(engine, trial)
    if sent.state not in _UNDER_WAY:
        return sent
    with suppress(ConflictError):  # it has become final meanwhile
        cancel_campaign(engine, trial.name)
    return _read_sent(engine, trial)


async def look_for_trial(gateway: WAChatPro, trial: Trial, sent: Sent, seconds: float) -> Look:
    """Look for the message in its chat, under every form of the number, until it is shown or time is up."""
    replied = time.monotonic() - (sent.age_seconds or 0.0)
    ends = time.monotonic() + seconds
    while True:
        pages, failures = await list_chat(gateway, trial.phone)
        seen = find_trial(trial.token, trial.text, sent.replied_id, pages)
        now = time.monotonic()
        if seen is not None or now >= ends:
            said = tuple(f"{form}: {error.verdict.reason}" for form, error in failures.items())
            return Look(seen, now - replied, said)
        await asyncio.sleep(min(_LOOK_SECONDS, ends - now))


def _read_sent(engine: Engine, trial: Trial) -> Sent:
    with transaction(engine) as connection:
        [sent] = rows(connection, "read_trial", Sent, campaign_id=trial.id)
    return sent
