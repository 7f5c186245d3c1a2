"""What the fault matrix is made of: servers that may be killed, campaigns under fault, and the books afterwards."""

from __future__ import annotations

import os
import platform
import random
import shutil
import signal
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis

from broadcaster.domain.contents import Content
from broadcaster.domain.pacing import parse_rate, worst_excess
from broadcaster.embedded import ProcessId, Servers, start_servers
from broadcaster.embedded.home import home_of
from broadcaster.settings import Settings
from tests.support.servers import TestServers, redis_client
from tests.support.shop import Shop
from tests.support.stack import Role, Stack, wait_for

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
SEED = 20_260_101
LEASE = 3.0
RECOVERY = 10.0
"""Seconds on top of the lease within which every lane of a worker that died sends again."""
REQUEST_TIMEOUT = 3.0
IN_FLIGHT = 4
RATE, BURST = "50/s", 5
INSTANCES = ("a", "b", "c")
AT_ONCE = IN_FLIGHT * len(INSTANCES)
"""The most messages that can be sending when something happens: each has a place in flight from its claim until its
outcome is committed."""
VARIABLES = {
    "BROADCASTER_LEASE_SECONDS": str(LEASE),
    "BROADCASTER_REQUEST_TIMEOUT_SECONDS": str(REQUEST_TIMEOUT),
    "BROADCASTER_DRAIN_SECONDS": "5",
    "BROADCASTER_WORKER_THREADS": "8",
    "BROADCASTER_DOUBT_SETTLE_SECONDS": "1",
    "BROADCASTER_DOUBT_POLL_SECONDS": "1",
}
LATENCY = "kind=latency,seconds=0.04"
"""Requests that take a while are in flight when something happens."""


def short_and_full(short: int, full: int) -> pytest.MarkDecorator:
    """Run a row so often in `make test` and in `make chaos`."""
    runs = [pytest.param(short, id="short"), pytest.param(full, id="full", marks=pytest.mark.chaos)]
    return pytest.mark.parametrize("runs", runs)


class Server:
    """One embedded server in a home of its own, which may be killed and started again."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._running: Servers = start_servers(settings)

    @property
    def process(self) -> ProcessId:
        """The server's main process."""
        if self.settings.database_url is None:
            pid = int((home_of(self.settings).postgres / "postmaster.pid").read_text().split()[0])
        else:
            with redis_client(self.settings) as client:
                pid = client.info()["process_id"]
        found = ProcessId.of(pid)
        assert found is not None
        return found

    def kill(self) -> None:
        """SIGKILL, and nothing is started in its place."""
        self.process.kill()

    def revive(self) -> None:
        """Start it if a row that failed left it down."""
        try:
            _ = self.process
        except (AssertionError, OSError, redis.RedisError):
            self.start()

    def start(self, *, empty: bool = False) -> None:
        """Start it again; `empty`: as if it had never held anything (Redis)."""
        self._running.stop()
        if empty:
            shutil.rmtree(home_of(self.settings).redis)
        self._running = start_servers(self.settings)

    def close(self) -> None:
        self._running.stop()


@dataclass(frozen=True)
class BreakableServers:
    """Postgres and Redis apart, so that each can go down alone, and databases for the tests."""

    postgres: Server
    redis: Server
    databases: TestServers


@contextmanager
def breakable_servers() -> Iterator[BreakableServers]:
    with ExitStack() as stack:
        postgres, redis = (
            Server(settings)
            for settings in (
                Settings(home=_home(stack), redis_url="redis://unused"),
                Settings(home=_home(stack), database_url="postgresql://unused"),
            )
        )
        stack.callback(postgres.close)
        stack.callback(redis.close)
        urls = {
            "database_url": postgres.settings.postgres_url,
            "migration_database_url": postgres.settings.migration_url,
            "redis_url": redis.settings.broker_url,
        }
        databases = TestServers(Settings(home=_home(stack), **urls))
        stack.callback(databases.close)
        yield BreakableServers(postgres, redis, databases)


def _home(stack: ExitStack) -> Path:
    path = Path(tempfile.mkdtemp(prefix="broadcaster-chaos-", dir="/tmp"))
    stack.callback(shutil.rmtree, path, ignore_errors=True)
    path.chmod(0o711)
    return path


@dataclass
class Finding:
    """A row of the table: what `runs` of a fault came to."""

    fault: str
    runs: int
    lost: int
    doubled: int
    in_doubt: int
    resolved: int
    recovery: float | None
    """Seconds until every instance had a message accepted again, in the slowest run; None: not measured."""


@dataclass
class Chaos:
    """A stack around a test's database, with a gateway whose ledger is the judge."""

    shop: Shop
    stack: Stack
    servers: BreakableServers
    environ: Mapping[str, str]
    findings: list[Finding]
    full: bool
    """Whether there is time: then doubts are waited for until they are resolved."""
    random: random.Random = field(default_factory=lambda: random.Random(SEED))
    workers: list[Role] = field(default_factory=list)
    beats: list[Role] = field(default_factory=list)
    instances: Sequence[str] = INSTANCES
    """Through which it sends."""
    _campaigns: list[str] = field(default_factory=lambda: ["c"])
    _rate: str = RATE
    _recoveries: list[float] = field(default_factory=list)
    _doubts: int = 0
    """How many there were at the last recovery."""
    _total: int = 0

    def begin(
        self,
        count: int,
        *,
        workers: int = 2,
        faults: Sequence[str] = (LATENCY,),
        rate: str = RATE,
        instances: Sequence[str] = INSTANCES,
        in_flight: int = IN_FLIGHT,
        prefix: str = "62812",
        content: Content | None = None,
        awaited: int = 20,
        **variables: str,
    ) -> None:
        """A stack of so many workers, with `variables`, and a beat that sends a campaign over all instances.

        Returns once so many messages are `awaited`.
        """
        self.instances = instances
        for name in instances:
            self.shop.add(name, rate, burst=BURST, max_in_flight=in_flight)
        self.shop.fault(*faults)
        self.beats = [self.stack.start("beat")]
        self.workers = self.start_workers(workers, **variables)
        self._total, self._rate = count, rate
        self.shop.submit("c", count, *instances, prefix=prefix, content=content)
        if workers:
            self.wait_accepted(awaited)

    def also(self, name: str, count: int, *, first: int) -> None:
        """Send one more campaign over the same instances."""
        self._total += count
        self._campaigns.append(name)
        self.shop.submit(name, count, *self.instances, first=first)

    def start_workers(self, count: int, **variables: str) -> list[Role]:
        """Start them side by side, and wait until they take tasks."""
        started = [self.stack.start("worker", ready=False, **variables) for _ in range(count)]
        for worker in started:
            worker.wait_until_ready()
        return started

    def replace(self, worker: Role) -> None:
        """What a supervisor does when a worker has ended."""
        self.workers[self.workers.index(worker)] = self.stack.start("worker")

    def accepted(self) -> int:
        return sum(entry.accepted for entry in self.shop.gateway.ledger.entries)

    def wait_accepted(self, more: int, timeout: float = 60) -> None:
        """Until the gateway has accepted so many more."""
        goal = min(self._total, self.accepted() + more)
        wait_for(lambda: self.accepted() >= goal, f"{goal} messages", timeout)

    def recovered(self, since: float, *, faults: int = 1) -> float:
        """Wait until every instance that has work accepted a message after `since` (monotonic); returns how long.

        No more may have come to be in doubt than could be in flight at so many `faults`.
        """
        seconds = self._until_all_send(since)
        wait_for(lambda: not self._left_behind(), "what nobody holds any more to be taken back", 60)
        doubts, self._doubts = self._doubts, self.doubts()
        assert self._doubts - doubts <= AT_ONCE * faults
        return seconds

    def healed(self, *faults: str, within: float = 60.0) -> float:
        """Let the gateway work but for `faults`, and wait until everything is sent or decided; returns how long."""
        self.shop.fault(LATENCY, *faults)
        since = time.monotonic()
        self._until_all_send(since, within)
        wait_for(lambda: not self.unsent() and not self.in_doubt(), "everything", since + within - time.monotonic())
        return time.monotonic() - since

    def _until_all_send(self, since: float, timeout: float = 60.0) -> float:
        def first() -> dict[str, float]:
            entries = [
                entry
                for entry in reversed(self.shop.gateway.ledger.entries)
                if entry.accepted and entry.monotonic_ns / 1e9 > since
            ]
            return {entry.instance: entry.monotonic_ns / 1e9 - since for entry in entries}

        wait_for(
            lambda: len(first()) == len(self.instances) or not self.unsent(), "every instance to send again", timeout
        )
        seconds = max(first().values(), default=0.0)
        self._recoveries.append(seconds)
        return seconds

    def decided(self) -> Counter[str]:
        """What doubts came to: found, absent or unknown."""
        rows = self.shop.sql("SELECT resolved_as FROM doubts WHERE resolved_as IS NOT NULL")
        return Counter(str(came_to) for (came_to,) in rows)

    def doubts(self) -> int:
        """Requests that were ever in doubt."""
        return int(str(self.shop.sql("SELECT count(*) FROM attempts WHERE outcome = 'unknown'")[0][0]))

    def _left_behind(self) -> bool:
        """Whether there are messages whose holder has lost their lane."""
        return bool(
            self.shop.sql(
                "SELECT FROM messages m JOIN lanes l ON l.id = m.lane_id WHERE m.state = 'sending'"
                " AND (l.lease_token IS NULL OR l.lease_expires_at <= now()) LIMIT 1"
            )
        )

    def unsent(self) -> int:
        """Messages on which workers still have something to do."""
        return self._count("pending", "sending")

    def in_doubt(self) -> int:
        """Messages that are in doubt now."""
        return self._count("in_doubt")

    def _count(self, *states: str) -> int:
        counts = [self.shop.states(name) for name in self._campaigns]
        return sum(each.get(state, 0) for each in counts for state in states)

    def finish(
        self,
        fault: str,
        *,
        runs: int = 1,
        most_in_doubt: int,
        failed: int = 0,
        cancelled: int = 0,
        steps_forward: int = 0,
        timeout: float = 180,
    ) -> Finding:
        """Let the campaign drain, compare it with the ledger message by message, and note what was found.

        `failed` and `cancelled` are how many messages are to end so, `steps_forward` how often Postgres's clock was
        put forward.
        """
        wait_for(lambda: not self.unsent(), "the campaign", timeout)
        if self.full:
            # What is shown to be absent is sent again, so that this may make work once more.
            wait_for(lambda: not self.in_doubt() and not self.unsent(), "the doubts", timeout)
        for role in (*self.workers, *self.beats):
            assert role.process.poll() is None, role.log.read_text()[-4000:]
        states = {str(phone): str(state) for phone, state in self.shop.sql("SELECT phone, state FROM messages")}
        accepted, resent = self.shop.accepted(), self.shop.resent()
        by_state = defaultdict(set)
        for phone, state in states.items():
            by_state[state].add(phone)
        doubted = {
            tuple(row) for row in self.shop.sql("SELECT campaign_id, seq FROM attempts WHERE outcome = 'unknown'")
        }
        open_doubts = by_state["in_doubt"] | by_state["unknown"]
        finding = Finding(
            fault=fault,
            runs=runs,
            lost=len(by_state["sent"] - set(accepted))
            + self._total
            - len(by_state["sent"] | open_doubts)
            - (failed + cancelled),
            doubled=sum(times > 1 + resent[phone] for phone, times in accepted.items()),
            in_doubt=len(doubted),
            resolved=len(doubted) - len(open_doubts),
            recovery=max(self._recoveries, default=None),
        )
        self.findings.append(finding)
        assert finding.lost == 0, finding
        assert finding.doubled == 0, finding
        assert (len(by_state["failed"]), len(by_state["cancelled"])) == (failed, cancelled)
        assert set(accepted) - by_state["sent"] <= open_doubts, "accepted, and neither sent nor in doubt"
        assert finding.in_doubt <= most_in_doubt, finding
        self.assert_limits_held(steps_forward)
        return finding

    def assert_limits_held(self, steps_forward: int = 0) -> None:
        """Invariant I5 at the gateway, for every instance and every window.

        A step forward of Postgres's clock lets a lane that changes hands have its burst once more.
        """
        if (rate := parse_rate(self._rate)) is None:
            return
        for name in self.instances:
            moments = sorted(
                entry.monotonic_ns / 1e9
                for entry in self.shop.gateway.ledger.entries
                if entry.accepted and entry.instance == name
            )
            assert worst_excess(moments, rate, BURST) <= BURST * steps_forward + 1e-6, name


def pause(process: ProcessId, seconds: float) -> None:
    """SIGSTOP, and SIGCONT after so many seconds."""
    process.send(signal.SIGSTOP)
    try:
        time.sleep(seconds)  # the pause itself
    finally:
        process.send(signal.SIGCONT)


def table(findings: Sequence[Finding]) -> str:
    """The findings as a table for the documentation."""
    heads = ("Fault", "Runs", "Lost", "Doubled", "In doubt", "Resolved", "Recovery")
    rows = [
        (
            each.fault,
            *(str(count) for count in (each.runs, each.lost, each.doubled, each.in_doubt, each.resolved)),
            "" if each.recovery is None else f"{each.recovery:.1f} s",
        )
        for each in findings
    ]
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def publish(findings: Sequence[Finding]) -> None:
    """Write the table into docs/reliability.md, with the date and the machine."""
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    heading = f"As of {datetime.now(UTC):%Y-%m-%d}, on {machine}, seed {SEED}:"
    start, end = "<!-- matrix: make chaos -->", "<!-- end of matrix -->"
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(start)
    after = rest.partition(end)[2]
    text = f"{before}{start}\n\n{heading}\n\n{table(findings)}\n\n{end}{after}"
    DOCUMENT.write_text(text, encoding="utf-8")
