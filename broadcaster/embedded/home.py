"""The layout of `settings.home`, who may enter it, and the lock that keeps it to one supervisor."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from broadcaster.embedded.account import Account, server_account
from broadcaster.errors import ConflictError, SettingsError, UnavailableError
from broadcaster.settings import Settings


@dataclass(frozen=True, slots=True)
class Home:
    """Where things are. The servers' own directories belong to `account`, everything else to whoever runs this."""

    root: Path
    run_dir: Path
    account: Account | None
    """Whom the servers run as, if not as this process's own user."""

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
        """One file for each process started, so that the next supervisor finds those that were left behind."""
        return self.root / "processes"

    @property
    def runtime(self) -> Path:
        """Copies of programs that the account cannot reach where they are installed."""
        return self.root / "runtime"

    @property
    def pgpass(self) -> Path:
        return self.root / "pgpass"

    @property
    def lock(self) -> Path:
        return self.root / "up.lock"

    @property
    def state(self) -> Path:
        return self.root / "up.json"


def home_of(settings: Settings) -> Home:
    """The home that the settings name, which need not exist yet.

    Raises SettingsError if root has no account to run the servers as.
    """
    return Home(settings.home, settings.run_dir, server_account(settings))


def prepare(home: Home) -> None:
    """Create what is missing and check that the servers can live there.

    Raises SettingsError if their account cannot get to `home`, UnavailableError if something cannot be created or
    belongs to somebody else.
    """
    try:
        _check_the_way(home)
        _make_root(home.root)
        for path in (home.logs, home.processes):
            make_directory(path, None)
        for path in (home.run_dir, home.redis):
            make_directory(path, home.account)
    except OSError as error:
        raise UnavailableError(f"cannot prepare {home.root}: {error.strerror} ({error.filename})") from None


def make_directory(path: Path, owner: Account | None) -> None:
    """Make `path` a private directory of `owner` (None: of this process's user).

    Raises UnavailableError if something else is there.
    """
    uid = os.geteuid() if owner is None else owner.uid
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.stat(follow_symlinks=False)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (uid, os.geteuid()):
        raise UnavailableError(f"{path} is not a directory of uid {uid}, which must own it: remove it or chown it")
    if owner is not None and status.st_uid != uid:
        os.chown(path, owner.uid, owner.gid)
    if status.st_mode & 0o077:
        path.chmod(0o700)


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace `path` by a file of this process's user holding `text`: whole or not at all, also if power fails."""
    descriptor, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(part).rename(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in `path` (new files, renames) survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def hold(home: Home) -> Iterator[None]:
    """Be the only supervisor of `home`. The kernel gives the lock back however this process ends.

    Raises ConflictError that names the pid of the holder, UnavailableError if the home is another user's.
    """
    try:
        descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT, 0o600)
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
    """A copy of `source` under `home.runtime`, named `<kind>-<version>` by `key`, that every account can read.

    `copy(source, target)` makes it, once; older versions of the same kind are removed.
    """
    target = home.runtime / key
    if target.is_dir():
        return target
    home.runtime.mkdir(exist_ok=True)
    home.runtime.chmod(0o755)
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


def _check_the_way(home: Home) -> None:
    account = home.account
    if account is None:
        return
    existing = next(path for path in (home.root, *home.root.parents) if path.exists())
    barrier = account.barrier(existing / "anything")
    if barrier is not None:
        raise SettingsError(
            "BROADCASTER_HOME: Postgres refuses to run as root, and the account that runs it instead, "
            f"{account.name!r}, cannot pass through {barrier}: `chmod o+x {barrier}`, or choose another directory"
        )


def _make_root(path: Path) -> None:
    """Create the home and what is missing above it; for root so that the servers' account can pass through."""
    if path.exists():
        return
    _make_root(path.parent)
    path.mkdir(exist_ok=True)
    path.chmod(0o711 if os.geteuid() == 0 else 0o700)
