"""A name is the name of one thing."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import broadcaster

PACKAGE = Path(broadcaster.__file__).parent
ENTRY_POINTS = {"main"}
ONE_SUBJECT_ON_TWO_LAYERS = {
    "audience",
    "audit",
    "frequency",
    "instances",
    "phones",
    "receivers",
    "roles",
    "rules",
    "stack",
    "standstill",
    "trial",
}
"""Modules that say the same thing of one subject as what is stored, done, decided or typed."""
MOVES = {"show", "steer"}
"""Modules of commands that do this to whatever their folder is about."""


def is_overload(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "overload" for each in node.decorator_list)


def public_names(paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            is_named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if is_named and not node.name.startswith("_") and not is_overload(node):
                yield node.name


def repeated(names: Iterator[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}


def test_no_two_functions_or_classes_have_one_name() -> None:
    """Commands are functions named after themselves, in the module of what they are about."""
    paths = (path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] != "cli")
    assert repeated(public_names(paths)) <= ENTRY_POINTS


def test_no_two_modules_have_one_name_but_where_they_are_about_one_subject() -> None:
    stems = (path.stem for path in PACKAGE.rglob("*.py") if not path.stem.startswith("__"))
    assert repeated(stems) == ONE_SUBJECT_ON_TWO_LAYERS | MOVES
