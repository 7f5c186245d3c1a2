"""When each of beat's ticks was last done."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Nothing yet."""
