"""A `.env` file: read only where nobody but the caller or root can have put it there."""

from __future__ import annotations

import io
import os
import stat
import sys
from contextlib import ExitStack
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
    shown = _shown(path)
    content = _read(path, shown)
    if not content:
        return {}
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


def _read(path: Path, shown: str) -> bytes:
    """The beginning of the file `path`, a byte more than may be; nothing if there is no such file."""
    with ExitStack() as opened:
        try:
            directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            opened.callback(os.close, directory)
            # A FIFO would wait for ever for its writer.
            file = os.open(path.name, os.O_RDONLY | os.O_NONBLOCK, dir_fd=directory)
            opened.callback(os.close, file)
        except (FileNotFoundError, NotADirectoryError):
            return b""
        except OSError as error:
            raise SettingsError(f"{shown}: cannot be read: {error.strerror}") from None
        looked_at = {shown: os.fstat(file), _shown(path.parent): os.fstat(directory)}
        if not stat.S_ISREG(looked_at[shown].st_mode):
            return b""
        strange = [name for name, status in looked_at.items() if not is_ours_alone(status)]
        if strange:
            raise SettingsError(
                f"{shown}: others can write what is in it, so it is not read: "
                f"remove it, or `chown {os.geteuid()}` and `chmod go-w` {' and '.join(strange)}"
            )
        return os.read(file, _MOST_BYTES + 1)


def _shown(path: Path) -> str:
    whole = str(path.absolute())
    return whole if whole.isprintable() else repr(whole)
