"""Whether an instance can be sent through, found out by a read that sends nothing."""

from __future__ import annotations

from dataclasses import dataclass

from broadcaster.domain.outcomes import Verdict
from broadcaster.domain.states import LaneHealth
from broadcaster.gateway.client import GatewayError, WAChatPro


@dataclass(frozen=True, slots=True)
class InstanceCheck:
    """What the gateway's list of chats says of an instance. None: it does not tell."""

    reachable: bool
    """A reply came from the base URL."""
    key_accepted: bool | None = None
    running: bool | None = None
    """The instance is connected to WhatsApp, and takes requests."""
    reply_readable: bool | None = None
    """The reply holds a list."""
    chats: int | None = None
    reason: str | None = None
    """What is wrong, in the gateway's words where it gave any."""

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return self.chats is not None


async def check_instance(gateway: WAChatPro) -> InstanceCheck:
    """Ask for the instance's chats. Never raises for trouble of the gateway."""
    try:
        chats = await gateway.chats()
    except GatewayError as error:
        return _failed(error.verdict)
    return InstanceCheck(reachable=True, key_accepted=True, running=True, reply_readable=True, chats=len(chats))


def _failed(verdict: Verdict) -> InstanceCheck:
    reason = verdict.reason
    if verdict.http_status is None:
        return InstanceCheck(reachable=False, reason=reason)
    if verdict.health is LaneHealth.REFUSED:
        return InstanceCheck(reachable=True, key_accepted=False, reason=reason)
    if verdict.health in (LaneHealth.DOWN, LaneHealth.THROTTLED):
        return InstanceCheck(reachable=True, running=False, reason=reason)
    return InstanceCheck(reachable=True, reply_readable=False, reason=reason)
