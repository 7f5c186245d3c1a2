"""Telling operators what happens: who is told, of what, and how it gets there."""
