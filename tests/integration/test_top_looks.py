"""What one look of `broadcaster top` tells belongs together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine

from broadcaster.cli.top import Looker
from broadcaster.db.reading import Reader
from broadcaster.services.instance_health import pause_instance
from broadcaster.settings import Settings
from tests.support.shop import Shop, open_shop


class CountingReader(Reader):
    """Counts its transactions."""

    begun = 0

    @contextmanager
    def begin(self) -> Iterator[Any]:
        self.begun += 1
        with super().begin() as connection:
            yield connection


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    with open_shop(engine, settings) as opened:
        opened.add("a")
        opened.submit("spring", 30, "a")
        pause_instance(opened.engine, "a")
        yield opened


@pytest.fixture
def source(settings: Settings) -> Iterator[CountingReader]:
    source = CountingReader(settings)
    yield source
    source.close()


def test_a_look_anew_tells_tables_and_troubles_as_they_are_then(shop: Shop, source: CountingReader) -> None:
    looker = Looker(source, shop.settings)
    assert [each.waiting for each in looker.look().troubles if each.name == "a"] == [30]
    shop.sql("UPDATE messages SET state = 'cancelled' WHERE seq <= 10")
    view = looker.look(anew=True)
    assert [each.pending for each in view.instances] == [20]
    assert [each.waiting for each in view.troubles if each.name == "a"] == [20]


def test_a_look_reads_all_of_it_in_one_transaction(shop: Shop, source: CountingReader) -> None:
    looker = Looker(source, shop.settings)
    looker.look()
    assert source.begun == 1
    looker.look(anew=True)
    assert source.begun == 2
