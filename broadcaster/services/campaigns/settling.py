"""The operator's word on messages of which nobody knows whether the gateway accepted them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from math import ceil
from typing import Any

from sqlalchemy import Engine

from broadcaster.db.engine import transaction
from broadcaster.db.queries import query
from broadcaster.domain.names import check_remark
from broadcaster.domain.states import CampaignState, MessageState
from broadcaster.errors import ConflictError, InputError, listed
from broadcaster.services.campaigns.lifecycle import Moved, lock_campaign, patiently


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


@dataclass(frozen=True, slots=True)
class Settleable:
    """What of a campaign can be settled."""

    messages: Sequence[Mapping[str, Any]]
    """Now: phone, state, since, reason; in file order."""
    waits: Sequence[float]
    """Of those in doubt that cannot be yet: in how many seconds."""


def settleable(engine: Engine, name: str, *, settle_seconds: float, phones: Sequence[str] | None = None) -> Settleable:
    """The messages of a campaign that are unknown, or in doubt: those so many seconds after their request has ended.

    With `phones` only theirs. Raises NotFoundError where there is no such campaign, and InputError where one of the
    phones has no message that can be settled now.
    """
    with transaction(engine) as connection:
        campaign_id, _ = lock_campaign(connection, name)
        parameters = {
            "campaign_id": campaign_id,
            "settle": timedelta(seconds=settle_seconds),
            "phones": None if phones is None else list(phones),
        }
        rows = connection.exec_driver_sql(query("settleable_messages"), parameters).mappings().all()
    missing = sorted(set(phones or ()) - {row["phone"] for row in rows})
    if missing:
        raise InputError(f"campaign {name!r} has nothing to settle for {listed(missing)}")
    waits = {row["phone"]: row["wait"] for row in rows if row["wait"] > 0}
    if phones and waits:
        raise InputError(
            f"campaign {name!r} cannot settle {listed(sorted(waits))} yet: still in doubt and being read back;"
            f" try again in {ceil(max(waits.values()))} s"
        )
    ripe = [{key: value for key, value in row.items() if key != "wait"} for row in rows if not row["wait"]]
    return Settleable(ripe, list(waits.values()))


def settle(
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
    parameters = {
        "settle": timedelta(seconds=settle_seconds),
        "phones": None if phones is None else list(phones),
        "target": TARGETS[settlement].value,
        "settled_by": settled_by,
        "reason": reason,
    }

    def settle_once() -> Moved:
        with transaction(engine) as connection:
            campaign_id, state = lock_campaign(connection, name)
            own = {"campaign_id": campaign_id, **parameters}
            row = connection.exec_driver_sql(query("settle_messages"), own).one_or_none()
            if row is None:
                raise ConflictError(
                    f"campaign {name!r} is {state}, so nothing of it is sent again: use sent or failed"
                )
            return Moved(name, CampaignState(row.state), row.messages)

    return patiently(settle_once)
