"""The documentation says what the code does, and its links lead somewhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path

import pytest

from broadcaster.domain.states import (
    CAMPAIGN_TRANSITIONS,
    FINAL_CAMPAIGN_STATES,
    FINAL_MESSAGE_STATES,
    LANE_TRANSITIONS,
    MESSAGE_TRANSITIONS,
    OCCURRENCE_TRANSITIONS,
    SCHEDULE_TRANSITIONS,
    OccurrenceState,
)
from tests.support.commands import assert_runnable
from tests.support.reference import GENERATED, README, ROOT, rendered

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
REPORTING = ROOT / "docs" / "reporting.md"
NAMES = re.compile(r"`([^`]+)`")
APPLICATION = ROOT / "broadcaster" / "web" / "application.py"
Transitions = Mapping[StrEnum, Iterable[StrEnum]]

FINAL_OCCURRENCES = frozenset(set(OccurrenceState) - {OccurrenceState.QUEUED, OccurrenceState.HELD})

MACHINES = pytest.mark.parametrize(
    ("title", "transitions", "final"),
    [
        ("Campaign", CAMPAIGN_TRANSITIONS, FINAL_CAMPAIGN_STATES),
        ("Message", MESSAGE_TRANSITIONS, FINAL_MESSAGE_STATES),
        ("Lane", LANE_TRANSITIONS, frozenset()),
        ("Schedule", SCHEDULE_TRANSITIONS, frozenset()),
        ("Occurrence", OCCURRENCE_TRANSITIONS, FINAL_OCCURRENCES),
    ],
)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def section(title: str) -> str:
    text = (ROOT / "docs" / "states.md").read_text(encoding="utf-8")
    [found] = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    return str(found)


def edges(title: str) -> list[tuple[str, str]]:
    [diagram] = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", section(title), re.DOTALL)
    return re.findall(r"^ +(\S+) --> (\w+|\[\*\])", diagram, re.MULTILINE)


@MACHINES
def test_the_diagram_of_a_state_machine_is_its_table_of_transitions(
    title: str, transitions: Transitions, final: frozenset[StrEnum]
) -> None:
    drawn = [edge for edge in edges(title) if "[*]" not in edge]
    assert len(drawn) == len(set(drawn))
    assert set(drawn) == {
        (source.value, target.value) for source, targets in transitions.items() for target in targets
    }


@MACHINES
def test_the_diagram_of_a_state_machine_ends_in_its_final_states(
    title: str, transitions: Transitions, final: frozenset[StrEnum]
) -> None:
    assert {source for source, target in edges(title) if target == "[*]"} == {state.value for state in final}


@MACHINES
def test_every_state_has_one_paragraph(title: str, transitions: Transitions, final: frozenset[StrEnum]) -> None:
    described = re.findall(r"^\*\*`(\w+)`\*\*: \S", section(title), re.MULTILINE)
    assert sorted(described) == sorted(state.value for state in transitions)


@pytest.mark.parametrize("document", GENERATED, ids=relative)
def test_what_the_code_writes_is_up_to_date(document: Path) -> None:
    current = document.read_text(encoding="utf-8") == rendered(document)
    assert current, f"run `.venv/bin/python -m tests.support.reference` to write {relative(document)} anew"


def test_the_two_commands_are_within_the_first_twenty_lines() -> None:
    opening = README.read_text(encoding="utf-8").splitlines()[:20]
    assert [line.split()[1] for line in opening if line.startswith("    make ")] == ["demo", "test"]


def test_every_view_is_in_the_readme() -> None:
    views = {path.stem for path in (ROOT / "broadcaster" / "db" / "schema" / "views").glob("*.sql")}
    assert views == set(re.findall(r"^\| `([a-z_]+)` \|", README.read_text(encoding="utf-8"), re.MULTILINE))


def test_every_answer_that_the_table_of_reports_names_is_there() -> None:
    """Commands that can be run as they stand, views and pages; figures: `test_cli_metrics.py`."""
    views = {path.stem for path in (ROOT / "broadcaster" / "db" / "schema" / "views").glob("*.sql")}
    pages = {*re.findall(r'^    (?:    Route\()?"(/[a-z]*)"', APPLICATION.read_text(encoding="utf-8"), re.MULTILINE)}
    [table] = re.findall(r"^\| Question \|.*?\n\n", REPORTING.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    rows = [line.split("|")[1:] for line in table.strip().splitlines()[2:]]
    assert len(rows) >= 15
    for _, told_by, shown_in, page, *_ in rows:
        assert_runnable(re.sub(r"`([^`]+)`", r"`broadcaster \1`", told_by))
        assert set(NAMES.findall(shown_in)) <= views
        assert set(NAMES.findall(page)) <= pages


def prose(document: Path) -> str:
    return re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)


def links(document: Path) -> list[tuple[Path, str]]:
    """The files of this tree that it links to, each with the heading that it names; none is ""."""
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", prose(document)) if "://" not in target]
    parted = [target.partition("#") for target in targets]
    return [((document.parent / path).resolve() if path else document, anchor) for path, _, anchor in parted]


def anchors(document: Path) -> set[str]:
    """What links may name in it: its headings, in lower case, without punctuation, joined by hyphens."""
    headings = re.findall(r"^#+ (.*)", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_links_lead_to_files_and_headings_that_exist(document: Path) -> None:
    targets = links(document)
    assert [path for path, _ in targets if not path.exists()] == []
    assert [(path, anchor) for path, anchor in targets if anchor and anchor not in anchors(path)] == []


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    listed = {path for path, _ in links(index)}
    assert [relative(page) for page in DOCUMENTS if page not in {*listed, *DECISIONS, index}] == []


NAMED = re.compile(r"`((?:broadcaster|tests|migrations|benchmarks|deploy)/[a-z0-9_/]+\.\w+)(?:::([\w.]+))?`")
"""A file of this tree, and where it says so a function or a class in it: `file.py::Class.method`.

Capitals stand for a name of one's own."""


def defined(path: Path) -> set[str]:
    """The functions, classes and methods of a module, and what it annotates."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        if isinstance(node, ast.ClassDef):
            methods = (each for each in node.body if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)))
            found |= {f"{node.name}.{method.name}" for method in methods}
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_files_and_functions_that_a_page_names_exist(document: Path) -> None:
    named = {(ROOT / path, name) for path, name in NAMED.findall(prose(document))}
    assert [relative(path) for path, _ in named if not path.exists()] == []
    assert [(relative(path), name) for path, name in named if name and name not in defined(path)] == []


def test_the_walk_of_a_message_names_a_file_at_each_step() -> None:
    steps = re.split(r"^\d+\. ", prose(ROOT / "docs" / "one-message.md"), flags=re.MULTILINE)[1:]
    assert len(steps) > 15
    assert [step for step in steps if not NAMED.search(step)] == []


def test_the_tour_has_ten_files() -> None:
    tour = prose(ROOT / "CONTRIBUTING.md").partition("## The tour")[2].partition("\n## ")[0]
    assert len(re.findall(r"^\d+\. `broadcaster/", tour, re.MULTILINE)) == 10


def test_the_glossary_is_in_the_order_of_the_alphabet() -> None:
    words = re.findall(r"^## (.*)", prose(ROOT / "docs" / "glossary.md"), re.MULTILINE)
    assert words == sorted(words)


def test_decisions_that_the_code_refers_to_exist() -> None:
    sources = [*ROOT.glob("broadcaster/**/*.py"), ROOT / "docker-compose.yml"]
    names = {name for path in sources for name in re.findall(r"docs/decisions/([\w-]+)", path.read_text())}
    assert names <= {path.stem for path in DECISIONS}


@pytest.mark.parametrize("decision", DECISIONS, ids=relative)
def test_a_decision_has_a_context_a_decision_and_consequences(decision: Path) -> None:
    text = decision.read_text(encoding="utf-8")
    assert text.startswith(f"# {int(decision.name[:4])}. ")
    parts = ["Context", "Decision", "Consequences"]
    assert [title for title in re.findall(r"^## (.*)", text, re.MULTILINE) if title in parts] == parts


def test_decisions_are_numbered_without_gaps_and_are_all_in_the_index() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\[(\d{4})\]\(([^)]+)\)", index) == [(path.name[:4], path.name) for path in DECISIONS]
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


SECURITY = ROOT / "docs" / "security.md"
TESTS = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}


def attacks() -> list[list[str]]:
    """The rows of the tables of docs/security.md that say what is attacked, what happens, and which test shows it."""
    text = SECURITY.read_text(encoding="utf-8")
    tables = re.findall(r"^\| Attack \|.*\n\| --- .*\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for table in tables for row in table.splitlines()]


def test_every_attack_has_a_test_that_exists() -> None:
    rows = attacks()
    assert len(rows) > 50
    for row in rows:
        assert len(row) == 3, row
        file = None
        for named in re.findall(r"`([^`]+)`", row[2]):
            if named.endswith(".py"):
                file = named
                assert file in TESTS, row
            else:
                pattern = named.replace("…", r"\w*")
                assert re.search(rf"^(async )?def {pattern}\(", TESTS[str(file)], re.MULTILINE), (file, named)
        assert file or row[2] in ("the same", "not tested"), row
