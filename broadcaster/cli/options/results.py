"""Options of commands about where their result goes, and in which form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]
CsvFile = Annotated[
    Path,
    typer.Option(
        "--output", metavar="FILE|-", help="Written whole or not at all, for your eyes only; - is standard output."
    ),
]
