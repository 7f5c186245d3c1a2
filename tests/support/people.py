"""People who write to the instances of a shop, and reading what they wrote."""

from __future__ import annotations

import asyncio
from urllib.request import Request, urlopen

import msgspec

from broadcaster.services.campaigns.confirmations import confirm_opt_out
from broadcaster.services.sending.sending_process import SendingProcess
from tests.support.shop import Shop

_MOST_RUNS = 50


def write(shop: Shop, phone: str, *bodies: str, instance: str = "a", outgoing: bool = False) -> None:
    """One message after the other: from the phone, or with `outgoing` to it, by hand."""
    person_writes(shop.gateway.base_url, instance, phone, *bodies, outgoing=outgoing)


def person_writes(base_url: str, instance: str, phone: str, *bodies: str, outgoing: bool = False) -> None:
    """The same, to the simulator that answers there."""
    for body in bodies:
        message = msgspec.json.encode({"instance": instance, "phone": phone, "body": body})
        url = f"{base_url}/_sim/{'outgoing' if outgoing else 'incoming'}"
        urlopen(Request(url, message), timeout=30).close()


def age(shop: Shop, seconds: float) -> None:
    """Whatever the gateway has was written so much earlier."""
    for entry in shop.gateway.ledger.entries:
        entry.time_ns -= int(seconds * 1e9)


def listens(shop: Shop, *instances: str, seconds: float = 30.0) -> None:
    """Replies are read through these instances from now on; whatever was written before is old."""
    for instance in instances:
        shop.sql(
            "UPDATE instances SET read_replies_seconds = :seconds WHERE name = :name", seconds=seconds, name=instance
        )
    age(shop, 3600)
    read_replies(shop)


def read_replies(shop: Shop, rounds: int = 1, readers: int = 1) -> None:
    """So many polls, in each of which every list and every changed chat is due."""

    async def run() -> None:
        async with SendingProcess(shop.settings, confirm_opt_out) as process:
            for _ in range(rounds):
                be_due(shop)
                for _ in range(_MOST_RUNS):
                    await asyncio.gather(*(process.read_replies() for _ in range(readers)))
                    if shop.sql("SELECT FROM accounts WHERE inbox_is_due(id)") == []:
                        break
                    shop.sql("UPDATE accounts SET next_read_at = now()")

    asyncio.run(run())


def be_due(shop: Shop) -> None:
    """Every list and every changed chat is to be read now, many at once."""
    shop.sql("UPDATE accounts SET next_read_at = now(), reads_a_second = 64")
    shop.sql("UPDATE inboxes SET next_poll_at = now()")
    shop.sql("UPDATE inbox_chats SET due_at = now()")


def replies(shop: Shop, columns: str = "phone, body") -> list[tuple[object, ...]]:
    """What was taken in, in the order of writing."""
    return shop.sql(f"SELECT {columns} FROM replies ORDER BY said_at, id")
