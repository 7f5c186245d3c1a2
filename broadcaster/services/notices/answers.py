"""What came of trying to deliver a notice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from broadcaster.domain.notices import Notice, NoticeEvent
from broadcaster.domain.receivers import LONGEST_ANSWER, ReceiverWay


class Delivery(msgspec.Struct, frozen=True):
    """A notice that is tried now, and where it goes."""

    id: UUID
    tries: int
    """With this one."""
    failures: int
    """Of its receiver, in a row, before this try."""
    receiver_id: int
    receiver: str
    way: ReceiverWay
    address: str
    sealed: bytes | None
    instance_id: int | None
    event: NoticeEvent
    subject: str
    notice: Notice
    noted_at: datetime
    tried_at: datetime
    """By the database's clock."""

    def document(self) -> Mapping[str, object]:
        """For programs: what a webhook gets, with `type`, `timestamp` and `data` as Standard Webhooks has them."""
        about, _, _ = self.event.partition(".")
        said = {name: getattr(self.notice, name) for name in Notice.__struct_fields__}
        subject = {} if self.event is NoticeEvent.TEST else {about: self.subject}
        return {"type": self.event, "timestamp": self.noted_at, "data": {**subject, **said}}


class Answer(NamedTuple):
    """Whether a receiver took the notice, and why not, in words of our own."""

    is_taken: bool
    words: str
    campaign_id: int | None = None
    """The campaign of one message that brings it, by WhatsApp."""


def kept_words(text: str, *secrets: str) -> str:
    """What others said as it may be kept: on one line, not too long, and without these."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "…")
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:LONGEST_ANSWER]
