"""The replies that a fault sends in place of the honest one."""

from __future__ import annotations

import time
from email.utils import formatdate
from http import HTTPStatus

import msgspec

from broadcaster.simulator import dialects
from broadcaster.simulator.dialects import Dialect
from broadcaster.simulator.fault_rule import FaultRule
from broadcaster.simulator.http1 import Response, phrase
from broadcaster.simulator.lasting_troubles import TROUBLES

_HTML = "text/html"
_PAGE = "<!DOCTYPE html><html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>\n"


def reply_under(rule: FaultRule, dialect: Dialect, honest: object) -> Response | None:
    """The reply that a rule sends in place of the `honest` one.

    None: no reply leaves, and the connection is cut.
    """
    if rule.is_silent:
        return None
    if rule.base == "reply":
        return _answer(rule, rule.status or HTTPStatus.OK, "" if rule.body is msgspec.UNSET else rule.body)
    if trouble := TROUBLES.get(rule.kind):
        body = dialect.failed(trouble.words) if trouble.body is None else trouble.body
        return _answer(rule, trouble.status, body)
    if rule.http_status is not None:
        return _http_error(rule, rule.http_status, dialect)
    if rule.base == "html":
        return Response(200, _PAGE.format("Welcome").encode(), content_type=_HTML)
    if rule.kind == "big_reply":
        honest = _padded(honest, rule.reply_bytes)
    return Response(200, dialects.encode(honest))


def _http_error(rule: FaultRule, status: int, dialect: Dialect) -> Response:
    """A 4xx speaks the gateway's dialect; a 5xx is the page of the proxy before it."""
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _answer(rule, status, dialect.failed(phrase(status)))
    return _answer(rule, status, _PAGE.format(f"{status} {phrase(status)}"))


def _answer(rule: FaultRule, status: int, body: object) -> Response:
    headers = dict(rule.headers or {})
    if rule.retry_after is not None:
        date = formatdate(time.time() + rule.retry_after, usegmt=True)
        headers["Retry-After"] = date if rule.http_date else str(rule.retry_after)
    if isinstance(body, str):
        raw, usual = body.encode(), _HTML if body.lstrip().startswith("<") else "text/plain"
    else:
        raw, usual = dialects.encode(body), "application/json"
    named = [name for name in headers if name.lower() == "content-type"]
    content_type = headers.pop(named[0]) if named else usual
    return Response(status, raw, content_type=content_type, headers=headers)


def _padded(reply: object, size: int) -> object:
    """The padding comes first, so that the beginning of the reply tells nothing."""
    padding = {"padding": "x" * size}
    return {**padding, **reply} if isinstance(reply, dict) else [padding, reply]
