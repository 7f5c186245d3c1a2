"""The tests themselves: what waits for a time, and what reaches into private names, says why in the same line."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.reference import ROOT

FILES = {str(path.relative_to(ROOT)): path for path in sorted((ROOT / "tests").rglob("*.py"))}
ON_A_CLOCK_THAT_JUMPS = {
    "tests/unit/test_failpoints.py",
    "tests/unit/test_lanes.py",
    "tests/unit/test_outcome_spooling.py",
    "tests/unit/test_outcome_writer.py",
    "tests/support/outcome_desk.py",
}
"""There a sleep says *at that moment* and takes no time (tests/support/virtual_time.py)."""
PUBLIC = {"_replace", "_asdict", "_fields", "_exit"}
"""Of named tuples, and os._exit: documented, for all their underscore."""


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in PUBLIC


def sleeps(tree: ast.AST) -> Iterator[int]:
    """The lines on which something sleeps."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("sleep", "time.sleep", "asyncio.sleep"):
            yield node.lineno


def private_names(tree: ast.AST) -> Iterator[int]:
    """The lines on which something private of another module or object is imported, read, set or replaced."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=owner, attr=name) if is_private(name):
                if ast.unparse(owner) not in ("self", "cls"):
                    yield node.lineno
            case ast.ImportFrom(names=names):
                yield from (each.lineno for each in names if is_private(each.name))
            case ast.Call(func=ast.Attribute(attr="setattr"), args=[_, ast.Constant(value=str(name)), _]):
                if is_private(name):
                    yield node.lineno


def without_a_reason(path: Path, lines: Iterator[int]) -> list[str]:
    """Those of the lines that have no comment, or one for tools alone."""
    text = path.read_text(encoding="utf-8").splitlines()
    given = re.compile(r"# (?!noqa: \w+$|type: ignore\[[\w-]+\]$)")
    return [f"{number}: {text[number - 1].strip()}" for number in lines if not given.search(text[number - 1])]


@pytest.mark.parametrize("name", sorted(FILES.keys() - ON_A_CLOCK_THAT_JUMPS))
def test_what_sleeps_says_why_nothing_can_be_awaited(name: str) -> None:
    path = FILES[name]
    assert without_a_reason(path, sleeps(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize("name", FILES)
def test_what_reaches_into_private_names_says_why(name: str) -> None:
    path = FILES[name]
    assert without_a_reason(path, private_names(ast.parse(path.read_text(encoding="utf-8")))) == []
