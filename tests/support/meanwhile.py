"""What is committed beside a statement, in the midst of what a test does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import event

from tests.support.shop import Shop


@contextmanager
def meanwhile(shop: Shop, name: str, change: Callable[[], object]) -> Iterator[None]:
    """The first time that the statement of this name has been run, something is committed beside it."""
    changes = [change]

    def run(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if f"/* {name} */" in statement and changes:
            changes.pop()()

    event.listen(shop.engine, "after_cursor_execute", run)
    try:
        yield
    finally:
        event.remove(shop.engine, "after_cursor_execute", run)
    assert not changes
