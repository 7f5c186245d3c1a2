"""The gateway itself: reads a request, lets faults befall it, enters it in the ledger, and answers."""

from __future__ import annotations

import asyncio
import hashlib
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
from broadcaster.simulator.faults import DROP_BEFORE_READING, Fault, FaultPlan
from broadcaster.simulator.http1 import Request, Response
from broadcaster.simulator.ledger import INCOMING, Entry, Ledger
from broadcaster.simulator.replies import BAD_KEY, reply_under

_LARGE_BYTES = 1024 * 1024


class Instance:
    """A configured instance and its place in the rotation of dialects."""

    def __init__(self, config: InstanceConfig) -> None:
        self.name = config.name
        self.wire = config.wire
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
        self._instances = {instance.key: Instance(instance) for instance in config.instances}
        self._default = Instance(InstanceConfig(name="", key="", wire=config.wire, shape=config.shape))
        self._id_prefix = f"3EB0{secrets.token_hex(3).upper()}"
        self._ids = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    def refuses_to_read(self) -> bool:
        """Whether a request is cut off at its first byte; the ledger knows of it."""
        if not self.faults.refuses_to_read():
            return False
        now = Entry(time_ns=time.time_ns(), monotonic_ns=time.monotonic_ns(), fault=DROP_BEFORE_READING)
        self.ledger.append(now)
        return True

    def answer(self, exchange: Exchange) -> None:
        """Answer a request to one of the six endpoints."""
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
        """Give up everything that is still hanging or dripping."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something that takes its time beside everything else."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def receive(self, instance: str, phone: str, body: str) -> Entry:
        """Enter a message from a phone to an instance."""
        entry = Entry(
            time_ns=time.time_ns(),
            monotonic_ns=time.monotonic_ns(),
            endpoint=INCOMING,
            instance=instance,
            phone=phone,
            body=body,
            gateway_id=f"false_{phone}@c.us_{self._unique_id()}",
        )
        self.ledger.append(entry)
        return entry

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
            honest = self._listing(call, instance.name, dialect)
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
        self.ledger.append(entry, then=lambda: self._deliver(exchange, reply, fault))

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
            name = f"key-{_hash_of_key(key)}"
            instance = Instance(InstanceConfig(name=name, key=key, wire=self._config.wire, shape=self._config.shape))
            self._instances[key] = instance
        return instance

    def _listing(self, call: Call, instance: str, dialect: Dialect) -> object:
        newest = time.time_ns() - int(self._config.visible_after * 1e9)
        fields = call.fields
        if isinstance(fields, api.Messages):
            conversation = self.ledger.conversation(instance, fields.phone)
            visible = (entry for entry in conversation if entry.time_ns <= newest)
            return dialect.messages(itertools.islice(visible, fields.limit))
        phones = self.ledger.phones(instance)
        if isinstance(fields, api.Chats):
            latest = (next(self.ledger.conversation(instance, phone)) for phone in phones)
            return dialect.chats(itertools.islice(latest, fields.limit))
        return dialect.contacts(phones)

    def _unique_id(self) -> str:
        return f"{self._id_prefix}{next(self._ids):010X}"


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
        entry.key_sha256 = _hash_of_key(call.fields.key)
        entry.phone = call.phone
        if call.content is not None:
            entry.content_sha256 = call.content.sha256
            entry.body, entry.caption = call.content.body, call.content.caption
            entry.filename, entry.url = call.content.filename, call.content.url
    return entry


def _hash_of_key(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:12]
