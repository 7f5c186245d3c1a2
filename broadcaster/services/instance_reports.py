"""All instances and how they are doing. Needs no SQLAlchemy, for the commands that only show something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from broadcaster.db.reading import Reader, Row, each_row, reading

if TYPE_CHECKING:
    from sqlalchemy import Engine


def list_instances(source: Engine | Reader) -> Iterator[Row]:
    """All instances as the view `instance_report` has them, by name, in bounded memory.

    To be gone through at once: the transaction lasts until its end.
    """
    with reading(source) as connection:
        yield from each_row(connection, "SELECT * FROM instance_report ORDER BY instance")


def count_instances(source: Engine | Reader) -> int:
    """How many there are."""
    with reading(source) as connection:
        [row] = each_row(connection, "SELECT count(*) AS instances FROM instances")
    return int(row["instances"])
