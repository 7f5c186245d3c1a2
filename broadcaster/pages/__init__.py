"""Pages: what becomes HTML, in the operator's language, with charts that need no script."""
