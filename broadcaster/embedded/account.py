"""The account that the embedded servers run as: one's own, or, for root, one without privileges."""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from broadcaster.errors import SettingsError
from broadcaster.settings import Settings


@dataclass(frozen=True, slots=True)
class Account:
    """A user to drop to."""

    name: str
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


def server_account(settings: Settings) -> Account | None:
    """The account to drop to, or None where the servers run as whoever starts them.

    Postgres refuses to run as root. For root it is the owner of the existing data, so that a home made by
    somebody else stays theirs; otherwise `settings.server_user`.

    Raises SettingsError if there is no such user.
    """
    if os.geteuid() != 0:
        return None
    try:
        owner = (settings.home / "postgres").stat().st_uid
    except (FileNotFoundError, NotADirectoryError):
        owner = 0
    try:
        entry = pwd.getpwuid(owner) if owner else pwd.getpwnam(settings.server_user)
    except KeyError:
        who = f"uid {owner}, which owns {settings.home / 'postgres'}," if owner else repr(settings.server_user)
        raise SettingsError(
            f"BROADCASTER_SERVER_USER: {who} is no user of this machine; name an existing unprivileged account"
        ) from None
    if entry.pw_uid == 0:
        raise SettingsError("BROADCASTER_SERVER_USER: Postgres refuses to run as root; name an unprivileged account")
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
