"""The control endpoints under `/_sim/`, for tests and demos on the same machine."""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus

import msgspec

from broadcaster.errors import BroadcasterError
from broadcaster.simulator.api import SENDING_ENDPOINTS, Phone, Text
from broadcaster.simulator.config import SimulatorConfig, parse_faults
from broadcaster.simulator.connection import Exchange
from broadcaster.simulator.fault_plan import FaultPlan
from broadcaster.simulator.gateway import Gateway
from broadcaster.simulator.http1 import Response
from broadcaster.simulator.ledger import OUTGOING
from broadcaster.simulator.listings import Listing

CONTROL_PREFIX = "/_sim/"
_LONGEST_WAIT = 600.0


class Incoming(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body of `POST /_sim/incoming` and `/_sim/outgoing`."""

    instance: Text
    phone: Phone
    body: Text


class Control:
    """Looks into a gateway and changes its faults."""

    def __init__(self, config: SimulatorConfig, gateway: Gateway) -> None:
        self._config = config
        self._gateway = gateway
        self._ledger = gateway.ledger
        self._routes: dict[tuple[str, str], Callable[[Exchange], object]] = {
            ("GET", "ledger"): self._entries,
            ("GET", "stats"): lambda exchange: self.stats(),
            ("POST", "faults"): self._set_faults,
            ("POST", "reset"): self._reset,
            ("POST", "listing"): self._set_listing,
            ("POST", "incoming"): self._by_hand,
            ("POST", "outgoing"): self._by_hand,
        }

    def answer(self, exchange: Exchange) -> None:
        """Answer a request to a path under `/_sim/`."""
        head = exchange.request.head
        name = head.path.removeprefix(CONTROL_PREFIX)
        if not is_loopback(exchange.request.peer):
            _reply(exchange, 403, {"error": "only from this machine"})
            return
        try:
            if (head.method, name) == ("GET", "wait"):
                self._wait(exchange)
            elif route := self._routes.get((head.method, name)):
                _reply(exchange, 200, route(exchange))
            else:
                wanted = ", ".join(
                    f"{method} {CONTROL_PREFIX}{known}" for method, known in [*self._routes, ("GET", "wait")]
                )
                _reply(exchange, 404, {"error": f"there are {wanted}"})
        except (BroadcasterError, msgspec.DecodeError, ValueError) as error:
            _reply(exchange, 400, {"error": str(error)})

    def stats(self) -> dict[str, object]:
        """Counts over the ledger. `doubled` is how many (instance, phone, content) were accepted more than once."""
        entries = self._ledger.entries
        accepted = [entry for entry in entries if entry.accepted]
        contents = Counter((entry.instance, entry.phone, entry.content_sha256) for entry in accepted)
        return {
            "requests": len(entries),
            "accepted": len(accepted),
            "doubled": sum(1 for times in contents.values() if times > 1),
            "accepted_by_instance": Counter(entry.instance for entry in accepted),
            "requests_by_endpoint": Counter(entry.endpoint for entry in entries),
            "sends_by_instance": Counter(e.instance for e in entries if e.endpoint in SENDING_ENDPOINTS),
            "faults": self._gateway.faults.fired,
        }

    def _entries(self, exchange: Exchange) -> object:
        parameters = exchange.request.parameters
        return self._ledger.since(
            int(parameters.get("since", "0")),
            instance=parameters.get("instance"),
            key_sha256=parameters.get("key_sha256"),
        )

    def _set_faults(self, exchange: Exchange) -> object:
        seed = int(exchange.request.parameters.get("seed", self._config.seed))
        rules = parse_faults(exchange.request.body, "faults")
        self._gateway.faults = FaultPlan(rules, seed)
        return {"rules": len(rules)}

    def _reset(self, exchange: Exchange) -> object:
        self._ledger.clear()
        self._gateway.faults = FaultPlan(self._config.faults, self._config.seed)
        self._gateway.reset_listings()
        return {}

    def _set_listing(self, exchange: Exchange) -> object:
        listing = msgspec.json.decode(exchange.request.body, type=Listing)
        self._gateway.set_listing(listing, exchange.request.parameters.get("instance"))
        return listing

    def _by_hand(self, exchange: Exchange) -> object:
        message = msgspec.json.decode(exchange.request.body, type=Incoming)
        outgoing = exchange.request.head.path == OUTGOING
        return self._gateway.receive(message.instance, message.phone, message.body, outgoing=outgoing)

    def _wait(self, exchange: Exchange) -> None:
        parameters = exchange.request.parameters
        unknown = parameters.keys() - {"accepted", "requests", "arrived", "instance", "timeout"}
        if unknown:
            raise ValueError(f"unknown parameters: {', '.join(sorted(unknown))}")
        timeout = min(float(parameters.get("timeout", "30")), _LONGEST_WAIT)
        accepted, requests, arrived = (int(parameters.get(name, "0")) for name in ("accepted", "requests", "arrived"))

        async def wait() -> None:
            instance = parameters.get("instance")
            try:
                async with asyncio.timeout(timeout):
                    await self._ledger.wait(accepted=accepted, requests=requests, arrived=arrived, instance=instance)
                status = HTTPStatus.OK
            except TimeoutError:
                status = HTTPStatus.REQUEST_TIMEOUT
            counts = {"accepted": self._ledger.accepted(instance), "requests": len(self._ledger.entries)}
            _reply(exchange, status, counts)

        self._gateway.spawn(wait())


def _reply(exchange: Exchange, status: int, body: object) -> None:
    exchange.respond(Response(status, msgspec.json.encode(body)))


def is_loopback(peer: str) -> bool:
    """Whether the address of a client is one of this machine's own."""
    try:
        return ipaddress.ip_address(peer.partition("%")[0]).is_loopback
    except ValueError:
        return False
