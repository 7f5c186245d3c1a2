"""The schema of the first release: what broadcaster/db/schema says."""

from alembic import op

from broadcaster.db import schema

# Unreleased versions counted from 0001 too: no database of theirs may be taken for one of these.
revision = "1.0001"
down_revision = None


def upgrade() -> None:
    for script in schema.scripts():
        # Not to be looked through for parameters: functions format statements of their own.
        op.get_bind().exec_driver_sql(script, execution_options={"no_parameters": True})
