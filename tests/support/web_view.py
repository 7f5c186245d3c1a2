"""The view in the browser as a real process, and who looks at it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from html import unescape

import httpx

from tests.support.home import free_port
from tests.support.stack import Role, Stack, wait_for

PASSWORD = "the-password-of-the-view"
OPERATOR = "Ayu"


@dataclass(frozen=True)
class WebView:
    """Where it is, its process, and who looks at it."""

    url: str
    role: Role
    visitors: ExitStack

    def visitor(self, *, signed_in: bool = True) -> httpx.Client:
        """Somebody with a browser's cookies, who is not led on by redirects."""
        client = httpx.Client(base_url=self.url, timeout=30, headers={"Origin": self.url})
        self.visitors.enter_context(client)
        if signed_in:
            assert sign_in(client).status_code == 303
        return client


def sign_in(client: httpx.Client, password: str = PASSWORD, to: str = "") -> httpx.Response:
    """Fill in the form."""
    where = {"to": to} if to else {}
    return client.post("/sign-in", params=where, data={"operator": OPERATOR, "password": password})


def make_change(client: httpx.Client, campaign: str, change: str) -> httpx.Response:
    """Open the page that asks, and press its button."""
    page = client.get("/campaign/change", params={"name": campaign, "change": change})
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text)
    return client.post("/campaign/change", data={name: unescape(value) for name, value in fields})


@contextmanager
def running_web(stack: Stack, *options: str, **variables: str) -> Iterator[WebView]:
    """`broadcaster web` in the stack, once it answers. `variables` are over the stack's."""
    port = free_port()
    own = {"BROADCASTER_WEB_PORT": str(port), "BROADCASTER_WEB_PASSWORD": PASSWORD, **variables}
    role = stack.start("web", *options, **own)
    url = f"http://127.0.0.1:{port}"
    wait_for(lambda: _answers(url) or role.process.poll() is not None, "the view in the browser")
    assert role.process.poll() is None, role.log.read_text()
    with ExitStack() as visitors:
        yield WebView(url, role, visitors)
    role.close()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthcheck").is_success
    except httpx.TransportError:
        return False
