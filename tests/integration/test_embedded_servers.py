"""The embedded servers, for real, as whoever runs the tests: for root they run as another account."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import kombu
import msgspec
import psycopg
import pytest
import redis
import sqlalchemy

from broadcaster.cli.database import upgrade_database
from broadcaster.cli.stack import stack_roles
from broadcaster.embedded import Servers, postgres_install, start_servers
from broadcaster.embedded.home import give_to_account, home_of, prepare_home
from broadcaster.embedded.postgres import postgres_role
from broadcaster.embedded.process_id import ProcessId
from broadcaster.embedded.role import Child, processes_left_behind
from broadcaster.errors import ConflictError, SettingsError, UnavailableError
from broadcaster.settings import Settings

AS_ROOT = os.geteuid() == 0

HOLDER = """
import sys, threading
from pathlib import Path
from broadcaster.embedded import start_servers
from broadcaster.settings import Settings

def hold():
    global servers
    servers = start_servers(Settings(home=Path(sys.argv[1])))
    print("up", flush=True)

if sys.argv[2] == "unbound":  # servers started by another thread are not bound to this process's life
    starter = threading.Thread(target=hold)
    starter.start()
    starter.join()
else:
    hold()
sys.stdin.read()
"""


def make_home() -> Path:
    """A home that the servers' account can pass through, unlike what tmp_path gives to root."""
    home = Path(tempfile.mkdtemp(prefix="broadcaster-test-"))
    home.chmod(0o711)
    return home


@pytest.fixture
def new_settings() -> Iterator[Settings]:
    """Of a home where nothing was ever started."""
    home = make_home()
    yield Settings(home=home)
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def used_home() -> Iterator[Path]:
    home = make_home()
    with start_servers(Settings(home=home)):
        pass
    yield home
    shutil.rmtree(home)


@pytest.fixture
def settings(new_settings: Settings, used_home: Path) -> Settings:
    """Of a home where the servers ran before, which spares most tests the second that a new cluster takes."""
    subprocess.run(["cp", "-a", f"{used_home}/.", new_settings.home], check=True)
    return new_settings


def query(settings: Settings, statement: str) -> list[tuple[object, ...]]:
    conninfo = settings.migration_url.replace("+psycopg", "")
    with closing(psycopg.connect(conninfo, autocommit=True)) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def query_as_runtime(settings: Settings, statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg.connect(settings.libpq_url, autocommit=True)) as connection:
        return connection.execute(statement.encode()).fetchall()


def redis_client(settings: Settings) -> redis.Redis:
    return redis.Redis.from_url(settings.broker_url.replace("redis+socket://", "unix://"))


def store(settings: Settings, value: str) -> None:
    query(settings, "CREATE TABLE IF NOT EXISTS kept (value text)")
    query(settings, f"INSERT INTO kept VALUES ('{value}')")
    with closing(redis_client(settings)) as client:
        client.set("kept", value)


def stored(settings: Settings) -> tuple[object, object]:
    with closing(redis_client(settings)) as client:
        return query(settings, "SELECT value FROM kept")[0][0], client.get("kept")


def eventually(happened: Callable[[], bool], timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)  # what other processes do tells nobody


def running(settings: Settings) -> dict[str, ProcessId]:
    return {record.name: record.process for record in processes_left_behind(home_of(settings))}


@pytest.fixture
def holder(settings: Settings) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts another process that starts the servers of `settings.home` and holds them."""
    started: list[subprocess.Popen[str]] = []

    def start(how: str = "bound") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(settings.home), how],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
    with start_servers(settings):
        pass
    assert running(settings) == {}


def test_the_urls_of_the_settings_work_as_they_are(new_settings: Settings) -> None:
    with start_servers(new_settings):
        engine = sqlalchemy.create_engine(new_settings.postgres_url)
        with engine.connect() as connection:
            name = connection.execute(sqlalchemy.text("SELECT current_user || '@' || current_database()")).scalar()
        engine.dispose()
        with kombu.Connection(new_settings.broker_url) as connection:
            connection.ensure_connection(max_retries=1)
            with connection.SimpleQueue("wake") as queue:
                queue.put({"lane": 1})
                received = queue.get(timeout=20)
                received.ack()
        assert (name, received.payload) == ("broadcaster_runtime@broadcaster", {"lane": 1})


def test_the_servers_are_durable_and_private(settings: Settings) -> None:
    names = ["fsync", "synchronous_commit", "full_page_writes", "data_checksums", "listen_addresses", "jit"]
    with start_servers(settings):
        shown = [query(settings, f"SHOW {name}")[0][0] for name in names]
        with closing(redis_client(settings)) as client:
            kept = client.config_get("append*") | client.config_get("maxmemory-policy") | client.config_get("port")
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(f"host={settings.run_dir} user=broadcaster dbname=broadcaster passfile=/nonexistent")
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode)
            for path in (settings.run_dir, *settings.home.glob("pgpass*"), settings.run_dir / "redis.sock")
        }
    assert shown == ["on", "on", "on", "on", "", "off"]
    assert (kept["appendonly"], kept["appendfsync"], kept["maxmemory-policy"]) == ("yes", "everysec", "noeviction")
    assert kept["port"] == "0"
    assert modes == {"run": 0o700, "pgpass": 0o600, "pgpass-runtime": 0o600, "redis.sock": 0o600}


def test_the_servers_run_without_privileges_and_without_our_secrets(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROADCASTER_SECRET_KEY", "not-for-servers")
    with start_servers(settings):
        for process in running(settings).values():
            proc = Path("/proc") / str(process.pid)
            owner = proc.stat().st_uid
            assert owner not in {0} if AS_ROOT else owner == os.geteuid()
            assert b"not-for-servers" not in (proc / "environ").read_bytes()
        assert sorted(running(settings)) == ["postgres", "redis"]


def test_data_survives_a_stop_and_a_start(settings: Settings) -> None:
    with start_servers(settings):
        store(settings, "precious")
    with start_servers(settings):
        assert stored(settings) == ("precious", b"precious")
    assert running(settings) == {}


def test_data_survives_a_kill_of_everything(settings: Settings, holder: Callable[[], subprocess.Popen[str]]) -> None:
    process = holder()
    store(settings, "precious")
    with closing(redis_client(settings)) as client:
        client.execute_command("CONFIG", "SET", "appendfsync", "always")
        client.set("kept", "precious")
    killed = running(settings)
    process.send_signal(signal.SIGSTOP)  # so that it cannot notice
    for server in killed.values():
        server.send(signal.SIGKILL)
    process.kill()
    process.wait()
    with start_servers(settings):
        assert stored(settings) == ("precious", b"precious")
        assert set(running(settings)) == {"postgres", "redis"}


def test_servers_end_with_the_process_that_started_them(
    settings: Settings, holder: Callable[[], subprocess.Popen[str]]
) -> None:
    process = holder()
    servers = running(settings)
    process.kill()
    process.wait()
    eventually(lambda: not any(server.is_alive() for server in servers.values()))
    assert set(servers) == {"postgres", "redis"}


def test_servers_that_outlived_their_supervisor_are_stopped_by_the_next_one(
    settings: Settings, holder: Callable[[str], subprocess.Popen[str]]
) -> None:
    process = holder("unbound")
    store(settings, "precious")
    survivors = running(settings)
    process.kill()
    process.wait()
    assert all(server.is_alive() for server in survivors.values())
    with start_servers(settings):
        # What it wrote after its supervisor's end is lost; the next one tells how it ended.
        log = (settings.home / "logs" / "postgres.log").read_text().splitlines()
        assert "database system was shut down at" in [line for line in log if "database system was" in line][-1]
        assert not any(server.is_alive() for server in survivors.values())
        assert stored(settings) == ("precious", b"precious")


def test_a_postmaster_that_nobody_recorded_is_found_and_stopped(
    settings: Settings, holder: Callable[[str], subprocess.Popen[str]]
) -> None:
    process = holder("unbound")
    store(settings, "precious")
    survivors = running(settings)
    process.kill()
    process.wait()
    (settings.home / "processes" / "postgres.json").unlink()
    with start_servers(settings):
        assert not survivors["postgres"].is_alive()
        assert stored(settings) == ("precious", b"precious")


def test_a_busy_backend_of_a_killed_postmaster_does_not_block_the_next_start(
    settings: Settings, holder: Callable[[], subprocess.Popen[str]]
) -> None:
    process = holder()
    store(settings, "precious")
    conninfo = settings.postgres_url.replace("+psycopg", "")
    with closing(psycopg.connect(conninfo, autocommit=True)) as connection:
        backend = ProcessId.of(connection.info.backend_pid)
        # A loop without a wait never looks whether its postmaster lives.
        connection.pgconn.send_query(b"DO $$ BEGIN LOOP END LOOP; END $$")
        running(settings)["postgres"].send(signal.SIGKILL)
        process.kill()
        process.wait()
        assert backend is not None
        assert backend.is_alive()
        with start_servers(settings):
            assert not backend.is_alive()
            assert stored(settings) == ("precious", b"precious")


def test_a_stranger_with_the_old_pid_is_neither_signalled_nor_in_the_way(settings: Settings) -> None:
    account = home_of(settings).account
    with start_servers(settings):
        store(settings, "precious")
    with subprocess.Popen(["sleep", "60"], user=None if account is None else account.uid) as stranger:
        stale = settings.home / "postgres" / "postmaster.pid"
        lines = [stranger.pid, settings.home / "postgres", 1, 5432, settings.run_dir, "", "1 1", "ready"]
        stale.write_text("\n".join(map(str, lines)) + "\n")
        (settings.run_dir / ".s.PGSQL.5432.lock").write_text(f"{stranger.pid}\n")
        recorded = {"process": {"pid": stranger.pid, "started": "another life"}, "name": "redis"}
        record = settings.home / "processes" / "redis.json"
        record.write_bytes(msgspec.json.encode(recorded | {"stop_signal": 9, "stop_timeout": 1}))
        with start_servers(settings):
            assert stored(settings) == ("precious", b"precious")
            assert stranger.poll() is None
        stranger.kill()


def test_a_second_start_on_one_home_is_refused_and_names_the_holder(settings: Settings) -> None:
    with start_servers(settings):
        with pytest.raises(ConflictError, match=f"in use by process {os.getpid()}: stop it first") as caught:
            start_servers(settings)
        assert "\n" not in str(caught.value)
        assert query(settings, "SELECT 1") == [(1,)]
    with start_servers(settings):
        assert query(settings, "SELECT 1") == [(1,)]


def test_servers_that_are_configured_by_url_are_not_started(new_settings: Settings) -> None:
    home = new_settings.home
    with start_servers(Settings(home=home, database_url="postgresql://elsewhere/x")):
        assert list(running(new_settings)) == ["redis"]
    with start_servers(Settings(home=home, database_url="postgresql://elsewhere/x", redis_url="redis://elsewhere")):
        assert running(new_settings) == {}
    assert not (home / "postgres").exists()


@pytest.mark.parametrize("name", ["pgpass", "pgpass-runtime"])
def test_a_lost_password_file_is_replaced(settings: Settings, name: str) -> None:
    with start_servers(settings):
        store(settings, "precious")
    lost = (settings.home / name).read_text()
    (settings.home / name).unlink()
    with start_servers(settings):
        assert stored(settings) == ("precious", b"precious")
        assert query_as_runtime(settings, "SELECT 1") == [(1,)]
    assert (settings.home / name).read_text() != lost
    for log in (settings.home / "logs").iterdir():
        assert "PASSWORD" not in log.read_text()


def test_a_password_that_the_runtime_role_gave_itself_lasts_until_the_next_upgrade(settings: Settings) -> None:
    with start_servers(settings):
        upgrade_database(settings)
        with closing(psycopg.connect(settings.libpq_url, autocommit=True)) as connection:
            connection.execute("ALTER ROLE broadcaster_runtime PASSWORD 'another'")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            query_as_runtime(settings, "SELECT 1")
        upgrade_database(settings)
        assert query_as_runtime(settings, "SELECT 1") == [(1,)]


def test_a_home_of_before_there_were_two_roles_gets_the_second_one(settings: Settings) -> None:
    with start_servers(settings):
        store(settings, "precious")
        query(settings, "DROP ROLE broadcaster_runtime")
    (settings.home / "pgpass-runtime").unlink()
    with start_servers(settings):
        assert stored(settings) == ("precious", b"precious")
        rights = "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls FROM pg_roles"
        assert query_as_runtime(settings, f"{rights} WHERE rolname = current_user") == [(False,)]


def test_a_cluster_that_was_not_finished_is_made_again(new_settings: Settings) -> None:
    unfinished = new_settings.home / "postgres.new-killed" / "data"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    with start_servers(new_settings):
        assert query(new_settings, "SELECT 1") == [(1,)]
    assert list(new_settings.home.glob("postgres.new-*")) == []


def test_a_cluster_of_another_version_is_refused_in_one_line(settings: Settings) -> None:
    with start_servers(settings):
        pass
    (settings.home / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(
        UnavailableError, match=r"^/.*/postgres was made by Postgres 17 and the bundled one is 18"
    ) as caught:
        start_servers(settings)
    assert "\n" not in str(caught.value)
    assert running(settings) == {}


def test_an_operators_own_settings_win(settings: Settings) -> None:
    (settings.home / "postgresql.local.conf").write_text("work_mem = '7MB'\n")
    with start_servers(settings):
        assert query(settings, "SHOW work_mem") == [("7MB",)]


def test_a_server_that_cannot_start_is_reported_in_one_line_with_its_reason(settings: Settings) -> None:
    (settings.home / "postgresql.local.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(UnavailableError, match=r"postgres exited with code 1 while starting: .*its log: ") as caught:
        start_servers(settings)
    assert "\n" not in str(caught.value)
    assert running(settings) == {}


def test_a_long_home_puts_its_sockets_elsewhere(settings: Settings) -> None:
    long = settings.home / ("long-" * 20) / "it's home"
    moved = Settings(home=long)
    with start_servers(moved):
        store(moved, "precious")
        assert moved.run_dir.parent == (long / "sockets").readlink()
        assert moved.run_dir.parent.parent == Path("/tmp")
        assert stat.S_IMODE(moved.run_dir.stat().st_mode) == 0o700
    elsewhere = moved.run_dir.parent
    with start_servers(moved):
        assert moved.run_dir.parent == elsewhere
    shutil.rmtree(elsewhere)


def test_the_servers_cannot_speak_for_a_role(new_settings: Settings) -> None:
    [role, *_] = stack_roles(new_settings)
    home = prepare_home(new_settings)
    give_to_account(home)
    assert role.prepare is not None
    with closing(role.prepare.__self__):  # type: ignore[attr-defined]  # the notice that it is a method of
        place = Path(role.prepare()["NOTIFY_SOCKET"]).parent
    assert (place.stat().st_uid, place.stat().st_mode & 0o022) == (os.geteuid(), 0)


def test_a_socket_directory_of_somebody_else_is_refused(new_settings: Settings) -> None:
    (new_settings.home / "run").symlink_to("/tmp")
    with pytest.raises(UnavailableError, match="is not a directory of uid"):
        start_servers(new_settings)


def test_an_installation_out_of_the_accounts_reach_is_copied_once(new_settings: Settings, tmp_path: Path) -> None:
    bundled = postgres_install.bundled()
    private = tmp_path / "site"
    private.mkdir(mode=0o700)
    for part in (bundled.root, bundled.libraries):
        shutil.copytree(part, private / part.relative_to(bundled.site), ignore=shutil.ignore_patterns("*.a"))
    install = postgres_install.Installation(private, bundled.version)
    home = prepare_home(new_settings)
    give_to_account(home)
    reachable = postgres_install.reachable(home, install)
    assert (reachable.site == private) is (not AS_ROOT)
    before = reachable.program("postgres").stat().st_ino
    assert postgres_install.reachable(home, install).program("postgres").stat().st_ino == before
    role = postgres_role(home, reachable)
    child = Child.start(home, role)
    assert role.ready is not None
    eventually(role.ready)
    assert query(new_settings, "SELECT 1") == [(1,)]
    child.send(role.stop_signal)
    eventually(lambda: child.poll() is not None)


def test_a_home_that_the_account_cannot_reach_is_refused_in_one_line(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    settings = Settings(home=private / "home")

    def start() -> Servers:
        return start_servers(settings)

    if AS_ROOT:
        with pytest.raises(
            SettingsError, match=r"a user id of its own', cannot pass through /.*: `chmod o\+x "
        ) as caught:
            start()
        assert "\n" not in str(caught.value)
        assert not settings.home.exists()
    else:
        with start():
            assert query(settings, "SELECT 1") == [(1,)]
