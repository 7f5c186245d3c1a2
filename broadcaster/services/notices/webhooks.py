"""Notices by webhook: JSON over HTTPS, signed as Standard Webhooks has it.

The specification: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hmac
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec
from pyreqwest.client import SyncClientBuilder
from pyreqwest.exceptions import ConnectError, ConnectTimeoutError, PyreqwestError
from pyreqwest.http import Url

from broadcaster.domain.receiver_causes import NOT_ALLOWED
from broadcaster.errors import UsageError
from broadcaster.gateway.failures import classify_exception
from broadcaster.public_hosts import is_public_address
from broadcaster.services.notices.answers import Answer, Delivery, kept_words
from broadcaster.services.notices.receivers import Webhook
from broadcaster.webhook_urls import usable_webhook

WITHIN = timedelta(seconds=15)
"""The longest that one request may take, to the last header of the reply."""
_CONNECT_WITHIN = timedelta(seconds=5)
_MOST_ADDRESSES = 3
_VERSION = "v1"

Resolve = Callable[[str], Sequence[str]]
"""The IP addresses of a host name. Raises OSError."""


def addresses_of(host: str) -> list[str]:
    """The IP addresses that the system knows of a host, in its order, each once. Raises OSError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def post_notice(
    webhook: Webhook, delivery: Delivery, *, allow_private: bool, resolve: Resolve = addresses_of
) -> Answer:
    """Post the notice; it is taken if the reply is a 2xx. Never raises for what the other side does.

    The host is resolved once, each of its addresses has to be public unless `allow_private`, and the connection goes
    to one of these: a name that means another address a moment later changes nothing. No redirect is followed.
    """
    try:
        usable_webhook(webhook.url, allow_private=allow_private)
        addresses = _allowed_addresses(webhook.url, allow_private, resolve)
    except UsageError as error:
        return Answer(False, f"{NOT_ALLOWED}: {str(error).removeprefix('--webhook: ')}")
    except OSError as error:
        return Answer(False, kept_words(f"its host is not known: {error.strerror or error}"))
    body = msgspec.json.encode(_in_utc(delivery.document()))
    headers = signed_headers(webhook.secret, str(delivery.id), delivery.tried_at, body)
    answer = Answer(False, "its host has no address")
    for address in addresses[:_MOST_ADDRESSES]:
        try:
            return _post(webhook, address, headers, body)
        except PyreqwestError as error:
            answer = Answer(False, _without_secrets(classify_exception(error).reason, webhook))
            if not isinstance(error, ConnectError | ConnectTimeoutError):
                break
    return answer


def signed_headers(secret: str, delivery_id: str, moment: datetime, body: bytes) -> dict[str, str]:
    """The headers by which the receiver knows whose notice it is, and that nobody changed or kept it for later."""
    timestamp = str(int(moment.timestamp()))
    key = base64.b64decode(secret.partition("_")[2])
    signature = base64.b64encode(hmac.digest(key, f"{delivery_id}.{timestamp}.".encode() + body, "sha256"))
    return {
        "content-type": "application/json",
        "webhook-id": delivery_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"{_VERSION},{signature.decode()}",
    }


def _allowed_addresses(url: str, allow_private: bool, resolve: Resolve) -> Sequence[str]:
    host = str(Url(url).host_str)
    try:
        addresses: Sequence[str] = [str(ip_address(host.strip("[]")))]
    except ValueError:
        addresses = resolve(host)
    private = [each for each in addresses if not is_public_address(each)]
    if private and not allow_private:
        raise UsageError(f"its host has the address {private[0]}, which is not public: nothing is sent there")
    return addresses


def _post(webhook: Webhook, address: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """One request to that address. Raises PyreqwestError."""
    url = Url(webhook.url)
    builder = (
        SyncClientBuilder()
        .user_agent("broadcaster")
        .connect_timeout(_CONNECT_WITHIN)
        .follow_redirects(False)
        .referer(False)
        .no_proxy()
    )
    if url.domain is not None:
        builder = builder.resolve(url.domain, address, 0)
    with builder.build() as client:
        request = client.post(url).timeout(WITHIN).headers(dict(headers)).body_bytes(body)
        # Its body is not read: it may repeat the URL's key in any form.
        with request.streamed_read_buffer_limit(0).build_streamed() as response:
            return Answer(200 <= response.status < 300, _told(response.status))


def _told(status: int) -> str:
    """A status with its standard phrase, if it has one."""
    with suppress(ValueError):
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    return f"HTTP {status}"


def _without_secrets(words: str, webhook: Webhook) -> str:
    """The words as they may be kept: a webhook's path is often its key."""
    parts = urlsplit(webhook.url)
    pieces = [piece for piece in (*parts.path.split("/"), parts.query) if len(piece) >= 4]
    return kept_words(words, webhook.secret, webhook.url, parts.path if len(parts.path) > 1 else "", *pieces)


def _in_utc(value: object) -> object:
    """With all moments in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return {name: _in_utc(inner) for name, inner in value.items()} if isinstance(value, Mapping) else value
