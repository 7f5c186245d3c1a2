"""TLS to Postgres and Redis: what is checked, and what is said where it does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url

from broadcaster.services.campaigns.campaign_reports import campaign_summary
from broadcaster.settings import Settings
from broadcaster.simulator import Simulator
from tests.integration.test_redis_users import health_of, names_in_flower, queues_in_flower
from tests.support.cli import RunCli, assert_done, assert_refused
from tests.support.home import free_port
from tests.support.stack import running_stack, wait_for
from tests.support.tls import Authority, tls_in_front_of


@dataclass(frozen=True, slots=True)
class Servers:
    """URLs by which they are reached; the certificates are of `localhost`."""

    authority: Path
    stranger: Path
    database: str
    redis: str

    def environ(self, host: str = "localhost", authority: Path | None = None) -> dict[str, str]:
        known = authority or self.authority
        return {
            "BROADCASTER_DATABASE_URL": self.database.format(host=host, authority=known),
            "BROADCASTER_REDIS_URL": f"{self.redis.format(host=host)}?ssl_ca_certs={known}",
        }


@pytest.fixture
def servers_with_tls(environ: dict[str, str], settings: Settings, tmp_path: Path) -> Iterator[Servers]:
    authority, stranger = Authority(tmp_path, "authority"), Authority(tmp_path, "stranger")
    context = authority.server_context("localhost")
    url = make_url(settings.postgres_url)
    postgres_socket = Path(str(url.query["host"])) / ".s.PGSQL.5432"
    redis_socket = Path(settings.broker_url.removeprefix("redis+socket://"))
    with (
        tls_in_front_of(postgres_socket, context, postgres=True) as postgres_port,
        tls_in_front_of(redis_socket, context) as redis_port,
    ):
        options = f"sslmode=verify-full&sslrootcert={{authority}}&passfile={url.query['passfile']}"
        yield Servers(
            authority.path,
            stranger.path,
            f"postgresql://{url.username}@{{host}}:{postgres_port}/{url.database}?{options}",
            f"rediss://{{host}}:{redis_port}/0",
        )


def test_a_campaign_is_sent_watched_and_diagnosed_by_tls(
    run_cli: RunCli,
    simulator: Simulator,
    engine: Engine,
    environ: dict[str, str],
    servers_with_tls: Servers,
    tmp_path: Path,
) -> None:
    environ |= servers_with_tls.environ()
    options = ("--key-stdin", "--base-url", simulator.base_url, "--rate", "unlimited")
    assert_done(run_cli("instance", "add", "main", *options, stdin="a-key"))
    port = free_port()
    login = {"BROADCASTER_FLOWER_BASIC_AUTH": "a:b", "BROADCASTER_FLOWER_PORT": str(port)}
    with running_stack(tmp_path, environ) as stack:
        worker = stack.start("worker")
        stack.start("beat")  # fires everything at once: a worker that starts later waits ten seconds for some of it
        stack.start("flower", **login)
        arguments = ("--instance", "main", "--recipients", "-", "--text", "Hi")
        assert_done(run_cli("campaign", "submit", "c", *arguments, stdin="phone\n+12025550101\n"))
        wait_for(lambda: campaign_summary(engine, "c").sent == 1, "it to be sent", 30)
        wait_for(lambda: run_cli("doctor").code == 0, "doctor to find nothing")
        for role in ("worker", "beat"):
            assert health_of(role, environ["BROADCASTER_REDIS_URL"]) == (0, "")
        wait_for(lambda: names_in_flower(port) != [], "Flower to see the worker")
        wait_for(lambda: len(queues_in_flower(port)) == 2, "Flower to know the queues")
        assert "insecure" not in worker.log.read_text()


@pytest.mark.parametrize("wrong", ["authority", "host", "nothing given"])
def test_a_certificate_that_does_not_fit_is_one_line(
    run_cli: RunCli, environ: dict[str, str], servers_with_tls: Servers, wrong: str
) -> None:
    good, bad = servers_with_tls.environ(), servers_with_tls.environ(host="127.0.0.1")
    if wrong != "host":
        bad = servers_with_tls.environ(authority=servers_with_tls.stranger)
    if wrong == "nothing given":
        bad["BROADCASTER_REDIS_URL"] = bad["BROADCASTER_REDIS_URL"].partition("?")[0]
    said = "127.0.0.1" if wrong == "host" else "certificate verify failed"
    assert_refused(run_cli("instance", "add", "a", "--key-stdin", stdin="k", environ=bad), "Postgres", said)
    code, line = health_of("worker", bad["BROADCASTER_REDIS_URL"])
    assert (code, line.count("\n")) == (1, 1)
    assert line.startswith("Redis does not answer: ")
    assert "certificate verify failed" in line
    good["BROADCASTER_REDIS_URL"] = bad["BROADCASTER_REDIS_URL"]
    [found] = [line for line in run_cli("doctor", environ=good).stdout.splitlines() if line.startswith("redis")]
    assert "certificate verify failed" in found
