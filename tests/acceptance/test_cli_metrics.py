"""`broadcaster metrics`: what monitors see. Alerts, dashboard and document speak of figures that there are."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done, assert_refused, command
from tests.support.shop import Shop, drain, open_shop

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
DOCUMENT = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
REPORTING = (ROOT / "docs" / "reporting.md").read_text(encoding="utf-8")
MEASURED = ("turn_over_seconds", "claimed_messages", "committed_outcomes")
"""The histograms of workers."""
FIGURE = re.compile(r"broadcaster_[a-z_]+")

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    with open_shop(engine, settings) as opened:
        yield opened


def read(text: str) -> Figures:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(figures: Figures, name: str, **labels: str) -> float:
    return figures[f"broadcaster_{name}", tuple(sorted(labels.items()))]


def test_figures_are_those_of_the_database(run_cli: RunCli, shop: Shop) -> None:
    shop.add("a", "600/min 1000/d")
    shop.add("b")
    assert_done(run_cli("limit", "add", "everybody", "2000/d"))
    assert_done(run_cli("instance", "set", "b", "--limit", "everybody"))
    shop.submit("spring", 30, "a", "b")
    before = read(assert_done(run_cli("metrics")).stdout)
    shares = {name: of(before, "messages", instance_name=name, state="pending") for name in "ab"}
    assert sum(shares.values()) == 30
    assert min(shares.values()) > 0
    assert of(before, "campaigns", state="running") == 1
    assert of(before, "oldest_due_seconds", instance_name="a") > 0
    assert of(before, "doubt_deadline_seconds") == shop.settings.doubt_deadline_seconds
    drain(shop)
    assert_done(run_cli("phone", "block", "+628990000001"))
    after = read(assert_done(run_cli("metrics")).stdout)
    for name, rate in (("a", 10.0), ("b", float("inf"))):
        assert of(after, "messages", instance_name=name, state="sent") == shares[name]
        assert of(after, "messages", instance_name=name, state="pending") == 0
        assert of(after, "sent_total", instance_name=name) == shares[name]
        assert of(after, "oldest_due_seconds", instance_name=name) == 0
        assert of(after, "recent_attempts", instance_name=name, outcome="accepted") == shares[name]
        assert of(after, "lane_health", instance_name=name, health="ok") == 1
        assert of(after, "permitted_per_second", instance_name=name) == rate
        quantiles = [
            of(after, "gateway_seconds", instance_name=name, quantile=each) for each in ("0.5", "0.95", "0.99")
        ]
        assert quantiles == sorted(quantiles)
    own = {"limit": "", "instance_name": "a", "span_seconds": "86400", "ramp": "false", "shared_by": ""}
    shared = own | {"limit": "everybody", "instance_name": "", "shared_by": "instances"}
    assert [of(after, f"limit_{what}", **own) for what in ("most", "taken")] == [1000, shares["a"]]
    assert [of(after, f"limit_{what}", **shared) for what in ("most", "taken")] == [2000, shares["b"]]
    assert of(after, "opt_outs") == 1


def test_an_instance_that_an_operator_has_paused_has_nothing_due(run_cli: RunCli, shop: Shop) -> None:
    for name in ("a", "b", "c"):
        shop.add(name)
    shop.submit("spring", 30, "a", "b", "c")
    assert_done(run_cli("instance", "pause", "a"))
    paused = "UPDATE lanes SET health = 'paused', health_reason = 'stopped by its own limit: failed: 8 of 50'"
    shop.sql(f"{paused} FROM instances i WHERE i.id = lanes.id AND i.name = 'b'")
    figures = read(assert_done(run_cli("metrics")).stdout)
    assert of(figures, "oldest_due_seconds", instance_name="a") == 0
    assert of(figures, "oldest_due_seconds", instance_name="b") > 0, "it has paused itself: nobody meant that"
    assert of(figures, "oldest_due_seconds", instance_name="c") > 0


def test_a_test_of_a_campaign_is_not_among_what_was_sent(run_cli: RunCli, shop: Shop) -> None:
    shop.add("a")
    shop.submit("spring", 4, "a")
    drain(shop)
    shop.sql("UPDATE campaigns SET test_of = id WHERE name = 'spring'")
    shop.count_attempts_anew()
    assert of(read(assert_done(run_cli("metrics")).stdout), "sent_total", instance_name="a") == 0


@pytest.mark.parametrize(
    ("took", "half", "nearly_all", "said"),
    [
        (7, 10, 200, "half took at most 10 ms, 99 of 100 at most 200 ms: of 10 requests since "),
        (30_121, 60_000, 60_000, "half took at most 60 s, 99 of 100 at most 60 s: of 10 requests since "),
        (400_000, None, None, "half took more than 5 min, 99 of 100 more than 5 min: of 10 requests since "),
    ],
)
def test_an_instance_says_how_slow_the_gateway_is(
    run_cli: RunCli, shop: Shop, took: int, half: int | None, nearly_all: int | None, said: str
) -> None:
    shop.add("a")
    nothing = run_cli("instance", "show", "a", "--json").json["latency"]
    assert (nothing["requests"], nothing["half_within_ms"]) == (0, None)
    assert "nothing was sent since" in assert_done(run_cli("instance", "show", "a")).stdout
    shop.submit("spring", 10, "a")
    drain(shop)
    shop.sql(
        "UPDATE attempts SET duration_ms = CASE WHEN seq <= 5 THEN :took ELSE greatest(:took, 150) END", took=took
    )
    shop.count_attempts_anew()
    shown = run_cli("instance", "show", "a", "--json").json["latency"]
    assert (shown["requests"], shown["half_within_ms"], shown["nearly_all_within_ms"]) == (10, half, nearly_all)
    assert said in assert_done(run_cli("instance", "show", "a")).stdout


def test_a_ramp_and_a_rate_a_day_are_two_series(run_cli: RunCli, shop: Shop) -> None:
    shop.add("a", "600/min 1000/d")
    assert_done(run_cli("instance", "set", "a", "--ramp", "20,50"))
    text = assert_done(run_cli("metrics")).stdout
    series = [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(series) == len(set(series))
    labels = {"limit": "", "instance_name": "a", "span_seconds": "86400", "shared_by": ""}
    assert [of(read(text), "limit_most", ramp=ramp, **labels) for ramp in ("true", "false")] == [20, 1000]


def test_nothing_personal_is_in_the_figures(run_cli: RunCli, shop: Shop) -> None:
    shop.add("a")
    shop.submit("secret-plan", 5, "a", prefix="6281277")
    drain(shop)
    text = assert_done(run_cli("metrics")).stdout
    assert "6281277" not in text
    assert "secret-plan" not in text
    assert "key-a" not in text


@contextmanager
def serving(environ: dict[str, str], *arguments: str | Path) -> Iterator[str]:
    """The URL at which `broadcaster metrics --listen` says that its figures are."""
    process = subprocess.Popen(
        command("metrics", "--listen", "127.0.0.1:0", *arguments), env=environ, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        _, complaints = process.communicate(timeout=20)
        assert (process.returncode, complaints) == (0, "")


def answer(url: str, **headers: str) -> tuple[int, str]:
    try:
        with urlopen(Request(url, headers=headers), timeout=20) as response:
            return response.status, response.read().decode()
    except HTTPError as refused:
        return refused.code, refused.read().decode()


def test_prometheus_finds_them_under_metrics(environ: dict[str, str], shop: Shop) -> None:
    shop.add("a")
    with serving(environ) as url:
        for _ in range(2):
            code, text = answer(url)
            assert code == 200
            assert of(read(text), "messages", instance_name="a", state="sent") == 0
        assert answer(url.replace("/metrics", "/"))[0] == 404


def test_a_token_is_asked_for(environ: dict[str, str], shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.touch(0o600)
    file.write_text("very-secret\n")
    with serving(environ, "--token-file", file) as url:
        assert answer(url)[0] == 401
        assert answer(url, Authorization="Bearer guessed")[0] == 401
        code, text = answer(url, Authorization="Bearer very-secret")
        assert (code, "very-secret" in text) == (200, False)


def test_while_postgres_is_away_it_says_so_and_stays(environ: dict[str, str]) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = f"postgresql://somebody:hidden@127.0.0.1:{nobody.getsockname()[1]}/broadcaster"
        with serving({**environ, "BROADCASTER_DATABASE_URL": away}) as url:
            for _ in range(2):
                code, text = answer(url)
                assert (code, text.count("\n")) == (503, 1)
                assert "hidden" not in text


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--listen", "9464"), "--listen: '9464' is not ADDRESS:PORT"),
        (("--listen", "localhost:9464"), "'localhost' is no IP address"),
        (("--listen", "0.0.0.0:0"), "others reach 0.0.0.0, so scrapes need a token there"),
        (("--listen", "127.0.0.1:99999"), "is not ADDRESS:PORT"),
        (("--token-file", "token"), "--token-file is for --listen ADDRESS:PORT"),
        (("--listen", "127.0.0.1:0", "--token-file", "nowhere"), "--token-file: nowhere: No such file"),
    ],
)
def test_what_cannot_be_served_is_refused(run_cli: RunCli, arguments: tuple[str, ...], why: str) -> None:
    assert_refused(run_cli("metrics", *arguments), why, code=2)


def test_an_address_that_is_taken_is_named(run_cli: RunCli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert_refused(run_cli("metrics", "--listen", f"127.0.0.1:{port}"), f"cannot listen at 127.0.0.1 port {port}")


def test_alerts_dashboard_and_document_speak_of_figures_that_there_are(run_cli: RunCli, shop: Shop) -> None:
    shop.add("a", "600/min 1000/d")
    shop.submit("spring", 3, "a")
    drain(shop)
    assert_done(run_cli("notify", "add", "boss", "--webhook", "https://hooks.example.com/x"))
    there = {name for name, _ in read(assert_done(run_cli("metrics")).stdout)}
    # Without a beat nobody has noted a tick, and no worker has lasted until it writes what it has measured.
    there |= {"broadcaster_tick_age_seconds", "broadcaster_tick_period_seconds"}
    there |= {f"broadcaster_{name}" for name in MEASURED}
    alerts = (MONITORING / "alerts.yml").read_text(encoding="utf-8")
    dashboard = (MONITORING / "dashboard.json").read_text(encoding="utf-8")
    assert json.loads(dashboard)["panels"]
    parts = {f"broadcaster_{name}_{part}" for name in MEASURED for part in ("bucket", "count", "sum")}
    assert set(FIGURE.findall(alerts)) | set(FIGURE.findall(dashboard)) <= there | parts
    assert set(FIGURE.findall(DOCUMENT)) == there
    assert set(FIGURE.findall(REPORTING)) <= there


def test_every_alert_has_a_test_and_an_entry_in_the_runbook() -> None:
    alerts = re.findall(r"- alert: (\w+)", (MONITORING / "alerts.yml").read_text(encoding="utf-8"))
    tried = re.findall(r"- alertname: (\w+)", (MONITORING / "alerts_test.yml").read_text(encoding="utf-8"))
    assert alerts == list(dict.fromkeys(tried)) == re.findall(r"^### (\w+)$", DOCUMENT, re.MULTILINE)


def test_every_alert_fires_when_it_should() -> None:
    if shutil.which("promtool") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("promtool is not there: .ci/run unpacks it from the package prometheus")
        pytest.skip("there is no promtool here")
    done = subprocess.run(
        ["promtool", "test", "rules", str(MONITORING / "alerts_test.yml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
