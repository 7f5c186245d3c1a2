"""A client of an instance's gateway, for commands that read through it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from broadcaster.gateway import WAChatPro, read_rules
from broadcaster.services.instances import StoredInstance
from broadcaster.settings import Settings


@asynccontextmanager
async def open_gateway(instance: StoredInstance, key: str, settings: Settings) -> AsyncIterator[WAChatPro]:
    """The client of an instance (as `instances.instance_key` gives it)."""
    rules = read_rules(instance.reply_rules)
    # One request needs no fast transport, and pyreqwest's threads abort a process that ends soon after it.
    async with httpx.AsyncHTTPTransport(trust_env=False) as transport:
        yield WAChatPro(
            key,
            instance.base_url,
            wire=instance.wire,
            timeout=settings.request_timeout_seconds,
            rules=rules,
            transport=transport,
        )
