"""Flower as a stranger and as a browser see it."""

from __future__ import annotations

import re
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from time import monotonic

import httpx
import pytest

from broadcaster.settings import Settings
from tests.support.home import free_port
from tests.support.stack import running_stack, wait_for

LOGIN = ("ops", "the-password")
PAGES = ["/", "/workers", "/tasks", "/broker", "/task/none", "/nowhere", "/api/workers", "/metrics", "/healthcheck"]
CHROMIUM = shutil.which("chromium")


@pytest.fixture
def url(tmp_path: Path, environ: dict[str, str]) -> Iterator[str]:
    """Flower beside a worker and a beat."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    own = {
        "BROADCASTER_FLOWER_BASIC_AUTH": ":".join(LOGIN),
        "BROADCASTER_FLOWER_PORT": str(port),
        "BROADCASTER_TIMEZONE": "Asia/Jakarta",
    }
    with running_stack(tmp_path, environ) as stack:
        stack.start("worker")
        stack.start("beat")
        stack.start("flower", **own)
        wait_for(lambda: bool(worker_names(address)), "Flower to see the worker")
        yield address


def worker_names(url: str) -> list[str]:
    try:
        return list(httpx.get(f"{url}/api/workers?refresh=1", auth=LOGIN, timeout=10).json())
    except httpx.TransportError:
        return []


def answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def pages(url: str) -> list[str]:
    return [*PAGES, *(f"/worker/{name}" for name in worker_names(url))]


def assert_guarded(reply: httpx.Response) -> None:
    assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
    assert reply.headers["X-Frame-Options"] == "DENY"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_whoever_guesses_is_slowed_down_and_learns_nothing(url: str) -> None:
    assert httpx.get(url).status_code == 401
    wrong = [("ops", "the-passwor"), ("ops", "pässword"), ("", ""), ("the-password", "ops")]
    headers = [{"Authorization": value} for value in ("Basic !", f"Bearer {b64encode(b'ops:the-password').decode()}")]
    given = [httpx.get(url, auth=each) for each in wrong] + [httpx.get(url, headers=headers[0])]
    assert [reply.status_code for reply in given] == [401] * 5
    assert all(reply.headers["WWW-Authenticate"].startswith("Basic") for reply in given)
    late = [httpx.get(url, auth=LOGIN), httpx.post(f"{url}/api/workers", headers=headers[1])]
    for reply in late:
        assert reply.status_code == 429
        assert 1 <= int(reply.headers["Retry-After"]) <= 12
        assert_guarded(reply)
    assert httpx.get(f"{url}/healthcheck").text == "OK"


def test_what_it_measures_is_behind_the_password_too(url: str) -> None:
    for path in ("/metrics", "/metrics/", "/workers"):
        reply = httpx.get(url + path)
        assert (reply.status_code, reply.text.count("flower_")) == (401, 0)
        assert reply.headers["WWW-Authenticate"].startswith("Basic")
    assert "flower_" in httpx.get(f"{url}/metrics", auth=LOGIN).text


def test_it_gives_workers_no_commands_that_they_would_drop(url: str, tmp_path: Path) -> None:
    """Flower would give one every five seconds."""
    began = monotonic()
    wait_for(lambda: bool(worker_names(url)) and monotonic() > began + 6, "a command")
    assert "dropped a message" not in (tmp_path / "worker-1.log").read_text()


def test_it_shows_moments_by_the_operators_clocks(url: str) -> None:
    """The page hands the zone to its script, which writes the columns."""
    assert 'value="time-Asia/Jakarta"' in httpx.get(f"{url}/tasks", auth=LOGIN).text


def test_a_machine_whose_zone_has_no_name_is_shown_utc(tmp_path: Path, environ: dict[str, str]) -> None:
    copied = shutil.copy("/usr/share/zoneinfo/Asia/Jakarta", tmp_path / "localtime")
    port = free_port()
    own = {"BROADCASTER_FLOWER_BASIC_AUTH": ":".join(LOGIN), "BROADCASTER_FLOWER_PORT": str(port)}
    with running_stack(tmp_path, environ) as stack:
        stack.start("flower", **own, TZ=f":{copied}")
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/healthcheck"), "Flower to listen")
        reply = httpx.get(f"http://127.0.0.1:{port}/tasks", auth=LOGIN, timeout=10)
    assert 'value="time-UTC"' in reply.text


@pytest.mark.parametrize("bind", ["127.0.0.1", "0.0.0.0"])
def test_who_starts_it_alone_is_told_where_others_can_listen_in(
    tmp_path: Path, environ: dict[str, str], bind: str
) -> None:
    port = free_port()
    own = {"BROADCASTER_FLOWER_BASIC_AUTH": ":".join(LOGIN), "BROADCASTER_FLOWER_PORT": str(port)}
    with running_stack(tmp_path, environ) as stack:
        role = stack.start("flower", **own, BROADCASTER_FLOWER_BIND=bind)
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/healthcheck"), "Flower to listen")
        told = f"Flower: it listens on {bind} port {port}, where others reach it, in plain HTTP"
        assert (told in role.log.read_text(encoding="utf-8")) == (bind == "0.0.0.0")


def test_every_reply_forbids_frames_sniffing_and_foreign_content(url: str) -> None:
    for path in [*pages(url), "/static/js/flower.js"]:
        assert_guarded(httpx.get(url + path, auth=LOGIN))
        assert_guarded(httpx.get(url + path))


def test_its_pages_hold_no_script_that_the_policy_forbids(url: str) -> None:
    for path in pages(url):
        reply = httpx.get(url + path, auth=LOGIN)
        policy = reply.headers["Content-Security-Policy"]
        for attributes, script in re.findall(r"<script([^>]*)>(.*?)</script>", reply.text, re.DOTALL):
            source = re.search(r'src="([^"]*)"', attributes)
            mark = b64encode(sha256(script.encode()).digest()).decode()
            assert source[1].startswith("/static/") if source else f"'sha256-{mark}'" in policy, path
        assert not re.search(r"<style|<[^>]*\son[a-z]+=|javascript:", reply.text)


def test_nothing_can_be_changed_through_it(url: str) -> None:
    [name] = worker_names(url)
    for path in (f"worker/shutdown/{name}", "task/async-apply/broadcaster.dispatch", "task/revoke/x"):
        assert httpx.post(f"{url}/api/{path}", auth=LOGIN, json={}).status_code == 403
    assert worker_names(url) == [name]


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")
def test_a_browser_shows_every_page_under_the_policy(url: str, tmp_path: Path) -> None:
    with_login = url.replace("://", f"://{':'.join(LOGIN)}@")
    for path in pages(url):
        done = subprocess.run(
            [
                *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/browser"),
                *("--enable-logging=stderr", "--virtual-time-budget=3000", "--dump-dom", with_login + path),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert re.findall(r".*CONSOLE.*(?:Content Security|Uncaught|violates).*", done.stderr) == [], path
        if path in ("/", "/workers"):
            assert worker_names(url)[0] in done.stdout


def test_every_page_leads_to_the_view_in_the_browser(url: str) -> None:
    link = f'href="http://127.0.0.1:{Settings(home=Path()).web_port}/"'
    for path in ("/", "/tasks"):
        assert link in httpx.get(f"{url}{path}", auth=LOGIN, timeout=10, follow_redirects=True).text
