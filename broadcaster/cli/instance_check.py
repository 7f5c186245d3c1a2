"""`broadcaster instance check`: asks the gateway, and says in words what it found."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import httpx
import typer

from broadcaster.cli.database import database
from broadcaster.cli.instance import Json, Name
from broadcaster.cli.output import say_fields, say_json
from broadcaster.crypto import open_vault
from broadcaster.domain.states import LaneHealth
from broadcaster.errors import UnavailableError
from broadcaster.gateway import WAChatPro, read_rules
from broadcaster.services.instance_check import InstanceCheck, check_instance
from broadcaster.services.instances import instance_key, show_instance
from broadcaster.settings import Settings, load


def check(name: Name, as_json: Json = False) -> None:
    """Ask the gateway for the instance's chats, which sends nothing. Exit code 1: it cannot be used as it is."""
    settings = load()
    with database(settings) as engine:
        row, key = instance_key(engine, open_vault(settings), name)
        stored = show_instance(engine, name)
    result = asyncio.run(_ask(row, key, settings))
    if as_json:
        say_json({"name": name, "passed": result.passed, **asdict(result)})
        if not result.passed:
            raise typer.Exit(1)
        return
    say_fields(
        {
            "reachable": _word(result.reachable, row["base_url"]),
            "key accepted": _word(result.key_accepted),
            "running": _word(result.running),
            "reply readable": _word(result.reply_readable, f"{result.chats} chats" if result.passed else ""),
            "sending": _sending(name, stored),
        }
    )
    if not result.passed:
        raise UnavailableError(f"instance {name} cannot be used: {result.reason}")


async def _ask(row: Mapping[str, Any], key: str, settings: Settings) -> InstanceCheck:
    timeout = settings.request_timeout_seconds
    rules = read_rules(row["reply_rules"])
    # One request needs no fast transport, and pyreqwest's threads abort a process that ends soon after it.
    async with httpx.AsyncHTTPTransport(trust_env=False) as transport:
        gateway = WAChatPro(key, row["base_url"], wire=row["wire"], timeout=timeout, rules=rules, transport=transport)
        return await check_instance(gateway)


def _word(answer: bool | None, detail: str = "") -> str:
    word = "not known" if answer is None else "yes" if answer else "NO"
    return f"{word} ({detail})" if detail else word


def _sending(name: str, stored: Mapping[str, Any]) -> str:
    """What our own lane makes of it."""
    if stored["health"] in (LaneHealth.REFUSED, LaneHealth.PAUSED):
        return f"{stored['health']}: go on with `broadcaster instance resume {name}`"
    return str(stored["health"])
