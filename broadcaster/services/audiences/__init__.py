"""Recipients that are kept under a name."""
