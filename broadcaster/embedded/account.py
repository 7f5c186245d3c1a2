"""The account that the embedded servers run as: one's own, or, for root, one without privileges."""

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
"""Below what containers map (65,536) and between what is assigned to people and to services started by systemd.

Source: the systemd project's "Users, Groups, UIDs and GIDs", which lists this range as unused.
"""


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """A user to drop to."""

    name: str
    """As messages have it."""
    uid: int
    gid: int

    def can(self, wanted: int, path: Path) -> bool:
        """Whether the mode bits grant `wanted` (os.R_OK, os.X_OK, …) on `path`, and the way to it.

        Access lists are not looked at. A path that does not exist grants nothing.
        """
        return self.barrier(path) is None and self._granted(wanted, path)

    def barrier(self, path: Path) -> Path | None:
        """The first directory on the way to `path` that this account cannot pass through, or None.

        Both the way as it is written and the way that its links lead.
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
"""Stands for the account that is not picked yet: what it may do, everybody may."""


def server_account(settings: Settings) -> ServerAccount | None:
    """The account to drop to, or None where the servers run as whoever starts them, or none was picked yet.

    Postgres refuses to run as root. For root it is `settings.server_user`, or else what `picked_account` has kept,
    or else the user `broadcaster`, if there is one.

    Raises SettingsError if there is no such user, or if it is no longer fit.
    """
    if os.geteuid() != 0:
        return None
    if settings.server_user:
        return _named(settings.server_user)
    return _kept(settings.home / _KEPT) or _own_user()


def picked_account(home: Path) -> ServerAccount:
    """An account that no other program has: a user id that is unused, picked once and kept in the directory `home`.

    Unlike `nobody`, under which anything may run: that could read the servers' files and signal them. For root only.

    Raises SettingsError where no such id can be used.
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
    """The account that the file `path` holds. Raises SettingsError if somebody has that id by now."""
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
    """Under which users and groups a process runs, in each sense (proc_pid_status(5))."""
    try:
        lines = (process / "status").read_text(errors="replace").splitlines()
    except OSError:
        return []
    return [number for line in lines if line.startswith(("Uid:", "Gid:", "Groups:")) for number in line.split()[1:]]
