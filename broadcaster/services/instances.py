"""Instances: adding and finding them."""

from __future__ import annotations

from shlex import quote
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import IntegrityError

from broadcaster.base_urls import DEFAULT_BASE_URL
from broadcaster.crypto import Vault
from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import first
from broadcaster.domain.care import Stops
from broadcaster.domain.gaps import Gaps
from broadcaster.domain.instances import Wire
from broadcaster.domain.names import check_name
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.errors import ConflictError, NotFoundError, UsageError, quoted
from broadcaster.services.accounts import (
    account_key,
    held_already,
    store_account,
    usable_account,
)
from broadcaster.services.instance_columns import (
    at_least_one,
    country_column,
    hours_column,
    pace_columns,
    refuse_unread_stops,
    stops_column,
)
from broadcaster.services.stored_limits import LaneLimits, set_lane_limits

DEFAULT_RATE = 20 / 60
"""Messages a second: WhatsApp blocks numbers that send much faster than people do."""
DEFAULT_MAX_IN_FLIGHT = 16


class StoredInstance(msgspec.Struct, frozen=True, kw_only=True):
    """An instance as it is stored, with its account."""

    id: int
    name: str
    account_id: int
    rate_per_second: float | None
    """None: without a limit."""
    burst: int
    gaps: Gaps | None
    reply_rules: dict[str, Any] | None
    base_url: str
    wire: Wire
    key_encrypted: bytes | None
    """None: it is erased."""
    stops: Stops | None
    """At which figures of the last day it pauses itself; None: never."""


def add_instance(
    engine: Engine,
    vault: Vault,
    name: str,
    key: str,
    *,
    rate_per_second: float | None,
    base_url: str = DEFAULT_BASE_URL,
    burst: int | None = None,
    max_in_flight: int = DEFAULT_MAX_IN_FLIGHT,
    wire: Wire = Wire.JSON,
    country: str | None = None,
    limits: LaneLimits | None = None,
    gaps: Gaps = Gaps(),  # noqa: B008 - it never changes
    hours: OpeningHours | None = None,
    read_replies_seconds: float | None = None,
    confirm_opt_out: str | None = None,
    stops: Stops = Stops(),  # noqa: B008 - it never changes
) -> int:
    """Add an instance with its lane; returns its id.

    A rate of None is no limit, which has to be said; `limits` are over spans and `gaps` between
    messages, besides. `country` is that of
    numbers without their country code; without `hours` it may always send. So many seconds apart its chats are
    listed for replies, and `confirm_opt_out` is what a person gets who opts out by a word; None: neither. At the
    figures of `stops` it pauses itself. Raises UsageError for a wrong value,
    ConflictError when the name is taken or another instance has the account.
    """
    check_name(name, "instance")
    if "=" in name:
        raise UsageError(f"instance name {quoted(name)}: use no `=`: it is for a weight (--instance a=3)")
    values = {
        "name": name,
        "max_in_flight": at_least_one(max_in_flight, "--max-in-flight"),
        "country": country_column(country),
        "read_replies_seconds": read_replies_seconds,
        "confirm_opt_out": confirm_opt_out,
        "stops": stops_column(stops),
        **pace_columns(rate_per_second, burst, gaps),
    }
    refuse_unread_stops(name, stops, read_replies_seconds)
    account = usable_account(key, base_url, wire)
    try:
        with transaction(engine) as connection:
            values["account_id"] = store_account(connection, vault, account)
            values["hours_id"] = hours_column(connection, hours)
            instance_id = connection.scalar(insert(tables.instances).values(values).returning(tables.instances.c.id))
            connection.execute(insert(tables.lanes).values(id=instance_id, account_id=values["account_id"]))
            if limits is not None:
                set_lane_limits(connection, int(instance_id), limits)
    except IntegrityError as error:
        if "account_id" in str(error.orig):
            raise held_already(None) from None
        raise ConflictError(
            f"an instance called {name!r} exists already: change it with `broadcaster instance set {quote(name)}`"
        ) from None
    return int(instance_id)


def instance_key(engine: Engine, vault: Vault, name: str) -> tuple[StoredInstance, str]:
    """The instance and its key in the clear, for a client of one's own."""
    with transaction(engine) as connection:
        found = find_instance(connection, name)
        return found, account_key(vault, found)


def find_instance(connection: Connection, name: str, *, lock: bool = False) -> StoredInstance:
    """The instance; with `lock`, nobody else changes it until the transaction ends. Raises NotFoundError."""
    if lock:
        table = tables.instances
        connection.execute(select(table.c.id).where(table.c.name == name).with_for_update())
    found = first(connection, "read_instance", StoredInstance, name=name)
    if found is None:
        raise NotFoundError(f"no instance is called {name!r}: see `broadcaster instance list`")
    return found
