"""Who follows single messages on their way, such as traces do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol


class Traced(NamedTuple):
    """Which attempt of which message."""

    campaign_id: int
    seq: int
    attempt: int


class Follower(Protocol):
    """Is told of messages. All moments are seconds on the send path's clock."""

    def claimed(self, messages: Iterable[Traced], began: float, ended: float) -> None:
        """One statement claimed these."""

    def wants(self, seq: int) -> bool:
        """Whether to tell of the request of the message with this number."""

    def posted(self, message: Traced, began: float, ended: float, outcome: str, status: int | None) -> None:
        """Its request was made, with this outcome. `status` is that of HTTP; None: there was no reply."""

    def committed(self, messages: Iterable[Traced], began: float, ended: float) -> None:
        """One statement committed the outcomes of these."""
