"""How a role says that it is ready, and how its supervisor hears it: sd_notify(3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broadcaster.embedded import ReadyNotice
from broadcaster.worker.readiness import announce_ready


@pytest.fixture
def notice(tmp_path: Path) -> Iterator[ReadyNotice]:
    made = ReadyNotice(tmp_path / "worker.ready")
    yield made
    made.close()


def test_nothing_is_heard_before_it_is_said_and_it_stays_said(
    notice: ReadyNotice, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in notice.prepare().items():
        monkeypatch.setenv(name, value)
    assert not notice.heard()
    announce_ready()
    assert notice.heard()
    assert notice.heard()


def test_what_an_earlier_process_said_is_forgotten_at_the_next_start(
    notice: ReadyNotice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", notice.prepare()["NOTIFY_SOCKET"])
    announce_ready()
    notice.prepare()
    assert not notice.heard()


def test_closing_removes_the_socket(notice: ReadyNotice, tmp_path: Path) -> None:
    notice.prepare()
    notice.close()
    assert list(tmp_path.iterdir()) == []
    assert not notice.heard()


@pytest.mark.parametrize("address", [None, "", "/nowhere/at/all", "@nobody-listens-here"])
def test_a_process_that_nobody_listens_to_goes_on(address: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if address is None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    else:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    announce_ready()
