"""`broadcaster instance check`: asks the gateway, and says in words what it found."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from shlex import quote
from typing import Any

import typer

from broadcaster.cli.database import database
from broadcaster.cli.gateway import open_gateway
from broadcaster.cli.instance import Json, Name
from broadcaster.cli.output import say_fields, say_json
from broadcaster.crypto import open_vault
from broadcaster.db.pool import open_pool
from broadcaster.domain.states import LaneHealth
from broadcaster.errors import UnavailableError
from broadcaster.services.instance_check import InstanceCheck, ReadBackCheck, check_instance, check_read_back
from broadcaster.services.instances import instance_key, show_instance
from broadcaster.services.reconcile.chat_reader import ChatReader
from broadcaster.services.reconcile.doubts import DoubtStore
from broadcaster.settings import Settings, load


def check(name: Name, as_json: Json = False) -> None:
    """Ask the gateway for the instance's chats, which sends nothing. Exit code 1: it cannot be used as it is.

    Then look for the latest message that it accepted, as is done for messages in doubt: only where that is found may
    one that is missing be sent again. What the gateway shows of messages is told, too.
    """
    settings = load()
    with database(settings) as engine:
        row, key = instance_key(engine, open_vault(settings), name)
        stored = show_instance(engine, name)
    result, read_back = asyncio.run(_ask(row, key, settings))
    if as_json:
        say_json({"name": name, "passed": result.passed, **asdict(result), "read_back": read_back})
        if not result.passed:
            raise typer.Exit(1)
        return
    say_fields(
        {
            "reachable": _word(result.reachable, row["base_url"]),
            "key accepted": _word(result.key_accepted),
            "running": _word(result.running),
            "reply readable": _word(result.reply_readable, f"{result.chats} chats" if result.passed else ""),
            "read back": _word(read_back.works, read_back.reason or "") if read_back else "not known",
            "messages": _shape(read_back) if read_back else "not known",
            "sending": _sending(name, stored),
        }
    )
    if not result.passed:
        raise UnavailableError(f"instance {name} cannot be used: {result.reason}")


async def _ask(row: Mapping[str, Any], key: str, settings: Settings) -> tuple[InstanceCheck, ReadBackCheck | None]:
    async with open_gateway(row, key, settings) as gateway:
        result = await check_instance(gateway)
        if not result.passed:
            return result, None
        async with open_pool(settings, size=1, lock_timeout=5.0, statement_timeout=30.0) as pool:
            store = DoubtStore(pool, settings)
            reader = ChatReader(store, gateway, row["account_id"], settings)
            return result, await check_read_back(store, gateway, reader, row["account_id"])


def _shape(found: ReadBackCheck) -> str:
    """What the gateway shows of messages."""
    if found.entries is None:
        return "not known"
    shown = {"id": found.ids, "time": found.times, "direction": found.directions, "text or file": found.texts}
    return ", ".join([f"{found.entries} in the chat", *(f"{count} with {what}" for what, count in shown.items())])


def _word(answer: bool | None, detail: str = "") -> str:
    word = "not known" if answer is None else "yes" if answer else "NO"
    return f"{word} ({detail})" if detail else word


def _sending(name: str, stored: Mapping[str, Any]) -> str:
    """What our own lane makes of it."""
    if stored["health"] in (LaneHealth.REFUSED, LaneHealth.PAUSED):
        return f"{stored['health']}: go on with `broadcaster instance resume {quote(name)}`"
    return str(stored["health"])
