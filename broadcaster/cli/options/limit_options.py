"""The option that names limits which others share, too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

_NO_LIMIT = "none"

CampaignLimits = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME",
        help="A limit that campaigns share, through whatever instances (`broadcaster limit add`). Repeat it: all of "
        "them hold. `none`: no such limit.",
    ),
]


def named_limits(written: Iterable[str] | None) -> list[str] | None:
    """The names of the limits; None: nothing is said of them."""
    return None if written is None else [name for name in written if name != _NO_LIMIT]
