"""A worker that dies without a word: the others of its host free its lanes at once, and only those."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine

from broadcaster.services.sending.presence import Presence
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.settings import Settings
from tests.support.shop import Shop, drain, open_shop
from tests.support.stack import wait_for

_NEIGHBOUR = """
import sys
from pathlib import Path
from broadcaster.services.sending.presence import Presence
presence = Presence(Path(sys.argv[1]))
presence.show()
print(presence.holder, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def shop(engine: Engine, settings: Settings, tmp_path: Path) -> Iterator[Shop]:
    with open_shop(engine, msgspec.structs.replace(settings, home=tmp_path)) as opened:
        for name in ("a", "b"):
            opened.add(name)
        yield opened


@contextmanager
def neighbour(shop: Shop, instance: str) -> Iterator[subprocess.Popen[str]]:
    """Another worker of this home, which holds the lane of `instance` for an hour."""
    argv = [sys.executable, "-c", _NEIGHBOUR, str(shop.settings.home / "workers")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        shop.sql(
            "UPDATE lanes SET lease_token = gen_random_uuid(), lease_holder = :holder,"
            " lease_expires_at = now() + interval '1 hour'"
            " FROM instances i WHERE i.id = lanes.id AND i.name = :instance",
            holder=process.stdout.readline().strip(),
            instance=instance,
        )
        yield process
        process.kill()


def held(shop: Shop) -> set[object]:
    """The instances whose lanes are held."""
    query = "SELECT i.name FROM lanes l JOIN instances i ON i.id = l.id WHERE l.lease_token IS NOT NULL"
    return {name for (name,) in shop.sql(query)}


def test_the_lanes_of_a_worker_that_was_killed_are_free_at_once(shop: Shop) -> None:
    shop.submit("c", 20, "a", "b")
    with neighbour(shop, "a") as dies, neighbour(shop, "b"):
        dies.kill()
        dies.wait()

        async def live() -> None:
            async with SendingProcess(shop.settings):
                await asyncio.to_thread(wait_for, lambda: held(shop) == {"b"}, "the lane of the one that died")

        asyncio.run(live())
        assert drain(shop) == {"a": {"claimed": 10, "sent": 10}}
        assert held(shop) == {"b"}


def test_a_worker_that_stops_leaves_no_file(shop: Shop) -> None:
    shop.submit("c", 4, "a")
    drain(shop)
    assert list((shop.settings.home / "workers").iterdir()) == []


def test_a_worker_whose_home_cannot_be_written_works_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    presence = Presence(tmp_path / "file" / "workers")
    presence.show()
    with presence.ended() as holders:
        assert holders == []
    presence.withdraw()
