"""The account that the embedded servers run as: the caller's own or, for root, one without privileges."""

from __future__ import annotations

import grp
import os
import pwd
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from broadcaster.embedded.launch import LINUX
from broadcaster.errors import SettingsError
from broadcaster.secret_files import generated_once
from broadcaster.settings import Settings

_OWN_USER = "broadcaster"
_KEPT = "server.uid"
_UNUSED = range(60_578, 61_184)
"""User ids below those of containers (65,536), and between those of people and of systemd's services. Source: the
systemd project's "Users, Groups, UIDs and GIDs", which lists this range as unused.
"""


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """A user to drop to."""

    name: str
    """Its name in messages."""
    uid: int
    gid: int

    def can(self, wanted: int, path: Path) -> bool:
        """Whether the mode bits grant `wanted` (os.R_OK, os.X_OK, …) on `path` and let the account get there.

        Access lists are ignored. A path that does not exist grants nothing.
        """
        return self.barrier(path) is None and self._granted(wanted, path)

    def barrier(self, path: Path) -> Path | None:
        """The first directory on the way to `path` that this account cannot pass through, or None.

        Checks the path as written and the path that its links lead to.
        """
        parents = (*reversed(path.absolute().parents), *reversed(path.resolve().parents))
        return next((parent for parent in parents if not self._granted(os.X_OK, parent)), None)

    def _granted(self, wanted: int, path: Path) -> bool:
        try:
            status = path.stat()
        except OSError:
            return False
        mode = stat.S_IMODE(status.st_mode)
        if status.st_uid == self.uid:
            mode >>= 6
        elif status.st_gid == self.gid:
            mode >>= 3
        return mode & wanted == wanted


NOBODY_YET = ServerAccount("a user id of its own", _UNUSED[0], _UNUSED[0])
"""Stands for an account that is not picked yet: it may only do what everybody may."""


def server_account(settings: Settings) -> ServerAccount | None:
    """The account to drop to; None if the servers run as their starter, or if no account was picked yet.

    Postgres refuses to run as root. Root uses `settings.server_user`, else the account that `picked_account` stored,
    else the user `broadcaster` if there is one.

    Raises SettingsError if there is no such user, or if the stored account is no longer usable.
    """
    if os.geteuid() != 0:
        return None
    if settings.server_user:
        return _named(settings.server_user)
    return _kept(settings.home / _KEPT) or _own_user()


def picked_account(home: Path) -> ServerAccount:
    """An account that no other program has: an unused user id, picked once and stored in the directory `home`.

    `nobody` would not do: other programs run as it and could read the servers' files and signal them. For root only.

    Raises SettingsError if no such id can be used.
    """
    if not LINUX:
        raise SettingsError(
            "BROADCASTER_SERVER_USER: Postgres refuses to run as root; create a user `broadcaster` for it, or name an "
            "unprivileged account that nothing else runs as"
        )
    path = home / _KEPT
    generated_once(path, lambda: str(_unused_uid()))
    account = _kept(path)
    if account is None:
        raise SettingsError(f"{path}: cannot be read")
    return account


def _named(name: str) -> ServerAccount:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise SettingsError(
            f"BROADCASTER_SERVER_USER: {name!r} is no user of this machine; name an existing unprivileged account"
        ) from None
    if entry.pw_uid == 0:
        raise SettingsError("BROADCASTER_SERVER_USER: Postgres refuses to run as root; name an unprivileged account")
    return ServerAccount(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _own_user() -> ServerAccount | None:
    try:
        return _named(_OWN_USER)
    except SettingsError:
        return None


def _kept(path: Path) -> ServerAccount | None:
    """The account in the file `path`. Raises SettingsError if somebody else has that id by now."""
    if not path.exists():
        return None
    try:
        uid = int(generated_once(path, str))
    except (OSError, ValueError):
        uid = 0
    if uid not in _UNUSED:
        raise SettingsError(f"{path}: holds no user id that Broadcaster picked; remove it to have one picked again")
    if _is_taken(uid):
        raise SettingsError(
            f"BROADCASTER_SERVER_USER: the user id {uid}, under which the servers ran, has been given to somebody; "
            f"remove {path} to have another one picked"
        )
    return ServerAccount(f"uid {uid}", uid, uid)


def _unused_uid() -> int:
    busy = {int(uid) for path in Path("/proc").glob("[0-9]*") for uid in _ids(path)}
    free = [uid for uid in _UNUSED if uid not in busy and not _is_taken(uid)]
    if not free:
        raise SettingsError(
            f"BROADCASTER_SERVER_USER: every user id from {_UNUSED[0]} to {_UNUSED[-1]} is in use; name an account"
        )
    return secrets.choice(free)


def _is_taken(uid: int) -> bool:
    """Whether a user or a group has this number."""
    for look_up in (pwd.getpwuid, grp.getgrgid):
        with suppress(KeyError):
            look_up(uid)
            return True
    return False


def _ids(process: Path) -> list[str]:
    """The user and group ids of a process: real, effective, saved and file system (proc_pid_status(5))."""
    try:
        lines = (process / "status").read_text(errors="replace").splitlines()
    except OSError:
        return []
    return [number for line in lines if line.startswith(("Uid:", "Gid:", "Groups:")) for number in line.split()[1:]]
