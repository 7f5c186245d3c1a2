"""Recipients files, read and validated without a database."""
