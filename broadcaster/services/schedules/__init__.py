"""Recurring campaigns: schedules and their occurrences."""
