"""The gateway itself: reads a request, applies faults, enters it in the ledger, and answers."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any

from broadcaster.simulator import api, dialects
from broadcaster.simulator.api import Call, RefusedError
from broadcaster.simulator.config import InstanceConfig, SimulatorConfig
from broadcaster.simulator.connection import Exchange
from broadcaster.simulator.dialects import DIALECTS, ROTATE, Dialect
from broadcaster.simulator.fault_plan import Fault, FaultPlan
from broadcaster.simulator.fault_rule import DROP_BEFORE_READING
from broadcaster.simulator.http1 import Request, Response
from broadcaster.simulator.lasting_troubles import BAD_KEY
from broadcaster.simulator.ledger import INCOMING, OUTGOING, Entry, Ledger, hash_of_key
from broadcaster.simulator.listing_view import ListingView
from broadcaster.simulator.listings import Listing
from broadcaster.simulator.replies import reply_under

_LARGE_BYTES = 1024 * 1024


class Instance:
    """A configured instance, its view of its chats, and its place in the rotation of dialects."""

    def __init__(self, config: InstanceConfig, view: ListingView) -> None:
        self.name = config.name
        self.wire = config.wire
        self.view = view
        self._dialects = itertools.cycle(DIALECTS.values() if config.shape == ROTATE else [DIALECTS[config.shape]])

    def dialect(self) -> Dialect:
        """The dialect of the next reply."""
        return next(self._dialects)


class Gateway:
    """The six endpoints over a ledger."""

    def __init__(self, config: SimulatorConfig, ledger: Ledger) -> None:
        self.ledger = ledger
        self.faults = FaultPlan(config.faults, config.seed)
        self._config = config
        self._listing = config.listing
        self._listings = config.listings
        self._instances = {
            instance.key: Instance(instance, self._view(instance.name)) for instance in config.instances
        }
        self._default = Instance(self._config_of("", ""), self._view(""))
        self._id_prefix = f"3EB0{secrets.token_hex(3).upper()}"
        self._ids = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    def refuses_to_read(self) -> bool:
        """Whether a request is cut off at its first byte. It is entered in the ledger."""
        if not self.faults.refuses_to_read():
            return False
        self.ledger.arrive()
        now = Entry(time_ns=time.time_ns(), monotonic_ns=time.monotonic_ns(), fault=DROP_BEFORE_READING)
        self.ledger.append(now)
        return True

    def answer(self, exchange: Exchange) -> None:
        """Answer a request to one of the six endpoints."""
        self.ledger.arrive()
        if len(exchange.request.body) > _LARGE_BYTES:
            self.spawn(self._answer_large(exchange))
            return
        try:
            call = api.read(exchange.request)
        except RefusedError as refusal:
            self._refuse(exchange, refusal)
        else:
            self._take(exchange, call)

    async def _answer_large(self, exchange: Exchange) -> None:
        try:
            call = await asyncio.to_thread(api.read, exchange.request)
        except RefusedError as refusal:
            self._refuse(exchange, refusal)
        else:
            self._take(exchange, call)

    async def stop(self) -> None:
        """Cancel all replies that still hang or drip."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run slow work in the background."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def receive(self, instance: str, phone: str, body: str, *, outgoing: bool = False) -> Entry:
        """Enter a message that a person wrote by hand: from the phone or, with `outgoing`, to it."""
        entry = Entry(
            time_ns=time.time_ns(),
            monotonic_ns=time.monotonic_ns(),
            endpoint=OUTGOING if outgoing else INCOMING,
            instance=instance,
            phone=phone,
            body=body,
            gateway_id=f"{'true' if outgoing else 'false'}_{phone}@c.us_{self._unique_id()}",
        )
        self.ledger.append(entry)
        return entry

    def set_listing(self, listing: Listing, instance: str | None = None) -> None:
        """Use the listing from now on, for one instance or all. Raises ValueError for an impossible instance."""
        if instance is None:
            self._listing, self._listings = listing, {}
        elif self._config.takes_any_key or instance in {known.name for known in self._config.instances}:
            self._listings = {**self._listings, instance: listing}
        else:
            raise ValueError(f"there is no instance {instance!r}")
        self._renew_views()

    def reset_listings(self) -> None:
        """Use the listings of the start again."""
        self._listing, self._listings = self._config.listing, self._config.listings
        self._renew_views()

    def _renew_views(self) -> None:
        for known in list(self._instances.values()):
            known.view = self._view(known.name)

    def _view(self, instance: str) -> ListingView:
        listing = self._listings.get(instance, self._listing)
        return ListingView(listing, self.ledger, instance, self._config.visible_after)

    def _config_of(self, name: str, key: str) -> InstanceConfig:
        return InstanceConfig(name=name, key=key, wire=self._config.wire, shape=self._config.shape)

    def _take(self, exchange: Exchange, call: Call) -> None:
        instance = self._instance(call.fields.key)
        if instance is None:
            self._refuse(exchange, RefusedError(200, BAD_KEY), call)
            return
        if instance.wire not in {"both", call.wire}:
            refusal = RefusedError(415, f"this instance takes the {instance.wire} encoding only")
            self._refuse(exchange, refusal, call, instance)
            return
        latency, fault = self.faults.choose(instance.name, call.endpoint, call.phone)
        if latency is None:
            self._serve(exchange, call, instance, fault)
        else:
            self.spawn(self._serve_late(exchange, call, instance, fault, latency))

    async def _serve_late(
        self, exchange: Exchange, call: Call, instance: Instance, fault: Fault | None, latency: Fault
    ) -> None:
        await asyncio.sleep(latency.seconds)
        self._serve(exchange, call, instance, fault or latency)

    def _serve(self, exchange: Exchange, call: Call, instance: Instance, fault: Fault | None) -> None:
        dialect = instance.dialect()
        entry = _entry(exchange.request, call, instance.name)
        honest: object
        if call.content is None:
            honest = _listing(call, instance.view, dialect)
        else:
            entry.accepted = fault is None or fault.rule.accepts
            gateway_id = dialect.gateway_id(call.phone, self._unique_id())
            entry.gateway_id = gateway_id if entry.accepted else None
            honest = dialect.accepted(gateway_id)
        reply: Response | None
        if fault is None:
            reply = Response(200, dialects.encode(honest))
        else:
            entry.fault = fault.rule.kind
            reply = reply_under(fault.rule, dialect, honest)
        entry.status = None if reply is None else reply.status
        if fault is not None and fault.rule.accepts_late:
            self.spawn(self._accept_late(exchange, entry, reply, fault))
        else:
            self.ledger.append(entry, then=lambda: self._deliver(exchange, reply, fault))

    async def _accept_late(self, exchange: Exchange, entry: Entry, reply: Response | None, fault: Fault) -> None:
        """A proxy answers first, and the gateway gets the request only afterwards."""
        if fault.rule.base == "hang":
            await exchange.gone()
        else:
            _finish(exchange, reply)
        await asyncio.sleep(fault.seconds)
        entry.time_ns, entry.monotonic_ns = time.time_ns(), time.monotonic_ns()
        self.ledger.append(entry)
        if fault.rule.base == "hang":
            exchange.reset()

    def _deliver(self, exchange: Exchange, reply: Response | None, fault: Fault | None) -> None:
        if fault is None or fault.rule.base not in {"hang", "drip"}:
            _finish(exchange, reply)
        else:
            self.spawn(_deliver_slowly(exchange, reply, fault))

    def _refuse(
        self, exchange: Exchange, refusal: RefusedError, call: Call | None = None, instance: Instance | None = None
    ) -> None:
        speaker = instance or self._default
        body = dialects.encode(speaker.dialect().failed(refusal.message))
        headers = {"Allow": "POST"} if refusal.status == HTTPStatus.METHOD_NOT_ALLOWED else {}
        entry = _entry(exchange.request, call, "" if instance is None else instance.name)
        entry.status, entry.refusal = refusal.status, refusal.message
        reply = Response(refusal.status, body, headers=headers)
        self.ledger.append(entry, then=lambda: exchange.respond(reply))

    def _instance(self, key: str) -> Instance | None:
        instance = self._instances.get(key)
        if instance is None and self._config.takes_any_key:
            name = f"key-{hash_of_key(key)}"
            instance = Instance(self._config_of(name, key), self._view(name))
            self._instances[key] = instance
        return instance

    def _unique_id(self) -> str:
        return f"{self._id_prefix}{next(self._ids):010X}"


def _listing(call: Call, view: ListingView, dialect: Dialect) -> object:
    fields = call.fields
    if isinstance(fields, api.Messages):
        return view.messages(dialect, fields.phone, fields.limit)
    if isinstance(fields, api.Chats):
        return view.chats(dialect, fields.limit)
    return view.contacts(dialect)


async def _deliver_slowly(exchange: Exchange, reply: Response | None, fault: Fault) -> None:
    if reply is not None and fault.rule.kind == "drip":
        await exchange.drip(reply, fault.seconds)
    else:
        await asyncio.sleep(fault.seconds)
        _finish(exchange, reply)


def _finish(exchange: Exchange, reply: Response | None) -> None:
    if reply is None:
        exchange.reset()
    else:
        exchange.respond(reply)


def _entry(request: Request, call: Call | None, instance: str) -> Entry:
    entry = Entry(
        time_ns=request.time_ns,
        monotonic_ns=request.monotonic_ns,
        endpoint=request.head.path if call is None else call.endpoint,
        instance=instance,
    )
    if call is not None:
        entry.key_sha256 = hash_of_key(call.fields.key)
        entry.phone = call.phone
        if call.content is not None:
            entry.content_sha256 = call.content.sha256
            entry.body, entry.caption = call.content.body, call.content.caption
            entry.filename, entry.url = call.content.filename, call.content.url
    return entry
