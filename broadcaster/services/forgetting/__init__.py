"""Forgetting a person: everything of a number goes, and whoever was forgotten is not taken in again by accident."""
