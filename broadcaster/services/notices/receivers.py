"""Receivers: adding, changing, removing and showing who is told what happens."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime
from shlex import quote
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from broadcaster.crypto import Vault
from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import rows
from broadcaster.domain.names import check_name
from broadcaster.domain.notices import NoticeEvent
from broadcaster.domain.receivers import ReceiverWay
from broadcaster.errors import ConflictError, NotFoundError, UsageError
from broadcaster.services.campaigns.checks import lanes_of
from broadcaster.services.consent.opt_outs import refuse_opted_out
from broadcaster.services.forgetting.forgotten import OpenVault, refuse_forgotten
from broadcaster.webhook_urls import webhook_origin

_SECRET_BYTES = 32
_SECRET_PREFIX = "whsec_"  # noqa: S105 - how secrets begin
_receivers = tables.receivers


class Destination(NamedTuple):
    """Where notices go: the checked URL, mail address or phone (E.164 digits), and for a phone by which instance."""

    way: ReceiverWay
    address: str
    instance: str | None = None


class Webhook(msgspec.Struct, frozen=True):
    """What is sealed of one. The secret is as Standard Webhooks writes it: whsec_ and base64."""

    url: str
    secret: str

    def __repr__(self) -> str:
        return f"Webhook(url={webhook_origin(self.url)!r}, secret=***)"


class Receiver(msgspec.Struct, frozen=True):
    """A receiver, and how far what it is told has come."""

    id: int
    name: str
    way: ReceiverWay
    address: str
    sealed: bytes | None
    instance: str | None
    events: list[NoticeEvent]
    optouts_above: float
    since: datetime
    failures: int
    not_before: datetime | None
    waiting: int
    undelivered: int
    """Of the last 90 days, given up; tests apart."""
    delivered: int
    answer: str | None
    """What it said to the latest try, which it has not taken; None: it took that, or there was none."""
    last_delivered_at: datetime | None


class ReceiverChange(NamedTuple):
    """What becomes of a receiver; None: that stays as it is."""

    destination: Destination | None = None
    events: Sequence[NoticeEvent] | None = None
    optouts_above: float | None = None
    new_secret: bool = False


def add_receiver(
    engine: Engine,
    open_vault: OpenVault,
    name: str,
    destination: Destination,
    events: Sequence[NoticeEvent],
    optouts_above: float,
) -> str | None:
    """Add a receiver, which is told what happens from now on; returns a webhook's secret, which is not shown again.

    Raises UsageError for a wrong name, ConflictError where it is taken, NotFoundError for an unknown instance,
    InputError for a phone that was forgotten or has opted out.
    """
    check_name(name, "receiver")
    webhook = Webhook(destination.address, _new_secret()) if destination.way is ReceiverWay.WEBHOOK else None
    try:
        with transaction(engine) as connection:
            placed = _placed(connection, open_vault, destination, webhook)
            values = {"name": name, "way": destination.way, "events": list(events), "optouts_above": optouts_above}
            connection.execute(insert(_receivers).values(**values, **placed))
    except IntegrityError as error:
        if "receivers_name_key" not in str(error.orig):
            raise
        raise ConflictError(
            f"a receiver called {name!r} exists already: change it with `broadcaster notify set {quote(name)}`"
        ) from None
    return None if webhook is None else webhook.secret


def change_receiver(engine: Engine, open_vault: OpenVault, name: str, change: ReceiverChange) -> str | None:
    """Change what is given; returns a webhook's secret where it is a new one. What waits goes to the new address.

    Raises NotFoundError, InputError, and UsageError where that is no change that its way allows.
    """
    with transaction(engine) as connection:
        table = _receivers
        wanted = select(table.c.id, table.c.way, table.c.address, table.c.sealed).where(table.c.name == name)
        found = connection.execute(wanted.with_for_update(key_share=True)).one_or_none()
        if found is None:
            raise unknown_receiver(name)
        values: dict[str, Any] = {}
        if change.events is not None:
            values["events"] = list(change.events)
        if change.optouts_above is not None:
            values["optouts_above"] = change.optouts_above
        webhook = None
        if found.way is ReceiverWay.WEBHOOK:
            before = open_webhook(open_vault(), found.sealed, found.address)
            webhook = _changed_webhook(before, change)
        elif change.new_secret:
            raise UsageError(f"--new-secret: receiver {name!r} is no webhook, and has none")
        destination = change.destination
        if destination is not None and destination.way is not found.way:
            raise UsageError(
                f"receiver {name!r} is told by {found.way}, which stays: add another one with `broadcaster notify add`"
            )
        if webhook is not None:
            destination = Destination(ReceiverWay.WEBHOOK, webhook.url)
        if destination is not None:
            values |= _placed(connection, open_vault, destination, webhook)
            values |= {"failures": 0, "not_before": None, "answer": None}
        if values:
            connection.execute(update(table).where(table.c.id == found.id).values(values))
    return webhook.secret if webhook is not None and change.new_secret else None


def remove_receiver(engine: Engine, name: str, *, with_waiting: bool) -> int:
    """Remove a receiver with what waits for it; returns how much that was.

    Raises NotFoundError, and ConflictError where something waits, unless `with_waiting`.
    With the last one goes what is known of troubles: the next one is told of those that there are then.
    """
    with transaction(engine) as connection:
        # Nothing is noted for it from here on, so that what is counted now is all.
        connection.execute(select(_receivers.c.id).where(_receivers.c.name == name).with_for_update())
        [receiver] = _read(connection, name)
        if receiver.waiting and not with_waiting:
            is_one = receiver.waiting == 1
            raise ConflictError(
                f"{receiver.waiting:,} {'notice waits' if is_one else 'notices wait'} for receiver {name!r} "
                f"and would never arrive: add --yes to remove {'both' if is_one else 'it with them'}"
            )
        connection.execute(delete(_receivers).where(_receivers.c.id == receiver.id))
        if not connection.execute(select(func.count()).select_from(_receivers)).scalar_one():
            connection.execute(delete(tables.troubles))
    return receiver.waiting


def show_receivers(engine: Engine, name: str | None = None) -> list[Receiver]:
    """All of them by name, or the one called `name`. Raises NotFoundError."""
    with transaction(engine) as connection:
        return _read(connection, name)


def open_webhook(vault: Vault, sealed: bytes, address: str) -> Webhook:
    """The URL and the secret of a webhook at this address. Raises SettingsError."""
    return msgspec.json.decode(vault.open(sealed, address), type=Webhook)


def seal_webhook(vault: Vault, webhook: Webhook) -> bytes:
    """The webhook as it is stored, bound to its address."""
    return vault.seal(msgspec.json.encode(webhook).decode(), webhook_origin(webhook.url))


def unknown_receiver(name: str) -> NotFoundError:
    """There is no such receiver."""
    return NotFoundError(f"no receiver is called {name!r}: see `broadcaster notify list`")


def _placed(
    connection: Connection, open_vault: OpenVault, destination: Destination, webhook: Webhook | None
) -> dict[str, Any]:
    """The columns that say where it is. Nobody forgets the phone until the transaction ends."""
    match destination.way:
        case ReceiverWay.WEBHOOK:
            assert webhook is not None
            return {"address": webhook_origin(webhook.url), "sealed": seal_webhook(open_vault(), webhook)}
        case ReceiverWay.MAIL:
            return {"address": destination.address}
        case ReceiverWay.WHATSAPP:
            assert destination.instance is not None
            refuse_forgotten(connection, destination.address, open_vault)
            [lane] = lanes_of(connection, [destination.instance])
            refuse_opted_out(connection, destination.address, lane)
            return {"address": destination.address, "instance_id": lane}


def _changed_webhook(before: Webhook, change: ReceiverChange) -> Webhook | None:
    """None: it stays as it is."""
    url = before.url if change.destination is None else change.destination.address
    after = Webhook(url, _new_secret() if change.new_secret else before.secret)
    return None if after == before else after


def _new_secret() -> str:
    return _SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _read(connection: Connection, name: str | None) -> list[Receiver]:
    found = rows(connection, "list_receivers", Receiver, name=name)
    if name is not None and not found:
        raise unknown_receiver(name)
    return found
