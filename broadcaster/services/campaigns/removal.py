"""Removing a campaign of which nothing has left: it is as if it had not been, and its name is free again."""

from __future__ import annotations

from shlex import quote
from time import sleep
from typing import NamedTuple

from psycopg import errors
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import value
from broadcaster.domain.states import FINAL_CAMPAIGN_STATES, CampaignState
from broadcaster.errors import ConflictError, ContentionError
from broadcaster.services.campaigns.lifecycle import lock_campaign

_TRIES = 10
_PAUSE = 0.3
"""Seconds between two tries, in which those pass who waited behind the first one."""


class Removable(NamedTuple):
    """A campaign that can be removed, as far as can be seen before, and how many messages would go."""

    id: int
    name: str
    state: CampaignState
    messages: int


def find_removable(engine: Engine, name: str) -> Removable:
    """The campaign called so. Raises NotFoundError, and ConflictError where something of it has left."""
    counters = tables.campaign_lanes.c
    with transaction(engine) as connection:
        campaign_id, state = lock_campaign(connection, name)
        counted = select(func.coalesce(func.sum(counters.total), 0)).where(counters.campaign_id == campaign_id)
        messages = int(connection.execute(counted).scalar_one())
    if state is CampaignState.RUNNING:
        pause = f"broadcaster campaign pause {quote(name)}"
        raise ConflictError(
            f"campaign {name!r} is running: pause it first with `{pause}`; if nothing has left, it goes"
        )
    if state in FINAL_CAMPAIGN_STATES:
        raise _stays(name, f"it is {state}")
    return Removable(campaign_id, name, state, messages)


def remove_campaign(engine: Engine, found: Removable) -> int:
    """Remove it with all that belongs to it; returns how many messages it had.

    The database looks again whether something has left. Raises ConflictError then, ContentionError where it never got
    its locks.
    """
    for _ in range(_TRIES - 1):
        try:
            return _remove(engine, found)
        except ContentionError:
            sleep(_PAUSE)
    return _remove(engine, found)


def _remove(engine: Engine, found: Removable) -> int:
    with transaction(engine) as connection:
        try:
            return int(value(connection, "remove_campaign", campaign_id=found.id))
        except DBAPIError as error:
            if isinstance(error.orig, errors.ObjectNotInPrerequisiteState):
                raise _stays(found.name, str(error.orig.diag.message_detail)) from None
            raise


def _stays(name: str, why: str) -> ConflictError:
    return ConflictError(
        f"campaign {name!r} cannot be removed: {why}; cancel what has not left with `broadcaster campaign cancel`, "
        "and `broadcaster purge` takes it later"
    )
