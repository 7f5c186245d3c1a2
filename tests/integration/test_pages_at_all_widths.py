"""Every page at every width, in print, and in every language: nothing is wider than it, and words are whole."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

import httpx
import pytest
from msgspec.structs import replace
from sqlalchemy import Engine

from broadcaster.pages.campaigns_page import campaigns_page, schedule_page
from broadcaster.pages.languages import LANGUAGES
from broadcaster.pages.report_page import report_page
from broadcaster.settings import Settings
from broadcaster.web.application import build_app, page_templates
from broadcaster.web.surface import Surface
from tests.support.browser import PRINT_WIDTH, chromium, watched_page
from tests.support.sample_report import (
    busy_campaigns,
    busy_occurrences,
    busy_report,
    language,
    sample_campaigns,
    sample_report,
)
from tests.support.schedules import DAY, Calendar, add_audience
from tests.support.shop import Shop, open_shop
from tests.support.web_view import OPERATOR, PASSWORD

PLACES = (
    "/",
    "/campaign?name=news 2026-11-30T02:52:54",
    "/campaign/change?name=spring&change=cancel",
    "/report?name=news 2026-11-30T02:52:54",
    "/instances",
    "/instance?name=second-of-the-clinic",
    "/schedules",
    "/schedule?name=news",
    "/replies",
    "/nowhere",
)
INSTANCES = ("Jakarta-Utara", "second-of-the-clinic", "Surabaya")
MOVES = (
    ("sending", "seq <= 1600"),
    ("failed", "seq <= 400"),
    ("in_doubt", "seq BETWEEN 401 AND 1200"),
    ("unknown", "seq BETWEEN 401 AND 800"),
    ("skipped", "seq BETWEEN 2001 AND 2200"),
    ("expired", "seq BETWEEN 2201 AND 2400"),
    ("cancelled", "seq > 2800"),
)
WIDTHS = (320, 360, 800, 1000, 1100, 1440)


def assert_fits(pages: Mapping[str, str]) -> None:
    """At every width, and on paper."""
    with chromium() as browser, watched_page(browser) as watched:
        faults = {}
        for name, page in pages.items():
            watched.page.set_content(page)
            watched.page.eval_on_selector_all("details", "all => all.forEach(each => each.open = true)")
            for width in (*WIDTHS, PRINT_WIDTH):
                watched.page.set_viewport_size({"width": width, "height": 900})
                watched.page.emulate_media(media="print" if width == PRINT_WIDTH else "screen")
                if found := [*watched.sideways(), *watched.broken_words()]:
                    faults[name, width] = found
        assert faults == {}


@pytest.mark.parametrize("code", LANGUAGES)
def test_reports_fit(code: str) -> None:
    written = language(code)
    assert_fits(
        {
            "campaign": report_page(sample_report(), written),
            "busy campaign": report_page(busy_report(), written),
            "campaigns": campaigns_page(sample_campaigns(), written),
            "busy campaigns": campaigns_page(busy_campaigns(), written),
            "schedule": schedule_page("news", busy_occurrences(), busy_campaigns(), written),
        },
    )


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    """Three instances with limits, campaigns with messages in every state, and a schedule."""
    with open_shop(engine, settings, INSTANCES) as opened:
        for name in INSTANCES:
            opened.add(name, "20/min 200/h 5000/d")
        for number, name in enumerate(("news 2026-11-30T02:52:54", "spring", "a greeting to all")):
            opened.submit(name, 3_000, *INSTANCES, first=10_000 * number)
        for state, within in MOVES:
            opened.sql(f"UPDATE messages SET state = '{state}', reason = 'invalid number' WHERE {within}")
        add_audience(opened, "people", 2)
        calendar = Calendar(opened)
        calendar.add(instances=INSTANCES)
        for _ in range(3):
            calendar.tick(DAY)
        opened.sql("UPDATE lanes SET health = 'down', health_reason = 'device is disconnected' WHERE id = 2")
        yield opened


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_view_in_the_browser_fits(shop: Shop, code: str) -> None:
    settings = replace(shop.settings, language=code, web_allow_changes=True)
    assert_fits(asyncio.run(shown_pages(shop, settings)))


async def shown_pages(shop: Shop, settings: Settings) -> dict[str, str]:
    """Each with its styles in it, as it looks to whoever has signed in."""
    surface = Surface(settings, shop.engine, page_templates(settings), lambda scene: scene, lambda: None)
    transport = httpx.ASGITransport(build_app(surface, PASSWORD, None))
    pages = {}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        await client.post("/sign-in", data={"operator": OPERATOR, "password": PASSWORD})
        styles = (await client.get(str(surface.templates.globals["stylesheet"]))).text
        for place in PLACES:
            page = (await client.get(place)).text
            assert "</main>" in page, page
            pages[place] = page.replace("</head>", f"<style>{styles}</style></head>")
    return pages
