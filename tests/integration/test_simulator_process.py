"""The simulator as a process: ready line, signals, restart, and errors."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from broadcaster.simulator import guide

PHONE = "628123456789"
COMMAND = [sys.executable, "-m", "broadcaster.simulator"]


@contextmanager
def _running(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A simulator process and its URL."""
    with subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith("simulator listening on http://127.0.0.1:")
            yield process, line.split()[-1]
        finally:
            process.kill()


def _send(url: str, body: str) -> dict[str, object]:
    reply = httpx.post(f"{url}/wa/send", json={"key": "k", "phone": PHONE, "body": body})
    return dict(reply.json())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_even_while_a_client_is_connected(number: signal.Signals) -> None:
    with _running("--fault", "kind=hang_after_accept,seconds=60") as (process, url), httpx.Client() as client:
        client.get(f"{url}/_sim/stats").raise_for_status()
        process.send_signal(number)

        assert process.wait(timeout=10) == 0


@pytest.mark.parametrize("options", [(), ("--fsync",)])
def test_a_gateway_that_was_killed_remembers_what_it_accepted(tmp_path: Path, options: tuple[str, ...]) -> None:
    ledger = ("--ledger", str(tmp_path / "ledger"), *options)
    with _running(*ledger) as (process, url):
        first = _send(url, "before")
        process.kill()
        process.wait(timeout=10)

    with _running(*ledger) as (_, url):
        second = _send(url, "after")
        messages = httpx.post(f"{url}/wa/messages", json={"key": "k", "phone": PHONE}).json()["messages"]

    assert [(message["id"], message["body"]) for message in messages] == [
        (second["id"], "after"),
        (first["id"], "before"),
    ]
    lines = (tmp_path / "ledger").read_text().splitlines()
    assert [json.loads(line)["endpoint"] for line in lines] == ["/wa/send", "/wa/send", "/wa/messages"]


def test_its_options_configure_it(tmp_path: Path) -> None:
    faults = tmp_path / "faults.json"
    faults.write_text('[{"kind": "http_503", "instance": "b"}]')
    options = ("--instance", "a:k", "--instance", "b:l,shape=status", "--shape", "ok", "--faults", str(faults))
    with _running(*options) as (_, url):
        assert _send(url, "hello") == {"ok": True}
        assert httpx.post(f"{url}/wa/contacts", json={"key": "l"}).status_code == 503
        assert httpx.post(f"{url}/wa/contacts", json={"key": "unknown"}).json()["ok"] is False


def test_instances_list_as_their_options_say() -> None:
    options = ("--instance", "a:k,texts=lower", "--instance", "b:l", "--listing", "texts=escape_html,page=1")
    with _running(*options) as (_, url):

        def listed(key: str) -> list[str]:
            for body in ("old", "New & <b>"):
                httpx.post(f"{url}/wa/send", json={"key": key, "phone": PHONE, "body": body})
            reply = httpx.post(f"{url}/wa/messages", json={"key": key, "phone": PHONE}).json()
            return [message["body"] for message in reply["messages"]]

        assert listed("k") == ["new & <b>", "old"]
        assert listed("l") == ["New &amp; &lt;b&gt;"]


def test_its_help_explains_what_can_go_wrong() -> None:
    result = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, timeout=20, check=True)

    assert guide() in result.stdout


def test_a_port_that_is_taken_is_one_line() -> None:
    with _running() as (_, url):
        port = url.rpartition(":")[2]
        second = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, timeout=20, check=False)

    assert second.returncode == 1
    assert second.stderr == f"error: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_a_bad_option_is_one_line() -> None:
    result = subprocess.run(
        [*COMMAND, "--fault", "kind=nope"], capture_output=True, text=True, timeout=20, check=False
    )

    assert result.returncode == 2
    assert result.stderr.startswith("error: --fault kind=nope: there is no fault kind 'nope'")
    assert result.stderr.count("\n") == 1
