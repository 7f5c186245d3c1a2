"""A next version of the whole tree, which differs by two migrations as decision 9 wants them."""

from __future__ import annotations

import shutil
from pathlib import Path

from alembic.script import ScriptDirectory

import broadcaster
from broadcaster.db.migrate import migrations_dir

COLUMNS, INDEX = "9001", "9002"
"""The revisions of the migrations, oldest first."""

_COLUMNS = '''"""Columns that may be null."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    for table in ("campaigns", "messages"):
        op.add_column(table, sa.Column("note", sa.Text(), nullable=True))
'''

_INDEX = '''"""An index on what workers write all the time, built beside them."""

from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS messages_0_note_idx")
        op.execute("CREATE INDEX CONCURRENTLY messages_0_note_idx ON messages_0 (note)")
        op.execute("SET lock_timeout = '500ms'")
    op.execute("CREATE INDEX messages_note_idx ON ONLY messages (note)")
    op.execute("ALTER INDEX messages_note_idx ATTACH PARTITION messages_0_note_idx")
'''


def copy_next_version(directory: Path) -> Path:
    """Put it into `directory`, which is to be a process's PYTHONPATH; returns its migrations."""
    ignore = shutil.ignore_patterns("__pycache__")
    package = directory / "broadcaster"
    shutil.copytree(Path(broadcaster.__path__[0]), package, ignore=ignore)
    migrations = directory / "migrations"
    shutil.copytree(migrations_dir(), migrations, ignore=ignore)
    head = ScriptDirectory(str(migrations)).get_current_head()
    for before, revision, text in ((head, COLUMNS, _COLUMNS), (COLUMNS, INDEX, _INDEX)):
        path = migrations / "versions" / f"{revision}.py"
        path.write_text(text.format(revision=revision, before=before), encoding="utf-8")
    return migrations
