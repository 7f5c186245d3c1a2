"""Making and reading files as root beside an account that is not to be trusted.

Everything is made in directories that only this process's user may write, through their descriptors and under new
names. So there is no link to follow, and no moment in which somebody could put one. Ownership is given through the
descriptor of the new file. Files that another account has written are read only by `read_foreign`.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from broadcaster.embedded.account import ServerAccount
from broadcaster.errors import UnavailableError
from broadcaster.secret_files import is_ours_alone

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_MOST_STEPS = 400
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


def make_directory(path: Path, owner: ServerAccount | None, mode: int = 0o700) -> None:
    """Make `path` a directory of `owner` (None: of this process's user) with `mode`.

    Raises UnavailableError if something else is there or others may write its parent, OSError if the system refuses.
    """
    uid = os.geteuid() if owner is None else owner.uid
    wanted = f"is not a directory of uid {uid}, which must own it"
    with _own_directory(path.parent) as parent:
        try:
            os.mkdir(path.name, 0o700, dir_fd=parent)
        except FileExistsError:
            if not stat.S_ISDIR(os.stat(path.name, dir_fd=parent, follow_symlinks=False).st_mode):
                raise UnavailableError(f"{path} {wanted}: remove it") from None
        descriptor = os.open(path.name, _DIRECTORY, dir_fd=parent)
        try:
            found = os.fstat(descriptor).st_uid
            if found not in (uid, os.geteuid()):
                raise UnavailableError(f"{path} {wanted}: remove it or chown it")
            if owner is not None and found != uid:
                os.fchown(descriptor, owner.uid, owner.gid)
            os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)


def write_private(path: Path, text: str, mode: int = 0o600, owner: ServerAccount | None = None) -> None:
    """Replace `path` by a file of `owner` (None: this process's user) with `text`: whole or not at all.

    This holds through a power failure. Raises UnavailableError if others may write its directory.
    """
    part = f".{path.name}.{secrets.token_hex(8)}"
    with _own_directory(path.parent) as parent:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=parent)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
                file.flush()
                os.fchmod(descriptor, mode)
                if owner is not None:
                    os.fchown(descriptor, owner.uid, owner.gid)
                os.fsync(descriptor)
            os.rename(part, path.name, src_dir_fd=parent, dst_dir_fd=parent)
        except BaseException:
            os.unlink(part, dir_fd=parent)
            raise
        os.fsync(parent)


def move_directory(source: Path, target: Path) -> None:
    """Rename `source`, and make the new name survive a power failure. Only this user may write both parents."""
    with _own_directory(source.parent) as old, _own_directory(target.parent) as new:
        os.rename(source.name, target.name, src_dir_fd=old, dst_dir_fd=new)
        os.fsync(new)


def read_foreign(path: Path, most: int = 4096) -> str:
    """The text of a file that another account may have written: at most `most` bytes of a plain file.

    Raises FileNotFoundError if there is none, UnavailableError if it is a link, device or FIFO.
    """
    try:
        descriptor = os.open(path, _FILE)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnavailableError(f"cannot read {path}: {error.strerror}") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnavailableError(f"cannot read {path}: it is no file")
        return os.read(descriptor, most).decode(errors="replace")
    finally:
        os.close(descriptor)


def hand_over(directory: Path, owner: ServerAccount) -> None:
    """Give `owner` everything in and below `directory` that belongs to the directory's present owner.

    The present owner may still be at work there. So each file is opened without following links, and exactly the file
    that was checked is changed. A file with several names could be any file of the machine, and is left alone.
    """
    former = directory.lstat().st_uid
    if former == owner.uid:
        return
    for _, _, names, descriptor in os.fwalk(directory, follow_symlinks=False):
        for name in names:
            try:
                file = os.open(name, _FILE, dir_fd=descriptor)
            except OSError:  # a link, a socket, or gone
                continue
            try:
                _give(file, former, owner)
            finally:
                os.close(file)
        _give(descriptor, former, owner)


def _give(descriptor: int, former: int, owner: ServerAccount) -> None:
    status = os.fstat(descriptor)
    alone = stat.S_ISDIR(status.st_mode) or (stat.S_ISREG(status.st_mode) and status.st_nlink == 1)
    if alone and status.st_uid == former:
        os.fchown(descriptor, owner.uid, owner.gid)


def way_to(path: Path) -> Iterator[Path]:
    """Every directory and link that the kernel passes on its way to `path` (absolute), `path` included.

    Ends where the path stops existing.
    """
    current, names = Path("/"), list(reversed(path.parts[1:]))
    yield current
    for _ in range(_MOST_STEPS):
        if not names:
            return
        name = names.pop()
        current = current.parent if name == ".." else current / name
        if current.is_symlink():
            yield current
            target = current.readlink()
            names += reversed(target.parts[1:] if target.is_absolute() else target.parts)
            current = Path("/") if target.is_absolute() else current.parent
        elif current.is_dir():
            yield current
        else:
            return
    raise UnavailableError(f"{path} leads through too many links")


@contextmanager
def _own_directory(path: Path) -> Iterator[int]:
    """A descriptor of a directory that only this user may write.

    Raises UnavailableError if others may write it.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not is_ours_alone(os.fstat(descriptor)):
            raise UnavailableError(
                f"others than uid {os.geteuid()} can write in {path}: "
                f"`chown {os.geteuid()} {path}` and `chmod go-w {path}`, or choose another directory"
            )
        yield descriptor
    finally:
        os.close(descriptor)
