"""The supervisor with real processes. Its roles are small scripts; most tests do without the servers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import msgspec
import psycopg
import pytest

from broadcaster import embedded
from broadcaster.embedded import ProcessId, RoleState, StackState, StackStatus, launch
from broadcaster.embedded.home import home_of, prepare_home
from broadcaster.embedded.role import processes_left_behind
from broadcaster.errors import ConflictError, UnavailableError
from broadcaster.settings import Settings

DRIVER = """
import os, signal, sys, threading, time
from pathlib import Path
from broadcaster import embedded, settings
from broadcaster.embedded import Role
from broadcaster.errors import BroadcasterError

def script(name, code, **how):
    return Role(name=name, argv=[sys.executable, "-u", "-c", code], **how)

sleeper = "import time; print('hello', flush=True); time.sleep(600)"
ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)"
stubborn = ignore + "; import time; time.sleep(600)"
before = None
{body}
try:
    embedded.run_stack(settings.load(), roles, lambda line: print(line, flush=True), before)
except BroadcasterError as error:
    sys.exit(str(error))
"""

TWO_SLEEPERS = "roles = [script('first', sleeper), script('second', sleeper)]"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A home without servers: both are configured by URL."""
    home = Path(tempfile.mkdtemp(prefix="broadcaster-test-"))
    home.chmod(0o711)
    monkeypatch.setenv("BROADCASTER_HOME", str(home))
    monkeypatch.setenv("BROADCASTER_DATABASE_URL", "postgresql://elsewhere/x")
    monkeypatch.setenv("BROADCASTER_REDIS_URL", "redis://elsewhere")
    settings = Settings(home=home, database_url="postgresql://elsewhere/x", redis_url="redis://elsewhere")
    yield settings
    embedded.stop_stack(settings, 30)
    # A role that was being launched when its supervisor was killed ends by itself in a moment, and may have yet to
    # write its record.
    eventually(lambda: not being_launched(home))
    eventually(lambda: processes_left_behind(home_of(settings)) == [])
    # It may be putting a last file in place while the directory goes.
    shutil.rmtree(home, ignore_errors=True)


class Stack:
    """A process that runs a stack, and the lines that it reports."""

    def __init__(self, body: str) -> None:
        self.process = subprocess.Popen(
            command(body), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        self.lines: list[str] = []

    def until(self, ending: str) -> str:
        """Read on until a line that contains `ending`, and return it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if ending in line:
                return self.lines[-1]
        raise AssertionError(f"{ending!r} is not in {self.lines}; {self.error()}")

    def error(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read()

    def finish(self) -> int:
        """Read to the end; the exit code."""
        assert self.process.stdout is not None
        self.lines += self.process.stdout.read().splitlines()
        return self.process.wait()


@pytest.fixture
def run(settings: Settings) -> Iterator[Callable[[str], Stack]]:
    stacks: list[Stack] = []

    def start(body: str) -> Stack:
        stacks.append(Stack(body))
        return stacks[-1]

    yield start
    for stack in stacks:
        stack.process.kill()
        stack.process.communicate()


def command(body: str) -> list[str]:
    return [sys.executable, "-c", DRIVER.replace("{body}", body)]


def eventually(happened: Callable[[], bool], timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)  # what other processes do tells nobody


def being_launched(home: Path) -> list[int]:
    """The processes that were told to record themselves under `home`, and have not become their program yet."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(FileNotFoundError, ProcessLookupError):
            command = path.read_bytes()
            if os.fsencode(launch.__file__) in command and os.fsencode(home) in command:
                found.append(int(path.parent.name))
    return found


def processes(status: StackStatus) -> list[ProcessId]:
    return [role.process for role in status.roles if role.process is not None]


def until_state(settings: Settings, state: StackState) -> StackStatus:
    eventually(lambda: embedded.read_status(settings).state is state)
    return embedded.read_status(settings)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_roles_start_in_order_and_stop_in_reverse(
    settings: Settings, run: Callable[[str], Stack], signum: signal.Signals
) -> None:
    stack = run(TWO_SLEEPERS)
    status = until_state(settings, StackState.READY)
    stack.process.send_signal(signum)
    assert stack.finish() == 0
    assert [line.split(" (")[0] for line in stack.lines] == [
        "first: ready",
        "second: ready",
        "stopping",
        "second: stopped",
        "first: stopped",
    ]
    assert [role.name for role in status.roles] == ["first", "second"]
    assert status.process is not None
    assert status.process.pid == stack.process.pid
    assert len(processes(status)) == 2
    assert not any(process.is_alive() for process in processes(status))
    assert embedded.read_status(settings) == StackStatus(state=StackState.STOPPED)


def test_each_role_writes_to_its_own_log(settings: Settings, run: Callable[[str], Stack]) -> None:
    run(TWO_SLEEPERS)
    until_state(settings, StackState.READY)
    log = settings.home / "logs" / "first.log"
    eventually(lambda: log.read_text() == "hello\n")
    assert log.stat().st_mode & 0o777 == 0o600


def test_the_migrations_run_once_the_servers_answer_and_before_any_role(
    settings: Settings, run: Callable[[str], Stack]
) -> None:
    stack = run(TWO_SLEEPERS + "\nbefore = lambda: print('migrating', flush=True)")
    stack.until("second: ready")
    assert stack.lines[0] == "migrating"


def test_migrations_that_fail_leave_nothing_running(settings: Settings, run: Callable[[str], Stack]) -> None:
    body = "def before(): raise BroadcasterError('the schema is newer than this program')"
    stack = run(f"{TWO_SLEEPERS}\n{body}")
    assert stack.finish() == 1
    assert stack.error() == "the schema is newer than this program\n"
    assert embedded.read_status(settings).state is StackState.STOPPED


def test_a_signal_interrupts_the_migrations(settings: Settings, run: Callable[[str], Stack]) -> None:
    stack = run(TWO_SLEEPERS + "\ndef before():\n    print('migrating', flush=True)\n    time.sleep(600)")
    stack.until("migrating")
    stack.process.terminate()
    assert stack.finish() == 0
    assert stack.lines == ["migrating", "stopping"]


def test_a_role_that_dies_is_restarted_later_and_later(settings: Settings, run: Callable[[str], Stack]) -> None:
    stack = run("roles = [script('steady', sleeper), script('weak', 'import time; time.sleep(600)')]")
    stack.until("weak: ready")
    for delay in ("0.5 s", "1 s"):
        weak = until_state(settings, StackState.READY).roles[1]
        assert weak.process is not None
        weak.process.send(signal.SIGKILL)
        assert stack.until("restarting") == f"weak: was ended by SIGKILL; restarting in {delay}"
        assert until_state(settings, StackState.DEGRADED).roles[1].state is RoleState.BACKING_OFF
    steady, weak = until_state(settings, StackState.READY).roles
    assert (steady.restarts, steady.last_exit) == (0, None)
    assert (weak.restarts, weak.last_exit) == (2, "was ended by SIGKILL")


def test_a_role_that_dies_while_starting_fails_the_whole_start_in_one_line(
    settings: Settings, run: Callable[[str], Stack]
) -> None:
    stack = run(
        "roles = [script('fine', sleeper),"
        " script('broken', 'import sys; sys.exit(\"port 5555 is taken\")', ready=lambda: False)]"
    )
    assert stack.finish() == 1
    log = settings.home / "logs" / "broken.log"
    assert stack.error() == f"broken exited with code 1 while starting: port 5555 is taken (its log: {log})\n"
    assert stack.lines[-1] == "fine: stopped"


def test_a_program_that_does_not_exist_fails_the_start_with_its_name(
    settings: Settings, run: Callable[[str], Stack]
) -> None:
    stack = run("roles = [Role(name='absent', argv=['/no/such/program'], ready=lambda: False)]")
    assert stack.finish() == 1
    assert "cannot run /no/such/program: No such file or directory" in stack.error()


def test_a_role_that_is_not_ready_in_time_fails_the_start(settings: Settings, run: Callable[[str], Stack]) -> None:
    stack = run("roles = [script('slow', sleeper, ready=lambda: os.stat('/no/such') and True, ready_timeout=0.3)]")
    assert stack.finish() == 1
    assert stack.error().startswith("slow was not ready within 0.3 s while starting")


def test_a_role_that_will_not_stop_is_killed(settings: Settings, run: Callable[[str], Stack]) -> None:
    stack = run("roles = [script('deaf', stubborn, stop_timeout=0.3)]")
    log = settings.home / "logs" / "deaf.log"
    until_state(settings, StackState.READY)
    eventually(lambda: log.read_text() == "deaf\n")
    stack.process.terminate()
    assert stack.finish() == 0
    assert stack.lines[-2:] == ["deaf: did not stop within 0.3 s; killing it", "deaf: stopped"]


def test_a_second_signal_kills_the_role_that_is_waited_for(settings: Settings, run: Callable[[str], Stack]) -> None:
    stack = run("roles = [script('deaf', stubborn, stop_timeout=600)]")
    log = settings.home / "logs" / "deaf.log"
    until_state(settings, StackState.READY)
    eventually(lambda: log.read_text() == "deaf\n")
    stack.process.terminate()
    until_state(settings, StackState.STOPPING)
    eventually(lambda: embedded.read_status(settings).roles[0].state is RoleState.STOPPING)
    stack.process.terminate()
    assert stack.finish() == 0
    assert stack.lines[-2:] == ["deaf: killed", "deaf: stopped"]


def test_what_a_dead_role_left_in_its_group_dies_with_it(settings: Settings, run: Callable[[str], Stack]) -> None:
    fork = "import subprocess; p = subprocess.Popen(['sleep', '600']); print(p.pid, flush=True); p.wait()"
    run(f"roles = [script('parent', {fork!r})]")
    log = settings.home / "logs" / "parent.log"
    parent = processes(until_state(settings, StackState.READY))[0]
    eventually(lambda: log.read_text().endswith("\n"))
    grandchild = ProcessId.of(int(log.read_text()))
    assert grandchild is not None
    parent.send(signal.SIGKILL)
    eventually(lambda: not grandchild.is_alive())


def test_roles_do_not_outlive_a_killed_supervisor(settings: Settings, run: Callable[[str], Stack]) -> None:
    stack = run("roles = [script('first', sleeper), script('deaf', stubborn)]")
    children = processes(until_state(settings, StackState.READY))
    stack.process.kill()
    stack.process.wait()
    eventually(lambda: not any(child.is_alive() for child in children))
    status = embedded.read_status(settings)
    assert status.state is StackState.LOST
    assert {role.state for role in status.roles} == {RoleState.STOPPED}
    assert embedded.stop_stack(settings, 10) is True
    assert embedded.stop_stack(settings, 10) is False


UNBOUND = "import ctypes, time; ctypes.CDLL(None).prctl(1, 0); print('unbound', flush=True); time.sleep(600)"


@pytest.fixture
def orphan(settings: Settings, run: Callable[[str], Stack]) -> ProcessId:
    """A role that shook off the kernel's promise and outlived its supervisor, as it would on other systems."""
    stack = run(f"roles = [script('orphan', {UNBOUND!r})]")
    log = settings.home / "logs" / "orphan.log"
    process = processes(until_state(settings, StackState.READY))[0]
    eventually(lambda: log.read_text() == "unbound\n")
    stack.process.kill()
    stack.process.wait()
    assert process.is_alive()
    return process


def test_the_next_stack_stops_what_a_killed_one_left(
    settings: Settings, run: Callable[[str], Stack], orphan: ProcessId
) -> None:
    stack = run(TWO_SLEEPERS)
    stack.until("second: ready")
    assert stack.lines[0] == f"orphan: stopped (pid {orphan.pid}, left by a supervisor that was killed)"
    assert not orphan.is_alive()


def test_down_stops_what_a_killed_stack_left(settings: Settings, orphan: ProcessId) -> None:
    assert embedded.read_status(settings).state is StackState.LOST
    assert embedded.stop_stack(settings, 10) is True
    assert not orphan.is_alive()
    assert embedded.read_status(settings).state is StackState.STOPPED


def test_a_stranger_with_a_recorded_pid_is_never_signalled(settings: Settings) -> None:
    home = prepare_home(settings)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        reused = {"pid": stranger.pid, "started": "another life"}
        record = {"process": reused, "name": "worker", "stop_signal": 9, "stop_timeout": 1}
        (home.processes / "worker.json").write_bytes(msgspec.json.encode(record))
        home.state.write_bytes(msgspec.json.encode({"state": "ready", "process": reused}))
        assert embedded.read_status(settings).state is StackState.LOST
        embedded.stop_stack(settings, 10)
        assert stranger.poll() is None
        stranger.kill()


def test_a_second_stack_on_one_home_is_refused_in_one_line(settings: Settings, run: Callable[[str], Stack]) -> None:
    first = run(TWO_SLEEPERS)
    until_state(settings, StackState.READY)
    second = run(TWO_SLEEPERS)
    assert second.finish() == 1
    assert f"{settings.home} is in use by process {first.process.pid}: " in second.error()
    assert embedded.read_status(settings).state is StackState.READY


def test_a_detached_stack_is_up_when_the_call_returns_and_down_stops_it(settings: Settings) -> None:
    ready = (
        "roles = [script('only', sleeper, ready=lambda: (settings.load().home / 'logs/only.log').stat().st_size > 0)]"
    )
    status = embedded.spawn_detached(settings, command(ready))
    assert status.state is StackState.READY
    assert status.process is not None
    assert os.getsid(status.process.pid) != os.getsid(0)
    assert (settings.home / "logs" / "only.log").read_text() == "hello\n"
    with pytest.raises(ConflictError, match=f"already up: process {status.process.pid} holds"):
        embedded.spawn_detached(settings, command(ready))
    assert embedded.stop_stack(settings, 20) is True
    assert not status.process.is_alive()
    assert (settings.home / "logs" / "up.log").read_text().endswith("only: stopped\n")


def test_a_detached_stack_that_fails_passes_its_error_on(settings: Settings) -> None:
    broken = "roles = [script('broken', 'raise SystemExit(\"no luck\")', ready=lambda: False)]"
    with pytest.raises(UnavailableError, match=r"^broken exited with code 1 while starting: no luck \(its log"):
        embedded.spawn_detached(settings, command(broken))
    assert embedded.read_status(settings).state is StackState.STOPPED


def test_a_report_that_nobody_reads_does_not_stop_the_stack(settings: Settings, run: Callable[[str], Stack]) -> None:
    stack = run(TWO_SLEEPERS)
    until_state(settings, StackState.READY)
    assert stack.process.stdout is not None
    stack.process.stdout.close()
    processes(embedded.read_status(settings))[0].send(signal.SIGKILL)
    until_state(settings, StackState.DEGRADED)
    assert until_state(settings, StackState.READY).roles[0].restarts == 1


def test_a_killed_server_is_restarted_with_its_data(
    settings: Settings, run: Callable[[str], Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BROADCASTER_DATABASE_URL")
    monkeypatch.delenv("BROADCASTER_REDIS_URL")
    run("roles = [script('worker', sleeper)]")
    status = until_state(settings, StackState.READY)
    assert [role.name for role in status.roles] == ["redis", "postgres", "worker"]
    conninfo = Settings(home=settings.home).migration_url.replace("+psycopg", "")
    with closing(psycopg.connect(conninfo, autocommit=True)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'precious' AS value")
    for server in processes(status)[:2]:
        server.send(signal.SIGKILL)
    until_state(settings, StackState.DEGRADED)
    assert [role.restarts for role in until_state(settings, StackState.READY).roles] == [1, 1, 0]
    with closing(psycopg.connect(conninfo, autocommit=True)) as connection:
        assert connection.execute("SELECT value FROM kept").fetchone() == ("precious",)
    assert embedded.stop_stack(settings, 30) is True


HURRY = (
    "from broadcaster.embedded import supervisor as s; s.ASK_SECONDS, s.SILENT_SECONDS, s.END_SECONDS = 0.1, 0.5, 3"
)


def test_a_role_that_does_not_answer_is_ended_and_started_again(
    settings: Settings, run: Callable[[str], Stack], tmp_path: Path
) -> None:
    mute = tmp_path / "mute"
    stack = run(f"{HURRY}\nroles = [script('deaf', stubborn, answers=lambda: not Path({str(mute)!r}).exists())]")
    until_state(settings, StackState.READY)
    mute.touch()
    assert stack.until("does not answer").startswith("deaf: does not answer (pid ")
    assert embedded.read_status(settings).roles[0].state is RoleState.NOT_ANSWERING
    mute.unlink()
    assert stack.until("again") == "deaf: answers again"
    assert until_state(settings, StackState.READY).roles[0].restarts == 0
    mute.touch()
    how = "did not answer any more, and was ended by SIGKILL"
    assert stack.until("restarting") == f"deaf: {how}; restarting in 0.5 s"
    mute.unlink()
    [deaf] = until_state(settings, StackState.READY).roles
    assert (deaf.restarts, deaf.last_exit) == (1, how)


@pytest.mark.parametrize(("server", "trouble"), [(0, signal.SIGSTOP), (1, signal.SIGSTOP), (1, signal.SIGTERM)])
def test_a_server_that_lives_and_does_not_answer_is_ended_and_started_again(
    settings: Settings, run: Callable[[str], Stack], monkeypatch: pytest.MonkeyPatch, server: int, trouble: int
) -> None:
    """Postgres waits for its clients after a SIGTERM, and lets nobody else in."""
    monkeypatch.delenv("BROADCASTER_DATABASE_URL")
    monkeypatch.delenv("BROADCASTER_REDIS_URL")
    stack = run(f"{HURRY}\nroles = [script('worker', sleeper)]")
    status = until_state(settings, StackState.READY)
    conninfo = Settings(home=settings.home).postgres_url.replace("+psycopg", "")
    with closing(psycopg.connect(conninfo, autocommit=True)):
        processes(status)[server].send(trouble)
        stack.until("; restarting")
        roles = until_state(settings, StackState.READY).roles
    assert [role.restarts for role in roles] == [int(n == server) for n in range(3)]
    assert str(roles[server].last_exit).startswith("did not answer any more, and exited with code 0")
    with closing(psycopg.connect(conninfo)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_second_stack_is_told_what_ails_the_first(settings: Settings, run: Callable[[str], Stack]) -> None:
    stack = run(f"{HURRY}\ns.SILENT_SECONDS = 600\nroles = [script('deaf', sleeper, answers=lambda: False)]")
    stack.until("does not answer")
    with pytest.raises(ConflictError, match="deaf is not_answering"):
        embedded.spawn_detached(settings, command(TWO_SLEEPERS))
