"""The operator's word on messages of which nobody knows whether the gateway accepted them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import first, rows
from broadcaster.domain.names import check_remark
from broadcaster.domain.states import MessageState
from broadcaster.errors import ConflictError, InputError, listed
from broadcaster.services.campaigns.lifecycle import Change, Moved, lock_campaign, patiently


class Settlement(StrEnum):
    """What an operator can say of such a message."""

    SENT = "sent"
    """It has arrived."""
    RESEND = "resend"
    """Send it again, whether it has arrived or not."""
    FAILED = "failed"
    """It has not arrived, and is not to be sent."""


TARGETS = {
    Settlement.SENT: MessageState.SENT,
    Settlement.RESEND: MessageState.PENDING,
    Settlement.FAILED: MessageState.FAILED,
}


class SettleableMessage(msgspec.Struct, frozen=True):
    """A message that is unknown or in doubt, since when, and why."""

    phone: str
    state: str
    since: datetime
    reason: str | None


class _Undecided(NamedTuple):
    """The same, and in how many seconds it can be settled."""

    phone: str
    state: str
    since: datetime
    reason: str | None
    wait: float


@dataclass(frozen=True, slots=True)
class Settleable:
    """What of a campaign can be settled."""

    messages: Sequence[SettleableMessage]
    """Now, in file order."""
    waits: Sequence[float]
    """Of those in doubt that cannot be yet: in how many seconds."""


def settleable(engine: Engine, name: str, *, settle_seconds: float, phones: Sequence[str] | None = None) -> Settleable:
    """The messages of a campaign that are unknown, or in doubt: those so many seconds after their request has ended.

    With `phones` only theirs. Raises NotFoundError where there is no such campaign, and InputError where one of the
    phones has no message that can be settled now.
    """
    with transaction(engine) as connection:
        campaign_id, _ = lock_campaign(connection, name)
        found = rows(
            connection,
            "settleable_messages",
            _Undecided,
            campaign_id=campaign_id,
            settle=timedelta(seconds=settle_seconds),
            phones=None if phones is None else list(phones),
        )
    missing = sorted(set(phones or ()) - {each.phone for each in found})
    if missing:
        raise InputError(f"campaign {name!r} has nothing to settle for {listed(missing)}")
    waits = {each.phone: each.wait for each in found if each.wait > 0}
    if phones and waits:
        raise InputError(
            f"campaign {name!r} cannot settle {listed(sorted(waits))} yet: still in doubt and being read back;"
            f" try again in {ceil(max(waits.values()))} s"
        )
    ripe = [SettleableMessage(*each[:-1]) for each in found if not each.wait]
    return Settleable(ripe, list(waits.values()))


def settle_messages(
    engine: Engine,
    name: str,
    settlement: Settlement,
    *,
    settle_seconds: float,
    settled_by: str,
    reason: str | None = None,
    phones: Sequence[str] | None = None,
) -> Moved:
    """Settle what `settleable` lists, and keep who did it, when and why.

    What is sent again gets all its attempts anew and re-opens a finished campaign. Raises ConflictError for what
    cannot be sent again, because its campaign was cancelled, and UsageError for a reason that cannot be kept.
    """
    check_remark(reason, "--reason")
    parameters: dict[str, Any] = {
        "settle": timedelta(seconds=settle_seconds),
        "phones": None if phones is None else list(phones),
        "target": TARGETS[settlement].value,
        "settled_by": settled_by,
        "reason": reason,
    }

    def settle_once() -> Moved:
        with transaction(engine) as connection:
            campaign_id, state = lock_campaign(connection, name)
            changed = first(connection, "settle_messages", Change, campaign_id=campaign_id, **parameters)
            if changed is None:
                raise ConflictError(
                    f"campaign {name!r} is {state}, so nothing of it is sent again: use sent or failed"
                )
            return Moved(name, changed.state, changed.messages)

    return patiently(settle_once)
