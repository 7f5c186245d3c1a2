"""What large campaigns and many lanes want of the schema."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Nothing yet."""
