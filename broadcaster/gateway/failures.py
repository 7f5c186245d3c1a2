"""Turns a request without a reply into a verdict: which failures prove that nothing was sent.

The names of exceptions prove little. pyreqwest raises ConnectTimeoutError if a reply does not come in time, and
ConnectError if the connection is reset after the request was read; tests/integration/test_gateway_failures.py shows
both over real sockets. The proof is the cause `client error (Connect)`: the connection pool marks with it what failed
before it had a connection to write to. Everything without proof is `unknown`.
"""

from __future__ import annotations

from types import MappingProxyType

import httpx
from pyreqwest import exceptions as pyreqwest

from broadcaster.domain.outcomes import Outcome, Verdict
from broadcaster.domain.states import LaneHealth
from broadcaster.gateway.texts import REPLY_BYTES, excerpt, storable

_CONNECT_CAUSE = "client error (Connect)"

NEVER_SENT = MappingProxyType[type[Exception], LaneHealth | None](
    {
        httpx.ConnectError: LaneHealth.DOWN,
        httpx.ConnectTimeout: LaneHealth.DOWN,
        # This process had too many requests in flight, which says nothing about the instance.
        httpx.PoolTimeout: None,
        pyreqwest.PoolTimeoutError: None,
    }
)
"""Failures whose type alone proves that no byte was sent, and what they say about the instance."""

NEVER_SENT_BY_CAUSE = frozenset[type[Exception]]({pyreqwest.ConnectError, pyreqwest.ConnectTimeoutError})
"""Failures that prove it if their causes say so."""


def classify_exception(failure: Exception) -> Verdict:
    """The verdict on a request that raised. Never raises."""
    reason = _reason(failure)
    kind = type(failure)
    if kind in NEVER_SENT:
        return Verdict(Outcome.NOT_SENT, reason, NEVER_SENT[kind])
    if kind in NEVER_SENT_BY_CAUSE and _CONNECT_CAUSE in _causes(failure):
        return Verdict(Outcome.NOT_SENT, reason, LaneHealth.DOWN)
    return Verdict(Outcome.UNKNOWN, reason)


def _causes(failure: Exception) -> list[str]:
    """The messages of the errors beneath a pyreqwest error, outermost first."""
    if not isinstance(failure, pyreqwest.DetailedPyreqwestError):
        return []
    return [cause["message"] for cause in failure.details["causes"] or ()]


def _reason(failure: Exception) -> str:
    """What went wrong in words: the innermost cause, which says more than the exception's name.

    It is longer than the stored text, so that no key is cut in two before it is blanked out.
    """
    causes = _causes(failure)
    text = causes[-1] if causes else str(failure)
    return excerpt(storable(text or type(failure).__name__), REPLY_BYTES)
