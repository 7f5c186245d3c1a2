"""The layout of `settings.home`, who may enter it, and the lock that keeps it to one supervisor."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from broadcaster.embedded.account import NOBODY_YET, ServerAccount, picked_account, server_account
from broadcaster.embedded.own_files import hand_over, make_directory, way_to
from broadcaster.errors import ConflictError, SettingsError, UnavailableError
from broadcaster.secret_files import is_ours_alone
from broadcaster.settings import Settings, fits_socket, sockets_dir


@dataclass(frozen=True, slots=True)
class Home:
    """Where everything is. The servers' own directories belong to `account`, everything else to the caller."""

    root: Path
    account: ServerAccount | None
    """The account of the servers; None: this process's own user."""

    @property
    def run_dir(self) -> Path:
        """Where the servers put their sockets; see `Settings.run_dir`."""
        return sockets_dir(self.root) / "run"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def redis(self) -> Path:
        return self.root / "redis"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def processes(self) -> Path:
        """One file for each started process, so that the next supervisor finds what was left behind."""
        return self.root / "processes"

    @property
    def runtime(self) -> Path:
        """Copies of programs that the account cannot reach in their installed place."""
        return self.root / "runtime"

    @property
    def pgpass(self) -> Path:
        """The password file of the superuser, who owns the schema."""
        return self.root / "pgpass"

    @property
    def runtime_pgpass(self) -> Path:
        """The password file of the role that commands and workers use."""
        return self.root / "pgpass-runtime"

    @property
    def lock(self) -> Path:
        return self.root / "up.lock"

    @property
    def state(self) -> Path:
        return self.root / "up.json"


def home_of(settings: Settings) -> Home:
    """The home that the settings name. It need not exist yet; the account need not exist before `prepare_home`.

    Raises SettingsError if root has no account to run the servers as.
    """
    return Home(settings.home, server_account(settings))


def prepare_home(settings: Settings) -> Home:
    """Create the missing parts of the home. Check that only this user can change it and that the servers can use it.

    Raises SettingsError if the servers' account cannot get there or others can change it, UnavailableError if
    something cannot be created or belongs to somebody else.
    """
    home = home_of(settings)
    try:
        check_the_way(home)
        needs_account = os.geteuid() == 0 and None in (settings.database_url, settings.redis_url)
        if needs_account:
            _check_passage(home.root, home.account or NOBODY_YET)
        _make_root(home.root)
        if needs_account and home.account is None:
            home = replace(home, account=picked_account(home.root))
        for path in (home.logs, home.processes):
            make_directory(path, None)
        if not fits_socket(home.run_dir):
            _make_sockets_dir(home.root)
    except OSError as error:
        raise UnavailableError(f"cannot prepare {home.root}: {error.strerror} ({error.filename})") from None
    return home


def give_to_account(home: Home) -> None:
    """Make the servers' own directories. Give their account the files of an earlier account.

    The caller must hold `home`, and nothing may run there.

    Raises UnavailableError if something cannot be created or belongs to somebody else.
    """
    account = home.account
    try:
        for path in (home.run_dir, home.redis, home.postgres):
            if account is not None and path.is_dir() and not path.is_symlink():
                hand_over(path, account)
        for path in (home.run_dir, home.redis):
            make_directory(path, account)
    except OSError as error:
        raise UnavailableError(f"cannot prepare {home.root}: {error.strerror} ({error.filename})") from None


@contextmanager
def hold(home: Home) -> Iterator[None]:
    """Be the only supervisor of `home`. The kernel releases the lock however this process ends.

    Raises ConflictError that names the pid of the holder, UnavailableError if the home is another user's.
    """
    try:
        descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise UnavailableError(f"cannot lock {home.lock}: {error.strerror}") from None
    with os.fdopen(descriptor, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = file.read().strip() or "(starting)"
            raise ConflictError(
                f"{home.root} is in use by process {holder}: stop it first (`broadcaster down`), "
                "or set BROADCASTER_HOME to another directory"
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def reachable_copy(home: Home, source: Path, key: str, copy: Callable[[Path, Path], None]) -> Path:
    """A copy of `source` under `home.runtime` that every account can read. `key` is its name, `<kind>-<version>`.

    `copy(source, target)` makes it, once; older versions of the same kind are removed.
    """
    target = home.runtime / key
    make_directory(home.runtime, None, 0o755)
    if target.is_dir():
        return target
    part = Path(tempfile.mkdtemp(prefix=f".{key}.", dir=home.runtime))
    try:
        copy(source, part)
        for path in (part, *part.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755)
        part.rename(target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    kind = key.partition("-")[0]
    for other in (*home.runtime.glob(f"{kind}-*"), *home.runtime.glob(f".{kind}-*")):
        if other != target:
            shutil.rmtree(other, ignore_errors=True)
    return target


def check_the_way(home: Home) -> None:
    """Raise SettingsError if others can change the home's content or, for root, replace the home.

    If the home does not exist yet, the existing part of its path is checked.
    """
    root = home.root
    if root.exists() and not is_ours_alone(root.stat()):
        owner = os.geteuid()
        raise SettingsError(
            f"BROADCASTER_HOME: {root} can be changed by others than uid {owner}: run as its owner, "
            f"or `chown {owner} {root}` and `chmod go-w {root}`, or choose another directory"
        )
    if os.geteuid() != 0:
        return
    for path in way_to(root):
        if path not in (root, root.resolve()) and not _only_root_replaces(path.lstat()):
            raise SettingsError(
                f"BROADCASTER_HOME: others than root can replace what {path} leads to: choose a directory that is "
                "below none of anybody else's, such as /var/lib/broadcaster, or run without root"
            )


def _check_passage(root: Path, account: ServerAccount) -> None:
    """Raise SettingsError if `account` cannot get to the home, which need not exist yet."""
    existing = next(path for path in (root, *root.parents) if path.exists())
    barrier = account.barrier(existing / "anything")
    if barrier is not None:
        raise SettingsError(
            "BROADCASTER_HOME: Postgres refuses to run as root, and the account that runs it instead, "
            f"{account.name!r}, cannot pass through {barrier}: `chmod o+x {barrier}`, or choose another directory"
        )


def _only_root_replaces(status: os.stat_result) -> bool:
    """Whether a link is root's, or only root can rename or remove root's files in a directory."""
    if stat.S_ISLNK(status.st_mode):
        return status.st_uid == 0
    sticky = bool(status.st_mode & stat.S_ISVTX)
    by_group = bool(status.st_mode & stat.S_IWGRP) and status.st_gid != 0
    by_others = bool(status.st_mode & stat.S_IWOTH)
    return status.st_uid == 0 and (sticky or not (by_group or by_others))


def _make_root(path: Path) -> None:
    """Create the home and missing directories above it. Root lets the servers' account pass through them."""
    if path.exists():
        return
    _make_root(path.parent)
    with suppress(FileExistsError):  # somebody was faster; its owner is checked before anything is put there
        path.mkdir(mode=0o700)
        path.chmod(_passable())


def _passable() -> int:
    return 0o711 if os.geteuid() == 0 else 0o700


def _make_sockets_dir(root: Path) -> None:
    """Make a directory for the sockets of a home with a long path, and the link to it."""
    link = root / "sockets"
    link.unlink(missing_ok=True)
    elsewhere = Path(tempfile.mkdtemp(prefix="broadcaster-", dir="/tmp"))
    elsewhere.chmod(_passable())
    try:
        link.symlink_to(elsewhere)
    except BaseException:
        elsewhere.rmdir()
        raise
