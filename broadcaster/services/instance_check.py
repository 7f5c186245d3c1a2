"""Whether an instance can be sent through and read back, found out by reads that send nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from broadcaster.domain.outcomes import Verdict
from broadcaster.domain.readback import Page, Sight
from broadcaster.domain.states import LaneHealth
from broadcaster.gateway import GatewayError, WAChatPro
from broadcaster.services.instance_reports import InstanceSummary
from broadcaster.services.reconcile.chat_reader import ChatReader
from broadcaster.services.reconcile.doubt_rows import Accepted
from broadcaster.services.reconcile.doubts import PROOF_SECONDS, DoubtStore

TROUBLES = (LaneHealth.REFUSED, LaneHealth.DOWN, LaneHealth.THROTTLED)


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
    health: LaneHealth | None = None
    """What that says of the instance; None: nothing."""

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return self.chats is not None


@dataclass(frozen=True, slots=True)
class SendingCheck:
    """Whether messages go out through the instance now, by its lane and by what its gateway answered."""

    works: bool | None
    """None: the lane would send, and the gateway's answer does not tell whether it would take anything."""
    health: LaneHealth
    reason: str | None = None
    next_try: datetime | None = None
    """When it is tried again by itself; None: at once, or not before an operator resumes it."""
    shown: int = 0
    """Accepted messages of late that truth checks found in their chats,"""
    missing: int = 0
    """and those that they did not."""

    @property
    def rests(self) -> bool:
        """Whether our own lane sends nothing now, whatever the gateway would take."""
        return self.health is not LaneHealth.OK or self.next_try is not None


def check_sending(stored: InstanceSummary, found: InstanceCheck, now: datetime) -> SendingCheck:
    """What the lane's row says, and the gateway's answer."""
    health, not_before = stored.health, stored.not_before
    rests_until = not_before if not_before is not None and not_before > now else None
    works: bool | None = health is LaneHealth.OK and rests_until is None
    if works and not found.passed:
        works = None if found.reachable and found.health not in TROUBLES else False
    next_try = None if health in (LaneHealth.REFUSED, LaneHealth.PAUSED) else rests_until
    return SendingCheck(works, health, stored.health_reason, next_try, stored.truth_shown, stored.truth_missing)


async def check_instance(gateway: WAChatPro) -> InstanceCheck:
    """Ask for the instance's chats. Never raises for trouble of the gateway."""
    try:
        chats = await gateway.chats()
    except GatewayError as error:
        return _failed(error.verdict)
    return InstanceCheck(reachable=True, key_accepted=True, running=True, reply_readable=True, chats=len(chats))


@dataclass(frozen=True, slots=True)
class ReadBackCheck:
    """Whether a message in doubt could be found in its chat, and what the gateway shows of messages."""

    works: bool | None
    """A message that the gateway is known to have accepted was recognised. None: there was none to look for."""
    reason: str | None = None
    """Why it does not work or nobody knows."""
    entries: int | None = None
    """Messages in the chat that was read; of these have"""
    ids: int = 0
    times: int = 0
    directions: int = 0
    texts: int = 0


async def check_read_back(store: DoubtStore, gateway: WAChatPro, reader: ChatReader, account: int) -> ReadBackCheck:
    """Look for the latest message that the gateway accepted, and keep it as the proof where it is found.

    Where there is none, any chat is read, to see what messages look like. Never raises for trouble of the gateway.
    """
    accepted = await store.accepted_lately(account)
    try:
        phone = accepted.phone if accepted else await _any_phone(gateway)
        if phone is None:
            return ReadBackCheck(None, "there is no chat yet")
        pages = await reader.pages(phone)
    except GatewayError as error:
        return ReadBackCheck(False, str(error))
    works, reason = await _recognised(reader, accepted, pages)
    entries = [entry for page in pages for entry in page.entries]
    return ReadBackCheck(
        works,
        reason,
        entries=len(entries),
        ids=sum(entry.id is not None for entry in entries),
        times=sum(entry.at is not None for entry in entries),
        directions=sum(entry.outgoing is not None for entry in entries),
        texts=sum(any((entry.body, entry.caption, entry.filename)) for entry in entries),
    )


async def _recognised(
    reader: ChatReader, accepted: Accepted | None, pages: Sequence[Page]
) -> tuple[bool | None, str | None]:
    if accepted is None:
        return None, f"nothing was accepted in the last {PROOF_SECONDS / 60:.0f} minutes to look for"
    [sight] = await reader.look_for([(accepted, pages)])
    if sight is not Sight.FOUND:
        return False, "the latest accepted message is not in its chat, or not yet, or not to be recognised"
    return True, None


async def _any_phone(gateway: WAChatPro) -> str | None:
    return next((chat.phone for chat in await gateway.chats() if chat.phone), None)


def _failed(verdict: Verdict) -> InstanceCheck:
    reason, health = verdict.reason, verdict.health
    if verdict.http_status is None:
        return InstanceCheck(reachable=False, reason=reason, health=health)
    if health is LaneHealth.REFUSED:
        return InstanceCheck(reachable=True, key_accepted=False, reason=reason, health=health)
    if health in (LaneHealth.DOWN, LaneHealth.THROTTLED):
        return InstanceCheck(reachable=True, running=False, reason=reason, health=health)
    return InstanceCheck(reachable=True, reply_readable=False, reason=reason, health=health)
