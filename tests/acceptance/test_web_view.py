"""The view in the browser, in a real one, while real workers send."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine, text

from broadcaster.services.campaigns.campaign_reports import campaign_summary
from broadcaster.simulator import InstanceConfig, Simulator, SimulatorConfig, background, parse_fault
from broadcaster.simulator.fault_plan import FaultPlan
from tests.support.browser import PHONE_WIDTH, chromium, watched_page
from tests.support.cli import RunCli, assert_done
from tests.support.people import person_writes
from tests.support.stack import running_stack, wait_for
from tests.support.web_view import OPERATOR, PASSWORD, WebView, running_web

RATES = {"north": "20/s", "south": "10/s", "east": "2/s"}
PAGES = {
    "campaigns": "/",
    "campaign": "/campaign?name=spring%20sale",
    "report": "/report?name=opening%20hours",
    "instances": "/instances",
    "instance": "/instance?name=north",
    "schedules": "/schedules",
    "schedule": "/schedule?name=weekly%20news",
    "replies": "/replies",
    "cancel": "/campaign/change?name=spring%20sale&change=cancel",
}
PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
TAKES_PICTURES = os.environ.get("BROADCASTER_TEST_PICTURES") == "1"
"""With this variable as 1 the pictures of the documentation are taken anew."""


@pytest.fixture
def gateway() -> Iterator[Simulator]:
    instances = tuple(InstanceConfig(name=name, key=f"k{name}", shape="serialized") for name in RATES)
    with background(SimulatorConfig(instances=instances)) as running:
        running.gateway.faults = FaultPlan([parse_fault("kind=invalid_number,probability=0.01")], seed=3)
        yield running


@pytest.fixture
def view(run_cli: RunCli, gateway: Simulator, tmp_path: Path, environ: Mapping[str, str]) -> Iterator[WebView]:
    """Beside a worker that sends `opening hours`, and `spring sale` for two minutes."""
    for name, rate in RATES.items():
        add = ("instance", "add", name, "--key", f"k{name}", "--base-url", gateway.base_url, "--rate", rate)
        assert_done(run_cli(*add, *(["--rate", "1000/d"] if name == "east" else [])))
    paced = ("--ramp", "5000,10000", "--rest", "1s..2s after 1000")
    assert_done(run_cli("instance", "set", "north", "--read-replies", "5s", *paced))
    submit(run_cli, "opening hours", 60, "north")
    submit(run_cli, "spring sale", 4_000, "north", "south", "east")
    submit(run_cli, "new year", 60, "south", "--at", "2027-12-30 09:00")
    submit(run_cli, "an idea", 60, "south", "--draft")
    assert_done(run_cli("audience", "import", "customers", "-", stdin=people(60)))
    through = ("--audience", "customers", "--instance", "south", "--text", "News for {{ name }}")
    assert_done(
        run_cli("schedule", "add", "weekly news", "--cron", "0 9 * * mon", "--timezone", "Asia/Jakarta", *through)
    )
    with running_stack(tmp_path, environ) as stack, running_web(stack, "--allow-changes") as running:
        stack.start("worker")
        stack.start("beat")
        yield running


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def people(count: int) -> str:
    return "phone,name\n" + "".join(f"+62 812-{n:07d},Name {n}\n" for n in range(count))


def submit(run_cli: RunCli, name: str, count: int, *options: str) -> None:
    split = next((n for n, each in enumerate(options) if each.startswith("--")), len(options))
    through = [each for instance in options[:split] for each in ("--instance", instance)]
    said = ("--recipients", "-", "--text", "Hello {{ name }}")
    assert_done(run_cli("campaign", "submit", name, *through, *options[split:], *said, stdin=people(count)))


@contextmanager
def signed_in(browser: Browser, view: WebView, **options: Any) -> Iterator[Page]:
    """A page on which nothing may be complained of."""
    with watched_page(browser, **options) as watched:
        watched.page.goto(f"{view.url}/sign-in")
        watched.page.fill("#operator", OPERATOR)
        watched.page.fill("#password", PASSWORD)
        watched.page.click("button.main-action")
        watched.page.wait_for_url(f"{view.url}/")
        yield watched.page
        assert watched.complaints == []
        assert [url for url in watched.requests if not url.startswith((view.url, "data:"))] == []


def shown_terms(page: Page) -> tuple[int, list[int]]:
    """The total that the page shows, and what it says that is the sum of."""
    numbers = page.locator("#standing .equation b").evaluate_all("all => all.map(each => each.textContent)")
    total, *terms = (int(number.replace(",", "")) for number in numbers)
    return total, terms


def of_sql(engine: Engine, name: str) -> tuple[int, list[int]]:
    """The same from the messages themselves, in any order."""
    of_campaign = "SELECT id FROM campaigns WHERE name = :name"
    counted = f"SELECT count(*) FROM messages WHERE campaign_id = ({of_campaign}) GROUP BY state ORDER BY 1"
    with engine.connect() as connection:
        counts = list(connection.scalars(text(counted), {"name": name}))
    return sum(counts), counts


def test_numbers_move_by_themselves_and_are_those_of_sql(
    run_cli: RunCli, view: WebView, browser: Browser, engine: Engine
) -> None:
    with signed_in(browser, view) as page:
        page.goto(view.url + PAGES["campaign"])
        page.evaluate("window.stays = true")
        seen = []

        def has_moved() -> bool:
            total, terms = shown_terms(page)
            assert total == sum(terms) == 4_000
            seen.append(terms[0])
            page.wait_for_timeout(100)
            return len(set(seen)) >= 4

        wait_for(has_moved, "four numbers")
        assert seen == sorted(seen)
        assert page.locator("#status").inner_text() == "live"
        page.get_by_text(" permitted").first.wait_for()
        assert re.search(r"of 31\.4/s permitted", page.locator("#standing").inner_text())
        assert_done(run_cli("campaign", "pause", "spring sale"))
        wait_for(lambda: campaign_summary(engine, "spring sale").sending == 0, "what is in flight")
        total, counts = of_sql(engine, "spring sale")

        def is_equal() -> bool:
            page.wait_for_timeout(100)
            shown, terms = shown_terms(page)
            return (shown, sorted(each for each in terms if each)) == (total, counts)

        wait_for(is_equal, "the numbers of SQL")
        assert page.locator("#do-resume").is_visible(), "without a reload"
        assert page.evaluate("window.stays"), "the page was never loaded again"


def test_everything_can_be_done_with_the_keyboard(view: WebView, browser: Browser, engine: Engine) -> None:
    with watched_page(browser) as watched:
        page = watched.page
        page.goto(view.url + PAGES["campaign"])
        assert page.evaluate("document.activeElement.id") == "operator", "where one has to write first"
        for keys in (OPERATOR, "Tab", PASSWORD, "Enter"):
            page.keyboard.press(keys) if keys in {"Tab", "Enter"} else page.keyboard.type(keys)
        page.wait_for_url(view.url + PAGES["campaign"])
        order = []
        for _ in range(9):
            page.keyboard.press("Tab")
            order.append(page.evaluate("document.activeElement.textContent.trim()"))
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid", f"{order[-1]} does not show that it has the focus"
            if len(order) == 1:
                box = page.locator(".skip").bounding_box()
                assert box is not None
                assert box["x"] >= 0, "the link can be seen"
        assert order == [
            "Skip to the content",
            *("Broadcaster", "Campaigns", "Instances", "Schedules", "Replies", "Sign out"),
            *("Report", "Pause…"),
        ]
        before = shown_terms(page)
        wait_for(lambda: page.wait_for_timeout(100) or shown_terms(page) != before, "an update")
        assert page.evaluate("document.activeElement.id") == "do-pause", "an update leaves the focus where it is"
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Pause spring sale?").wait_for()
        while page.evaluate("document.activeElement.tagName") != "BUTTON" or "out" in str(
            page.evaluate("document.activeElement.textContent")
        ):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_text("The campaign was paused.").wait_for()
        assert campaign_summary(engine, "spring sale").state == "paused"
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.url.endswith("#content")
        assert watched.complaints == []


def test_a_row_that_is_looked_at_stays_where_others_come_and_go(
    run_cli: RunCli, view: WebView, browser: Browser
) -> None:
    with signed_in(browser, view) as page:
        page.locator("#status.status-live").wait_for()
        page.get_by_role("link", name="new year").focus()
        row = page.evaluate("document.activeElement.closest('tr').id")
        submit(run_cli, "another idea", 5, "south", "--draft")
        page.get_by_role("link", name="another idea").wait_for()
        assert_done(run_cli("campaign", "cancel", "an idea", "--yes"))
        page.locator("#group-ended").get_by_role("link", name="an idea").wait_for()
        names = page.locator("#group-later tbody th").all_inner_texts()
        assert names == ["another idea", "new year"]
        assert page.evaluate("document.activeElement.closest('tr').id") == row


def test_without_script_it_shows_the_same_and_loads_itself_again(
    view: WebView, browser: Browser, engine: Engine
) -> None:
    with watched_page(browser, java_script_enabled=False) as watched:
        page = watched.page
        page.goto(f"{view.url}/sign-in")
        page.fill("#operator", OPERATOR)
        page.fill("#password", PASSWORD)
        page.click("button.main-action")
        page.goto(view.url + PAGES["campaign"])
        assert page.locator("#standing .equation b").first.inner_text() == "4,000"
        assert '<noscript><meta http-equiv="refresh" content="10"></noscript>' in page.content()
        assert page.get_by_role("link", name="Reload").is_visible()
        page.get_by_role("link", name="Pause…").click()
        page.get_by_role("button", name="Pause").click()
        assert campaign_summary(engine, "spring sale").state == "paused"


@pytest.mark.parametrize("look", ["wide", "dark", "phone"])
def test_every_page_fits_and_complains_of_nothing(
    view: WebView, browser: Browser, engine: Engine, gateway: Simulator, look: str
) -> None:
    options: dict[str, Any] = {
        "wide": {"width": 1180, "height": 820},
        "dark": {"width": 1180, "height": 820, "color_scheme": "dark"},
        "phone": {"width": PHONE_WIDTH, "height": 720, "color_scheme": "light", "device_scale_factor": 2},
    }[look]
    wait_for(lambda: campaign_summary(engine, "opening hours").finished_at is not None, "the first campaign")
    gateway.gateway.faults = FaultPlan(
        [parse_fault("kind=not_running,instance=east"), parse_fault("kind=invalid_number,probability=0.01")], seed=3
    )
    for n, body in enumerate(["Thank you! When do you close?", "STOP", "please no more, or call +62 812 5555 1234"]):
        person_writes(gateway.base_url, "north", f"62812{n:07d}", body)
    wait_for(lambda: _count(engine, "SELECT count(*) FROM inbound_messages") == 3, "the replies")
    wait_for(lambda: _count(engine, "SELECT count(*) FROM lanes WHERE health = 'down'") == 1, "trouble")
    with ExitStack() as opened:
        page = opened.enter_context(signed_in(browser, view, **options))
        for name, path in PAGES.items():
            page.goto(view.url + path)
            page.get_by_role("heading", level=1).wait_for()
            if name in {"campaigns", "campaign", "instances"}:
                page.locator("#status.status-live").wait_for()
                page.locator('td[data-label="Now"]').filter(has_text="/s").first.wait_for()
            room, wide = page.evaluate("[document.documentElement.clientWidth, document.documentElement.scrollWidth]")
            assert wide <= room, f"{name} scrolls sideways"
            ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
            brightness = sum(map(int, re.findall(r"\d+", ground)[:3])) / 3
            assert (brightness < 60) == (look == "dark"), ground
            if TAKES_PICTURES and (name, look) in _TAKEN:
                PICTURES.mkdir(exist_ok=True)
                page.screenshot(path=PICTURES / f"web-{name}-{look}.png", full_page=look != "phone")


_TAKEN = {("campaigns", "wide"), ("campaign", "wide"), ("campaign", "phone"), ("instances", "dark")}


def _count(engine: Engine, statement: str) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text(statement)) or 0)
