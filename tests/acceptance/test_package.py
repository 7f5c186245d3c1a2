"""Wheel and sdist where there is nothing but a Python: they install, and run the demo.

It takes packages from the index that pip is configured with, and minutes: `make package`, and not `make test`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.reference import ROOT
from tests.support.servers import clean_environment
from tests.unit.test_distribution import build

pytestmark = pytest.mark.package

MINORS = range(11, 15)


def interpreter(minor: int) -> str | None:
    """A Python 3.`minor` of this machine that runs: on PATH, or one of pyenv's."""
    name = f"python3.{minor}"
    found = [shutil.which(name), *Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/{name}")]
    return next((str(each) for each in found if each and is_usable(each)), None)


def is_usable(python: str | Path) -> bool:
    """A shim of pyenv's need not be."""
    return subprocess.run([python, "-c", "import venv, ensurepip"], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel, and the sdist of this tree."""
    directory = tmp_path_factory.mktemp("dist")
    return {kind: build(ROOT, kind, directory) for kind in ("sdist", "wheel")}


class Environment:
    """A virtual environment, and an empty directory to run in."""

    def __init__(self, directory: Path, python: str) -> None:
        self._directory = directory
        self._environ = {name: value for name, value in clean_environment().items() if name != "PYTHONPATH"}
        self._environ |= {"TMPDIR": str(directory)}
        subprocess.run([python, "-m", "venv", directory / "venv"], check=True, timeout=120)

    def run(self, program: str, *arguments: str | Path, code: int = 0, **variables: str) -> str:
        """What a program of the environment says, which is to exit with `code`."""
        done = subprocess.run(
            [self._directory / "venv" / "bin" / program, *arguments],
            cwd=self._directory,
            env=self._environ | variables,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def pip(self, *arguments: str | Path) -> None:
        self.run("python", "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments)


@pytest.fixture
def directory() -> Iterator[Path]:
    """The account of the servers can pass through, unlike what tmp_path gives to root."""
    made = Path(tempfile.mkdtemp(prefix="broadcaster-test-", dir="/tmp"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize("minor", MINORS)
def test_wheel_and_sdist_run_the_demo(minor: int, packages: dict[str, Path], directory: Path) -> None:
    python = interpreter(minor)
    if python is None:
        pytest.skip(f"there is no Python 3.{minor} here")
    environment = Environment(directory, python)
    constraints = ("--constraint", ROOT / "constraints.txt")
    environment.pip("install", *constraints, f"{packages['wheel']}[embedded,web,xlsx]")
    assert "276 planned = 276 sent" in environment.run("broadcaster", "demo")
    environment.pip("install", *constraints, "--no-deps", "--force-reinstall", packages["sdist"])
    assert "276 planned = 276 sent" in environment.run("broadcaster", "demo")


def test_without_the_extras_a_line_says_which_one_is_missing(packages: dict[str, Path], directory: Path) -> None:
    environment = Environment(directory, sys.executable)
    environment.pip("install", "--constraint", ROOT / "constraints.txt", packages["wheel"])
    somewhere = {"BROADCASTER_HOME": str(directory / "home"), "BROADCASTER_REDIS_URL": "redis://127.0.0.1:1/0"}
    told = environment.run("broadcaster", "up", code=1, **somewhere)
    assert told.startswith("error: no bundled Postgres 18 in this Python: `pip install 'wachatpro-broadcaster[embe")
    del somewhere["BROADCASTER_REDIS_URL"]
    told = environment.run("broadcaster", "up", code=1, PATH="/nowhere", **somewhere)
    assert told.startswith("error: no Redis server found: `pip install 'wachatpro-broadcaster[embedded]'`")
    assert told.count("\n") == 1
