"""Gates: the last word on whether a request may leave, said when it has a connection and not before.

A connection may take as long as the connect timeout, and whoever gives up on a request does not end it: the library
goes on with it on its own thread. So the body of a message passes a gate, and the library asks it for the first piece
once there is a connection to write to. Where the gate has let nothing pass, nothing has left, whatever the failure is
called.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import chain, takewhile
from operator import itemgetter
from typing import Any, Protocol, Self

from broadcaster.gateway.wire import Body

Pieces = Iterator[bytes] | Iterator[memoryview] | AsyncIterator[bytes] | AsyncIterator[memoryview]

TOO_LATE = "held back: connecting took too long"

_END: tuple[Any, ...] = ()
_NO_BODY = (b"",)
_last: Callable[[tuple[object, object, tuple[Any, ...]]], tuple[Any, ...]] = itemgetter(2)


class BodyGate(Protocol):
    """What one request has to pass. It serves no second one."""

    @property
    def refused(self) -> str | None:
        """Why it did not let the body pass when it was asked; None: it did, or was not asked. Settled by `shut`."""

    def lead(self, body: Body) -> Pieces:
        """The pieces of `body` for who sends them: all, or none. An early end ends a request that has a length."""

    def shut(self) -> bool:
        """Let nothing pass that has not passed. Returns whether nothing has. It is called once."""


class _Passage:
    """The body, until it is taken, by the request or by `shut`. Taking it is atomic, on whichever thread."""

    __slots__ = ("_bodies", "_is_kept")

    def __init__(self) -> None:
        self._bodies = [_END, _NO_BODY]
        self._is_kept = False

    def _keep(self, body: Body) -> None:
        self._bodies[-1] = (body,) if isinstance(body, bytes) else body

    def shut(self) -> bool:
        """As `BodyGate.shut`."""
        self._is_kept = self._bodies.pop() is not _END
        return self._is_kept


class TimedGate(_Passage):
    """Lets a body leave before a moment.

    It is asked on the library's thread, and made of what is written in C alone: a frame of Python there would cost
    each message 15 µs more.
    """

    __slots__ = ("_clock", "_moment", "_questions")

    def __init__(self, moment: float, clock: Callable[[], float]) -> None:
        """`moment` is on `clock`, which may be read on any thread and is itself written in C, or slower."""
        super().__init__()
        self._moment = moment
        self._clock = clock
        self._questions = [False, True]

    @property
    def refused(self) -> str | None:
        """As `BodyGate.refused`."""
        return TOO_LATE if self._is_kept and len(self._questions) == 1 else None

    def lead(self, body: Body) -> Iterator[Any]:
        """As `BodyGate.lead`."""
        self._keep(body)
        is_asked = iter(self._questions.pop, False)
        is_in_time = takewhile(self._moment.__gt__, iter(self._clock, None))
        # From left to right: the body is taken only after the clock was read.
        return chain.from_iterable(map(_last, zip(is_asked, is_in_time, iter(self._bodies.pop, _END), strict=False)))


class AskingGate(_Passage):
    """Asks whether a body may leave, on the event loop, when there is a connection."""

    __slots__ = ("_ask", "_pieces", "_refused")

    def __init__(self, ask: Callable[[], Awaitable[str | None]]) -> None:
        """`ask` returns why the body may not leave; None: it may, now."""
        super().__init__()
        self._ask = ask
        self._refused: str | None = None
        self._pieces: Iterator[Any] | None = None

    @property
    def refused(self) -> str | None:
        """As `BodyGate.refused`."""
        return self._refused

    def lead(self, body: Body) -> Self:
        """As `BodyGate.lead`."""
        self._keep(body)
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        if self._pieces is None:
            self._refused = await self._ask()
            self._pieces = iter(_END if self._refused is not None else self._bodies.pop())
        piece = next(self._pieces, None)
        if piece is None:
            raise StopAsyncIteration
        return piece
