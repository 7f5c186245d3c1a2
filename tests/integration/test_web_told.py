"""What pages of the view in the browser tell of what is sent now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine

from broadcaster.services.instance_health import pause_instance
from broadcaster.settings import Settings
from broadcaster.web.application import page_templates
from broadcaster.web.campaign_pages import live_campaign
from broadcaster.web.instance_page import live_instance
from broadcaster.web.readings import LONGEST_FRESH_SECONDS, Readings
from broadcaster.web.surface import Surface
from tests.support.shop import Shop, open_shop

Page = Callable[[Surface, Mapping[str, str]], Awaitable[dict[str, Any]]]


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    with open_shop(engine, settings) as opened:
        opened.add("main", "10/s")
        opened.add("second", "60/min")
        yield opened


def told(shop: Shop, page: Page, name: str) -> dict[str, Any]:
    """What the page shows to whoever looks at it for the second time."""

    async def looked_at_twice() -> dict[str, Any]:
        anew = Readings(clock=count(step=LONGEST_FRESH_SECONDS).__next__)
        templates = page_templates(shop.settings)
        surface = Surface(shop.settings, shop.engine, templates, lambda scene: scene, lambda: None, anew)
        await page(surface, {"name": name})
        return await page(surface, {"name": name})

    return asyncio.run(looked_at_twice())


def sent_now(shop: Shop, instance: str) -> list[str]:
    return [each.name for each in told(shop, live_instance, instance)["sent_now"]]


def test_a_campaign_is_permitted_what_its_instances_are_that_have_some_of_it_left(shop: Shop) -> None:
    shop.submit("spring", 20, "main", "second")
    assert told(shop, live_campaign, "spring")["permitted"] == "11/s"
    shop.sql("UPDATE messages SET state = 'cancelled' WHERE lane_id = (SELECT id FROM instances WHERE name = 'main')")
    shown = told(shop, live_campaign, "spring")
    assert (shown["speed"], shown["permitted"]) == ("0/min", "60/min")
    pause_instance(shop.engine, "second")
    assert told(shop, live_campaign, "spring")["permitted"] == ""


def test_an_instance_sends_what_is_due_through_it_while_it_is_well(shop: Shop) -> None:
    for name in ("over", "spring", "tonight"):
        shop.submit(name, 20, "main", "second")
    of = "campaign_id = (SELECT id FROM campaigns WHERE name = :name)"
    through = "lane_id = (SELECT id FROM instances WHERE name = 'main')"
    shop.sql(f"UPDATE messages SET state = 'cancelled' WHERE {through} AND {of}", name="over")
    assert sent_now(shop, "main") == ["tonight", "spring"]
    shop.sql(f"UPDATE campaign_lanes SET next_due_at = now() + interval '1 hour' WHERE {of}", name="tonight")
    assert sent_now(shop, "main") == ["spring"]
    pause_instance(shop.engine, "main")
    assert sent_now(shop, "main") == []
