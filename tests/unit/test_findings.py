"""Every finding of something wrong ends with a command that helps."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

import broadcaster
from broadcaster.cli.doctor import _examine_stack  # every state, without a stack that is in it
from broadcaster.cli.server_remedy import server_remedy
from broadcaster.embedded import RoleState, RoleStatus, StackState, StackStatus
from broadcaster.errors import SettingsError, UnavailableError
from broadcaster.services.findings import Level, broken_by, not_examined, unwell
from broadcaster.settings import Settings

PACKAGE = Path(broadcaster.__path__[0])
NOT_READY = RoleStatus(name="worker", state=RoleState.BACKING_OFF, since=datetime(2026, 11, 27, tzinfo=UTC))


def test_findings_are_made_only_where_each_has_its_command() -> None:
    made = set()
    for path in PACKAGE.rglob("*.py"):
        calls = (node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Call))
        if any(ast.unparse(call.func) == "Finding" for call in calls):
            made.add(path.relative_to(PACKAGE).as_posix())
    assert made == {"services/findings.py"}


@pytest.mark.parametrize(
    ("finding", "detail"),
    [
        (unwell("x", Level.WARN, "it rains", "stay in with", "tea"), "it rains: stay in with `tea`"),
        (broken_by(SettingsError("it rains"), "x", "stay in with", "tea"), "it rains: stay in with `tea`"),
        (broken_by(UnavailableError("run `db upgrade`"), "x", "stay in with", "tea"), "run `db upgrade`"),
        (
            not_examined("x", "Redis"),
            "not known: Redis is away: once it is back, look again with `broadcaster doctor`",
        ),
    ],
)
def test_what_is_wrong_ends_with_the_command(finding: object, detail: str) -> None:
    assert finding.detail == detail  # type: ignore[attr-defined]
    assert detail.endswith(f"`{finding.command}`")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("message", "command"),
    [
        ("it rains", None),
        ("it rains: stay in with `tea`", "tea"),
        ("`umbrella` is lost: stay in with `a cup of tea`", "a cup of tea"),
        ("stay in with `tea`, or go", None),
    ],
)
def test_an_error_knows_the_command_that_it_ends_with(message: str, command: str | None) -> None:
    assert UnavailableError(message).command == command


@pytest.mark.parametrize("state", [state for state in StackState if state is not StackState.READY])
def test_a_stack_that_is_not_ready_is_told_with_what_to_do(state: StackState, tmp_path: Path) -> None:
    [finding] = _examine_stack(Settings(home=tmp_path), StackStatus(state=state, roles=(NOT_READY,)))
    is_bad = state in (StackState.STOPPED, StackState.LOST)
    assert finding.level is (Level.BAD if is_bad else Level.WARN)
    assert finding.detail.endswith(f"`{finding.command}`")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (StackState.STOPPED, "start it with `broadcaster up`"),
        (StackState.LOST, "start it with `broadcaster up`"),
        (StackState.STARTING, "it is being started, follow that with `broadcaster status`"),
        (StackState.STOPPING, "it is being stopped; once it has, start it with `broadcaster up`"),
        (
            StackState.DEGRADED,
            "postgres is not_answering; what does not answer is ended and started again by itself within a minute; "
            "if it lasts, start all anew with `broadcaster down` and `broadcaster up`",
        ),
    ],
)
def test_a_server_that_does_not_answer_comes_back_by_a_command_that_works_now(state: StackState, said: str) -> None:
    postgres = replace(NOT_READY, name="postgres", state=RoleState.NOT_ANSWERING)
    assert str(server_remedy(StackStatus(state=state, roles=(postgres,)))) == said
