"""The gateway's stand-in, as the bench sees it: it answers every POST alike and knows how many there were.

`nginx` costs next to nothing and only counts. `recorder` is Python, costs about 40 µs a request, and keeps whose each
request was and when it came.
"""

from __future__ import annotations

import urllib.request
from typing import Protocol, cast

from benchmarks.processes import BenchmarkError

URL_VARIABLE = "BENCHMARK_SINK_URL"
"""The environment variable that tells the processes of a stand where its sink is."""
REPLY = b'{"sent":true,"id":"3EB0C7A1D2F4"}'


class Sink(Protocol):
    """A running sink."""

    @property
    def base_url(self) -> str:
        """Where it answers."""

    @property
    def pid(self) -> int:
        """Its process."""

    def reset(self) -> None:
        """Count from zero."""

    def requests(self) -> int:
        """How many POSTs came in since."""


def expect(sink: Sink, requests: int) -> None:
    """Raise BenchmarkError unless so many requests came in."""
    if (arrived := sink.requests()) != requests:
        raise BenchmarkError(f"{arrived} requests arrived instead of {requests}")


def ask(url: str, method: str = "GET") -> bytes:
    """The body of the reply."""
    with urllib.request.urlopen(urllib.request.Request(url, method=method)) as reply:
        return cast(bytes, reply.read())
