"""What was told to whom, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import rows
from broadcaster.domain.notices import Notice, NoticeEvent
from broadcaster.domain.receivers import ReceiverWay
from broadcaster.domain.states import MessageState
from broadcaster.services.notices.receivers import show_receivers


class LoggedDelivery(msgspec.Struct, frozen=True):
    """A notice to a receiver."""

    id: UUID
    noted_at: datetime
    receiver: str
    way: ReceiverWay
    event: NoticeEvent
    subject: str
    notice: Notice
    tries: int
    delivered_at: datetime | None
    given_up_at: datetime | None
    next_try_at: datetime | None
    """None: it is delivered or given up."""
    answer: str | None
    message_state: MessageState | None
    """Of what goes by WhatsApp; None: anything else, or not handed over yet."""
    message_reason: str | None

    @property
    def outcome(self) -> str:
        """For people, in one word: what became of it."""
        if self.message_state is not None:
            return self.message_state.replace("_", " ")
        if self.given_up_at is not None:
            return "given up"
        return "waiting" if self.delivered_at is None else "delivered"


def read_deliveries(
    engine: Engine, receiver: str | None, *, undelivered: bool, limit: int
) -> Sequence[LoggedDelivery]:
    """The latest, the latest first: of all receivers or one, and only what has not arrived. Raises NotFoundError."""
    if receiver is not None:
        show_receivers(engine, receiver)
    with transaction(engine) as connection:
        wanted = {"receiver": receiver, "undelivered": undelivered, "limit": limit}
        return rows(connection, "list_deliveries", LoggedDelivery, **wanted)
