"""The text of named statements, for what does not run them by `db.statements` yet."""

from broadcaster.db.statements import query

__all__ = ["query"]
