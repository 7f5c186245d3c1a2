"""Alembic's entry: runs the migrations on the connection that broadcaster.db.migrate passes in."""

from typing import Any

from alembic import context

from broadcaster.db.tables import metadata


def _is_ours(_object: Any, name: str | None, kind: str, reflected: bool, _compare_to: Any) -> bool:
    """Partitions exist in the database only; the metadata declares their parents."""
    partition = kind == "table" and reflected and name is not None and name not in metadata.tables
    return not (partition and name.startswith(("messages_", "attempts_")))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_object=_is_ours,
    compare_type=True,
    compare_server_default=False,
    # Locks are held for as long as one migration takes, and one may build an index while workers write.
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
