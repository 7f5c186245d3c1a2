"""Audiences that are kept, campaigns over them, and test campaigns."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Nothing yet."""
