"""The replies that a fault puts in the place of the honest one."""

from __future__ import annotations

import time
from email.utils import formatdate
from http import HTTPStatus

from broadcaster.simulator import dialects
from broadcaster.simulator.dialects import Dialect
from broadcaster.simulator.faults import FaultRule
from broadcaster.simulator.http1 import Response, phrase

BAD_KEY = "wrong key"

_FAILURES = {
    "not_running": "instance not running, please start the instance first",
    "invalid_number": "phone is not registered on WhatsApp: invalid number",
    "bad_key": BAD_KEY,
}
_PAGE = "<!DOCTYPE html><html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>\n"


def reply_under(rule: FaultRule, dialect: Dialect, honest: object) -> Response | None:
    """What leaves the gateway when a rule befalls a request that would have got the `honest` reply.

    None: nothing does, and the connection is cut.
    """
    if rule.is_silent:
        return None
    if rule.http_status is not None:
        return _http_error(rule, rule.http_status, dialect)
    if rule.base == "html":
        return Response(200, _PAGE.format("Welcome").encode(), content_type="text/html")
    if rule.kind in _FAILURES:
        return Response(200, dialects.encode(dialect.failed(_FAILURES[rule.kind])))
    if rule.kind == "big_reply":
        honest = _padded(honest, rule.reply_bytes)
    return Response(200, dialects.encode(honest))


def _http_error(rule: FaultRule, status: int, dialect: Dialect) -> Response:
    """A 4xx speaks the gateway's dialect; a 5xx is the page of the proxy before it."""
    headers = dict(rule.headers or {})
    if rule.retry_after is not None:
        date = formatdate(time.time() + rule.retry_after, usegmt=True)
        headers["Retry-After"] = date if rule.http_date else str(rule.retry_after)
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Response(status, dialects.encode(dialect.failed(phrase(status))), headers=headers)
    page = _PAGE.format(f"{status} {phrase(status)}").encode()
    return Response(status, page, content_type="text/html", headers=headers)


def _padded(reply: object, size: int) -> object:
    """The padding comes first, so that whoever reads only the beginning learns nothing."""
    padding = {"padding": "x" * size}
    return {**padding, **reply} if isinstance(reply, dict) else [padding, reply]
