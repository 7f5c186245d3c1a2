"""Nobody else gets in: what root starts, beside real other users who try."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from broadcaster.embedded import account, start_servers
from broadcaster.embedded.home import home_of
from broadcaster.embedded.role import processes_left_behind
from broadcaster.errors import SettingsError
from broadcaster.settings import Settings
from tests.support.home import Home, temporary_home

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("useradd") is None, reason="makes users and acts as them"
)

PYTHON = shutil.which("python3", path=os.defpath) or sys.executable
"""Which other users can run, too."""

# Whatever it may write in the home, it fills with links to a file of root's, under the names of what root makes.
ATTACK = """
import os, sys
from contextlib import suppress
home, victim = sys.argv[1:]
print("at it", flush=True)
names = ["password", "data", "pgpass", "up.json", "PG_VERSION.new", "worker.log"]
while True:
    try:
        found = [entry.path for entry in os.scandir(home) if entry.is_dir() and os.access(entry.path, os.W_OK)]
    except OSError:
        continue
    for directory in found:
        if os.path.basename(directory) in ("postgres", "redis", "run"):
            continue  # its own, for good: to break these is to break its own servers only
        for _ in range(200):
            for name in names:
                with suppress(OSError):
                    os.symlink(victim, f"{directory}/link")
                with suppress(OSError):
                    os.rename(f"{directory}/link", f"{directory}/{name}")
"""


@contextmanager
def new_user() -> Iterator[pwd.struct_passwd]:
    name = f"bc{secrets.token_hex(4)}"
    subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name], check=True)
    try:
        yield pwd.getpwnam(name)
    finally:
        subprocess.run(["userdel", name], check=True, capture_output=True)


@pytest.fixture
def settings() -> Iterator[Settings]:
    directory = Path(tempfile.mkdtemp(prefix="broadcaster-test-", dir="/tmp"))
    directory.chmod(0o755)
    yield Settings(home=directory)
    shutil.rmtree(directory)


def owners(settings: Settings) -> set[int]:
    """Under whom the servers run."""
    return {
        (Path("/proc") / str(record.process.pid)).stat().st_uid
        for record in processes_left_behind(home_of(settings))
        if record.name in ("postgres", "redis")
    }


def as_user(user: str, code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    entry = pwd.getpwnam(user)
    argv = [PYTHON, "-I", "-c", code, *map(str, arguments)]
    return subprocess.run(
        argv, user=entry.pw_uid, group=entry.pw_gid, extra_groups=[], capture_output=True, text=True, check=False
    )


def test_the_servers_account_gets_no_file_of_roots_while_the_cluster_is_made(
    settings: Settings, tmp_path: Path
) -> None:
    """A race, which the account won two times of three when the place where the cluster is made was its own."""
    victim = settings.home / "victim"
    with new_user() as user:
        theirs = Settings(home=settings.home, server_user=user.pw_name, redis_url="redis://elsewhere")
        argv = [PYTHON, "-I", "-c", ATTACK, settings.home, victim]
        for _ in range(3):
            victim.write_text("precious")
            victim.chmod(0o600)
            with subprocess.Popen(
                argv, user=user.pw_uid, group=user.pw_gid, extra_groups=[], stdout=subprocess.PIPE
            ) as attacker:
                assert attacker.stdout is not None
                assert attacker.stdout.readline() == b"at it\n"
                try:
                    with start_servers(theirs):
                        assert owners(settings) == {user.pw_uid}
                    assert attacker.poll() is None
                finally:
                    attacker.kill()
            status = victim.stat()
            assert (victim.read_text(), status.st_uid, stat.S_IMODE(status.st_mode)) == ("precious", 0, 0o600)
            shutil.rmtree(settings.home / "postgres")


def test_the_servers_run_under_a_user_id_that_nobody_has_and_keep_it(settings: Settings) -> None:
    with start_servers(settings):
        [uid] = owners(settings)
        with pytest.raises(KeyError):
            pwd.getpwuid(uid)
        kept = (settings.home / "server.uid").stat()
        assert (kept.st_uid, stat.S_IMODE(kept.st_mode)) == (0, 0o600)
    with start_servers(settings):
        assert owners(settings) == {uid}


def test_nobody_can_neither_signal_the_servers_nor_read_what_they_have(settings: Settings) -> None:
    look = """
import os, sys
for pid in sys.argv[2].split(","):
    try:
        os.kill(int(pid), 0)
        print("signalled", pid)
    except PermissionError:
        pass
for name in ("postgres", "redis", "run", "logs", "processes", "pgpass", "up.lock", "server.uid"):
    if os.access(os.path.join(sys.argv[1], name), os.R_OK):
        print("read", name)
print("looked")
"""
    with start_servers(settings):
        pids = ",".join(str(record.process.pid) for record in processes_left_behind(home_of(settings)))
        assert pids
        assert as_user("nobody", look, settings.home, pids).stdout == "looked\n"


def test_an_account_of_that_name_is_taken_before_any_number(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with new_user() as user:
        monkeypatch.setattr(account, "_OWN_USER", user.pw_name)  # this machine may have none of that name
        with start_servers(settings):
            assert owners(settings) == {user.pw_uid}
        assert not (settings.home / "server.uid").exists()


def test_data_of_nobody_passes_to_the_account_of_its_own(settings: Settings) -> None:
    shared = Settings(home=settings.home, server_user="nobody")
    with start_servers(shared):
        execute(shared, "CREATE TABLE kept AS SELECT 'precious' AS value")
        nobody = owners(shared)
    with start_servers(settings):
        assert execute(settings, "SELECT value FROM kept") == [("precious",)]
        assert owners(settings).isdisjoint(nobody)
        mine = owners(settings)
    left = {path.lstat().st_uid for path in (settings.home / "postgres").rglob("*") if not path.is_symlink()}
    assert left == mine


def test_a_number_that_somebody_has_by_now_is_refused_in_one_line(settings: Settings) -> None:
    with start_servers(settings):
        [uid] = owners(settings)
    name = f"bc{secrets.token_hex(4)}"
    subprocess.run(["useradd", "--no-create-home", "--uid", str(uid), name], check=True, capture_output=True)
    try:
        with pytest.raises(SettingsError, match=f"the user id {uid}.* remove {settings.home}/server.uid") as caught:
            start_servers(settings)
        assert "\n" not in str(caught.value)
        (settings.home / "server.uid").unlink()
        with start_servers(settings):
            assert uid not in owners(settings)
    finally:
        subprocess.run(["userdel", name], check=True, capture_output=True)


def test_a_number_under_which_something_runs_is_not_picked(monkeypatch: pytest.MonkeyPatch) -> None:
    # None of those that servers of other tests are started under.
    monkeypatch.setattr(account, "_UNUSED", range(64_300, 64_302))  # so few that a wrong one is picked soon
    with subprocess.Popen(["sleep", "60"], user=64_300, group=64_300, extra_groups=[]) as process:
        assert {account._unused_uid() for _ in range(20)} == {64_301}  # the pick itself: what asks for it makes a home
        process.send_signal(signal.SIGKILL)


@pytest.fixture
def planted() -> Iterator[Path]:
    """A directory that anybody may write, in which somebody left modules, a Redis and settings."""
    directory = Path(tempfile.mkdtemp(prefix="broadcaster-test-", dir="/tmp"))
    directory.chmod(0o777)
    for name in ("msgspec", "typer", "celery", "celeryconfig", "json", "logging"):
        (directory / f"{name}.py").write_text(f"open({str(directory / 'ran')!r}, 'a').write({name!r})\n")
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def home() -> Iterator[Home]:
    with temporary_home() as made:
        yield made


def test_up_runs_nothing_of_the_directory_that_it_is_started_in(home: Home, planted: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        # As root's shell finds it, with a PYTHONPATH that has the current directory in it by mistake.
        checkout = Path(__file__).parents[2]
        environ = {**home.environ, "PYTHONPATH": f":{checkout}", "PATH": f":{os.environ['PATH']}"}
        argv = [sys.executable, "-P", "-m", "broadcaster", *arguments]
        return subprocess.run(argv, cwd=planted, env=environ, capture_output=True, text=True, check=False)

    up = run("up", "--detach")
    assert up.returncode == 0, up.stderr
    directories = {
        name: str(Path(f"/proc/{process.pid}/cwd").readlink()) for name, process in home.processes().items()
    }
    assert directories.pop("postgres") == str(home.directory / "postgres")
    assert directories.pop("redis") == str(home.directory / "redis")
    assert set(directories.values()) == {"/"}
    assert run("down").returncode == 0
    assert not (planted / "ran").exists()


def test_a_module_in_the_current_directory_is_not_run_by_python_m(planted: Path, home: Home) -> None:
    argv = [sys.executable, "-m", "broadcaster", "status"]
    environ = {**home.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(argv, cwd=planted, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (planted / "ran").exists()


def test_settings_that_others_could_have_written_stop_the_command_with_one_line(planted: Path, home: Home) -> None:
    (planted / ".env").write_text("BROADCASTER_DATABASE_URL=postgresql://attacker/x\n")
    argv = [sys.executable, "-m", "broadcaster", "status"]
    environ = {**home.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(argv, cwd=planted, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {planted}/.env: others can write")
    assert done.stderr.count("\n") == 1


def execute(settings: Settings, statement: str) -> list[tuple[object, ...]]:
    url = settings.migration_url.replace("+psycopg", "", 1)
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []
