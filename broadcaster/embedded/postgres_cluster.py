"""Makes and checks a Postgres cluster on disk, and sets its passwords, while no server runs on it."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from broadcaster.embedded.home import Home, home_of
from broadcaster.embedded.own_files import make_directory, move_directory, read_foreign, write_private
from broadcaster.embedded.postgres_install import Installation, nameless
from broadcaster.embedded.role import server_environment
from broadcaster.errors import UnavailableError
from broadcaster.settings import Settings

OWNER = "broadcaster"
"""The name of the superuser and of the database, as in `settings.migration_url`."""
RUNTIME = "broadcaster_runtime"
"""The role of commands and workers, as in `settings.postgres_url`. `db upgrade` grants its privileges."""
_TIMEOUT = 120.0
_STAGING = "postgres.new-"


def create_cluster(home: Home, install: Installation) -> None:
    """Make the cluster of `home`: its database, its roles, and their generated passwords in files of `home`.

    The cluster is made under another name and then renamed, so that it is either missing or complete.

    Raises UnavailableError with initdb's last line.
    """
    for abandoned in home.root.glob(f"{_STAGING}*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    programs = nameless(home, install)
    staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=home.root))
    try:
        # The directory stays this user's: the account owns its content but can add nothing beside it.
        staging.chmod(0o711)
        cluster, password = staging / "data", secrets.token_urlsafe(32)
        make_directory(cluster, home.account)
        password_file = staging / "password"
        write_private(password_file, password, owner=home.account)
        options = ["-D", str(cluster), "-U", OWNER, f"--pwfile={password_file}", "--auth=scram-sha-256"]
        # The built-in provider always sorts by code point. The order of the system or of ICU changes with its version,
        # which breaks indexes.
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        _run(home, [str(programs.program("initdb")), *options, *locale, "--data-checksums"])
        _run_sql(home, programs, cluster, f"CREATE DATABASE {OWNER}", {})
        _run_sql(home, programs, cluster, "REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC", {})
        _write_pgpass(home.pgpass, OWNER, password)
        _set_runtime_password(home, programs, cluster, {})
        move_directory(cluster, home.postgres)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def check_version(home: Home, install: Installation) -> None:
    """Raise UnavailableError unless `install` can serve the cluster of `home`."""
    made_by = read_foreign(home.postgres / "PG_VERSION", 8).strip()
    serves = _run(home, [str(install.program("postgres")), "--version"]).split()[2].partition(".")[0]
    if made_by != serves:
        raise UnavailableError(
            f"{home.postgres} was made by Postgres {made_by} and the bundled one is {serves}: "
            "dump it with the old version and load it into a new home, or use pg_upgrade"
        )


def reset_password(home: Home, install: Installation, environment: Mapping[str, str]) -> None:
    """Give the superuser a new password and write it to `home.pgpass`. The old one was lost with that file."""
    password, programs = secrets.token_urlsafe(32), nameless(home, install)
    _run_sql(home, programs, home.postgres, f"ALTER ROLE {OWNER} PASSWORD '{password}'", environment)
    _write_pgpass(home.pgpass, OWNER, password)


def reset_runtime_password(home: Home, install: Installation, environment: Mapping[str, str]) -> None:
    """Do the same for the role of commands and workers, in `home.runtime_pgpass`. A missing role is made."""
    _set_runtime_password(home, nameless(home, install), home.postgres, environment)


def runtime_password(settings: Settings) -> str:
    """The password of the role of commands and workers, as it was generated."""
    return home_of(settings).runtime_pgpass.read_text(encoding="utf-8").strip().rpartition(":")[2]


def _set_runtime_password(home: Home, install: Installation, cluster: Path, environment: Mapping[str, str]) -> None:
    password = secrets.token_urlsafe(32)
    exists = f"EXISTS (SELECT FROM pg_roles WHERE rolname = '{RUNTIME}')"
    make = f"IF NOT {exists} THEN CREATE ROLE {RUNTIME}; END IF"
    alter = f"ALTER ROLE {RUNTIME} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD '{password}'"
    _run_sql(home, install, cluster, f"DO $$ BEGIN {make}; {alter}; END $$", environment)
    _write_pgpass(home.runtime_pgpass, RUNTIME, password)


def _write_pgpass(path: Path, role: str, password: str) -> None:
    # host:port:database:user:password; the host is the socket's directory, which moves with the home.
    write_private(path, f"*:*:*:{role}:{password}\n")


def _run_sql(home: Home, install: Installation, cluster: Path, statement: str, environment: Mapping[str, str]) -> None:
    """Run one statement without a server, as the account that owns the cluster."""
    # The statement must not get into a message: it may hold a password.
    quiet = ["-c", "log_min_messages=fatal", "-c", "log_min_error_statement=panic"]
    argv = [str(install.program("postgres")), "--single", "-j", "-D", str(cluster), *quiet, "postgres"]
    _run(home, argv, statement + ";\n\n", environment)


def _run(home: Home, argv: list[str], given: str = "", environment: Mapping[str, str] | None = None) -> str:
    """Run a program as the account of `home` and return its output.

    Raises UnavailableError with the last line of its errors.
    """
    account = home.account
    finished = subprocess.run(
        argv,
        input=given,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=_TIMEOUT,
        env={**server_environment(), **(environment or {})},
        cwd="/",
        start_new_session=True,  # the supervisor acts on an interrupt at the terminal
        user=None if account is None else account.uid,
        group=None if account is None else account.gid,
        extra_groups=None if account is None else [],
    )
    if finished.returncode != 0:
        lines = [line for line in finished.stderr.splitlines() if "FATAL" in line or "error" in line]
        reason = (lines or finished.stderr.splitlines() or [f"exit code {finished.returncode}"])[-1]
        raise UnavailableError(f"{Path(argv[0]).name} failed under {home.root}: {reason.strip()}")
    return finished.stdout
