"""Tells a database session who does what, for the trail of what operators did."""

from __future__ import annotations

import socket
from collections.abc import Mapping

_LONGEST = 200
"""The most characters of each setting. The database stores no more either."""


def operator_session(operator: str, command: str) -> Mapping[str, str]:
    """Settings of a session in which this operator gives this command, here (db/schema/functions/write_audit.sql)."""
    said = {"operator": operator, "host": socket.gethostname(), "command": command}
    return {f"broadcaster.{name}": _plain(text) for name, text in said.items()}


def _plain(text: str) -> str:
    """The text without characters that a terminal acts on or Postgres refuses."""
    return "".join(c if c.isprintable() else "?" for c in text[:_LONGEST]).encode(errors="replace").decode()
