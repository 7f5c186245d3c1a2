"""A `.env` file: read only where nobody but the caller or root can have put it there."""

from __future__ import annotations

import io
import os
import stat
import sys
from functools import cache
from pathlib import Path

from broadcaster.errors import SettingsError
from broadcaster.secret_files import is_ours_alone

_MOST_BYTES = 64 * 1024


def read_dotenv(path: Path) -> dict[str, str]:
    """The variables in the file `path`; none if there is no such file.

    The file and its directory must be the caller's or root's, and nobody else's to write: whoever may write the
    directory can put a link there, to a file of the caller's that was meant for something else. Directories further
    up do not matter, since both are opened once and looked at through their descriptors.

    Raises SettingsError otherwise, and for a file that is too long or no text.
    """
    opened = _open(path)
    if opened is None:
        return {}
    shown = _shown(path)
    directory, descriptor = opened
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return {}
        looked_at = {shown: status, _shown(path.parent): directory}
        strange = [name for name, found in looked_at.items() if not is_ours_alone(found)]
        if strange:
            raise SettingsError(
                f"{shown}: others can write what is in it, so it is not read: "
                f"remove it, or `chown {os.geteuid()}` and `chmod go-w` {' and '.join(strange)}"
            )
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise SettingsError(f"{shown}: has more than {_MOST_BYTES:,} bytes")
    from dotenv import dotenv_values  # noqa: PLC0415 - only where there is such a file

    try:
        found = dotenv_values(stream=io.StringIO(content.decode("utf-8-sig")))
    except UnicodeDecodeError:
        raise SettingsError(f"{shown}: is not UTF-8 text") from None
    return {name: value for name, value in found.items() if value is not None}


@cache
def say_read(path: Path) -> None:
    """Tell on stderr, once in a process, that settings come from this file: who did not expect it should know."""
    sys.stderr.write(f"note: settings are read from {_shown(path)}\n")


def _open(path: Path) -> tuple[os.stat_result, int] | None:
    """What the directory of `path` is, and a descriptor of the file in it. None: there is no such file.

    Raises SettingsError if it cannot be opened.
    """
    try:
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # A FIFO would wait for ever for its writer.
            return os.fstat(directory), os.open(path.name, os.O_RDONLY | os.O_NONBLOCK, dir_fd=directory)
        finally:
            os.close(directory)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SettingsError(f"{_shown(path)}: cannot be read: {error.strerror}") from None


def _shown(path: Path) -> str:
    whole = str(path.absolute())
    return whole if whole.isprintable() else repr(whole)
