"""Of whom conditions say who is meant: people with variables, in whatever table they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from psycopg.sql import Composable


class Candidates(Protocol):
    """The members of an audience, or the rows of a file."""

    @property
    def variables(self) -> Sequence[str]:
        """Those that they may have."""
        ...

    @property
    def relation(self) -> Composable:
        """Where Postgres has them, one a row: `phone` and `variables`."""
        ...

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What the relation takes."""
        ...
