"""What one worker process keeps open for sending: pool, transport, group commits, prepared contents."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from functools import partial
from random import Random
from types import TracebackType
from typing import Any, Self, TypeVar

import structlog

from broadcaster.crypto import open_vault
from broadcaster.db.engine import open_engine
from broadcaster.db.pool import open_pool
from broadcaster.errors import UnavailableError
from broadcaster.gateway import DEFAULT_RULES, Transport, WAChatPro, open_transport, read_rules
from broadcaster.gateway.key_ring import KeyRing
from broadcaster.services.inbox.inbox_reader import InboxReader
from broadcaster.services.inbox.inbox_store import ConfirmOptOut, InboxStore
from broadcaster.services.inbox.reply_words_file import read_words
from broadcaster.services.reconcile.doubt_rows import ReadAccount
from broadcaster.services.reconcile.doubts import DoubtStore
from broadcaster.services.reconcile.reconciler import Reconciler
from broadcaster.services.sending.drain import Drain
from broadcaster.services.sending.drain_report import MOST_NAMED, DrainReport
from broadcaster.services.sending.followed import Follower
from broadcaster.services.sending.opt_out_watch import OptOutWatch
from broadcaster.services.sending.outcome_writer import OutcomeWriter
from broadcaster.services.sending.prepared_contents import PreparedContents
from broadcaster.services.sending.presence import Presence
from broadcaster.services.sending.send_path import SendPath
from broadcaster.services.sending.sending_store import HeldLane, SendingStore
from broadcaster.services.sending.spool import Spool
from broadcaster.settings import Settings

log = structlog.get_logger()

T = TypeVar("T")

_POOL_SIZE = 6
"""Connections to Postgres: for taken lanes, for claims with their outcomes, for reading back, and spare ones."""
_SHARE_OF_THREADS = 0.75
"""The share of the worker's threads for tasks that wait for lanes. The rest is for ticks alone."""
_LOCK_TIMEOUT = 2.0
"""Seconds to wait for a lock: longer than anything here holds one. Afterwards the work is tried again. Stopping does
not wait for locks."""
_CLOSE_TIMEOUT = 1.0
"""Seconds in which half-open connections may close."""
_WATCH_SECONDS = 1.0
"""How often a worker checks whether others of its home have ended, in seconds."""
_FIGURES_SECONDS = 10.0
"""How often a worker writes what it has measured, in seconds."""
_STOP_MARGIN = 2.5
"""A stopping process waits for Postgres this many seconds longer than for the longest request."""


lease_clock: Callable[[], float] = partial(time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
"""Seconds on a clock that nobody can set. If the system has one, it also runs while the machine is suspended.

CLOCK_MONOTONIC stands still in a suspend (clock_gettime(2)): a worker would then rely on a lease that has ended. No
function in Python, since the transport's thread reads it for each message.
"""


class SendingProcess:
    """What one worker process sends with. Use it as an async context manager.

    Within it `send_due`, `reconcile` and `read_replies` may be called any number of times at once.
    """

    def __init__(
        self, settings: Settings, confirm: ConfirmOptOut | None = None, follower: Follower | None = None
    ) -> None:
        """`confirm` lets whoever opts out by a reply know it, where an instance is to; None: nobody does.

        `follower` follows messages on their way; None: nobody does.
        """
        self._follower = follower
        self._settings = settings
        self._confirm = confirm
        self._vault = open_vault(settings)
        self._reply_words = read_words(settings.reply_words_file)
        self._stack = AsyncExitStack()
        self._presence = Presence(settings.home / "workers")
        self._gateways: dict[int, tuple[object, WAChatPro]] = {}
        """By account id, with the settings that each was made from."""
        self._keys = KeyRing()
        self._stopping = False

    async def __aenter__(self) -> Self:
        settings = self._settings
        self._given_up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        pool = open_pool(
            settings, size=_POOL_SIZE, lock_timeout=_LOCK_TIMEOUT, statement_timeout=settings.lease_seconds
        )
        await pool.open()
        self._stack.push_async_callback(pool.close, _CLOSE_TIMEOUT)
        self._transport: Transport = open_transport(connect_timeout=settings.connect_timeout_seconds)
        self._stack.push_async_callback(self._transport.aclose)
        store = SendingStore(
            pool,
            holder=self._presence.holder,
            lease=settings.lease_seconds,
            hold=settings.gateway_hold_seconds,
            longest_request=settings.request_timeout_seconds,
        )
        self._presence.show()
        spool = Spool(settings.home / "spool")
        self._stack.callback(lambda: self._leave(spool))
        self._stack.callback(spool.close)
        outcomes = OutcomeWriter(store, spool, lease_clock, self._follower)
        await outcomes.replay()
        self._doubts = DoubtStore(pool, settings)
        self._inboxes = InboxStore(
            open_engine(settings, lock_timeout=_LOCK_TIMEOUT),
            self._vault,
            timedelta(seconds=settings.gateway_clock_seconds),
            self._confirm,
        )
        self._stack.push_async_callback(self._inboxes.aclose, _CLOSE_TIMEOUT)
        self._path = SendPath(
            store=store,
            outcomes=outcomes,
            contents=PreparedContents(store, settings.content_cache_bytes),
            opt_outs=OptOutWatch(store, lease_clock),
            clock=lease_clock,
            random=Random(),  # noqa: S311 - spreads retries, protects nothing
            follower=self._follower,
        )
        self._drain = Drain(
            self._path,
            self._open_gateway,
            lease=settings.lease_seconds,
            seconds=settings.drain_seconds,
            most_tasks=max(1, int(settings.worker_threads * _SHARE_OF_THREADS)),
        )
        for beside in (self._watch_others(), self._keep_figures()):
            self._stack.callback(asyncio.create_task(beside).cancel)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        stopped = asyncio.create_task(self._drain.stopped())
        await asyncio.wait({stopped, self._given_up}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        self._drain.abandon()
        await self._stack.aclose()

    async def send_due(self, lanes: Sequence[int]) -> DrainReport:
        """Send what is due on `lanes` (ids), then finish the campaigns that balance."""
        report = await self._unless_given_up(self._drain.run(lanes))
        if report is None:
            return DrainReport()
        if report.counts and not self._stopping:
            await self._path.store.finish_campaigns()
            report.campaigns = await self._path.store.campaign_names(report.campaign_ids, MOST_NAMED)
        return report

    async def reconcile(self) -> dict[str, dict[str, int]]:
        """Read back the chats that are due, for a few seconds; returns counts per instance name."""
        reconciler = Reconciler(self._doubts, self._open_gateway, self._settings, lambda: self._stopping)
        return await self._unless_given_up(reconciler.run()) or {}

    async def read_replies(self) -> dict[str, dict[str, int]]:
        """Read what people wrote, for a few seconds; returns counts per instance name."""
        words = self._reply_words
        reader = InboxReader(self._inboxes, self._open_gateway, self._settings, words, lambda: self._stopping)
        return await self._unless_given_up(reader.run()) or {}

    def stop(self) -> None:
        """Ask the drain to end: nothing new is claimed, and what is under way finishes. Call it on the loop.

        It ends shortly after the request timeout. Outcomes that Postgres has not taken by then are spooled.
        """
        if self._stopping:
            return
        self._stopping = True
        self._path.outcomes.stop()
        self._drain.stop()
        loop = asyncio.get_running_loop()
        loop.call_later(self._settings.request_timeout_seconds + _STOP_MARGIN, self._give_up)

    async def _unless_given_up(self, work: Coroutine[Any, Any, T]) -> T | None:
        """The result of `work`; None if this process no longer waits for Postgres."""
        running = asyncio.ensure_future(work)
        ends: set[asyncio.Future[Any]] = {running, self._given_up}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return running.result()
        running.cancel()
        return None

    async def _watch_others(self) -> None:
        """Free the lanes of workers of this home that ended without giving them back."""
        while True:
            try:
                with self._presence.ended() as holders:
                    if holders:
                        await self._free_lanes_of(holders)
            except Exception as error:  # noqa: BLE001 - Postgres is away: the next try is a second later
                log.warning("cannot free the lanes of workers that ended", error=type(error).__name__)
            await asyncio.sleep(_WATCH_SECONDS)

    async def _keep_figures(self) -> None:
        """Write what this worker has measured, for monitors."""
        while True:
            await asyncio.sleep(_FIGURES_SECONDS)
            with suppress(Exception):  # Postgres is away: the next ones say it all
                await self._path.store.keep_figures(self._path.outcomes.meter.document())

    async def _free_lanes_of(self, holders: Sequence[str]) -> None:
        # Their spooled outcomes are written first: once a lease has ended, they no longer count.
        if not await self._path.outcomes.replay():
            raise UnavailableError("outcomes of a worker that ended cannot be written yet")
        await self._path.store.free_lanes_of(holders, self._settings.request_timeout_seconds)
        log.warning("workers ended without a word", holders=holders)

    def _leave(self, spool: Spool) -> None:
        """Let others notice what is left: they write the spool's outcomes and free the lanes."""
        if spool.was_used or self._given_up.done():
            self._presence.abandon()
        else:
            self._presence.withdraw()

    def _give_up(self) -> None:
        self._path.outcomes.give_up()
        if not self._given_up.done():
            self._given_up.set_result(None)

    def _open_gateway(self, lane: HeldLane | ReadAccount) -> WAChatPro:
        """The account's client. It is made once: decrypting the key and preparing its redaction takes a while."""
        made_of = (lane.key_encrypted, lane.base_url, lane.wire, lane.reply_rules)
        known, gateway = self._gateways.get(lane.account_id, (None, None))
        if gateway is None or known != made_of:
            gateway = WAChatPro(
                self._vault.open(lane.key_encrypted, lane.base_url),
                lane.base_url,
                wire=lane.wire,
                transport=self._transport,
                timeout=self._settings.request_timeout_seconds,
                rules=read_rules(lane.reply_rules) if lane.reply_rules else DEFAULT_RULES,
                keys=self._keys,
            )
            self._gateways[lane.account_id] = (made_of, gateway)
        return gateway
