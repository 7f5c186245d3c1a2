"""What integration tests share: the send path in one process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from broadcaster.services.reconcile import doubts, reconciler
from broadcaster.settings import Settings
from tests.support.shop import Shop, open_shop


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    """A database, a gateway and drains without Celery; the books are checked when the test has ended."""
    with open_shop(engine, settings) as opened:
        yield opened


@pytest.fixture
def quick_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds of reads follow each other at once, and a run of them is over soon."""
    for module in (doubts, reconciler):
        monkeypatch.setattr(module, "ROUND_SECONDS", 0.02)
    monkeypatch.setattr(reconciler, "LOOK_AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(reconciler, "RUN_SECONDS", 0.2)
