"""The view in the browser as a real process, and who looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from tests.support.home import free_port
from tests.support.stack import Role, Stack, wait_for

PASSWORD = "the-password-of-the-view"
OPERATOR = "Ayu"


@dataclass(frozen=True)
class WebView:
    """Where it is, and its process."""

    url: str
    role: Role

    def visitor(self, *, signed_in: bool = True) -> httpx.Client:
        """Somebody with a browser's cookies, who is not led on by redirects."""
        client = httpx.Client(base_url=self.url, timeout=30, headers={"Origin": self.url})
        if signed_in:
            assert sign_in(client).status_code == 303
        return client


def sign_in(client: httpx.Client, password: str = PASSWORD, to: str = "") -> httpx.Response:
    """Fill in the form."""
    where = {"to": to} if to else {}
    return client.post("/sign-in", params=where, data={"operator": OPERATOR, "password": password})


@contextmanager
def running_web(stack: Stack, *options: str, **variables: str) -> Iterator[WebView]:
    """`broadcaster web` in the stack, once it answers. `variables` are over the stack's."""
    port = free_port()
    own = {"BROADCASTER_WEB_PORT": str(port), "BROADCASTER_WEB_PASSWORD": PASSWORD, **variables}
    role = stack.start("web", *options, **own)
    view = WebView(f"http://127.0.0.1:{port}", role)
    wait_for(lambda: _answers(view.url) or role.process.poll() is not None, "the view in the browser")
    assert role.process.poll() is None, role.log.read_text()
    try:
        yield view
    finally:
        role.close()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthcheck").is_success
    except httpx.TransportError:
        return False
