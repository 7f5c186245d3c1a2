"""Pages in a real browser: on a phone, in the dark, in print, without script, and with whatever others have written.

With BROADCASTER_TEST_PICTURES=1 the pictures of docs/pictures are made anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from broadcaster.pages.report_page import report_page
from tests.support.browser import PHONE_WIDTH, PRINT_WIDTH, Watched, chromium, watched_page
from tests.support.sample_report import hostile_report, language, sample_report

PICTURES = Path(__file__).parents[2] / "docs/pictures"
_WORST_CONTRAST = """() => {
  const light = colour => {
    const part = colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map(each => each / 255)
      .map(each => each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
  };
  const ground = node => {
    for (; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (!colour.endsWith(', 0)')) return colour;
    }
  };
  const shown = [...document.querySelectorAll('body *:not(svg *, .skip)')].filter(each =>
    [...each.childNodes].some(child => child.nodeType === 3 && child.textContent.trim()));
  return Math.min(...shown.map(each => {
    const [low, high] = [light(getComputedStyle(each).color), light(ground(each))].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  }));
}"""
"""The least ratio between a text and what it stands on, as WCAG reckons it."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def file_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("pages") / "report.html"
    path.write_text(report_page(sample_report(), language()), encoding="utf-8")
    return path.as_uri()


def assert_quiet(watched: Watched, url: str) -> None:
    """Nothing was complained of, and nothing but the page itself was asked for."""
    assert watched.complaints == []
    assert [each for each in watched.requests if not each.startswith("data:")] == [url]


def shoot(watched: Watched, name: str) -> None:
    if os.environ.get("BROADCASTER_TEST_PICTURES") == "1":
        PICTURES.mkdir(exist_ok=True)
        watched.page.screenshot(path=PICTURES / name)


def test_on_a_phone_the_narrow_charts_are_shown(browser: Browser, file_url: str) -> None:
    with watched_page(browser, width=PHONE_WIDTH, height=760, device_scale_factor=1.5) as watched:
        watched.page.goto(file_url)
        assert watched.page.locator(".chart.narrow-only svg").first.is_visible()
        assert not watched.page.locator(".chart.wide-only svg").first.is_visible()
        size = watched.page.locator(".chart.narrow-only text").first.bounding_box()
        assert size is not None
        assert size["height"] >= 10
        shoot(watched, "report-phone.png")
        assert_quiet(watched, file_url)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_texts_can_be_read_by_day_and_by_night(browser: Browser, file_url: str, scheme: str) -> None:
    with watched_page(browser, width=900, height=1000, color_scheme=scheme) as watched:
        watched.page.goto(file_url)
        assert watched.page.evaluate(_WORST_CONTRAST) >= 4.5
        paper = watched.page.eval_on_selector("body", "each => getComputedStyle(each).backgroundColor")
        assert paper == {"light": "rgb(245, 246, 248)", "dark": "rgb(14, 17, 22)"}[scheme]
        if scheme == "dark":
            shoot(watched, "report-dark.png")
        assert_quiet(watched, file_url)


def test_it_can_be_printed(browser: Browser, file_url: str, tmp_path: Path) -> None:
    with watched_page(browser, width=PRINT_WIDTH, height=960, color_scheme="dark") as watched:
        watched.page.goto(file_url)
        printed = watched.page.pdf(path=tmp_path / "report.pdf", format="A4")
        assert printed.startswith(b"%PDF")
        assert 2 <= len(re.findall(rb"/Type ?/Page\b", printed)) <= 9
        watched.page.emulate_media(media="print", color_scheme="dark")
        watched.page.goto(file_url)
        assert watched.page.eval_on_selector("body", "each => getComputedStyle(each).color") == "rgb(0, 0, 0)"
        shoot(watched, "report-print.png")
        assert watched.complaints == []


def test_without_script_everything_is_there(browser: Browser, file_url: str) -> None:
    with watched_page(browser, java_script_enabled=False) as watched:
        watched.page.goto(file_url)
        assert watched.page.locator("section").count() == 9
        for summary in watched.page.locator("summary").all():
            summary.click()
        assert watched.page.locator("details table").first.is_visible()
        assert_quiet(watched, file_url)


def test_the_keyboard_reaches_all_that_opens(browser: Browser, file_url: str) -> None:
    with watched_page(browser) as watched:
        watched.page.goto(file_url)
        reached = []
        for _ in range(3):
            watched.page.keyboard.press("Tab")
            reached.append(watched.page.evaluate("document.activeElement.textContent"))
            outline = watched.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid"
        assert reached == ["Skip to the content", "When an instance could send nothing", "Requests as a table"]
        watched.page.keyboard.press("Enter")
        assert watched.page.locator("details[open] table").is_visible()


def test_every_chart_is_told_in_words_too(browser: Browser, file_url: str) -> None:
    with watched_page(browser) as watched:
        watched.page.goto(file_url)
        for chart in watched.page.locator("figure").all():
            assert chart.locator("svg[aria-hidden=true]").count() >= 2
            assert chart.locator("figcaption").inner_text()
            assert chart.locator("xpath=..").locator("table").count() >= 1
        colours = watched.page.eval_on_selector_all(
            "figure rect[fill], .chart g[fill]", "all => all.map(each => each.getAttribute('fill'))"
        )
        assert all(each == "none" or each.startswith("url(#mark-") for each in colours)
        missing = watched.page.evaluate(
            "all => all.filter(each => each !== 'none' && !document.querySelector(each.slice(4, -1)))", colours
        )
        assert missing == []


@pytest.mark.parametrize(
    "text",
    [
        "<script>window.harmed = 1</script>",
        '"><img src=x onerror="window.harmed = 1">',
        "</style><script>window.harmed = 1</script>",
        "\u202eright to left \u2067 and \u2066 back",
        "אבג דהו " * 12,
        "x" * 1_000,
        "👩‍👩‍👧‍👦🎉" * 40,
        "{{ 7 * 7 }} {% raw %}",
    ],
)
def test_hostile_texts_do_no_harm(browser: Browser, text: str) -> None:
    with watched_page(browser, width=PHONE_WIDTH) as watched:
        watched.page.set_content(report_page(hostile_report(text), language(), with_phones=True))
        assert watched.page.evaluate("window.harmed") is None
        assert watched.page.locator("h1").inner_text().strip() == text.strip()
        assert watched.page.locator("section").count() == 9
        assert watched.sideways() == []
        # What it turns round is itself alone.
        assert "12,000" in watched.page.locator("#books ~ p").first.inner_text()
        assert [each for each in watched.requests if not each.startswith(("data:", "about:"))] == []
        assert watched.complaints == []
