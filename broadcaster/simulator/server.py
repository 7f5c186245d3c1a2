"""The simulator as a server: in the running event loop, in a thread of its own, or as a process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Self

from broadcaster.errors import UnavailableError
from broadcaster.simulator.config import SimulatorConfig
from broadcaster.simulator.connection import Connection, Exchange
from broadcaster.simulator.control import CONTROL_PREFIX, Control
from broadcaster.simulator.gateway import Gateway
from broadcaster.simulator.ledger import Ledger


class Simulator:
    """A gateway that serves for as long as the `async with` block lasts.

    Raises UnavailableError if it cannot listen on the port, InputError if the ledger file cannot be used.
    """

    def __init__(self, config: SimulatorConfig | None = None) -> None:
        self.config = config or SimulatorConfig()
        self.ledger = Ledger(self.config.ledger, fsync=self.config.fsync)
        self.gateway = Gateway(self.config, self.ledger)
        self._control = Control(self.config, self.gateway)
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    @property
    def base_url(self) -> str:
        """Where it listens, without a slash at the end."""
        assert self._server is not None, "the simulator is not running"
        port = self._server.sockets[0].getsockname()[1]
        return f"http://{f'[{self.config.host}]' if ':' in self.config.host else self.config.host}:{port}"

    async def __aenter__(self) -> Self:
        try:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: Connection(self, self._connections), self.config.host, self.config.port, backlog=1024
            )
        except OSError as error:
            self.ledger.close()
            # asyncio wraps the system's message in its own, unless the host name is at fault (errno < 0).
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
            raise UnavailableError(f"cannot listen on {self.config.host}:{self.config.port}: {reason}") from None
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._server is not None
        self._server.close()
        await self.gateway.stop()
        self.ledger.close()
        for connection in list(self._connections):
            connection.abort()
        await self._server.wait_closed()

    def refuses_to_read(self) -> bool:
        """See Application."""
        return self.gateway.refuses_to_read()

    def answer(self, exchange: Exchange) -> None:
        """See Application."""
        if exchange.request.head.path.startswith(CONTROL_PREFIX):
            self._control.answer(exchange)
        else:
            self.gateway.answer(exchange)


@contextmanager
def background(config: SimulatorConfig | None = None) -> Iterator[Simulator]:
    """Run a simulator in a thread, for synchronous code. Raises what Simulator raises."""
    simulator = Simulator(config)
    ready = threading.Event()
    failures: list[BaseException] = []
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def run() -> None:
        async with simulator:
            ready.set()
            await stop.wait()

    def target() -> None:
        try:
            loop.run_until_complete(run())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            failures.append(error)
        finally:
            loop.close()
            ready.set()

    thread = threading.Thread(target=target, name="simulator", daemon=True)
    thread.start()
    ready.wait()
    if failures:
        raise failures[0]
    try:
        yield simulator
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        if failures:
            raise failures[0]


def serve(config: SimulatorConfig) -> None:
    """Serve until SIGTERM or SIGINT. Prints one line when it is ready. Raises what Simulator raises."""

    async def run() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        async with Simulator(config) as simulator:
            sys.stdout.write(f"simulator listening on {simulator.base_url}\n")
            sys.stdout.flush()
            await stopping.wait()

    _runner()(run())


def _runner() -> Callable[[Coroutine[Any, Any, None]], None]:
    try:
        import uvloop  # noqa: PLC0415 - does not exist on every platform, and makes everything twice as fast
    except ImportError:
        return asyncio.run
    return uvloop.run
