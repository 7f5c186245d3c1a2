"""Which statements write the books, as the files themselves and the database's functions say."""

from __future__ import annotations

import re
from pathlib import Path

import broadcaster.db

BOOKS = {
    *("messages", "campaigns", "campaign_lanes", "lanes", "accounts", "doubts", "inboxes", "inbox_chats"),
    *("inbound_messages", "opt_outs", "confirmed_opt_outs", "consent_records", "limits", "lane_limits"),
    *("campaign_limits", "caps", "frequency_records", "messaged_phones", "failovers", "lane_moves"),
}
_BOOK = rf"(?:{'|'.join(sorted(BOOKS, key=len, reverse=True))})(?:_%\d\$s)?"
_WRITES = re.compile(
    rf"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO|TRUNCATE|ALTER\s+TABLE|COPY)\s+(?:ONLY\s+)?"
    rf"(?:(?:public\.)?{_BOOK}\b|\{{\w+\}}|%(?:\d\$)?s)",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/")

DIRECTORY = Path(broadcaster.db.__path__[0]) / "sql"
FUNCTIONS = Path(broadcaster.db.__path__[0]) / "schema" / "functions"


def _text(path: Path) -> str:
    return _COMMENT.sub("", path.read_text(encoding="utf-8"))


def writing_functions() -> set[str]:
    """The functions of the schema that write any of these tables when they are called."""
    texts = {path.stem: _text(path) for path in FUNCTIONS.glob("*.sql")}
    return {name for name, text in texts.items() if _WRITES.search(text) and "RETURNS trigger" not in text}


def writing_statements() -> set[str]:
    """The names of all of db/sql/*.sql that write any of these tables."""
    calls = re.compile(r"\b(?:" + "|".join(sorted(writing_functions())) + r")\s*\(")
    return {path.stem for path in DIRECTORY.glob("*.sql") if _WRITES.search(text := _text(path)) or calls.search(text)}
