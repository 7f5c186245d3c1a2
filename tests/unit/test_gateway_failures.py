"""What a request without a reply comes to, by the exception that it raised."""

from __future__ import annotations

import inspect
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyreqwest import exceptions as pyreqwest

from broadcaster.domain.outcomes import Outcome
from broadcaster.domain.states import LaneHealth
from broadcaster.gateway import classify_exception
from broadcaster.gateway.failures import NEVER_SENT, NEVER_SENT_BY_CAUSE

PERHAPS_SENT = frozenset[type[Exception]](
    {
        httpx.HTTPError,
        httpx.HTTPStatusError,
        httpx.RequestError,
        httpx.TransportError,
        httpx.TimeoutException,
        httpx.ReadTimeout,
        httpx.WriteTimeout,
        httpx.NetworkError,
        httpx.ReadError,
        httpx.WriteError,
        httpx.CloseError,
        # A proxy that forwards plain HTTP fails with this after it has passed the request on.
        httpx.ProxyError,
        httpx.UnsupportedProtocol,
        httpx.ProtocolError,
        httpx.LocalProtocolError,
        httpx.RemoteProtocolError,
        httpx.DecodingError,
        httpx.TooManyRedirects,
        httpx.InvalidURL,
        httpx.CookieConflict,
        httpx.StreamError,
        httpx.StreamConsumed,
        httpx.StreamClosed,
        httpx.ResponseNotRead,
        httpx.RequestNotRead,
        pyreqwest.PyreqwestError,
        pyreqwest.DetailedPyreqwestError,
        pyreqwest.RequestError,
        pyreqwest.StatusError,
        pyreqwest.RedirectError,
        pyreqwest.DecodeError,
        pyreqwest.BodyDecodeError,
        pyreqwest.JSONDecodeError,
        pyreqwest.TransportError,
        pyreqwest.RequestTimeoutError,
        pyreqwest.NetworkError,
        pyreqwest.ReadTimeoutError,
        pyreqwest.WriteTimeoutError,
        pyreqwest.ReadError,
        pyreqwest.WriteError,
        pyreqwest.ClientClosedError,
        pyreqwest.BuilderError,
        pyreqwest.RequestPanicError,
    }
)
"""Every other failure that a transport can raise: the request may have arrived. So is any that is not listed."""

CONNECT = {"message": "client error (Connect)"}
SEND_REQUEST = {"message": "client error (SendRequest)"}


def exceptions_of(module: Any) -> set[type[Exception]]:
    return {
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, Exception) and member.__module__.split(".")[0] == module.__package__.split(".")[0]
    }


def test_no_exception_of_a_transport_is_unmapped() -> None:
    known = exceptions_of(httpx) | exceptions_of(pyreqwest)
    assert len(known) > 40
    assert known == set(NEVER_SENT) | NEVER_SENT_BY_CAUSE | PERHAPS_SENT


def test_no_exception_is_mapped_twice() -> None:
    assert not set(NEVER_SENT) & PERHAPS_SENT
    assert not NEVER_SENT_BY_CAUSE & (PERHAPS_SENT | set(NEVER_SENT))


@pytest.mark.parametrize(
    ("failure", "outcome", "health"),
    [
        (httpx.ConnectError("refused"), Outcome.NOT_SENT, LaneHealth.DOWN),
        (httpx.ConnectTimeout("slow"), Outcome.NOT_SENT, LaneHealth.DOWN),
        (httpx.PoolTimeout("full"), Outcome.NOT_SENT, None),
        (httpx.ReadTimeout("slow"), Outcome.UNKNOWN, None),
        (httpx.WriteTimeout("slow"), Outcome.UNKNOWN, None),
        (httpx.ReadError("reset"), Outcome.UNKNOWN, None),
        (httpx.WriteError("reset"), Outcome.UNKNOWN, None),
        (httpx.RemoteProtocolError("garbage"), Outcome.UNKNOWN, None),
        (httpx.ProxyError("502"), Outcome.UNKNOWN, None),
        (pyreqwest.PoolTimeoutError("full", {"causes": None}), Outcome.NOT_SENT, None),
        (pyreqwest.ConnectError("x", {"causes": [CONNECT]}), Outcome.NOT_SENT, LaneHealth.DOWN),
        (pyreqwest.ConnectTimeoutError("x", {"causes": [CONNECT]}), Outcome.NOT_SENT, LaneHealth.DOWN),
        (pyreqwest.ConnectError("x", {"causes": [SEND_REQUEST]}), Outcome.UNKNOWN, None),
        (pyreqwest.ConnectTimeoutError("x", {"causes": [{"message": "operation timed out"}]}), Outcome.UNKNOWN, None),
        (pyreqwest.ConnectError("x", {"causes": None}), Outcome.UNKNOWN, None),
        (pyreqwest.ReadError("x", {"causes": [CONNECT]}), Outcome.UNKNOWN, None),
        (pyreqwest.ClientClosedError("x", {"causes": None}), Outcome.UNKNOWN, None),
        (TimeoutError(), Outcome.UNKNOWN, None),
        (ConnectionRefusedError(), Outcome.UNKNOWN, None),
        (RuntimeError("bug"), Outcome.UNKNOWN, None),
    ],
    ids=repr,
)
def test_only_what_is_proven_unsent_is_not_sent(
    failure: Exception, outcome: Outcome, health: LaneHealth | None
) -> None:
    verdict = classify_exception(failure)
    assert (verdict.outcome, verdict.health) == (outcome, health)
    assert verdict.reason


def test_a_new_kind_of_connect_error_is_unknown_until_somebody_has_looked_at_it() -> None:
    class ConnectErrorOfTomorrow(httpx.ConnectError):
        pass

    assert classify_exception(ConnectErrorOfTomorrow("?")).outcome is Outcome.UNKNOWN


def test_the_reason_is_the_innermost_cause() -> None:
    causes = {"causes": [{"message": "error sending request"}, CONNECT, {"message": "Connection refused"}]}
    assert classify_exception(pyreqwest.ConnectError("x", causes)).reason == "Connection refused"
    assert classify_exception(httpx.ReadError("reset")).reason == "reset"
    assert classify_exception(TimeoutError()).reason == "TimeoutError"


@given(st.text(alphabet=st.characters(codec=None)))
def test_no_message_makes_it_raise(message: str) -> None:
    verdict = classify_exception(httpx.ReadError(message))
    assert "\0" not in verdict.reason
    verdict.reason.encode("utf-8")
