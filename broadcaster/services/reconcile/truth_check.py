"""Looks for a sample of accepted messages in their chats, to notice a gateway that says yes and sends nothing.

A shown message also proves that reading back can be trusted for its kind (`reconciler.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import structlog

from broadcaster.domain.readback import Sight
from broadcaster.domain.truth import false_yes_estimate, is_lying, missing_words
from broadcaster.gateway import GatewayError, WAChatPro
from broadcaster.services.reconcile.chat_reader import LIMIT, ChatReader
from broadcaster.services.reconcile.doubt_rows import Accepted, ReadAccount, Sample
from broadcaster.services.reconcile.doubts import DoubtStore
from broadcaster.settings import Settings

log = structlog.get_logger()

SINCE = timedelta(minutes=2)
"""A message is looked for once this much time has passed since its acceptance: the gateway has a queue of its own."""
UNTIL = timedelta(minutes=15)
MOST_COUNTED = 40
"""Beyond this many messages the older ones count half."""
_MOST_SAMPLES = 20
"""At most this many messages are looked for in one run, whatever the number of accounts."""
_SIGHTS = {Sight.FOUND: True, Sight.ABSENT: False, Sight.SILENT: False}


async def check_truth(store: DoubtStore, open_gateway: Callable[[ReadAccount], WAChatPro], settings: Settings) -> None:
    """Look for one accepted message of each account that is due."""
    if settings.truth_check_seconds:
        samples = await store.pick_truths(_MOST_SAMPLES, SINCE, UNTIL)
        await asyncio.gather(*(_check(store, open_gateway, sample, settings) for sample in samples))


async def _check(
    store: DoubtStore, open_gateway: Callable[[ReadAccount], WAChatPro], sample: Sample, settings: Settings
) -> None:
    account, gateway = sample.account, open_gateway(sample.account)
    reader = ChatReader(store, gateway, account.account_id, settings)
    try:
        pages = await reader.pages(sample.accepted.phone)
        [sight] = await reader.look_for([(sample.accepted, pages)])
        if sight is Sight.SILENT and await _may_be_hidden(gateway, sample.accepted, settings):
            return
    except GatewayError:
        return  # that says nothing about the message
    if sight in _SIGHTS:
        await _count(store, sample, shown=_SIGHTS[sight])


async def _may_be_hidden(gateway: WAChatPro, accepted: Accepted, settings: Settings) -> bool:
    """Whether a chat without a shown number has changed since. If so, a missing message proves nothing."""
    since = accepted.accepted_at - timedelta(seconds=settings.gateway_clock_seconds)
    chats = await gateway.chats(LIMIT)
    return any(chat.hidden and (chat.at is None or chat.at >= since) for chat in chats)


async def _count(store: DoubtStore, sample: Sample, *, shown: bool) -> None:
    account = sample.account
    counts = await store.note_truth(account.account_id, sample.accepted.key, MOST_COUNTED, shown=shown)
    if shown or not is_lying(*counts):
        return
    if await store.stop_sending_through(account.account_id, _why(*counts)):
        log.error("an instance says yes and sends nothing", instance=account.name, shown=counts[0], missing=counts[1])


def _why(shown: int, missing: int) -> str:
    """The evidence, and how an operator can find out what it means."""
    return (
        f"{missing_words(shown, missing)}: "
        f"{false_yes_estimate(shown, missing)} of what it says it took may never have been sent. "
        "Look at the phone. If they did arrive, this gateway does not list what it sends, and "
        "BROADCASTER_TRUTH_CHECK_SECONDS=0 ends these checks"
    )
