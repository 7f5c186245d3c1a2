"""Finds out whether operators are told what they want to be told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from shlex import quote

import msgspec
from sqlalchemy import Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import rows
from broadcaster.services.findings import Finding, Level, unwell, well
from broadcaster.settings import Settings

_LATELY = timedelta(days=7)


class _Troubled(msgspec.Struct, frozen=True):
    """A receiver that takes nothing, or did not lately."""

    name: str
    failures: int
    waiting: int
    undelivered: int
    answer: str | None


def examine_receivers(engine: Engine, settings: Settings) -> Iterator[Finding]:
    """Whether every receiver takes what it is told, and what was given up within a week."""
    with transaction(engine) as connection:
        troubled = rows(connection, "receiver_troubles", _Troubled, within=_LATELY)
    for each in troubled:
        why = f" ({each.answer})" if each.answer else ""
        if each.failures:
            times = "once" if each.failures == 1 else f"{each.failures:,} times in a row"
            what = f"{each.name} has not taken a notice {times}{why}, {each.waiting:,} waiting for it"
            test = f"broadcaster notify test {quote(each.name)}"
            yield unwell("notices", Level.WARN, what, "mend that, and try it with", test)
        if each.undelivered:
            what = f"{each.undelivered:,} notices to {each.name} of the last week were given up{why}"
            log = f"broadcaster notify log {quote(each.name)} --undelivered"
            yield unwell("notices", Level.WARN, what, "read them with", log)
    if not troubled:
        yield well("notices", "all receivers take what they are told")
