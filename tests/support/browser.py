"""Pages in a real browser: the system's Chromium, headless, which may load nothing but what a test serves."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

PHONE_WIDTH = 360
"""The narrowest page, in CSS pixels."""
PRINT_WIDTH = 680
"""Pixels of A4 within its margins."""

_SIDEWAYS = """() => {
  const room = document.documentElement.clientWidth;
  const right = each => each.getBoundingClientRect().right;
  const scrolls = document.documentElement.scrollWidth > room;
  const isTooWide = each => each.matches('table') && right(each) > right(each.parentElement) + 1;
  return [...document.querySelectorAll('main *')]
    .filter(each => scrolls ? right(each) > room + 1 : isTooWide(each))
    .map(each => `${each.tagName} ${each.className} ${each.textContent.slice(0, 60)}`);
}"""

_LONGEST_WORD = 24
"""Letters: of what is longer, such as a name without blanks, lines may break anywhere."""
_BROKEN = """longest => {
  const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  const found = [], range = document.createRange();
  while (walker.nextNode()) {
    const node = walker.currentNode;
    for (const { 0: word, index } of node.data.matchAll(/[\\p{L}\\p{M}\\p{N}]+/gu)) {
      if (word.length > longest) continue;
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      const lines = new Set([...range.getClientRects()].map(each => Math.round(each.top)));
      const around = node.parentElement.closest('td, th, p, li, dd');
      if (lines.size > 1) found.push(`${word} in ${around?.textContent.trim()}`);
    }
  }
  return found;
}"""


@dataclass
class Watched:
    """A page, with what it complained of and what it asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    """Errors and warnings of its console, and errors that nobody caught."""
    requests: list[str] = field(default_factory=list)
    """URLs, with that of the page itself."""

    def sideways(self) -> list[str]:
        """What makes the page scroll sideways, or is a table wider than its part; nothing where all fits."""
        return list(self.page.evaluate(_SIDEWAYS))

    def broken_words(self) -> list[str]:
        """Words whose letters stand on several lines, each with what it stands in."""
        return list(self.page.evaluate(_BROKEN, _LONGEST_WORD))


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser. Skips the test where there is none, unless continuous integration runs it: there it must be.

    While it is open, no event loop can be run in this thread: so a fixture of it is a test's or a module's own.
    """
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium is installed: .ci/run installs it")
        pytest.skip("no Chromium is installed: `apt-get install chromium`")
    with sync_playwright() as playwright:
        # Root, as whom containers run tests, has no sandbox.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def watched_page(browser: Browser, *, width: int = 1280, height: int = 900, **context: Any) -> Iterator[Watched]:
    """An empty page of that size. `context` is that of playwright's `new_context`, such as `color_scheme`."""
    surroundings = browser.new_context(viewport={"width": width, "height": height}, **context)
    page = surroundings.new_page()
    watched = Watched(page)
    page.on(
        "console", lambda said: watched.complaints.append(said.text) if said.type in {"error", "warning"} else None
    )
    page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    page.on("request", lambda request: watched.requests.append(request.url))
    try:
        yield watched
    finally:
        surroundings.close()
